"""The task `sounds` of the training loop."""

from __future__ import annotations

import csv

import lightning as L
import pytest
import torch

from brevox.errors import DataError, SettingsError
from brevox.training.checkpoint import BEST, LAST, load_checkpoint
from brevox.training.plateau import Plateau
from brevox.training.recipe import OptimiserSettings
from brevox.training.sounds_task import load_sounds
from brevox.training.trainer import Trainer


def trained(recipe, folder):
    trainer = Trainer(recipe, folder, L.Fabric(accelerator="cpu", devices=1))
    trainer.run()
    return trainer


def logged(folder, kind):
    with (folder / f"{kind}.csv").open(newline="") as file:
        return {(int(step), name): float(value) for step, name, value in csv.reader(file)}


def test_it_learns_and_tells_what(sounds_run):
    train, valid = logged(sounds_run, "train"), logged(sounds_run, "valid")
    assert train[30, "squared"] < 0.7 * train[10, "squared"]
    told = {"squared", "absolute_db", "voice_numbers", "voice_choices", "latent_nats", "active_dimensions"}
    assert {name for step, name in valid if step == 30} == told | {"entanglement"}
    assert 0 <= valid[30, "entanglement"] <= 1


def test_a_run_that_was_interrupted_goes_on_exactly(sounds_recipe, tmp_path):
    whole = trained(sounds_recipe("run.steps=6", "run.validate_every=6"), tmp_path / "whole")
    stopped = sounds_recipe("run.steps=6", "run.validate_every=6", "run.checkpoint_every=3", "run.keep_every=3")
    trained(stopped, tmp_path / "parts")
    (tmp_path / "again").mkdir()
    (tmp_path / "parts" / "step-00000003.ckpt").rename(tmp_path / "again" / LAST)
    again = trained(stopped, tmp_path / "again")
    for name, value in whole.plain_model.state_dict().items():
        assert torch.equal(value, again.plain_model.state_dict()[name]), name


@pytest.mark.parametrize(
    "overrides",
    [
        ["losses=[{name: squared, low: 2.0, attack: 3.0, release: 2.0}, {name: convergence, weight: 0.1}]"],
        ["losses=[{name: squared}, {name: mmd, weight: 0.1}]", "model.bottleneck={name: gaussian, noise: false}"],
        [
            "losses=[{name: squared}, {name: kl, after_flow: true}]",
            "model.bottleneck={name: gaussian, flow: {name: planar, layers: 2}}",
        ],
    ],
    ids=["weighted", "mmd", "flow"],
)
def test_every_switch_trains(sounds_recipe, tmp_path, overrides):
    trained(sounds_recipe("run.steps=2", "run.validate_every=2", "run.log_every=1", *overrides), tmp_path)
    assert all(value == value for value in logged(tmp_path, "train").values())  # no NaN


def test_what_cannot_be_trained_is_told(sounds_recipe, tmp_path):
    fabric = L.Fabric(accelerator="cpu", devices=1)
    for overrides, error, told in (
        (["losses=[]"], SettingsError, "no losses"),
        (["losses=[{name: squared}, {name: squared}]"], SettingsError, "twice"),
        (["data.crop_s=3.0"], SettingsError, "crop_s"),
        (["data.corpus=none.h5"], DataError, "none.h5"),
        (["losses=[{name: loudness}]"], SettingsError, "loudness"),
    ):
        with pytest.raises(error, match=told):
            Trainer(sounds_recipe(*overrides), tmp_path, fabric)


def test_a_checkpoint_knows_its_front_end(sounds_run):
    model, state = load_sounds(sounds_run / BEST)
    assert state["front"] == model.front.settings() and model.front.bands == 48
    state = load_checkpoint(sounds_run / BEST)
    state["recipe"]["task"] = "codec"
    torch.save(state, sounds_run / "other.ckpt")
    with pytest.raises(SettingsError, match="task: codec"):
        load_sounds(sounds_run / "other.ckpt")


def test_on_a_plateau_the_rate_falls_to_its_least():
    plateau = Plateau(OptimiserSettings(schedule="plateau", patience=2, final_fraction=0.1))
    factors = []
    for quality in (1.0, 2.0, 2.0, 1.5, 3.0, 1, 1, 1, 1, 1, 1):
        plateau.tell(quality)
        factors.append(round(plateau.factor, 3))
    assert factors == [1, 1, 1, 0.3, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1]
    other = Plateau(OptimiserSettings(schedule="plateau", patience=2, final_fraction=0.1))
    other.restore(plateau.state())
    assert other.state() == plateau.state()
    steady = Plateau(OptimiserSettings(schedule="constant", patience=1))
    steady.tell(1.0), steady.tell(0.0)
    assert steady.factor == 1.0
