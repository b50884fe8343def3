"""Gradient flow: the norm of the gradient of each module over training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.runs import Run
from brevox.errors import DataError
from brevox.pictures import colour
from brevox.training.logs import Curve

_BEFORE = "gradient/"
_MOST_COLUMNS = 300
_BINS = 40


@dataclass(frozen=True)
class Gradients:
    """Norms by module.

    Args:
        modules: in the order of the network.
        steps: that were logged for all of them. Shape: [points].
        norms: not a number where a step overflowed. Shape: [modules, points].
    """

    run: str
    modules: tuple[str, ...]
    steps: NDArray[np.int64]
    norms: NDArray[np.float64]


def gradients(name: str, log: dict[str, Curve]) -> Gradients:
    """What a training log tells of gradients.

    Args:
        name: of the run.
        log: with curves named `gradient/MODULE`.

    Raises:
        DataError: there are none.
    """
    curves = {each.removeprefix(_BEFORE): curve for each, curve in log.items() if each.startswith(_BEFORE)}
    if not curves:
        raise DataError(f"{name} logged no gradients of its modules; runs of units do")
    steps = next(iter(curves.values())).steps
    for curve in curves.values():
        steps = np.intersect1d(steps, curve.steps)
    if not len(steps):
        raise DataError(f"{name}: the gradients of its modules were logged at different steps")
    norms = np.stack([curve.values[np.searchsorted(curve.steps, steps)] for curve in curves.values()])
    return Gradients(name, tuple(curves), steps, norms)


def draw(result: Gradients) -> Figure:
    """Over steps as a map on the left; early, middle and late medians through the network on the right."""
    tall = max(3.8, 0.24 * len(result.modules) + 2)
    figure = Figure(figsize=(12.5, tall), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    places = np.unique(np.linspace(0, len(result.steps) - 1, _MOST_COLUMNS).round().astype(int))
    shown = result.norms[:, places]
    good = shown[np.isfinite(shown) & (shown > 0)]
    if len(good):
        low, high = np.percentile(good, [1, 99])
        norm = LogNorm(low, max(high, low * 1.01))
        edges = np.append(result.steps[places], result.steps[-1] + 1)
        rows = np.arange(len(result.modules) + 1) - 0.5
        image = left.pcolormesh(edges, rows, np.where(shown > 0, shown, np.nan), norm=norm, cmap="cividis")
        figure.colorbar(image, ax=left, label="norm of the gradient", location="bottom", aspect=40)
    left.set_yticks(range(len(result.modules)), result.modules, fontsize=8)
    left.set(xlabel="step", title="over training")
    left.invert_yaxis()  # the first module above; the axis is shared
    for place, (what, part) in enumerate(
        zip(("first", "middle", "last"), np.array_split(result.norms, 3, 1), strict=True)
    ):
        if part.shape[1]:
            middle = np.nanmedian(part, axis=1)
            right.plot(middle, range(len(middle)), color=colour(place), marker="o", markersize=4, label=f"{what} third")
    right.set(xscale="log", xlabel="norm of the gradient, median", title="through the network")
    right.grid(alpha=0.25)
    right.legend(fontsize=8, frameon=False)
    return figure


def _facts(result: Gradients) -> dict[str, float | str]:
    middle = np.nanmedian(result.norms, axis=1)
    least, most = int(np.argmin(middle)), int(np.argmax(middle))
    return {
        "largest median norm": f"{middle[most]:.3g} ({result.modules[most]})",
        "least median norm": f"{middle[least]:.3g} ({result.modules[least]})",
    }


def _table(result: Gradients) -> dict[str, bytes]:
    return {
        ".csv": csv_bytes(
            ["step", *result.modules],
            ([step, *norms] for step, norms in zip(result.steps, result.norms.T, strict=True)),
        )
    }


GRADIENTS: Evaluation[Run, Gradients] = Evaluation(
    name="gradients",
    title="Gradient flow",
    read=(
        "Norms of the gradients of each module, the first of the network above. Left over training, right their "
        "medians: lines that fall by many powers of ten towards the first modules mean vanishing gradients (nothing"
        " reaches the encoder), rows that grow brighter with the steps mean exploding ones. A dark row is a module "
        "that does not learn."
    ),
    compute=lambda run: gradients(run.name, run.train_log),
    draw=draw,
    facts=_facts,
    files=_table,
)
