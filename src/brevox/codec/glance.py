"""What a file says about itself at a glance: without decoding it, and without its model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from brevox.audio import AudioReader
from brevox.codec.sc1 import read_v1
from brevox.codec.sc2_reader import ScReader
from brevox.codec.signature import SNIFF_BYTES, sniff
from brevox.errors import StreamError


@dataclass(frozen=True)
class Glance:
    """A recording or a `.sc` file.

    size_bytes: of the file.
    duration_s: None if it does not tell.
    channels, sample_rate: of the recording; 0 if it does not tell.
    model_id, model_name: of a `.sc`, what it was made with; empty otherwise.
    """

    size_bytes: int
    duration_s: float | None
    channels: int
    sample_rate: int
    model_id: bytes = b""
    model_name: str = ""

    @property
    def kbps(self) -> float | None:
        """Size of the file over the duration of the recording, kbit/s."""
        return self.size_bytes * 8 / 1000 / self.duration_s if self.duration_s else None


def glance_at_recording(path: str | os.PathLike[str]) -> Glance:
    """Look at an audio file.

    Raises:
        AudioFileError: it is none, or cannot be read.
    """
    with AudioReader(path) as reader:
        size = Path(path).stat().st_size
        return Glance(size, reader.duration_s, reader.channels, reader.sample_rate)


def glance_at_stream(path: str | os.PathLike[str]) -> Glance:
    """Look at a `.sc` file of either version.

    Raises:
        StreamError: it is none, or cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(SNIFF_BYTES)
            size = os.fstat(file.fileno()).st_size
            version = sniff(head)
            file.seek(0)
            if version == 1:
                model_id, _ = read_v1(file)
                return Glance(size, None, 1, 0, model_id)
            reader = ScReader(file)
            header = reader.header
    except OSError as error:
        raise StreamError(f"cannot read {path}: {error.strerror or error}") from error
    duration_s = None if reader.num_samples is None else reader.num_samples / header.sample_rate
    return Glance(size, duration_s, header.channels, header.sample_rate, header.model_id, header.model_name)
