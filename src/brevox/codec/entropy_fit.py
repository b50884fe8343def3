"""Estimates the tables of an `EntropyModel` from codes.

Every choice (which classes, how many, how far to trust rare events) goes by what it would cost to code an eighth of
the data that is held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.codec.entropy import MOST_CLASSES, ColumnTables, EntropyModel
from brevox.codec.rangecoder import TOTAL

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Frequencies that a column's tables may have in all (or one for each code, if those are more).
_MOST_CELLS = 1 << 16
#: Pairs of neighbouring codes beyond which neighbours are not looked at.
_MOST_PAIRS = 1 << 24
_CLASS_COUNTS = (4, 16, 64, 256)
#: How many observations a prior may be worth; where it makes no difference, the first is taken.
_STRENGTHS = tuple(4.0**power for power in range(11, -3, -1))
#: What share of the cost more contexts must save to be worth their room.
_LEAST_SAVING = 5e-4
_HELD_OUT_SHARE = 8
_HELD_OUT_BLOCK = 128  # frames
_STARTS = 3
_ROUNDS = 20


def fit_entropy_model(sequences: Sequence[NDArray[np.integer]], sizes: Sequence[int], seed: int = 0) -> EntropyModel:
    """Estimate an entropy model.

    Args:
        sequences: stretches of codes, each of Shape [columns, frames]; frames follow each other within a stretch.
        sizes: number of different codes of each column, 1..65536.
        seed: of the clustering's random starts.

    Returns:
        A model whose tables have at most 65536 frequencies a column.

    Raises:
        ValueError: there are no codes, or they do not fit `sizes`.
    """
    rows, starts = _join(sequences, sizes)
    rng = np.random.default_rng(seed)
    tables = []
    for column, symbols in enumerate(sizes):
        train, held = _split(rows, starts, column)
        tables.append(_fit_column(train, held, symbols, sizes[column - 1] if column else 1, rng))
    return EntropyModel(tables)


def _join(
    sequences: Sequence[NDArray[np.integer]], sizes: Sequence[int]
) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """All stretches in one, Shape [columns, frames], and whether a frame is a stretch's first, Shape [frames]."""
    if not all(codes.ndim == 2 and len(codes) == len(sizes) and codes.dtype.kind in "iu" for codes in sequences):
        raise ValueError(f"codes must be integers of shape [{len(sizes)}, frames]")
    lengths = [codes.shape[1] for codes in sequences if codes.shape[1]]
    if not lengths:
        raise ValueError("there are no codes to learn from")
    rows = np.concatenate(sequences, axis=1)
    if ((rows < 0) | (rows >= np.array(sizes)[:, None])).any():
        raise ValueError("a code is too high for its column")
    starts = np.zeros(rows.shape[1], dtype=bool)
    starts[np.cumsum([0, *lengths[:-1]])] = True
    return rows, starts


@dataclass(frozen=True)
class _Sample:
    """Codes of one column with their neighbours before and above. Each of Shape [observations]."""

    past: Integers
    above: Integers
    code: Integers

    def part(self, chosen: NDArray[np.bool_]) -> _Sample:
        return _Sample(self.past[chosen], self.above[chosen], self.code[chosen])

    def counts(self, past_class: Integers, above_class: Integers, symbols: int) -> Floats:
        """How often each code occurs in each context. Shape [past classes, above classes, symbols]."""
        shape = (int(past_class.max()) + 1, int(above_class.max()) + 1, symbols)
        cells = (past_class[self.past] * shape[1] + above_class[self.above]) * symbols + self.code
        return np.bincount(cells, minlength=shape[0] * shape[1] * symbols).reshape(shape).astype(np.float64)


