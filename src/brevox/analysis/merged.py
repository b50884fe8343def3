"""The losses of several runs in one picture, and their mean and band over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.losses import SHOWN, panels, scale, shown_names, size_of, smoothed
from brevox.analysis.runs import Run, same_but_seed
from brevox.errors import DataError
from brevox.pictures import COLOURS, colour
from brevox.training.logs import Curve

_STYLES = ("-", "--", ":")


@dataclass(frozen=True)
class Merged:
    """Curves by run and name: of validation where there are such, else of training."""

    runs: dict[str, dict[str, Curve]]


@dataclass(frozen=True)
class Band:
    """One quantity over several seeds, at the steps that all of them logged.

    Args:
        steps: Shape [points].
        mean, deviation: over seeds. Shape: [points].
        seeds: how many.
    """

    steps: NDArray[np.int64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    seeds: int


@dataclass(frozen=True)
class Bands:
    """By group of runs that differ only in their seed, and by name."""

    groups: dict[str, dict[str, Band]]


def best_curves(run: Run) -> dict[str, Curve]:
    """Each quantity as validation logged it; as training did, where validation did not."""
    return {**run.train_log, **run.valid_log}


def merged(runs: Sequence[Run]) -> Merged:
    """Read the logs of at least two runs.

    Raises:
        DataError: there is only one run, or nothing was logged.
    """
    if len(runs) < 2:
        raise DataError("there is only one run; give several folders to compare their losses")
    return Merged({run.name: best_curves(run) for run in runs})


def band(curves: Sequence[Curve]) -> Band | None:
    """Mean and standard deviation over curves; None if they have no step in common. Each is smoothed first."""
    common = curves[0].steps
    for curve in curves[1:]:
        common = np.intersect1d(common, curve.steps)
    if not len(common):
        return None
    values = np.stack([smoothed(curve)[np.searchsorted(curve.steps, common)] for curve in curves])
    return Band(common, values.mean(axis=0), values.std(axis=0, ddof=1), len(curves))


def bands(runs: Sequence[Run]) -> Bands:
    """Average the runs that differ only in their seed.

    Raises:
        DataError: no two do.
    """
    groups = {name: members for name, members in same_but_seed(runs).items() if len(members) > 1}
    if not groups:
        raise DataError("no two of the runs differ in nothing but the seed, which a band over seeds needs")
    found = {}
    for name, members in groups.items():
        every = [best_curves(run) for run in members]
        shared = [each for each in every[0] if all(each in curves for curves in every)]
        made = {each: band([curves[each] for curves in every]) for each in shared}
        found[name] = {each: one for each, one in made.items() if one is not None}
    return Bands(found)


def draw_merged(result: Merged) -> Figure:
    """A panel for each quantity, a line for each run."""
    names = shown_names(name for curves in result.runs.values() for name in curves)
    figure = Figure(figsize=(size_of(names)[0], size_of(names)[1] + 0.2 * len(result.runs) / 3), layout="constrained")
    every = panels(figure, names)
    for name, axes in every.items():
        drawn = []
        for place, curves in enumerate(result.runs.values()):
            if name in curves:
                style = _STYLES[place // len(COLOURS) % len(_STYLES)]
                axes.plot(
                    curves[name].steps, smoothed(curves[name]), color=colour(place), linestyle=style, linewidth=1.2
                )
                drawn.append(curves[name].values)
        scale(axes, drawn)
    lines = [
        figure.axes[0].plot([], [], color=colour(place), linestyle=_STYLES[place // len(COLOURS) % len(_STYLES)])[0]
        for place in range(len(result.runs))
    ]
    figure.legend(lines, list(result.runs), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def draw_bands(result: Bands) -> Figure:
    """A panel for each quantity; the mean of each group, and one standard deviation to both sides."""
    names = shown_names(name for found in result.groups.values() for name in found)
    figure = Figure(figsize=size_of(names), layout="constrained")
    for name, axes in panels(figure, names).items():
        drawn = []
        for place, (group, found) in enumerate(result.groups.items()):
            if name in found:
                one = found[name]
                label = f"{group}, {one.seeds} seeds"
                axes.plot(one.steps, one.mean, color=colour(place), linewidth=1.5, label=label)
                axes.fill_between(
                    one.steps, one.mean - one.deviation, one.mean + one.deviation, color=colour(place), alpha=0.25
                )
                drawn += [one.mean, one.mean - one.deviation]
        scale(axes, drawn)
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _merged_facts(result: Merged) -> dict[str, float | str]:
    first = shown_names(name for curves in result.runs.values() for name in curves)[0]
    last = {run: curves[first].last for run, curves in result.runs.items() if first in curves}
    best = min(last, key=lambda run: last[run])
    return {f"least {SHOWN.get(first, first)} at the end": f"{last[best]:.4g} ({best})"}


def _merged_table(result: Merged) -> dict[str, bytes]:
    rows = (
        [run, name, step, value]
        for run, curves in result.runs.items()
        for name in shown_names(curves)
        for step, value in zip(curves[name].steps, curves[name].values, strict=True)
    )
    return {".csv": csv_bytes(["run", "name", "step", "value"], rows)}


def _bands_facts(result: Bands) -> dict[str, float | str]:
    told: dict[str, float | str] = {}
    for group, found in result.groups.items():
        for name in shown_names(found)[:1]:
            one = found[name]
            told[f"{SHOWN.get(name, name)} of {group} at the end"] = (
                f"{one.mean[-1]:.4g} ± {one.deviation[-1]:.2g} over {one.seeds} seeds"
            )
    return told


def _bands_table(result: Bands) -> dict[str, bytes]:
    rows = (
        [group, name, step, mean, deviation, one.seeds]
        for group, found in result.groups.items()
        for name, one in found.items()
        for step, mean, deviation in zip(one.steps, one.mean, one.deviation, strict=True)
    )
    return {".csv": csv_bytes(["group", "name", "step", "mean", "deviation", "seeds"], rows)}


MERGED: Evaluation[Sequence[Run], Merged] = Evaluation(
    name="losses-of-runs",
    title="Losses of all runs",
    read=(
        "Each line is a run, in validation where that was logged. Compare where lines level off, not how fast they "
        "start; losses of runs with different features or weights are not comparable, perplexities of different "
        "codebook sizes only as a share of the size."
    ),
    compute=merged,
    draw=draw_merged,
    facts=_merged_facts,
    files=_merged_table,
    together=True,
)

BANDS: Evaluation[Sequence[Run], Bands] = Evaluation(
    name="losses-over-seeds",
    title="Losses over seeds",
    read=(
        "The mean over runs that differ only in their seed; the band is one standard deviation to both sides. Two "
        "groups differ for sure only where their bands lie apart."
    ),
    compute=bands,
    draw=draw_bands,
    facts=_bands_facts,
    files=_bands_table,
    together=True,
)
