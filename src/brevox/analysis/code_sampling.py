"""Codes drawn at random, to hear what a codebook knows by itself (seed 004's `sample`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.codec.codec import Codec, CodeChunk
from brevox.errors import DataError, SettingsError

KINDS = ("random", "unigram", "bigram")


@dataclass(frozen=True)
class CodeCounts:
    """How often codes occur in recordings, column by column.

    Args:
        singles: of each column, Shape [codes].
        pairs: of each column, how often a code (column) follows another (row), Shape [codes, codes].
    """

    singles: list[NDArray[np.int64]]
    pairs: list[NDArray[np.int64]]


def count_codes(sequences: Iterable[NDArray[np.integer]], sizes: tuple[int, ...]) -> CodeCounts:
    """Count codes, and which follows which.

    Args:
        sequences: of one recording each, Shape [columns, frames].
        sizes: codes that each column has.

    Raises:
        DataError: there is no frame.
    """
    singles = [np.zeros(size, np.int64) for size in sizes]
    pairs = [np.zeros((size, size), np.int64) for size in sizes]
    for sequence in sequences:
        for column, codes in enumerate(np.asarray(sequence, np.int64)):
            singles[column] += np.bincount(codes, minlength=sizes[column])
            np.add.at(pairs[column], (codes[:-1], codes[1:]), 1)
    if not all(single.any() for single in singles):
        raise DataError("there are no codes to count: the recordings are empty or silent")
    return CodeCounts(singles, pairs)


def draw_codes(
    kind: str, frames: int, sizes: tuple[int, ...], counts: CodeCounts | None, seed: int = 0
) -> NDArray[np.uint16]:
    """Draw codes, each column by itself.

    Args:
        kind: `random`, all codes alike; `unigram`, as often as in the recordings; `bigram`, each after the one before
            it as often as there. What nothing followed there is followed as by `unigram`.
        frames: how many.
        sizes: codes that each column has.
        counts: of `count_codes`; not needed for `random`.
        seed: of the draws.

    Returns:
        Shape [columns, frames].

    Raises:
        SettingsError: no such kind.
    """
    if kind not in KINDS or (counts is None and kind != "random"):
        raise SettingsError(f"codes are drawn {', '.join(KINDS)}; not {kind!r} without recordings to count")
    rng = np.random.default_rng(seed)
    if counts is None or kind == "random":
        return np.stack([rng.integers(size, size=frames) for size in sizes]).astype(np.uint16)
    drawn = []
    for single, pairs in zip(counts.singles, counts.pairs, strict=True):
        codes = rng.choice(len(single), frames, p=single / single.sum())
        if kind == "bigram":
            for frame in range(1, frames):
                follows = pairs[codes[frame - 1]]
                if total := follows.sum():
                    codes[frame] = rng.choice(len(follows), p=follows / total)
        drawn.append(codes)
    return np.stack(drawn).astype(np.uint16)


def recording_codes(codec: Codec, audio: NDArray[np.float32], books: int) -> list[NDArray[np.uint16]]:
    """The codes of a recording, one piece for each run of chunks without silence.

    Args:
        codec: at work.
        audio: Shape [samples].
        books: how many.

    Returns:
        Shape [columns, frames] each.
    """
    pieces: list[list[NDArray[np.uint16]]] = [[]]
    for chunk in codec.encode(audio[None], books=books).chunks:
        if chunk.codes.shape[1]:
            pieces[-1].append(chunk.codes[0])
        else:
            pieces.append([])
    return [np.concatenate(piece, axis=1) for piece in pieces if piece]


def sound_of(codec: Codec, codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Decode codes at the level of training. Shape: [columns, frames] to [samples]."""
    chunks = [
        CodeChunk(first, piece.shape[1], piece[None], ())
        for first in range(0, codes.shape[1], codec.chunk_frames)
        for piece in [codes[:, first : first + codec.chunk_frames]]
    ]
    return np.concatenate(list(codec.decode_chunks(chunks, 1, 1.0)), axis=1)[0]
