"""Where phones begin and end by the alignment, and where codes do."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.labels import NONE, frame_phones
from brevox.analysis.mapping import mapping
from brevox.analysis.observed import Observation, Observed
from brevox.analysis.repeats import repeats
from brevox.analysis.runs import Run
from brevox.data.alignment import Segment
from brevox.pictures import COLOURS

#: A boundary is found if one of the codes lies this near; usual since Räsänen et al. 2009.
TOLERANCE_S = 0.02
_SHOWN_S = 2.5
_LEAST_S = 1e-6
_LEAST_POINTS = 5.5


@dataclass(frozen=True)
class Aligned:
    """One utterance.

    Args:
        phones: by the alignment.
        learned: a segment for each stretch of a code, its label the code.
        named: the phone that the stretch's code stands for in the whole split, for each of `learned`.
    """

    name: str
    phones: tuple[Segment, ...]
    learned: tuple[Segment, ...]
    named: tuple[str, ...]


@dataclass(frozen=True)
class Alignments:
    """Of one run.

    Args:
        utterances: the aligned ones.
        example: which of them is drawn, and its frames' latents.
        precision: share of the codes' boundaries that lie within 20 ms of a phone's.
        recall: share of the phones' boundaries that lie within 20 ms of a code's.
        r_value: 1 for the same boundaries; punishes too many of them (Räsänen, Laine and Altosaar 2009).
        agreeing: share of the example's frames with a phone whose code stands for it.
    """

    run: str
    utterances: tuple[Aligned, ...]
    example: int
    latents: NDArray[np.float32]
    frame_s: float
    precision: float
    recall: float
    r_value: float
    agreeing: float


def learned_segments(codes: NDArray[np.int64], frame_s: float) -> tuple[Segment, ...]:
    """A segment for each stretch of one code, labelled with it. Shape of the codes: [frames]."""
    starts, sizes = repeats(codes)
    return tuple(
        Segment(float(start * frame_s), float((start + size) * frame_s), str(codes[start]))
        for start, size in zip(starts, sizes, strict=True)
    )


def boundaries(segments: tuple[Segment, ...], seconds: float) -> NDArray[np.float64]:
    """The times at which segments begin or end, once each, within an utterance of so many seconds."""
    times = np.unique(np.round([time for segment in segments for time in (segment.start_s, segment.end_s)], 6))
    return times[(times > _LEAST_S) & (times < seconds - _LEAST_S)]


def boundary_hits(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> tuple[int, int]:
    """How many of the found boundaries lie near a wanted one, and how many of the wanted near a found one."""
    if not len(found) or not len(wanted):
        return 0, 0
    near = np.abs(found[:, None] - wanted[None]) <= TOLERANCE_S + _LEAST_S
    return int(near.any(axis=1).sum()), int(near.any(axis=0).sum())


def r_value(precision: float, recall: float) -> float:
    """From what is found and by how many boundaries there are too many."""
    if not precision:
        return 0.0
    too_many = recall / precision - 1
    far = sqrt((1 - recall) ** 2 + too_many**2)
    aside = (-too_many + recall - 1) / sqrt(2)
    return 1 - (abs(far) + abs(aside)) / 2


def alignments(observation: Observation) -> Alignments:
    """Compare the boundaries of all aligned utterances.

    Raises:
        DataError: there are none.
    """
    found = mapping(observation)
    names = np.array([*found.table.phones, "-"])
    utterances = []
    hits = np.zeros(4)
    for one in observation.aligned:
        learned = learned_segments(one.codes, observation.frame_s)
        stands_for = names[found.phone_of[[int(segment.label) for segment in learned]]]
        utterances.append(Aligned(one.name, one.segments, learned, tuple(map(str, stands_for))))
        seconds = one.frames * observation.frame_s
        codes, phones = boundaries(learned, seconds), boundaries(one.segments, seconds)
        hits += (*boundary_hits(codes, phones), len(codes), len(phones))
    precision, recall = hits[0] / max(1, hits[2]), hits[1] / max(1, hits[3])
    # The one that is nearest in length to what can be drawn.
    far = [abs(one.frames * observation.frame_s - _SHOWN_S) for one in observation.aligned]
    example = int(np.argmin(far))
    one = observation.aligned[example]
    return Alignments(
        observation.name,
        tuple(utterances),
        example,
        one.latents,
        observation.frame_s,
        float(precision),
        float(recall),
        float(r_value(precision, recall)),
        _agreeing(one, observation.frame_s, found.table.phones, found.phone_of),
    )


def _agreeing(one: Observed, frame_s: float, phones: tuple[str, ...], phone_of: NDArray[np.int64]) -> float:
    labels = {segment.label for segment in one.segments}
    every = (*phones, *sorted(labels - set(phones)))
    spoken = frame_phones(one, frame_s, every)
    known = spoken != NONE
    return float((phone_of[one.codes[known]] == spoken[known]).mean()) if known.any() else 0.0


def draw(result: Alignments) -> Figure:
    """The encoder's output of one utterance, and below it phones, codes, and the phones that the codes stand for."""
    one = result.utterances[result.example]
    last_s = min(_SHOWN_S, len(result.latents) * result.frame_s)
    figure = Figure(figsize=(13, 5.2), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True, height_ratios=[3, 1, 1, 1])
    standard = (result.latents - result.latents.mean(axis=0)) / np.maximum(result.latents.std(axis=0), 1e-6)
    extent = (0, len(result.latents) * result.frame_s, -0.5, result.latents.shape[1] - 0.5)
    panels[0].imshow(
        standard.T,
        aspect="auto",
        origin="lower",
        extent=extent,
        vmin=-2.5,
        vmax=2.5,
        cmap="cividis",
        interpolation="nearest",
    )
    panels[0].set(ylabel="encoder output,\ndimension")
    panels[0].set_title(
        f"{one.name}: {result.agreeing:.0%} of its frames agree. Boundaries of all utterances within 20 ms: precision "
        f"{result.precision:.2f}, recall {result.recall:.2f}, R-value {result.r_value:.2f}",
        fontsize=10,
    )
    for time in boundaries(one.phones, extent[1]):
        panels[0].axvline(time, color="white", linewidth=0.8, alpha=0.8)
    _strip(panels[1], one.phones, [segment.label for segment in one.phones], last_s)
    _strip(panels[2], one.learned, [segment.label for segment in one.learned], last_s)
    _strip(panels[3], *_joined(one), last_s)
    for axes, what in zip(panels[1:], ("phones", "codes", "phones that the\ncodes stand for"), strict=True):
        axes.set_ylabel(what, rotation=0, ha="right", va="center")
        axes.set_yticks([])
    panels[3].set(xlabel="s", xlim=(0, last_s))
    return figure


