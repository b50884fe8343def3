"""Agreement with phones across runs: over codebook sizes, and over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from brevox.analysis.agreement import Agreement, mean_and_spread
from brevox.analysis.clustering import TITLES, Scores
from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.runs import Run, same_but_seed, same_but_size
from brevox.analysis.score_bars import Bars, draw_bars
from brevox.errors import BrevoxError, DataError
from brevox.pictures import colour, marker

#: The scores that are drawn over sizes; the others are among them under another name, or in the table.
_DRAWN = ("ami", "nmi", "ari", "pnmi", "completeness", "purity")


@dataclass(frozen=True)
class Group:
    """Runs that belong together.

    Args:
        name: of what they have in common.
        runs: their scores.
        failed: why others of them have none, by run.
    """

    name: str
    runs: tuple[Agreement, ...]
    failed: dict[str, str]

    @property
    def scores(self) -> list[Scores]:
        return [run.scores for run in self.runs]

    @property
    def baseline(self) -> list[Scores]:
        return different(self.runs)

    def by_size(self) -> dict[int, Group]:
        """The runs of each codebook size, rising."""
        sizes = sorted({run.size for run in self.runs})
        return {size: Group(self.name, tuple(r for r in self.runs if r.size == size), {}) for size in sizes}


def different(runs: Sequence[Agreement]) -> list[Scores]:
    """What k-means scored beside the runs. Beside runs of one corpus and size it is the same, which counts once."""
    return list(dict.fromkeys(each for run in runs for each in run.baseline))


def _groups(runs: Sequence[Run], by: Callable[[Sequence[Run]], dict[str, list[Run]]]) -> list[Group]:
    """Score all runs; one that cannot be scored does not stop the others.

    Raises:
        DataError: none can be scored.
    """
    groups = []
    for name, members in by(runs).items():
        scored, failed = [], {}
        for run in members:
            try:
                scored.append(run.agreement)
            except BrevoxError as error:
                failed[run.name] = str(error)
            run.forget()
        groups.append(Group(name, tuple(scored), failed))
    if not any(group.runs for group in groups):
        raise DataError("no run could be scored: " + next(iter(groups[0].failed.values())))
    return [group for group in groups if group.runs]


def over_sizes(runs: Sequence[Run]) -> list[Group]:
    """Runs that differ in nothing but codebook size and seed, together.

    Raises:
        DataError: no two of them have different sizes.
    """
    groups = [group for group in _groups(runs, same_but_size) if len(group.by_size()) > 1]
    if not groups:
        raise DataError("no two runs differ in nothing but the codebook size and the seed; give several of them")
    return groups


def over_seeds(runs: Sequence[Run]) -> list[Group]:
    """Runs that differ in nothing but the seed, together.

    Raises:
        DataError: no two do.
    """
    groups = _groups(runs, same_but_seed)
    if all(len(group.runs) < 2 for group in groups):
        raise DataError("no two of the runs differ in nothing but the seed; give several of them")
    return groups


def draw_sizes(groups: list[Group]) -> Figure:
    """A panel for each score over the codebook size; k-means in grey."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = figure.subplots(2, 3)
    sizes = sorted({size for group in groups for size in group.by_size()})
    for axes, name in zip(panels.ravel(), _DRAWN, strict=True):
        for place, group in enumerate(groups):
            _line(axes, {size: each.scores for size, each in group.by_size().items()}, name, group.name, place)
        beside = {size: different([r for group in groups for r in group.runs if r.size == size]) for size in sizes}
        baseline = {size: scores for size, scores in beside.items() if scores}
        if baseline:
            _line(axes, baseline, name, "k-means on the features", None)
        axes.set(xscale="log", title=TITLES[name], xlabel="codes")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
        axes.grid(alpha=0.25)
    lines, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return figure


def _line(axes: Axes, scores: dict[int, list[Scores]], name: str, label: str, place: int | None) -> None:
    told = [mean_and_spread(each, name) for each in scores.values()]
    look: dict[str, Any] = {"color": "0.45", "marker": "D", "linestyle": "--"}
    if place is not None:
        look = {"color": colour(place), "marker": marker(place), "linestyle": "-"}
    means, spreads = [mean for mean, _ in told], [spread for _, spread in told]
    axes.errorbar(list(scores), means, yerr=spreads, capsize=3, markersize=5, label=label, **look)


def draw_seeds(groups: list[Group]) -> Figure:
    """Bars for each score, a bar for each group."""
    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    axes = figure.subplots()
    bars = []
    for group in groups:
        seeds = f"{len(group.runs)} seed{'s' if len(group.runs) > 1 else ''}"
        bars.append(Bars(f"{group.name} ({seeds})", group.scores))
    for size in sorted({run.size for group in groups for run in group.runs}):
        baseline = different([run for group in groups for run in group.runs if run.size == size])
        if baseline:
            bars.append(Bars(f"k-means on the features, {size} clusters", baseline, beside=True))
    draw_bars(axes, bars)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _facts(groups: list[Group]) -> dict[str, float | str]:
    told: dict[str, float | str] = {}
    for group in groups:
        for size, each in group.by_size().items():
            mean, spread = mean_and_spread(each.scores, "ami")
            bars = f" ± {spread:.3f} ({len(each.runs)} seeds)" if len(each.runs) > 1 else ""
            told[f"AMI of {group.name}, {size} codes"] = f"{mean:.3f}{bars}"
            if each.baseline:
                told[f"AMI of k-means, {size} clusters"] = f"{mean_and_spread(each.baseline, 'ami')[0]:.3f}"
        for run, reason in group.failed.items():
            told[f"not scored: {run}"] = reason
    return told


def _table(groups: list[Group]) -> dict[str, bytes]:
    rows = [
        [group.name, what, size, name, float(np.mean(values)), spread, len(values), min(values), max(values)]
        for group in groups
        for size, part in group.by_size().items()
        for what, scores in (("codes", part.scores), ("k-means", part.baseline))
        if scores
        for name in asdict(scores[0])
        for values in [[getattr(each, name) for each in scores]]
        for spread in [mean_and_spread(scores, name)[1]]
    ]
    head = ["group", "what", "size", "score", "mean", "deviation", "drawings", "least", "most"]
    return {".csv": csv_bytes(head, rows)}


SIZES: Evaluation[Sequence[Run], list[Group]] = Evaluation(
    name="clustering-over-sizes",
    title="Agreement over codebook sizes",
    read=(
        "Each point is the mean over runs of one codebook size, the bar the standard deviation over their seeds; "
        "grey is k-means on the features with as many clusters. Purity and PNMI rise with the size by themselves, "
        "completeness falls: AMI is the fair one. A model is worth its training where its line is above the grey "
        "one by more than the bars."
    ),
    compute=over_sizes,
    draw=draw_sizes,
    facts=_facts,
    files=_table,
    together=True,
)

SEEDS: Evaluation[Sequence[Run], list[Group]] = Evaluation(
    name="clustering-over-seeds",
    title="Agreement over seeds",
    read=(
        "Each bar is the mean over runs that differ only in their seed, the thin line the standard deviation. "
        "Differences between groups that are smaller than these lines say nothing."
    ),
    compute=over_seeds,
    draw=draw_seeds,
    facts=_facts,
    files=_table,
    together=True,
)
