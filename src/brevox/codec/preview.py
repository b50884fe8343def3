"""Some seconds of a recording before and after coding, to be compared by ear."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.audio import AudioReader, resample
from brevox.audio.loudness import LoudnessMeter
from brevox.codec.codec import Codec, CodeChunk
from brevox.codec.sc2 import Chunk
from brevox.errors import AudioFileError

PREVIEW_S = 10.0

_MOST_MATCHING = 2.0


@dataclass(frozen=True)
class Excerpt:
    """A piece of a recording as the codec hears it: mixed and resampled.

    audio: Shape [channels, samples].
    start_s: where it begins in the recording, about.
    """

    audio: NDArray[np.float32]
    sample_rate: int
    start_s: float


@dataclass(frozen=True)
class Preview:
    """An excerpt before and after coding, equally loud.

    original, decoded: Shape [channels, samples] each.
    kbps: what coding it took, without a file's header.
    """

    original: NDArray[np.float32]
    decoded: NDArray[np.float32]
    sample_rate: int
    start_s: float
    kbps: float


def excerpt(
    source: str | os.PathLike[str],
    codec: Codec,
    start_s: float = 0.0,
    seconds: float = PREVIEW_S,
    stereo: bool = False,
) -> Excerpt:
    """Read a piece of a recording.

    Args:
        start_s: where it begins, about: as exactly as the file can be searched. Near the end it moves forward, so
            that there is something to hear.

    Raises:
        AudioFileError: it cannot be read, or there is no sound in it.
    """
    with AudioReader(source) as reader:
        if reader.duration_s is not None:
            start_s = min(start_s, max(0.0, reader.duration_s - seconds))
        start_s = reader.skip_to(start_s) if start_s > 0 else 0.0
        channels = min(2, reader.channels) if stereo else 1
        blocks, wanted = [], round(seconds * reader.sample_rate)
        for block in reader.blocks(max(1, reader.sample_rate)):
            blocks.append(block.mean(axis=0, keepdims=True) if channels == 1 else block[:channels])
            wanted -= block.shape[1]
            if wanted <= 0:
                break
        if not blocks:
            raise AudioFileError(f"{reader.name} has no sound from {start_s:.0f} s on")
        audio = np.concatenate(blocks, axis=1)[:, : round(seconds * reader.sample_rate)]
        return Excerpt(resample(audio, reader.sample_rate, codec.sample_rate), codec.sample_rate, start_s)


def preview(piece: Excerpt, codec: Codec, kbps: float) -> Preview:
    """Code an excerpt and decode it again."""
    codes = codec.encode(piece.audio, kbps)
    decoded = codec.decode(codes)
    seconds = piece.audio.shape[1] / piece.sample_rate
    bits = sum(8 * _file_bytes(chunk, codec) for chunk in codes.chunks)
    factor = np.float32(_matching(piece.audio, decoded, piece.sample_rate))
    return Preview(
        piece.audio, decoded * factor, piece.sample_rate, piece.start_s, bits / 1000 / seconds if seconds else 0.0
    )


def _file_bytes(chunk: CodeChunk, codec: Codec) -> int:
    payload = codec.entropy.encode(chunk.codes) if chunk.codes.size else b""
    return Chunk(chunk.first_frame, chunk.frames, chunk.codes.shape[1], chunk.levels, payload).file_bytes


def _matching(original: NDArray[np.float32], decoded: NDArray[np.float32], sample_rate: int) -> float:
    """The factor that makes both equally loud: louder sounds better, and it is not loudness that is to be judged."""
    gains = []
    for audio in (original, decoded):
        meter = LoudnessMeter(sample_rate)
        meter.push(audio.mean(axis=0))
        gains.append(meter.gain())
    return float(np.clip(gains[1] / gains[0], 1 / _MOST_MATCHING, _MOST_MATCHING))
