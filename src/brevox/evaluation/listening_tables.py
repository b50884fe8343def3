"""The analysis of a listening test as files: tables for programs, a picture for people."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from brevox.evaluation.listening import ANCHOR, REFERENCE
from brevox.evaluation.listening_analysis import Analysis, Interval
from brevox.output import atomic_output, write_json

#: Of the five equal parts of the scale, from 0 on.
LABELS = ("bad", "poor", "fair", "good", "excellent")


def write_analysis(analysis: Analysis, folder: Path) -> list[Path]:
    """Write `conditions.csv`, `differences.csv`, `ratings.csv`, `analysis.json` and `ratings.png`.

    Args:
        folder: made if it is not there.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("conditions.csv", "differences.csv", "ratings.csv")]
    _write_csv(
        paths[0],
        ["condition", "ratings", "mean", "low_95", "high_95", "median", "quartile_1", "quartile_3"],
        (
            [one.condition, one.ratings, f"{one.mean:.3f}", *_ends(one.interval), one.median, *one.quartiles]
            for one in analysis.conditions
        ),
    )
    _write_csv(
        paths[1],
        ["first", "second", "first_minus_second", "low_95", "high_95", "p", "p_holm"],
        (
            [one.first, one.second, f"{one.mean:.3f}", *_ends(one.interval), f"{one.p:.4g}", f"{one.p_holm:.4g}"]
            for one in analysis.differences
        ),
    )
    everybody = [(one, "yes") for one in analysis.kept] + [(one, "no") for one, _ in analysis.excluded]
    _write_csv(
        paths[2],
        ["listener", "session", "counted", "trial", "condition", "rating"],
        ([one.name, one.session, counted, *rating] for one, counted in everybody for rating in one.ratings),
    )
    paths += [folder / "analysis.json", folder / "ratings.png"]
    write_json(paths[3], asdict(analysis))
    with atomic_output(paths[4]) as part:
        picture(analysis).savefig(part, format="png", dpi=130)
    return paths


def picture(analysis: Analysis) -> Figure:
    """For each condition a box plot of all ratings, listeners' means as dots, and the mean with its interval."""
    conditions = analysis.conditions[::-1]  # the best on top
    figure = Figure(figsize=(8, 2 + 0.5 * len(conditions)), layout="constrained")
    axes = figure.subplots()
    for edge in range(0, 100, 40):
        axes.axvspan(edge, edge + 20, color="0.96", zorder=0)
    for place, score in enumerate(conditions):
        by_listener = [
            [rating for _, condition, rating in listener.ratings if condition == score.condition]
            for listener in analysis.kept
        ]
        everything = [rating for ratings in by_listener for rating in ratings]
        low, high = score.quartiles
        colour = "0.85" if score.condition in (REFERENCE, ANCHOR) else "#BFDDF0"
        axes.hlines(place, min(everything), max(everything), color="0.5", lw=1, zorder=1)
        axes.barh(place, high - low, 0.62, left=low, color=colour, edgecolor="0.5", zorder=2)
        axes.vlines(score.median, place - 0.31, place + 0.31, color="black", lw=1.4, zorder=3)
        # Beside each other rather than at random: the same picture each time.
        beside = place + np.linspace(-0.22, 0.22, len(by_listener)) if len(by_listener) > 1 else [place]
        axes.plot([np.mean(ratings) for ratings in by_listener], beside, "o", color="0.45", markersize=2.5, zorder=4)
        if score.interval is not None:
            axes.hlines(place, score.interval.low, score.interval.high, color="#D55E00", lw=2.2, zorder=5)
        axes.plot(score.mean, place, "D", color="#D55E00", markersize=5, zorder=6)
    axes.set_yticks(range(len(conditions)), [score.condition for score in conditions], parse_math=False)
    axes.set_xlim(-1, 101)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("rating")
    top = axes.secondary_xaxis("top")
    top.set_xticks(range(10, 100, 20), LABELS)
    top.tick_params(length=0)
    figure.suptitle(
        f"{analysis.title}: {len(analysis.kept)} listeners, {analysis.trials} clips\n"
        "box: middle half of the ratings, and their median; dots: listeners; orange: mean, 95 %",
        fontsize=10,
        parse_math=False,  # a $ is a $
    )
    return figure


def _ends(interval: Interval | None) -> list[str]:
    return ["", ""] if interval is None else [f"{interval.low:.3f}", f"{interval.high:.3f}"]


def _write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_output(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
