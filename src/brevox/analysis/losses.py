"""Losses and the use of codes over the training of one run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.runs import Run
from brevox.pictures import colour
from brevox.training.logs import Curve

#: What is drawn if it was logged, and what is written at the axis.
SHOWN = {
    "total": "total loss",
    "features": "reconstruction of features",
    "reconstruction": "reconstruction",
    "mel": "mel spectrogram",
    "commitment": "commitment",
    "perplexity": "perplexity of codes",
    "used_codes": "codes in use",
    "gradient_norm": "norm of the gradient",
}
_SMOOTHED = 200
_LOGARITHMIC = 20


@dataclass(frozen=True)
class Losses:
    """What was logged in training and in validation, by name."""

    run: str
    train: dict[str, Curve]
    valid: dict[str, Curve]


def losses(run: Run) -> Losses:
    """Read the logs.

    Raises:
        DataError: nothing was logged.
    """
    return Losses(run.name, run.train_log, run.valid_log)


def shown_names(logged: Iterable[str]) -> list[str]:
    """What of the logged can be drawn, in the order of `SHOWN`; all, if that is nothing."""
    names = list(dict.fromkeys(logged))
    return [name for name in SHOWN if name in names] or sorted(names)


def panels(figure: Figure, names: list[str]) -> dict[str, Axes]:
    """A panel for each quantity, in rows of three."""
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in every[len(names) :]:
        axes.set_visible(False)
    for name, axes in zip(names, every, strict=False):
        axes.set_title(SHOWN.get(name, name), fontsize=10)
        axes.set_xlabel("step")
        axes.grid(alpha=0.25)
    return dict(zip(names, every, strict=False))


def size_of(names: list[str]) -> tuple[float, float]:
    """Of a figure with these panels, in inches."""
    return 4.2 * min(3, len(names)), 0.5 + 3.0 * -(-len(names) // 3)


def scale(axes: Axes, values: Iterable[NDArray[np.float64]]) -> None:
    """A logarithmic axis where values are positive and differ much."""
    every = np.concatenate(list(values))
    every = every[np.isfinite(every)]
    if len(every) and every.min() > 0 and every.max() > _LOGARITHMIC * every.min():
        axes.set_yscale("log")
        # Plain numbers, and no more of them than can be read.
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def smoothed(curve: Curve) -> NDArray[np.float64]:
    """Medians over a 40th of the training, which show where it goes through the noise of single steps."""
    width = len(curve.values) // 40
    if len(curve.values) < _SMOOTHED:
        return curve.values
    padded = np.pad(curve.values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)


def draw(result: Losses) -> Figure:
    """A panel for each quantity, training and validation together."""
    names = shown_names([*result.train, *result.valid])
    figure = Figure(figsize=size_of(names), layout="constrained")
    for name, axes in panels(figure, names).items():
        curves = []
        if curve := result.train.get(name):
            noisy = len(curve.values) >= _SMOOTHED
            axes.plot(curve.steps, curve.values, color=colour(1), linewidth=0.6, alpha=0.35 if noisy else 1)
            if noisy:
                axes.plot(curve.steps, smoothed(curve), color=colour(1), linewidth=1.5)
            curves.append(curve.values)
        if curve := result.valid.get(name):
            axes.plot(curve.steps, curve.values, color=colour(0), marker="o", markersize=3, linewidth=1.2)
            curves.append(curve.values)
        scale(axes, curves)
    lines = [figure.axes[0].plot([], [], color=colour(1))[0]]
    many = any(len(curve.values) >= _SMOOTHED for curve in result.train.values())
    labels = ["training, medians; pale: as logged" if many else "training"]
    if result.valid:
        lines += figure.axes[0].plot([], [], color=colour(0), marker="o", markersize=3)
        labels.append("validation")
    figure.legend(lines, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def _facts(result: Losses) -> dict[str, float | str]:
    told: dict[str, float | str] = {"steps": max(int(curve.steps[-1]) for curve in result.train.values())}
    for name in shown_names([*result.train, *result.valid]):
        log, where = (result.valid, "validation") if name in result.valid else (result.train, "training")
        told[f"{SHOWN.get(name, name)}, last of {where}"] = log[name].last
    return told


def _table(result: Losses) -> dict[str, bytes]:
    rows = (
        [log, name, step, value]
        for log, curves in (("train", result.train), ("valid", result.valid))
        for name, curve in curves.items()
        for step, value in zip(curve.steps, curve.values, strict=True)
    )
    return {".csv": csv_bytes(["log", "name", "step", "value"], rows)}


LOSSES: Evaluation[Run, Losses] = Evaluation(
    name="losses",
    title="Losses and perplexity",
    read=(
        "Losses should fall and level off, in validation as in training: where validation turns up again, the model"
        " learns its data by heart. Perplexity is how many codes, all equally frequent, would carry as much; it "
        "should rise towards the size of the codebook. Near 1 the codebook has collapsed."
    ),
    compute=losses,
    draw=draw,
    facts=_facts,
    files=_table,
)
