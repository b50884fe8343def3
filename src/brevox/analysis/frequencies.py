"""How often each phone and each code occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.labels import NONE, frame_phones, phone_names
from brevox.analysis.observed import Observation
from brevox.analysis.runs import Run
from brevox.pictures import colour

_MOST_LABELS = 100


@dataclass(frozen=True)
class Counted:
    """Labels and their frames, the most frequent first.

    Args:
        labels: those that occur.
        counts: Shape [labels].
        possible: how many labels there are.
    """

    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    possible: int

    @property
    def entropy_bits(self) -> float:
        """Of one frame's label, by the shares alone."""
        share = self.counts / self.counts.sum()
        return max(0.0, float(-(share * np.log2(share)).sum()))

    @property
    def perplexity(self) -> float:
        """So many labels, all equally frequent, would carry as much."""
        return float(2**self.entropy_bits)


@dataclass(frozen=True)
class Frequencies:
    """Of one run; phones are None without alignments."""

    run: str
    codes: Counted
    phones: Counted | None


def counted(values: NDArray[np.int64], labels: tuple[str, ...]) -> Counted:
    """Count places in `labels`; -1 counts for nothing. Shape of the values: [frames]."""
    counts = np.bincount(values[values != NONE], minlength=len(labels))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    return Counted(tuple(labels[place] for place in order), counts[order], len(labels))


def frequencies(observation: Observation) -> Frequencies:
    """Count the codes of all utterances, and the phones of the aligned ones, both in frames."""
    codes = counted(observation.codes, tuple(str(code) for code in range(observation.size)))
    if not any(one.segments for one in observation.spoken):
        return Frequencies(observation.name, codes, None)
    names = phone_names(observation)
    spoken = np.concatenate([frame_phones(one, observation.frame_s, names) for one in observation.aligned])
    return Frequencies(observation.name, codes, counted(spoken, names))


def draw(result: Frequencies) -> Figure:
    """Bars, phones above codes."""
    kinds = [("phones", result.phones)] if result.phones else []
    kinds.append(("codes", result.codes))
    figure = Figure(figsize=(11, 3.4 * len(kinds)), layout="constrained")
    for axes, (what, found) in zip(figure.subplots(len(kinds), 1, squeeze=False)[:, 0], kinds, strict=True):
        _bars(axes, what, found)
    return figure


def _bars(axes: Axes, what: str, found: Counted) -> None:
    shares = 100 * found.counts / found.counts.sum()
    many = len(shares) > _MOST_LABELS
    axes.bar(range(len(shares)), shares, width=1.0 if many else 0.8, color=colour(1))
    axes.axhline(100 / found.possible, color="0.4", linestyle="--", linewidth=1, label="if all were as frequent")
    axes.set_title(
        f"{what}: {len(found.labels)} of {found.possible} occur, perplexity {found.perplexity:.1f}", fontsize=10
    )
    axes.set(ylabel="% of frames", xlabel=f"{what}, the most frequent first", xlim=(-0.7, len(shares) - 0.3))
    if not many:
        axes.set_xticks(range(len(shares)), found.labels, fontsize=7 if len(shares) > 60 else 8)
        if what == "codes":
            axes.tick_params(axis="x", rotation=90)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, frameon=False)


def _facts(result: Frequencies) -> dict[str, float | str]:
    codes = result.codes
    told: dict[str, float | str] = {
        "codes in use": f"{len(codes.labels)} of {codes.possible}",
        "perplexity of codes": codes.perplexity,
    }
    if result.phones:
        told["perplexity of phones"] = result.phones.perplexity
    return told


def _table(result: Frequencies) -> dict[str, bytes]:
    kinds = {"code": result.codes} | ({"phone": result.phones} if result.phones else {})
    return {
        ".csv": csv_bytes(
            ["kind", "label", "frames", "share"],
            (
                [kind, label, count, float(count / found.counts.sum())]
                for kind, found in kinds.items()
                for label, count in zip(found.labels, found.counts, strict=True)
            ),
        )
    }


FREQUENCIES: Evaluation[Run, Frequencies] = Evaluation(
    name="frequencies",
    title="How often phones and codes occur",
    read=(
        "The share of frames of each phone and each code, the most frequent first. Codes that are used as evenly as"
        " the dashed line carry the most bits; a few high bars and a long empty end mean a codebook that has "
        "collapsed. Phones are never even, so codes that follow them need not be."
    ),
    compute=lambda run: frequencies(run.observation),
    draw=draw,
    facts=_facts,
    files=_table,
)
