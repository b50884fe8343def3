"""Each code taken for the phone that it falls together with most: a mapping of many codes to one phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.analysis.contingency import Contingency, sum_of, utterance_tables
from brevox.analysis.observed import Observation


@dataclass(frozen=True)
class Mapping:
    """The phone of each code, and how far it can be relied on.

    Args:
        run: its name.
        table: frames of each code and phone.
        phone_of: the place of each code's phone in `table.phones`; -1 for a code that does not occur. Shape: [codes].
        accuracy: share of frames whose phone is that of their code: the purity of the codes.
        held_out: the same with the mapping made from the other half of the utterances; codes that it lacks count as
            wrong. None if there is only one utterance. A large codebook learns its mapping by heart, which this tells.
        chance: share of the most frequent phone: what one code alone would reach.
    """

    run: str
    table: Contingency
    phone_of: NDArray[np.int64]
    accuracy: float
    held_out: float | None
    chance: float

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of each phone's frames the share that is mapped to it. Shape: [phones]."""
        hits = np.zeros(len(self.table.phones))
        for code in self.table.used:
            hits[self.phone_of[code]] += self.table.counts[code, self.phone_of[code]]
        return hits / self.table.counts.sum(axis=0)

    @property
    def codes_of(self) -> NDArray[np.int64]:
        """How many codes are mapped to each phone. Shape: [phones]."""
        return np.bincount(self.phone_of[self.table.used], minlength=len(self.table.phones))


def most_frequent(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The best column of each row, -1 for a row of zeros. Shape: [codes, phones] to [codes]."""
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def mapping(observation: Observation) -> Mapping:
    """Map the codes of all aligned utterances.

    Raises:
        DataError: there is no alignment.
    """
    tables = utterance_tables(observation)
    table = sum_of(observation, tables)
    by_phone = table.counts.sum(axis=0)
    return Mapping(
        observation.name,
        table,
        most_frequent(table.counts),
        float(table.counts.max(axis=1).sum() / table.frames),
        _held_out(list(tables.values())),
        float(by_phone.max() / table.frames),
    )


def _held_out(tables: list[NDArray[np.int64]]) -> float | None:
    halves = [np.sum(tables[::2], axis=0), np.sum(tables[1::2], axis=0)]
    if len(tables) < 2 or not all(half.any() for half in halves):
        return None
    hits = 0
    for known, asked in (halves, halves[::-1]):
        phone = most_frequent(known)
        codes = np.flatnonzero(phone >= 0)
        hits += int(asked[codes, phone[codes]].sum())
    return float(hits / (halves[0].sum() + halves[1].sum()))
