"""Recordings as the measures hear them: one channel, 16 kHz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import mono
from brevox.errors import AudioFileError

#: What wideband measures of speech are made for.
RATE_HZ = 16_000


def read_mono(path: Path, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """`brevox.audio.mono.read_mono`, at 16 kHz unless told otherwise."""
    if path.suffix.lower() == ".sc" and path.exists():
        raise AudioFileError(f"{path} is encoded; decode it first: brevox decode {path}")
    return mono.read_mono(path, rate_hz)


def write_mono(path: Path, audio: NDArray[np.floating], rate_hz: int = RATE_HZ) -> None:
    """`brevox.audio.mono.write_mono`, at 16 kHz unless told otherwise."""
    mono.write_mono(path, audio, rate_hz)
