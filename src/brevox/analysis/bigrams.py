"""Which phone follows which, and which code follows which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.labels import NONE, frame_phones, phone_names
from brevox.analysis.observed import Observation
from brevox.analysis.runs import Run
from brevox.errors import DataError

_MOST_LABELS = 64


@dataclass(frozen=True)
class Bigrams:
    """How often one label follows another, from a frame to the next one of the same utterance.

    Args:
        labels: of rows (first) and columns (second), the most frequent one first.
        counts: Shape [labels, labels].
    """

    labels: tuple[str, ...]
    counts: NDArray[np.int64]

    def shares(self, diagonal: bool = True) -> NDArray[np.float64]:
        """The counts over their sum: all cells together are 1. Shape: [labels, labels].

        Args:
            diagonal: False leaves out that a label follows itself; all is 0 if nothing else happens.
        """
        counts = self.counts if diagonal else self.counts - np.diag(np.diag(self.counts))
        return counts / max(1, counts.sum())


def bigrams(sequences: Iterable[NDArray[np.int64]], labels: Sequence[str]) -> Bigrams:
    """Count neighbours.

    Args:
        sequences: places in `labels`, or -1 where there is none, over which nothing follows. Shape of each: [frames].
        labels: their names; those that do not occur are left out of the result.

    Raises:
        DataError: no frame follows another.
    """
    size = len(labels)
    counts = np.zeros(size * size, np.int64)
    single = np.zeros(size, np.int64)
    for sequence in sequences:
        first, second = sequence[:-1], sequence[1:]
        known = (first != NONE) & (second != NONE)
        counts += np.bincount(first[known] * size + second[known], minlength=size * size)
        single += np.bincount(sequence[sequence != NONE], minlength=size)
    if not counts.any():
        raise DataError("no frame follows another: the utterances are too short for bigrams")
    order = np.argsort(-single, kind="stable")[: np.count_nonzero(single)]
    table = counts.reshape(size, size)[np.ix_(order, order)]
    return Bigrams(tuple(labels[place] for place in order), table)


@dataclass(frozen=True)
class BigramPair:
    """Those of one run.

    Args:
        codes: of all utterances.
        phones: of those with an alignment, frame by frame as the codes; None without any.
    """

    run: str
    codes: Bigrams
    phones: Bigrams | None


def bigram_pair(observation: Observation) -> BigramPair:
    """Count codes, and phones where there are alignments."""
    codes = bigrams((one.codes for one in observation.spoken), [str(code) for code in range(observation.size)])
    phones = None
    if any(one.segments for one in observation.spoken):
        names = phone_names(observation)
        phones = bigrams((frame_phones(one, observation.frame_s, names) for one in observation.aligned), names)
    return BigramPair(observation.name, codes, phones)


def draw(result: BigramPair) -> Figure:
    """Matrices with the diagonal on the left, without on the right."""
    kinds = [("phones", result.phones)] if result.phones else []
    kinds.append(("codes", result.codes))
    figure = Figure(figsize=(12, 5.2 * len(kinds)), layout="constrained")
    panels = figure.subplots(len(kinds), 2, squeeze=False)
    for row, (what, found) in zip(panels, kinds, strict=True):
        for axes, diagonal in zip(row, (True, False), strict=True):
            shares = found.shares(diagonal)
            axes.set_title(f"{what}{'' if diagonal else ', without the diagonal'}")
            axes.set(xlabel="next frame", ylabel="this frame")
            if not shares.any():
                axes.text(0.5, 0.5, "nothing but repeats", ha="center", transform=axes.transAxes)
                continue
            norm = LogNorm(shares[shares > 0].min(), shares.max())
            image = axes.imshow(
                np.where(shares > 0, shares, np.nan), cmap="cividis", norm=norm, interpolation="nearest"
            )
            figure.colorbar(image, ax=axes, shrink=0.8, label="share of all pairs")
            if len(found.labels) <= _MOST_LABELS:
                size = 7 if len(found.labels) > 40 else 8
                axes.set_xticks(range(len(found.labels)), found.labels, fontsize=size, rotation=90)
                axes.set_yticks(range(len(found.labels)), found.labels, fontsize=size)
    return figure


def _facts(result: BigramPair) -> dict[str, float | str]:
    told: dict[str, float | str] = {"codes that repeat from a frame to the next": _repeats(result.codes)}
    if result.phones:
        told["phones that repeat from a frame to the next"] = _repeats(result.phones)
    return told


def _repeats(found: Bigrams) -> float:
    return float(np.trace(found.shares()))


def _tables(result: BigramPair) -> dict[str, bytes]:
    kinds = {"codes": result.codes} | ({"phones": result.phones} if result.phones else {})
    return {f"-{what}.csv": _table(found) for what, found in kinds.items()}


def _table(found: Bigrams) -> bytes:
    shares, others = found.shares(), found.shares(diagonal=False)
    return csv_bytes(
        ["first", "second", "count", "share", "share_without_diagonal"],
        (
            [found.labels[i], found.labels[j], found.counts[i, j], shares[i, j], others[i, j]]
            for i, j in np.argwhere(found.counts)
        ),
    )


BIGRAMS: Evaluation[Run, BigramPair] = Evaluation(
    name="bigrams",
    title="Bigrams of phones and of codes",
    read=(
        "Each cell is how often the label of its column comes one frame after that of its row, as a share of all "
        "pairs; white never happens. A bright diagonal means that labels last for several frames. Without it one "
        "sees what changes into what: codes that know phones have few bright cells, as phones do; noise has an even"
        " grey."
    ),
    compute=lambda run: bigram_pair(run.observation),
    draw=draw,
    facts=_facts,
    files=_tables,
    numbers=_facts,
)
