"""The lab's parts in the training loop: they learn, go on exactly, and are looked at afterwards."""

import math

import pytest

from brevox.analysis.code_map import code_map
from brevox.analysis.code_map import draw as draw_map
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import Codec
from brevox.errors import SettingsError
from brevox.evaluation.index_errors import index_errors
from brevox.training.checkpoint import LAST, load_checkpoint
from brevox.training.export import export_model
from brevox.training.logs import read_log
from voices import voice

SOM = "model.bottleneck={name: som, books: 2, codes: 16, radius: 1.5, shrink_steps: 4}"
ENERGY = "model.bottleneck={name: energy, iterations: 2, then: {name: rvq, books: 2, codes: 8}}"
CAUSAL = (
    "model.hop=64",
    "model.pitch=false",
    "model.encoder={name: soundstream, strides: [8, 8], base_width: 4, layers: {name: multires}}",
    "model.decoder={name: soundstream, strides: [8, 8], base_width: 4, upsampler: {name: wavelet}}",
)
PARTS = "parts: [{name: scale, scales: 1, channels: [4, 8, 8]}, {name: complex_stft, windows: [64], channels: 2}]"


def test_everything_at_once_trains(tiny, train, tmp_path):
    """One recipe with all of the lab's switches."""
    losses = "losses=[{name: multi_spectral, windows: [32, 128]}, {name: time}]"
    game = ["adversarial.discriminator={name: one_of, " + PARTS + "}", "adversarial.repulsion=1e-3"]
    train(tiny(*CAUSAL, ENERGY, losses, *game, "channel_average=0.1", "run.log_every=1"), tmp_path)
    logged = read_log(tmp_path / "train.csv")
    for name in ("multi_spectral", "channel_average", "judgement_gap", "adversarial", "commitment"):
        assert all(math.isfinite(value) for value in logged[name].values), name


@pytest.mark.parametrize("changes", [(SOM,), (ENERGY,), (*CAUSAL, SOM)], ids=["som", "energy", "causal-som"])
def test_it_is_exported_and_used(tiny, train, corpus, tmp_path, changes):
    train(tiny(*changes), tmp_path)
    write_model(tmp_path / "a.bvx", export_model(tmp_path / LAST, corpus, name="a", description={}, card=""))
    codec = Codec(read_model(tmp_path / "a.bvx"), threads=1)
    audio = voice(1, 120)[None]
    assert codec.decode(codec.encode(audio)).shape == audio.shape
    assert codec.streams == (len(changes) > 1)


def test_one_discriminator_at_a_time_goes_on_exactly(tiny, train, tmp_path):
    """Who judges is drawn by the step, so that a run that stops and goes on draws the same."""
    game = ("adversarial.discriminator={name: one_of, " + PARTS + "}", "optimiser.schedule=constant")
    train(tiny(*game, "run.steps=6"), tmp_path / "whole")
    for steps in (3, 6):
        train(tiny(*game, f"run.steps={steps}"), tmp_path / "other")
    a, b = (load_checkpoint(tmp_path / name / LAST)["discriminator"] for name in ("whole", "other"))
    assert all((a[name] == b[name]).all() for name in a)


def test_a_bottleneck_without_codes_trains_and_is_not_exported(tiny, train, corpus, tmp_path):
    train(tiny("model.bottleneck={name: energy, iterations: 2}"), tmp_path)
    with pytest.raises(SettingsError, match="no codes"):
        export_model(tmp_path / LAST, corpus, name="a", description={}, card="")
    with pytest.raises(SettingsError, match="no codes"):
        index_errors(tmp_path / LAST)


def test_a_trained_map_is_looked_at(tiny, train, tmp_path):
    train(tiny(SOM), tmp_path)
    found = code_map(tmp_path / LAST)
    assert found.uses.sum() > 0 and len(found.uses) == 16
    assert len(draw_map(found).axes) == 8
    measured = index_errors(tmp_path / LAST, clips=2)
    assert measured.codes == 16 and 0 <= measured.topographic_error <= 1
    none = index_errors(tmp_path / LAST, chance=0, clips=2)
    assert none.moved_one_off == none.moved_anything == 0
    assert none.clean == none.one_off == none.anything
    assert measured.moved_anything > 0


def test_the_channel_average_needs_stages(tiny, train, tmp_path):
    with pytest.raises(SettingsError, match="stages"):
        train(tiny("channel_average=0.1"), tmp_path)
