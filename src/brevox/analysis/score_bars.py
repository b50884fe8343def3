"""Scores as groups of bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from brevox.analysis.agreement import mean_and_spread
from brevox.analysis.clustering import TITLES, Scores
from brevox.pictures import colour

_MOST_WITH_NUMBERS = 3


def draw_bars(axes: Axes, bars: Sequence[tuple[str, Sequence[Scores]]]) -> None:
    """A group for each score; in it a bar for each of several models, with the standard deviation over its seeds."""
    width = 0.8 / len(bars)
    for place, (label, scores) in enumerate(bars):
        told = [mean_and_spread(scores, name) for name in TITLES]
        at = np.arange(len(TITLES)) + (place - (len(bars) - 1) / 2) * width
        heights = [mean for mean, _ in told]
        spread = [deviation for _, deviation in told] if len(scores) > 1 else None
        drawn = axes.bar(at, heights, width * 0.92, yerr=spread, capsize=2, label=label, color=colour(place))
        if len(bars) <= _MOST_WITH_NUMBERS:
            axes.bar_label(drawn, [f"{mean:.2f}" for mean in heights], fontsize=7, padding=2)
    axes.set_xticks(range(len(TITLES)), list(TITLES.values()), fontsize=9)
    axes.set_ylabel("score (1 is best)")
    axes.margins(y=0.12)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
