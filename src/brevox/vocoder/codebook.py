"""Tables of vectors trained by the LBG algorithm: split, then move each entry to the mean of what is nearest to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.errors import DataError, SettingsError

#: Of the spread of an entry's own vectors: how far its two successors are put apart.
_SPLIT = 0.1
_MOST_ROUNDS = 200
#: Distances at once, 8 MB of them: they stay near the processor.
BLOCK_SCORES = 1 << 21


@dataclass
class Trained:
    """A table and how well it fits what it was trained on.

    Attributes:
        table: Shape: [entries, columns].
        variance: mean squared distance of a vector to its entry, a column. What the seed's tools print.
        indices: the entry of each vector. Shape: [vectors].
    """

    table: NDArray[np.float32]
    variance: float
    indices: NDArray[np.int64]


def train_table(
    vectors: NDArray[np.floating],
    entries: int,
    *,
    stop: float = 1e-3,
    progress: Callable[[int, float], None] | None = None,
) -> Trained:
    """Linde, Buzo and Gray 1980: from the mean of all, double by splitting until there are enough entries.

    An entry that nothing is nearest to takes the place beside the one with the largest sum of squared distances.

    Args:
        vectors: Shape: [vectors, columns].
        entries: how many, 1 or more; any number, at most as many as there are vectors.
        stop: after each splitting, entries move until the variance falls by less than this share.
        progress: called with the number of entries and the variance each time they have moved.

    Raises:
        DataError: fewer vectors than entries, or values that are no numbers.
        SettingsError: `entries` or `stop` cannot work.
    """
    if entries < 1 or not 0 < stop < 1:
        raise SettingsError(f"a table needs 1 entry or more and a stop between 0 and 1, not {entries} and {stop:g}")
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise DataError(f"vectors must come as rows and columns, not in the shape {vectors.shape}")
    if len(vectors) < entries:
        raise DataError(f"{len(vectors):,} vectors are too few to train {entries:,} entries")
    if not np.isfinite(vectors).all():
        raise DataError("the vectors hold values that are no numbers (NaN or infinite)")
    # Around the mean, distances by products of matrices lose least to rounding.
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = (vectors - mean).astype(np.float32)
    table = np.zeros((1, vectors.shape[1]), np.float32)
    indices, errors = np.zeros(len(vectors), np.int64), np.sum(centred.astype(np.float64) ** 2, axis=1)
    while True:
        if len(table) < entries:
            table = _split(centred, table, indices, errors, min(2 * len(table), entries))
        table, indices, errors = _settle(centred, table, stop, progress)
        if len(table) == entries:
            break
    return Trained((table + mean).astype(np.float32), _variance(errors, vectors.shape[1]), indices)


def nearest(vectors: NDArray[np.float32], table: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The entry of the table that each vector is nearest to, and the squared distance.

    Args:
        vectors: Shape: [vectors, columns].
        table: Shape: [entries, columns].

    Returns:
        Two of Shape: [vectors].
    """
    indices = np.zeros(len(vectors), np.int64)
    rows = max(1, BLOCK_SCORES // len(table))
    products = np.empty((min(rows, len(vectors)), len(table)), np.float32)
    ours, theirs = with_one(vectors), with_half_energy(table)
    for first in range(0, len(vectors), rows):
        block = ours[first : first + rows]
        np.matmul(block, theirs, out=products[: len(block)])
        products[: len(block)].argmax(axis=1, out=indices[first : first + rows])
    difference = vectors - table[indices]
    return indices, np.einsum("ij,ij->i", difference, difference, dtype=np.float64)


def with_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """A column of ones behind. Shape: [vectors, columns] to [vectors, columns + 1]."""
    return np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], axis=1)


def with_half_energy(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """A table, turned, whose product with `with_one(vectors)` is the larger, the nearer an entry is.

    v t - t t / 2 is (v v - |v - t|^2) / 2: one product of matrices, and no pass over all distances after it.
    Shape: [entries, columns] to [columns + 1, entries].
    """
    half_energy = 0.5 * np.sum(table * table, axis=1, keepdims=True)
    return np.ascontiguousarray(np.concatenate([table, -half_energy], axis=1).T)


def _settle(
    vectors: NDArray[np.float32],
    table: NDArray[np.float32],
    stop: float,
    progress: Callable[[int, float], None] | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Lloyd's rounds until they gain little."""
    before = np.inf
    for _ in range(_MOST_ROUNDS):
        indices, errors = nearest(vectors, table)
        variance = _variance(errors, vectors.shape[1])
        if progress is not None:
            progress(len(table), variance)
        if not before - variance > stop * variance:
            break
        before = variance
        table = _means(vectors, table, indices, errors)
    return table, indices, errors


def _means(
    vectors: NDArray[np.float32],
    table: NDArray[np.float32],
    indices: NDArray[np.int64],
    errors: NDArray[np.float64],
) -> NDArray[np.float32]:
    counts = np.bincount(indices, minlength=len(table))
    sums = np.stack([np.bincount(indices, column, len(table)) for column in vectors.T], axis=1)
    moved = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    unused = np.flatnonzero(counts == 0)
    if len(unused):
        worst = np.argsort(np.bincount(indices, errors, len(table)))[::-1][: len(unused)]
        moved[unused] = moved[worst] + _apart(vectors, moved, indices)[worst]
    return moved


def _split(
    vectors: NDArray[np.float32],
    table: NDArray[np.float32],
    indices: NDArray[np.int64],
    errors: NDArray[np.float64],
    entries: int,
) -> NDArray[np.float32]:
    """Two entries in the place of those with the largest sums of squared distances, to have so many altogether."""
    worst = np.argsort(np.bincount(indices, errors, len(table)))[::-1][: entries - len(table)]
    apart = _apart(vectors, table, indices)[worst]
    parted = table.copy()
    parted[worst] -= apart
    return np.concatenate([parted, table[worst] + apart])


def _apart(vectors: NDArray[np.float32], table: NDArray[np.float32], indices: NDArray[np.int64]) -> NDArray[np.float32]:
    """A small step for each entry, in every column by the spread of its vectors. Shape: [entries, columns]."""
    counts = np.maximum(np.bincount(indices, minlength=len(table)), 1)
    deviations = (vectors - table[indices]) ** 2
    spread = np.stack([np.bincount(indices, column, len(table)) for column in deviations.T], axis=1)
    # An entry whose vectors are all alike still has to part with something.
    return (_SPLIT * np.sqrt(spread / counts[:, None]) + 1e-6).astype(np.float32)


def _variance(errors: NDArray[np.float64], columns: int) -> float:
    return float(errors.mean() / columns)
