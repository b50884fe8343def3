"""A run of units from its training to its page, by the command."""

from __future__ import annotations

import json

import lightning as L
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

from brevox.analysis.labels import NONE, frame_phones, phone_names
from brevox.analysis.observe import observe
from brevox.audio import AudioWriter
from brevox.cli.app import app
from brevox.data.alignment import Alignments
from brevox.data.features import extract_features
from brevox.data.prepare import Source
from brevox.errors import DataError, SettingsError
from brevox.training.recipe import load_recipe
from brevox.training.trainer import Trainer

_TONES_HZ = np.array([300, 900, 2500])
_RECIPE = """
name: tones
task: units
seed: 1
data: {crop_s: 0.4, batch: 4, workers: 0}
model:
  latent: 8
  speaker: 3
  encoder: {name: mfcc, width: 12, layers: 1}
  bottleneck: {name: vq, codes: 6, init: data, revive: restart}
  decoder: {name: deconv, width: 12, layers: 1}
optimiser: {learning_rate: 3.0e-3, weight_decay: 0, warmup_steps: 0, schedule: constant}
run:
  {steps: 20, precision: 32-true, ema_decay: 0.5, log_every: 2, log_gradients: true, validate_every: 10, keep_every: 10}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two speakers who say tones, each 100 ms, where is known; one utterance of four is not aligned."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    sources = []
    for speaker in ("low", "high"):
        for take in range(4):
            tones = rng.integers(len(_TONES_HZ), size=15)
            hz = np.repeat(_TONES_HZ[tones] * (1.2 if speaker == "high" else 1), 1600)
            audio = 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / 16_000) + 0.003 * rng.standard_normal(len(hz))
            path = folder / f"{speaker}{take}.wav"
            with AudioWriter(path, 16_000, 1) as writer:
                writer.write(audio.astype(np.float32)[None])
            if take != 0:
                rows = (f"{n * 1_000_000} {(n + 1) * 1_000_000} t{tone}\n" for n, tone in enumerate(tones))
                path.with_suffix(".lab").write_text("".join(rows))
            sources.append(Source(path, speaker, "valid" if take == 3 else "train"))
    extract_features(sources, folder / "corpus.h5", alignments=Alignments(folder), jobs=1)
    extract_features([s for s in sources if s.split == "valid"], folder / "mute.h5", jobs=1)
    (folder / "recipe.yaml").write_text(_RECIPE)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    recipe = load_recipe(folder / "recipe.yaml", [f"data.corpus={folder / 'corpus.h5'}"])
    Trainer(recipe, folder / "tones", L.Fabric(accelerator="cpu", precision="32-true")).run()
    return folder / "tones"


def test_a_code_is_20_ms_of_one_utterance(run):
    """The seed flattened channels and batch before it quantised, and took its frames for 10 ms."""
    seen = observe(run)
    assert seen.frame_s == 0.02
    assert seen.codebook.shape == (6, 8)
    assert [one.speaker for one in seen.utterances] == ["high", "low"]
    for one in seen.utterances:
        assert one.frames == 75  # of 1.5 s
        assert one.features is not None and one.features.shape == (150, 39)
        assert one.target is not None and one.decoded is not None and one.decoded.shape == one.target.shape
        assert one.audio is not None and len(one.audio) == 24_000
        # The code of a frame is the one nearest to that frame's latent, and to no other's.
        far = np.linalg.norm(one.latents[:, None] - seen.codebook[None], axis=2)
        assert (one.codes == far.argmin(axis=1)).all()
        labels = frame_phones(one, seen.frame_s, phone_names(seen))
        assert (labels.reshape(-1, 5) == labels[::5, None]).all() and (labels != NONE).all()


def test_earlier_checkpoints_and_fewer_utterances_can_be_seen(run):
    early, late = (observe(run, checkpoint=f"step-{step:08d}.ckpt") for step in (10, 20))
    assert (early.codebook != late.codebook).any()
    assert len(observe(run, "train", utterances=2).utterances) == 2
    with pytest.raises(DataError, match=r"none\.ckpt"):
        observe(run, checkpoint="none.ckpt")
    with pytest.raises(DataError, match="test"):
        observe(run, "test")


def test_a_run_of_another_task_is_refused(tmp_path):
    state = {"recipe": {"task": "codec"}, "average": {}, "step": 1}
    torch.save(state, tmp_path / "last.ckpt")
    with pytest.raises(SettingsError, match="task: codec"):
        observe(tmp_path)


def test_the_command_makes_pictures_numbers_and_a_page(run, folder):
    out = folder / "looked"
    result = CliRunner().invoke(
        app, ["analyze", str(run), "-o", str(out), "--only", "losses,gradients,sample,clustering,units"]
    )
    assert result.exit_code == 0, result.output
    for name in ("losses", "gradients", "sample", "clustering", "units"):
        assert (out / f"{name}.png").exists() and (out / f"{name}.json").exists()
    scores = json.loads((out / "clustering.json").read_text())["numbers"]
    assert scores["baseline_split"] == "train"
    assert len(scores["baseline"]) == 3
    assert pq.read_table(out / "units.parquet")["frames"].to_pylist() == [75, 75]
    assert not (out / "index.html").exists()


def test_what_was_asked_for_and_cannot_be_made_is_told(run, folder):
    out = folder / "mute"
    options = ["--corpus", str(folder / "mute.h5"), "--only", "clustering,units"]
    result = CliRunner().invoke(app, ["analyze", str(run), "-o", str(out), *options])
    assert result.exit_code == 1
    assert "left out: clustering" in result.output and "has an alignment" in result.output
    assert (out / "units.png").exists()


def test_all_and_only_exclude_each_other(run):
    result = CliRunner().invoke(app, ["analyze", str(run), "--only", "units", "--all"])
    assert isinstance(result.exception, SettingsError)
    result = CliRunner().invoke(app, ["analyze", str(run), "--only", "unitz"])
    assert "did you mean 'units'" in str(result.exception)
