"""Rate-quality curves as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from brevox.evaluation.metrics.metric import Metric
from brevox.evaluation.runs import ORIGINAL
from brevox.evaluation.summary import Mean, Summary
from brevox.pictures import colour, marker

_TICKS_KBPS = (0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def curve(metric: Metric, summaries: Sequence[Summary], titles: dict[str, str]) -> Figure | None:
    """One measure over the bit rate of files, a line for each codec, with 95 % intervals.

    Args:
        titles: of the codecs, by name.

    Returns:
        None if nothing was measured.
    """
    lines: dict[str, list[tuple[float, Mean]]] = {}
    for summary in summaries:
        if metric.name in summary.means and summary.condition.codec != ORIGINAL:
            point = (summary.file_kbps, summary.means[metric.name])
            lines.setdefault(summary.condition.codec, []).append(point)
    if not lines:
        return None
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    codecs = list(
        dict.fromkeys(summary.condition.codec for summary in summaries if summary.condition.codec != ORIGINAL)
    )
    for codec, points in lines.items():
        place = codecs.index(codec)
        points.sort(key=lambda point: point[0])
        axes.errorbar(
            [kbps for kbps, _ in points],
            [mean.value for _, mean in points],
            yerr=np.transpose([_errors(mean) for _, mean in points]),
            label=titles.get(codec, codec),
            color=colour(place),
            marker=marker(place),
            markersize=5,
            linewidth=2.2 if place == 0 else 1.3,
            capsize=2,
        )
    original = next(
        (s.means[metric.name] for s in summaries if s.condition.codec == ORIGINAL and metric.name in s.means), None
    )
    if original is not None and not metric.uses_reference:
        axes.axhline(original.value, color="0.5", linestyle="--", linewidth=1)
        axes.annotate(
            "the original",
            (1, original.value),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color="0.4",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS_KBPS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda kbps, _: f"{kbps:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("kbit/s of the file, as stored")
    axes.set_ylabel(f"{metric.title}{f' ({metric.unit})' if metric.unit else ''}")
    axes.set_title(f"{metric.title}: {'higher' if metric.higher_is_better else 'lower'} is better", fontsize=11)
    axes.grid(alpha=0.25)
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return figure


def _errors(mean: Mean) -> tuple[float, float]:
    """How far the interval goes down and up; NaN, which is not drawn, where there is none."""
    if mean.low is None or mean.high is None:
        return nan, nan
    return mean.value - mean.low, mean.high - mean.value
