"""Speech in and out at 8 kHz: any recording, and Codec 2's headerless `.raw`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio.mono import read_mono, write_mono
from brevox.errors import AudioFileError
from brevox.output import atomic_output
from brevox.vocoder.harmonics import FULL_SCALE, RATE_HZ

#: 16-bit little-endian numbers at 8 kHz, as c2enc reads them and c2dec writes them.
RAW_SUFFIX = ".raw"


def read_speech(path: Path) -> NDArray[np.float32]:
    """Samples at 8 kHz, full scale 1. Shape: [samples].

    Raises:
        AudioFileError: it cannot be read, or holds no sound.
    """
    if path.suffix.lower() != RAW_SUFFIX:
        return read_mono(path, RATE_HZ)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AudioFileError(f"cannot read {path}: {error.strerror or error}") from error
    if not data or len(data) % 2:
        raise AudioFileError(f"{path} has {len(data):,} bytes; 16-bit samples at 8 kHz make an even number of them")
    return (np.frombuffer(data, "<i2") / FULL_SCALE).astype(np.float32)


def write_speech(path: Path, audio: NDArray[np.floating]) -> None:
    """Write samples at 8 kHz. Shape: [samples]. What is too loud is clipped.

    Raises:
        OutputError: it cannot be written.
        SettingsError: nothing can write files with this suffix.
    """
    if path.suffix.lower() != RAW_SUFFIX:
        write_mono(path, np.clip(audio, -1, 1), RATE_HZ)
        return
    with atomic_output(path) as part:
        steps = np.clip(np.rint(np.asarray(audio, np.float64) * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
        part.write_bytes(steps.astype("<i2").tobytes())