def _split(rows: NDArray[np.integer], starts: NDArray[np.bool_], column: int) -> tuple[_Sample, _Sample]:
    """What to learn from, and what is held out: everything, if there is too little to split."""
    code = rows[column].astype(np.int64)
    past = np.roll(code, 1)
    above = rows[column - 1].astype(np.int64) if column else np.zeros_like(code)
    everything = _Sample(past, above, code)
    usable = ~starts if not starts.all() else starts
    block = max(1, min(_HELD_OUT_BLOCK, len(code) // (4 * _HELD_OUT_SHARE)))
    out = np.arange(len(code)) // block % _HELD_OUT_SHARE == _HELD_OUT_SHARE - 1
    if not (usable & out).any() or not (usable & ~out).any():
        out[:] = True
    return everything.part(usable & ~out), everything.part(usable & out)


def _fit_column(
    train: _Sample, held: _Sample, symbols: int, above_symbols: int, rng: np.random.Generator
) -> ColumnTables:
    contexts = min(MOST_CLASSES, max(1, _MOST_CELLS // symbols))
    pasts = _views(train.past, train.code, held.past, held.code, symbols, symbols, contexts, rng)
    aboves = _views(train.above, train.code, held.above, held.code, above_symbols, symbols, contexts, rng)
    marginal = pasts[0].chances
    least = np.inf
    for past in pasts:
        for above in aboves:
            if len(past.chances) * len(above.chances) > contexts:
                continue
            # If past and above were independent of each other given the code, this would be exact.
            prior = past.chances[:, None] * above.chances[None] / marginal
            prior /= prior.sum(axis=-1, keepdims=True)
            seen = train.counts(past.classes, above.classes, symbols)
            test = held.counts(past.classes, above.classes, symbols)
            strength, cost = _best_strength(seen, prior, test)
            if cost < least * (1 - _LEAST_SAVING):
                least = cost
                chosen = past, above, _chances(seen + test, prior, strength)
    past, above, chances = chosen
    # The first frame of a chunk has no past and is coded as class 0: let that be where any code is cheap.
    first = int(np.argmax((marginal * np.log2(past.chances)).sum(axis=-1)))
    order = np.array([first, *(number for number in range(len(chances)) if number != first)])
    return ColumnTables(
        np.argsort(order)[past.classes].astype(np.uint8),
        above.classes.astype(np.uint8),
        _frequencies(chances[order]),
    )


@dataclass(frozen=True)
class _View:
    """One neighbour's codes sorted into classes, and what they tell.

    classes: of each of the neighbour's codes. Shape [neighbours].
    chances: of each code after each class. Shape [classes, symbols].
    """

    classes: Integers
    chances: Floats


def _views(
    train_neighbour: Integers,
    train_code: Integers,
    held_neighbour: Integers,
    held_code: Integers,
    neighbours: int,
    symbols: int,
    most_classes: int,
    rng: np.random.Generator,
) -> list[_View]:
    """The neighbour seen ever more finely, beginning with all its codes in one class."""
    uniform = np.full((1, symbols), 1 / symbols)
    seen = np.bincount(train_code, minlength=symbols)[None].astype(np.float64)
    test = np.bincount(held_code, minlength=symbols)[None].astype(np.float64)
    views = [
        _View(np.zeros(neighbours, dtype=np.int64), _chances(seen, uniform, _best_strength(seen, uniform, test)[0]))
    ]
    if neighbours == 1 or neighbours * symbols > _MOST_PAIRS:
        return views
    seen = _pairs(train_neighbour, train_code, neighbours, symbols)
    test = _pairs(held_neighbour, held_code, neighbours, symbols)
    for count in _CLASS_COUNTS:
        count = min(count, neighbours)
        if count > most_classes:
            break
        classes = np.arange(count) if count == neighbours else _cluster(seen, count, rng)
        members = (classes == np.arange(classes.max() + 1)[:, None]).astype(np.float64)
        weights = members * (seen.sum(axis=1) + 1e-3)
        coarse = views[-1]
        prior = (weights / weights.sum(axis=1, keepdims=True)) @ coarse.chances[coarse.classes]
        strength, _ = _best_strength(members @ seen, prior, members @ test)
        views.append(_View(classes, _chances(members @ seen, prior, strength)))
        if count == neighbours:
            break
    return views


def _pairs(neighbour: Integers, code: Integers, neighbours: int, symbols: int) -> Floats:
    """How often each code occurs with each code of the neighbour. Shape [neighbours, symbols]."""
    counts = np.bincount(neighbour * symbols + code, minlength=neighbours * symbols)
    return counts.reshape(neighbours, symbols).astype(np.float64)


def _cluster(counts: Floats, classes: int, rng: np.random.Generator) -> Integers:
    """Sort rows into classes such that the class tells as much as it can about the column.

    K-means in which a row's distance to a class is what its counts cost when coded with the class's mean.

    Args:
        counts: how often each column occurred with each row. Shape [rows, columns].
        classes: the most there may be; at least 2, fewer than rows.

    Returns:
        The class of each row, 0, 1, ... without gaps. Shape [rows].
    """
    best, most = np.zeros(len(counts), dtype=np.int64), -np.inf
    for _ in range(_STARTS):
        labels, gain = _cluster_once(counts, classes, rng)
        if gain > most:
            best, most = labels, gain
    return np.unique(best, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _cluster_once(counts: Floats, classes: int, rng: np.random.Generator) -> tuple[Integers, float]:
    marginal = counts.sum(axis=0) + 0.5
    marginal /= marginal.sum()
    strength = float(len(marginal))
    weights = counts.sum(axis=1) + 1e-9
    sums = counts[rng.choice(len(counts), classes, replace=False, p=weights / weights.sum())]
    labels = np.full(len(counts), -1)
    gain = -np.inf
    for _ in range(_ROUNDS):
        means = _chances(sums, marginal, strength)
        scores = counts @ np.log2(means).T
        new = scores.argmax(axis=1)
        gain = float(scores.max(axis=1).sum())
        if (new == labels).all():
            break
        labels = new
        sums = (labels == np.arange(classes)[:, None]).astype(np.float64) @ counts
    return labels, gain


def _chances(seen: Floats, prior: Floats, strength: float) -> Floats:
    """Chances of the codes, given counts and a prior that is worth `strength` of them. Shape [..., symbols]."""
    return (seen + strength * prior) / (seen.sum(axis=-1, keepdims=True) + strength)


def _best_strength(seen: Floats, prior: Floats, test: Floats) -> tuple[float, float]:
    """How far to trust a prior against what was seen: the strength that makes `test` cheapest, and its cost, bits."""
    where = test > 0
    costs = [-float(test[where] @ np.log2(_chances(seen, prior, strength)[where])) for strength in _STRENGTHS]
    best = int(np.argmin(costs))
    return _STRENGTHS[best], costs[best]


def _frequencies(chances: Floats) -> Integers:
    """Chances as integers of at least 1 that add up to `TOTAL`. Shape [..., symbols] in and out."""
    symbols = chances.shape[-1]
    shares = chances * (TOTAL - symbols)
    whole = np.floor(shares).astype(np.int64)
    left = TOTAL - symbols - whole.sum(axis=-1, keepdims=True)
    rank = np.argsort(np.argsort(whole - shares, axis=-1, kind="stable"), axis=-1, kind="stable")
    return whole + 1 + (rank < left)
