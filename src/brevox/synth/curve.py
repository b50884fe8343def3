"""A quantity over time that moves in straight lines: what the DX7's envelopes are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A jump takes this long, so that times rise strictly, as interpolation wants it.
_JUMP_S = 1e-9


class Curve:
    """Corners joined by straight lines; after the last one the curve stays where it is.

    Args:
        value: at the time 0.
    """

    def __init__(self, value: float) -> None:
        self._times, self._values = [0.0], [value]

    @property
    def time_s(self) -> float:
        """Of the last corner."""
        return self._times[-1]

    @property
    def value(self) -> float:
        """At the last corner, and after it."""
        return self._values[-1]

    def wait(self, seconds: float) -> None:
        """Stay as it is for so long."""
        self._add(seconds, self.value)

    def jump(self, value: float) -> None:
        """Be there at once."""
        self._add(_JUMP_S, value)

    def move(self, value: float, per_s: float) -> None:
        """Go to `value` at a speed of `per_s`."""
        self._add(abs(value - self.value) / per_s, value)

    def cut(self, time_s: float) -> None:
        """Forget what comes after `time_s`, or stay as it is until then."""
        value = float(self(np.array([time_s]))[0])
        kept = [index for index, time in enumerate(self._times) if time < time_s]
        self._times = [self._times[index] for index in kept]
        self._values = [self._values[index] for index in kept]
        self._times.append(max(time_s, self._times[-1] + _JUMP_S) if kept else 0.0)
        self._values.append(value)

    def __call__(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at these times."""
        return np.interp(times_s, self._times, self._values)

    def _add(self, seconds: float, value: float) -> None:
        if seconds > 0:
            self._times.append(self.time_s + seconds)
            self._values.append(value)
