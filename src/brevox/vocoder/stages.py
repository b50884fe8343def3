"""Several tables one after the other, each for what the ones before it leave (Juang and Gray 1982)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from brevox.errors import DataError, SettingsError
from brevox.vocoder.codebook import BLOCK_SCORES, Trained, train_table, with_half_energy, with_one

Tables = Sequence[NDArray[np.floating]]


def train_stages(
    vectors: NDArray[np.floating],
    sizes: Sequence[int],
    *,
    stop: float = 1e-3,
    progress: Callable[[int, int, float], None] | None = None,
) -> list[Trained]:
    """Train a table, then the next on the residuals of the one before, and so on.

    Args:
        vectors: Shape: [vectors, columns].
        sizes: entries of each table.
        stop: see `train_table`.
        progress: called with the stage, counted from 0, the entries and the variance.

    Raises:
        DataError: too few vectors, or values that are no numbers.
        SettingsError: `sizes` or `stop` cannot work.
    """
    stages = []
    residual = np.array(vectors, np.float32)
    for stage, size in enumerate(sizes):
        told = None if progress is None else (lambda entries, variance, stage=stage: progress(stage, entries, variance))
        trained = train_table(residual, size, stop=stop, progress=told)
        residual -= trained.table[trained.indices]
        stages.append(trained)
    return stages


def search(
    vectors: NDArray[np.floating],
    tables: Tables,
    mbest: int = 1,
    *,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.int64]:
    """The entries whose sum is near to each vector.

    After each stage the `mbest` combinations that come nearest are kept (M-algorithm; LeBlanc et al. 1993), since what
    is best after one stage need not be after the next. With one, each stage is decided for good.

    Args:
        vectors: Shape: [vectors, columns].
        tables: Shapes: [entries, columns].
        mbest: combinations to keep.
        progress: called with the share done.

    Returns:
        Shape: [vectors, tables].

    Raises:
        DataError: vectors and tables differ in their columns, or hold values that are no numbers.
        SettingsError: there is no table, or `mbest` is none.
    """
    vectors = np.asarray(vectors, np.float32)
    _check(vectors, tables, mbest)
    # Around the tables' mean, which the first takes with it, rounding does least.
    centre = np.asarray(tables[0], np.float64).mean(axis=0)
    first_table = (np.asarray(tables[0], np.float64) - centre).astype(np.float32)
    parts = [first_table, *(np.asarray(table, np.float32) for table in tables[1:])]
    prepared = [with_half_energy(part) for part in parts]
    rows = max(1, BLOCK_SCORES // (mbest * max(len(part) for part in parts)))
    found = np.zeros((len(vectors), len(tables)), np.int64)
    for first in range(0, len(vectors), rows):
        block = (vectors[first : first + rows] - centre).astype(np.float32)
        found[first : first + rows] = _search_block(block, parts, prepared, mbest)
        if progress is not None:
            progress(min(1.0, (first + rows) / len(vectors)))
    return found


def decode(indices: NDArray[np.integer], tables: Tables) -> NDArray[np.float32]:
    """The sums of the tables' entries. Shape: [vectors, tables] to [vectors, columns].

    Raises:
        DataError: an index has no entry.
    """
    indices = np.asarray(indices)
    if indices.ndim != 2 or indices.shape[1] != len(tables):
        raise DataError(f"indices need a column for each of the {len(tables)} tables, not the shape {indices.shape}")
    total = np.zeros((len(indices), np.shape(tables[0])[1]), np.float32)
    for stage, table in enumerate(tables):
        column = indices[:, stage]
        if len(column) and not 0 <= column.min() <= column.max() < len(table):
            raise DataError(f"table {stage + 1} has entries 0 to {len(table) - 1}; the indices go beyond")
        total += np.asarray(table, np.float32)[column]
    return total


def usage(indices: NDArray[np.integer], tables: Tables) -> list[NDArray[np.int64]]:
    """How often each entry of each table is used. Shapes: [entries]."""
    return [np.bincount(indices[:, stage], minlength=len(table)) for stage, table in enumerate(tables)]


def _search_block(
    vectors: NDArray[np.float32], parts: list[NDArray[np.float32]], prepared: list[NDArray[np.float32]], mbest: int
) -> NDArray[np.int64]:
    """Shapes: [vectors, columns] to [vectors, tables]."""
    count = len(vectors)
    residuals = vectors[:, None]  # [vectors, kept, columns]
    paths = np.zeros((count, 1, 0), np.int64)
    rows = np.arange(count)[:, None]
    for stage, (part, turned) in enumerate(zip(parts, prepared, strict=True)):
        kept = residuals.shape[1]
        last = stage == len(parts) - 1
        scores = (with_one(residuals.reshape(count * kept, -1)) @ turned).reshape(count, kept, len(part))
        if kept > 1:  # what is left of the kept ones differs too
            scores -= 0.5 * np.einsum("ijk,ijk->ij", residuals, residuals)[:, :, None]
        best = _largest(scores.reshape(count, -1), 1 if last else min(mbest, kept * len(part)))
        before, entry = np.divmod(best, len(part))
        residuals = residuals[rows, before] - part[entry]
        paths = np.concatenate([paths[rows, before], entry[:, :, None]], axis=2)
    return paths[:, 0]


def _largest(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Where the largest scores of each row are, largest first; the scores there are lost. Shape: [rows, count]."""
    rows = np.arange(len(scores))
    best = np.zeros((len(scores), count), np.int64)
    for number in range(count):  # a few passes are faster than sorting thousands
        best[:, number] = scores.argmax(axis=1)
        if number < count - 1:
            scores[rows, best[:, number]] = -np.inf
    return best


def _check(vectors: NDArray[np.float32], tables: Tables, mbest: int) -> None:
    if not tables or mbest < 1:
        raise SettingsError(f"a search needs 1 table or more and an mbest of 1 or more, not {len(tables)} and {mbest}")
    for table in tables:
        if np.ndim(table) != 2 or not len(table) or np.shape(table)[1:] != vectors.shape[1:]:
            raise DataError(f"the vectors have the shape {vectors.shape}, and a table {np.shape(table)}: no match")
    if not (np.isfinite(vectors).all() and all(np.isfinite(table).all() for table in tables)):
        raise DataError("vectors or tables hold values that are no numbers (NaN or infinite)")
