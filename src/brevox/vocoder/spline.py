"""Cubic splines through evenly spaced values, many rows at once."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray


def spline(values: NDArray[np.floating], at: NDArray[np.floating]) -> NDArray[np.float64]:
    """The natural cubic spline through the values at 0, 1 ... knots - 1, read elsewhere.

    Args:
        values: Shape: [rows, knots], three knots or more.
        at: between 0 and knots - 1. Shape: [rows, points], or [points] for all rows alike.

    Returns:
        Shape: [rows, points].
    """
    values = np.asarray(values, np.float64)
    rows, knots = values.shape
    bends = values @ _second_derivatives(knots)
    at = np.broadcast_to(at, (rows, np.shape(at)[-1]))
    left = np.clip(at.astype(np.int64), 0, knots - 2)
    b = at - left
    a = 1 - b
    read: NDArray[np.float64] = (
        a * np.take_along_axis(values, left, 1)
        + b * np.take_along_axis(values, left + 1, 1)
        + (a**3 - a) / 6 * np.take_along_axis(bends, left, 1)
        + (b**3 - b) / 6 * np.take_along_axis(bends, left + 1, 1)
    )
    return read


@cache
def _second_derivatives(knots: int) -> NDArray[np.float64]:
    """From a row of values to its spline's second derivatives at the knots. Shape: [knots, knots]."""
    inner = np.arange(1, knots - 1)
    system, differences = np.eye(knots), np.zeros((knots, knots))
    for offset, ours, theirs in ((-1, 1, 6), (0, 4, -12), (1, 1, 6)):
        system[inner, inner + offset] = ours
        differences[inner, inner + offset] = theirs
    return np.linalg.solve(system, differences).T
