"""Scores as groups of bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from brevox.analysis.agreement import mean_and_spread
from brevox.analysis.clustering import TITLES, Scores
from brevox.pictures import colour

_MOST_WITH_NUMBERS = 3
_AS_GOOD_AS_ZERO = -0.01
_HATCHES = ("//", "..", "xx")


class Bars(NamedTuple):
    """One model, in one or several drawings.

    label: in the legend.
    scores: of each drawing.
    beside: whether it is there only to compare with: it is drawn in grey.
    """

    label: str
    scores: Sequence[Scores]
    beside: bool = False


def draw_bars(axes: Axes, bars: Sequence[Bars]) -> None:
    """A group for each score; in it a bar for each model, with the standard deviation over its drawings."""
    width = 0.8 / len(bars)
    for place, one in enumerate(bars):
        told = [mean_and_spread(one.scores, name) for name in TITLES]
        at = np.arange(len(TITLES)) + (place - (len(bars) - 1) / 2) * width
        heights = [mean for mean, _ in told]
        spread = [deviation for _, deviation in told] if len(one.scores) > 1 else None
        look: dict[str, Any] = {"color": colour(place)}
        if one.beside:
            look = {"color": "0.8", "linewidth": 0.5, "edgecolor": "0.45", "hatch": _HATCHES[place % len(_HATCHES)]}
        drawn = axes.bar(at, heights, width * 0.92, yerr=spread, capsize=2, label=one.label, **look)
        if len(bars) <= _MOST_WITH_NUMBERS:
            axes.bar_label(drawn, [f"{mean:.2f}".replace("-0.00", "0.00") for mean in heights], fontsize=7, padding=2)
    axes.set_xticks(range(len(TITLES)), list(TITLES.values()), fontsize=9)
    axes.set_ylabel("score (1 is best)")
    axes.margins(y=0.12)
    if min(getattr(each, name) for one in bars for each in one.scores for name in TITLES) > _AS_GOOD_AS_ZERO:
        axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