def _joined(one: Aligned) -> tuple[tuple[Segment, ...], list[str]]:
    """Stretches whose codes stand for the same phone, as one."""
    joined: list[Segment] = []
    for segment, phone in zip(one.learned, one.named, strict=True):
        if joined and joined[-1].label == phone:
            joined[-1] = Segment(joined[-1].start_s, segment.end_s, phone)
        else:
            joined.append(Segment(segment.start_s, segment.end_s, phone))
    return tuple(joined), [segment.label for segment in joined]


def _strip(axes: Axes, segments: tuple[Segment, ...], labels: list[str], last_s: float) -> None:
    """Boxes with labels; the same label has the same colour in every strip, within what ten colours allow."""
    for segment, label in zip(segments, labels, strict=True):
        if segment.start_s >= last_s:
            continue
        width = segment.end_s - segment.start_s
        shade = COLOURS[sum(label.encode()) * 7 % len(COLOURS)]
        axes.barh(0, width, left=segment.start_s, height=1, color=shade, alpha=0.35, edgecolor="0.3", linewidth=0.5)
        # In points: the strip is about 800 wide, a letter 0.7 of its size.
        room = width / last_s * 800
        size = min(9.0, room / (0.7 * len(label)))
        upright = size < _LEAST_POINTS
        if upright:
            size = min(8.0, 0.9 * room)
        middle = segment.start_s + width / 2
        axes.text(
            middle, 0, label, ha="center", va="center", fontsize=size, rotation=90 if upright else 0, clip_on=True
        )
    axes.set_ylim(-0.5, 0.5)


def _facts(result: Alignments) -> dict[str, float | str]:
    return {
        "precision of boundaries within 20 ms": result.precision,
        "recall of boundaries within 20 ms": result.recall,
        "R-value of boundaries": result.r_value,
    }


def _tables(result: Alignments) -> dict[str, bytes]:
    learned = (
        [one.name, segment.start_s, segment.end_s, segment.label, phone]
        for one in result.utterances
        for segment, phone in zip(one.learned, one.named, strict=True)
    )
    phones = ([one.name, s.start_s, s.end_s, s.label] for one in result.utterances for s in one.phones)
    return {
        "-codes.csv": csv_bytes(["utterance", "start_s", "end_s", "code", "stands_for"], learned),
        "-phones.csv": csv_bytes(["utterance", "start_s", "end_s", "phone"], phones),
    }


ALIGNMENTS: Evaluation[Run, Alignments] = Evaluation(
    name="alignments",
    title="Phones and codes in time",
    read=(
        "One utterance. Above the encoder's output with the boundaries of phones as white lines; below the phones "
        "of the alignment, the codes with their repeats as one box, and the phones that these codes stand for. "
        "Boxes that are aligned from top to bottom mean codes that change with the phones. An R-value of 1 is all "
        "boundaries and no others."
    ),
    compute=lambda run: alignments(run.observation),
    draw=draw,
    facts=_facts,
    files=_tables,
    numbers=lambda result: {"example": result.utterances[result.example].name, **_facts(result)},
)
