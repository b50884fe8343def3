from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from brevox.audio import AudioWriter
from brevox.data.alignment import Alignments
from brevox.data.features import extract_features
from brevox.data.prepare import Source, manifest_sources, prepare
from brevox.training.precision import make_fabric
from brevox.training.recipe import load_recipe
from brevox.training.trainer import Trainer
from voices import voice


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Networks this small are faster on one thread, and sums come out the same each time."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """A manifest of two speakers to train on and one to validate on."""
    folder = tmp_path_factory.mktemp("recordings")
    lines = ["path\tspeaker\tsplit"]
    for speaker, pitch_hz, split in (("ada", 190, "train"), ("bob", 110, "train"), ("cat", 150, "valid")):
        for take in range(2):
            path = folder / f"{speaker}{take}.wav"
            with AudioWriter(path, 16_000, 1) as writer:
                writer.write(voice(1.5, pitch_hz, seed=pitch_hz + take)[None])
            lines.append(f"{path.name}\t{speaker}\t{split}")
    (folder / "list.tsv").write_text("\n".join(lines) + "\n")
    return folder / "list.tsv"


@pytest.fixture(scope="session")
def corpus(recordings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "corpus"
    prepare(manifest_sources(recordings), folder, jobs=1)
    return folder


@pytest.fixture(scope="session")
def tiny(corpus):
    """The recipe of tiny.yaml on the corpus, with overrides."""
    return lambda *overrides: load_recipe(Path(__file__).parent / "tiny.yaml", [f"data.corpus={corpus}", *overrides])


@pytest.fixture(scope="session")
def train():
    """Run a recipe in a folder on the CPU; gives the trainer back."""

    def run(recipe, folder, fabric=None, start_from=None):
        fabric = fabric or make_fabric(recipe.run.precision, accelerator="cpu")
        trainer = Trainer(recipe, folder, fabric, start_from)
        trainer.run()
        return trainer

    return run


@pytest.fixture(scope="session")
def trained(tiny, train, tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    train(tiny(), folder)
    return folder


TONES_HZ = (250, 800, 2000, 4500)


@pytest.fixture(scope="session")
def features(tmp_path_factory):
    """Two speakers of a language of four tones, one higher than the other; when which is spoken is known."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(1)
    sources = []
    for speaker in ("low", "high"):
        for take in range(4):
            lengths = rng.integers(6, 20, 24) * 320
            spoken = rng.integers(len(TONES_HZ), size=24)
            hz = np.repeat(np.array(TONES_HZ)[spoken] * (1.1 if speaker == "high" else 1.0), lengths)
            audio = 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / 16_000) + 0.003 * rng.standard_normal(len(hz))
            path = folder / f"{speaker}{take}.wav"
            with AudioWriter(path, 16_000, 1) as writer:
                writer.write(audio.astype(np.float32)[None])
            ends = np.cumsum(lengths) * 625
            rows = zip([0, *ends[:-1]], ends, spoken, strict=True)
            path.with_suffix(".lab").write_text("".join(f"{a} {b} t{tone}\n" for a, b, tone in rows))
            sources.append(Source(path, speaker, "valid" if take == 3 else "train"))
    extract_features(sources, folder / "corpus.h5", alignments=Alignments(folder), jobs=1)
    return folder / "corpus.h5"


@pytest.fixture(scope="session")
def small(features):
    """The recipe of units.yaml on these, with overrides."""
    return lambda *overrides: load_recipe(Path(__file__).parent / "units.yaml", [f"data.corpus={features}", *overrides])
