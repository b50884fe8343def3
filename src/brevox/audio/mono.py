"""Recordings as one channel, whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio.reader import AudioReader
from brevox.audio.resample import resample
from brevox.audio.writer import AudioWriter
from brevox.errors import AudioFileError

_BLOCK = 1 << 16


def read_mono(path: Path, rate_hz: int) -> NDArray[np.float32]:
    """Read a recording, its channels averaged. Shape: [samples].

    Raises:
        AudioFileError: it cannot be read, or holds no sound.
    """
    with AudioReader(path) as reader:
        blocks = [block.mean(axis=0, keepdims=True) for block in reader.blocks(_BLOCK)]
        if not blocks:
            raise AudioFileError(f"{path} holds no sound")
        return resample(np.concatenate(blocks, axis=1), reader.sample_rate, rate_hz)[0]


def write_mono(path: Path, audio: NDArray[np.floating], rate_hz: int) -> None:
    """Write samples, Shape [samples], in the format that the path's suffix names (see `AudioWriter`)."""
    with AudioWriter(path, rate_hz, 1) as writer:
        writer.write(np.asarray(audio, np.float32)[None])
