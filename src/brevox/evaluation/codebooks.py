"""How well a model's codebooks are used, and what its entropy coder saves, on real speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brevox.codec.codec import Codec
from brevox.evaluation.clips import Clip


@dataclass(frozen=True)
class Book:
    """One column of codes.

    size: codes that there are.
    used: of them, those that occur.
    entropy_bits: of a code, by how often each occurs; too low by some hundredths if frames are few.
    perplexity: 2 to the entropy: how many codes, all equally frequent, would carry as much.
    efficiency: entropy over the bits of a plain number, log2 of the size.
    coded_bits: what a code takes after entropy coding, which knows the codes before it.
    saved: share of the plain number's bits that entropy coding saves.
    """

    name: str
    size: int
    frames: int
    used: int
    entropy_bits: float
    perplexity: float
    efficiency: float
    coded_bits: float
    saved: float


def codebook_report(codec: Codec, clips: Sequence[Clip]) -> list[Book]:
    """Code the clips with all books, and count; the pitch comes first if the model sends it."""
    sizes = codec.entropy.sizes
    counts = [np.zeros(size, np.int64) for size in sizes]
    spent = np.zeros(len(sizes))
    for clip in clips:
        for chunk in codec.encode(clip.audio, books=codec.books).chunks:
            if not chunk.codes.shape[1]:  # silence takes no codes
                continue
            spent += codec.entropy.cost_bits(chunk.codes)
            for column, count in enumerate(counts):
                count += np.bincount(chunk.codes[0, column], minlength=len(count))
    names = ["pitch"] * codec.side_columns + [f"book {number}" for number in range(1, codec.books + 1)]
    return [_book(name, count, bits) for name, count, bits in zip(names, counts, spent, strict=True)]


def _book(name: str, counts: np.ndarray, spent_bits: float) -> Book:
    frames = int(counts.sum())
    share = counts[counts > 0] / max(1, frames)
    entropy = float(-(share * np.log2(share)).sum())
    plain = float(np.log2(len(counts)))
    coded = spent_bits / max(1, frames)
    return Book(name, len(counts), frames, len(share), entropy, 2**entropy, entropy / plain, coded, 1 - coded / plain)
