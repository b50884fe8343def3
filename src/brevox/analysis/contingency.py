"""How often each code falls together with each phone: what all scores between the two are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.analysis.labels import NONE, frame_phones, phone_names
from brevox.analysis.observed import Observation
from brevox.errors import DataError


@dataclass(frozen=True)
class Contingency:
    """A table of counts.

    Args:
        phones: names of the columns, such as occur.
        counts: frames with this code and this phone. Shape: [codes, phones].
    """

    phones: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def frames(self) -> int:
        return int(self.counts.sum())

    @property
    def used(self) -> NDArray[np.int64]:
        """The codes that occur."""
        return np.flatnonzero(self.counts.sum(axis=1))

    @property
    def phone_given_code(self) -> NDArray[np.float64]:
        """P(phone | code): each row sums to 1, but to 0 for a code that does not occur. Shape: [codes, phones]."""
        return self.counts / np.maximum(1, self.counts.sum(axis=1, keepdims=True))


def count_pairs(codes: NDArray[np.int64], phones: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Frames of each code and phone, those without a phone left out. Shape of all that is given: [frames]."""
    known = phones != NONE
    cells = codes[known] * shape[1] + phones[known]
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)


def contingency(observation: Observation) -> Contingency:
    """Count the codes of all aligned utterances with their phones.

    Raises:
        DataError: there is no alignment, or no frame that has a phone.
    """
    return sum_of(observation, utterance_tables(observation))


def utterance_tables(observation: Observation) -> dict[str, NDArray[np.int64]]:
    """The counts of each aligned utterance, by its name. Shape of each: [codes, phones], phones as in `phone_names`."""
    phones = phone_names(observation)
    shape = (observation.size, len(phones))
    return {
        one.name: count_pairs(one.codes, frame_phones(one, observation.frame_s, phones), shape)
        for one in observation.aligned
    }


def sum_of(observation: Observation, tables: dict[str, NDArray[np.int64]]) -> Contingency:
    """The table of some utterances together; phones that own no frame are left out of it."""
    phones = phone_names(observation)
    counts = np.sum(list(tables.values()), axis=0)
    heard = np.flatnonzero(counts.sum(axis=0))
    if not len(heard):
        raise DataError(f"{observation.name}: no frame lies in a phone; do the alignments belong to these recordings?")
    return Contingency(tuple(phones[place] for place in heard), counts[:, heard])
