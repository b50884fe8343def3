"""How many phones and how many codes an utterance has, and how long they last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.observed import Observation
from brevox.analysis.repeats import repeats
from brevox.analysis.runs import Run
from brevox.pictures import colour

_LONGEST_MS = 400.0


@dataclass(frozen=True)
class Lengths:
    """Of the aligned utterances of a run. A stretch is a code with its repeats.

    Args:
        utterances: their names.
        phones: in each. Shape: [utterances].
        kinds: different phones in each. Shape: [utterances].
        stretches: in each. Shape: [utterances].
        seconds: of each. Shape: [utterances].
        phone_ms: how long each phone lasts. Shape: [all phones].
        stretch_ms: how long each stretch lasts. Shape: [all stretches].
        frame_ms: of a code.
    """

    run: str
    utterances: tuple[str, ...]
    phones: NDArray[np.int64]
    kinds: NDArray[np.int64]
    stretches: NDArray[np.int64]
    seconds: NDArray[np.float64]
    phone_ms: NDArray[np.float64]
    stretch_ms: NDArray[np.float64]
    frame_ms: float

    @property
    def mean_phones(self) -> float:
        """Phones of an utterance, on average."""
        return float(self.phones.mean())


def lengths(observation: Observation) -> Lengths:
    """Measure all aligned utterances.

    Raises:
        DataError: there are none.
    """
    aligned = observation.aligned
    stretches = [repeats(one.codes)[1] for one in aligned]
    return Lengths(
        observation.name,
        tuple(one.name for one in aligned),
        np.array([len(one.segments) for one in aligned]),
        np.array([len({segment.label for segment in one.segments}) for one in aligned]),
        np.array([len(each) for each in stretches]),
        np.array([one.frames * observation.frame_s for one in aligned]),
        np.array([1000 * (segment.end_s - segment.start_s) for one in aligned for segment in one.segments]),
        (1000 * observation.frame_s * np.concatenate(stretches)).astype(np.float64),
        1000 * observation.frame_s,
    )


def draw(result: Lengths) -> Figure:
    """Phones and stretches per utterance on the left, how long they last on the right."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place, (what, counts) in enumerate((("phones", result.phones), ("stretches of a code", result.stretches))):
        left.hist(counts, bins=20, color=colour(place), alpha=0.6, label=f"{what}: {counts.mean():.1f} on average")
        left.axvline(counts.mean(), color=colour(place), linestyle="--", linewidth=1.2)
    left.set(xlabel="in an utterance", ylabel="utterances", title=f"{len(result.utterances)} utterances")
    bins = np.arange(0, _LONGEST_MS + result.frame_ms, result.frame_ms) + result.frame_ms / 2
    for place, (what, lasting) in enumerate((("phones", result.phone_ms), ("stretches of a code", result.stretch_ms))):
        weights = np.full(len(lasting), 100 / len(lasting))
        label = f"{what}: {np.median(lasting):.0f} ms (median)"
        shown = lasting.clip(result.frame_ms, _LONGEST_MS)
        right.hist(shown, bins=bins, weights=weights, color=colour(place), alpha=0.6, label=label)
    right.set(xlabel=f"lasts, ms (the last bar: {_LONGEST_MS:.0f} and longer)", ylabel="% of them", title="duration")
    for axes in (left, right):
        axes.legend(fontsize=8, frameon=False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    return figure


def _facts(result: Lengths) -> dict[str, float | str]:
    return {
        "phones in an utterance, on average": result.mean_phones,
        "different phones in an utterance": float(result.kinds.mean()),
        "phones a second": float(result.phones.sum() / result.seconds.sum()),
        "stretches for a phone": float(result.stretches.sum() / result.phones.sum()),
    }


def _table(result: Lengths) -> dict[str, bytes]:
    head = ["utterance", "seconds", "phones", "different_phones", "stretches"]
    rows = zip(result.utterances, result.seconds, result.phones, result.kinds, result.stretches, strict=True)
    return {".csv": csv_bytes(head, rows)}


LENGTHS: Evaluation[Run, Lengths] = Evaluation(
    name="phones-per-utterance",
    title="Phones and codes of an utterance",
    read=(
        "Left: how many phones and how many stretches of one code (a code with its repeats) the utterances have; "
        "dashed are the means. Right: how long they last. Codes that follow phones have about as many stretches as "
        "there are phones, and as long; most models change their code several times within a phone."
    ),
    compute=lambda run: lengths(run.observation),
    draw=draw,
    facts=_facts,
    files=_table,
)
