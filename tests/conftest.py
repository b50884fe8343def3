"""What tests of several rooms share: the built-in codec, a tiny one, and a clip of real speech."""

from __future__ import annotations

import os

# Tests run in a process a core (pyproject.toml); more threads would only wait for each other.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

import brevox
from brevox.audio import AudioReader
from brevox.codec.bvx import ModelFile, write_model
from brevox.codec.codec import Codec
from tiny_model import tiny_model

# Speed is measured in benchmarks; a busy machine must not fail a law.
settings.register_profile("brevox", deadline=None)
settings.load_profile("brevox")


@pytest.fixture(scope="session")
def codec() -> Codec:
    """The built-in model."""
    return brevox.load(threads=1)


@pytest.fixture(scope="session")
def tiny_file() -> ModelFile:
    return tiny_model()


@pytest.fixture(scope="session")
def tiny(tiny_file) -> Codec:
    """A codec that takes no time."""
    return Codec(tiny_file, threads=1)


@pytest.fixture(scope="session")
def tiny_path(tiny_file, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.bvx"
    write_model(path, tiny_file)
    return path


@pytest.fixture(scope="session")
def clip() -> Path:
    """25 s of speech, 16 kHz, one channel."""
    return Path(str(files("brevox") / "assets" / "demo.flac"))


@pytest.fixture(scope="session")
def speech(clip) -> NDArray[np.float32]:
    """The clip's samples, Shape [1, samples], not to be written to."""
    with AudioReader(clip) as reader:
        audio = np.concatenate(list(reader.blocks(1 << 16)), axis=1)
    audio.flags.writeable = False
    return audio
