import csv
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_mutual_info_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from brevox.cli.app import app
from brevox.data.alignment import Segment
from brevox.data.features import FeatureFile
from brevox.errors import DataError, SettingsError
from brevox.nets.units import build_units
from brevox.training.checkpoint import BEST, LAST, load_checkpoint
from brevox.training.export import load_trained
from brevox.training.trainer import Trainer
from brevox.training.units_task import load_units


def logged(folder, kind="train"):
    with (folder / f"{kind}.csv").open(newline="") as file:
        return {(int(step), name): float(value) for step, name, value in csv.reader(file)}


def frame_labels(segments: tuple[Segment, ...], frames: int) -> np.ndarray:
    middles = (np.arange(frames) + 0.5) * 0.02
    return np.array([next((s.label for s in segments if s.start_s <= t < s.end_s), "") for t in middles])


def test_what_is_spoken_is_recovered(small, train, tmp_path):
    """Codes of a language of tones change where its tones do, in utterances that training did not hear."""
    recipe = small(
        "run.steps=200",
        "run.log_every=40",
        "run.validate_every=200",
        "model.inputs=filterbank",
        "model.target=filterbank",
    )
    train(recipe, tmp_path)
    values = logged(tmp_path)
    assert values[200, "features"] < 0.8 * values[40, "features"]
    model, state = load_units(tmp_path / LAST)
    file = FeatureFile(Path(state["recipe"]["data"]["corpus"]))
    codes, labels = [], []
    for utterance in file.of_split("valid"):
        seen = torch.from_numpy(file.read("filterbank", utterance.first_frame, utterance.frames))
        codes.append(model.observe(seen[None]).codes[0].numpy())
        labels.append(frame_labels(file.segments(utterance), len(codes[-1])))
    codes, labels = np.concatenate(codes), np.concatenate(labels)
    assert adjusted_mutual_info_score(labels, codes) > 0.5
    # Codes change at boundaries, not within tones, but for a frame on either side.
    changed, boundary = codes[1:] != codes[:-1], labels[1:] != labels[:-1]
    near = boundary | np.roll(boundary, 1) | np.roll(boundary, -1)
    assert changed[near].mean() > 3 * changed[~near].mean()


@pytest.fixture(scope="module")
def straight(small, train, tmp_path_factory):
    """The folder of a run with jitter, in one go."""
    folder = tmp_path_factory.mktemp("straight")
    train(small("model.jitter=0.12", "optimiser.clip_norm=0.1"), folder)
    return folder


def test_a_run_goes_on_exactly_where_it_stopped(small, train, straight, tmp_path):
    train(small("model.jitter=0.12", "optimiser.clip_norm=0.1", "run.steps=3"), tmp_path)
    train(small("model.jitter=0.12", "optimiser.clip_norm=0.1"), tmp_path)
    one, other = (load_checkpoint(folder / LAST) for folder in (straight, tmp_path))
    for part in ("model", "average"):
        assert all(torch.equal(value, other[part][name]) for name, value in one[part].items())
    assert one["speakers"] == other["speakers"] == ["high", "low"]
    first, second = logged(straight), logged(tmp_path)
    assert {k for k in first if "speed" not in k[1]} == {k for k in second if "speed" not in k[1]}
    assert all(first[key] == second[key] for key in first if "speed" not in key[1])


def test_a_step_logs_errors_use_of_codes_and_every_layer_s_gradient(small, straight):
    values, recipe = logged(straight), small()
    model = build_units(recipe.model, 2)
    layers = {name for name, module in model.named_modules() if any(True for _ in module.parameters(recurse=False))}
    for step in range(1, 7):
        total = values[step, "features"] + recipe.commitment * values[step, "commitment"]
        assert values[step, "total"] == pytest.approx(total, rel=1e-4)
        assert 1 <= values[step, "perplexity"] <= values[step, "used_codes"] <= 12
        norms = {name[9:]: value for (at, name), value in values.items() if at == step and name.startswith("gradient/")}
        assert norms.keys() == layers
        # Before they are clipped, and all of it.
        assert np.linalg.norm(list(norms.values())) == pytest.approx(values[step, "gradient_norm"], rel=1e-3)


def test_the_best_is_the_one_that_decodes_best(straight):
    values = logged(straight, "valid")
    assert {step for step, _ in values} == {3, 6}
    best = load_checkpoint(straight / BEST)
    errors = {step: values[step, "features"] for step in (3, 6)}
    assert errors[best["step"]] == min(errors.values())
    tags = EventAccumulator(str(straight), size_guidance={"images": 0}).Reload().Tags()["images"]
    assert set(tags) == {f"utterance {number}/{name}" for number in range(2) for name in ("original", "decoded")}


def test_experiments_over_codebooks_and_seeds_are_one_command_that_goes_on(features, tmp_path):
    path = tmp_path / "sizes.yaml"
    recipe = Path(__file__).parent / "units.yaml"
    path.write_text(f"recipe: {recipe}\ncodes: [4, 12]\nseeds: [0, 1]\nruns: {{plain: [model.jitter=0.1]}}\n")
    command = ["train", str(path), f"data.corpus={features}", "--run", str(tmp_path / "runs")]
    for steps in (1, 2):
        result = CliRunner().invoke(app, [*command, f"run.steps={steps}"])
        assert result.exit_code == 0, result.output
        for codes in (4, 12):
            for seed in (0, 1):
                state = load_checkpoint(tmp_path / "runs" / f"plain-{codes}-{seed}" / LAST)
                assert (state["step"], state["recipe"]["seed"]) == (steps, seed)
                assert state["average"]["bottleneck.codebooks"].shape == (1, codes, 8)


@pytest.mark.parametrize(
    "override, hint",
    [
        ("data.silence=0.5", "knows no data.silence"),
        ("losses=[{name: mel}]", "knows no losses"),
        ("adversarial.discriminator={name: stft}", "knows no adversarial"),
        ("model.inputs=chroma", "mfcc, filterbank"),
        ("data.crop_s=600", "data.crop_s shorter"),
        ("data.corpus=/missing.h5", "brevox data features"),
        ("task=unit", "did you mean 'units'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(small, tmp_path, override, hint):
    with pytest.raises((SettingsError, DataError), match=hint):
        Trainer(small(override), tmp_path / "run", L.Fabric(accelerator="cpu")).run()


def test_units_are_no_codec_to_export_nor_codecs_units(straight, trained):
    with pytest.raises(SettingsError, match="only codecs"):
        load_trained(straight / LAST)
    with pytest.raises(SettingsError, match="task: codec"):
        load_units(trained / LAST)
