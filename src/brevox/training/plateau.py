"""A learning rate that falls when validation no longer gets better."""

from __future__ import annotations

import math

from brevox.training.recipe import OptimiserSettings

_EASE = 0.3  # what the rate is multiplied with each time


class Plateau:
    """What the schedule `plateau` multiplies the learning rate with.

    Args:
        settings: after `patience` validations without a new best the rate falls, down to `final_fraction` of itself.

    Attributes:
        factor: the multiplier; 1 with any other schedule.
    """

    def __init__(self, settings: OptimiserSettings) -> None:
        self.settings = settings
        self.factor = 1.0
        self.best = -math.inf
        self.waited = 0

    def tell(self, quality: float) -> None:
        """Take in the quality of a validation: higher is better."""
        if self.settings.schedule != "plateau":
            return
        if quality > self.best:
            self.best, self.waited = quality, 0
            return
        self.waited += 1
        if self.waited >= self.settings.patience:
            self.factor, self.waited = max(self.settings.final_fraction, self.factor * _EASE), 0

    def state(self) -> dict[str, float]:
        """What a checkpoint holds."""
        return {"factor": self.factor, "best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, float]) -> None:
        """Go on as it was."""
        self.factor, self.best, self.waited = state["factor"], state["best"], int(state["waited"])
