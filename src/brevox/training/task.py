"""What the training loop trains: the seam between the loop, which is one, and what recipes are about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
from torch import Tensor, nn
from torch.utils.data import Dataset, default_collate
from torch.utils.tensorboard import SummaryWriter

from brevox.errors import SettingsError
from brevox.nets.model import Model
from brevox.registry import Registry
from brevox.training.recipe import Recipe

#: By the name that a recipe's `task` has.
TASKS = Registry("task")

Values = dict[str, Tensor | float]


class Task:
    """A model, items to train it on, the losses of a batch, and how good the model is.

    Args:
        recipe: everything about the training.
        fabric: devices and precision.

    Attributes:
        model: what is trained; `build` makes it.
    """

    model: Model
    #: Makes a batch of items, as the dataset's `__getitem__` gives one, or of what its `__getitems__` gives at once.
    collate: Callable[[Any], dict[str, Tensor]] = staticmethod(default_collate)

    def __init__(self, recipe: Recipe, fabric: L.Fabric) -> None:
        self.recipe, self.fabric = recipe, fabric

    def build(self) -> Model:
        """The model with random weights."""
        raise NotImplementedError

    def dataset(self, items: int) -> Dataset[dict[str, Any]]:
        """So many items to train on. Item n is the same in every run, so that a run goes on exactly."""
        raise NotImplementedError

    def seconds(self, batch: dict[str, Tensor]) -> float:
        """How much sound there is in a batch."""
        raise NotImplementedError

    def losses(self, model: nn.Module, batch: dict[str, Tensor], more: bool) -> tuple[Tensor, Values]:
        """The losses of a batch.

        Args:
            model: `self.model` as Fabric wraps it.
            batch: items, on the device.
            more: whether further batches of this step follow, so that devices need not exchange gradients yet.

        Returns:
            A number to go backward from, and what is logged: `total` among it, which progress shows.
        """
        raise NotImplementedError

    def validate(self, model: Model) -> tuple[dict[str, float], float]:
        """Scores of a model for the log, and the one to keep the best by: higher is better."""
        raise NotImplementedError

    def show(self, writer: SummaryWriter, model: Model, step: int) -> None:
        """Let TensorBoard hear and see what was validated."""

    def begin_step(self, step: int) -> bool:
        """Get ready for a step, before its batches; gives whether the model learns in it, or something else alone."""
        return True

    def end_step(self) -> None:
        """Move what else learns, after the step's batches."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds beside the loop's own state."""
        return {}

    def restore(self, state: dict[str, Any], path: Path) -> None:
        """Take over the state of a checkpoint that was read from `path`."""


def build_task(recipe: Recipe, fabric: L.Fabric) -> Task:
    """Make the task that a recipe names.

    Raises:
        SettingsError: there is none of that name, or the recipe asks it for what it does not do.
    """
    import brevox.training.codec_task
    import brevox.training.sounds_task
    import brevox.training.units_task
    import brevox.training.vocoder_task  # noqa: F401

    task: Task = TASKS.build({"name": recipe.task}, recipe=recipe, fabric=fabric)
    return task


def refuse(recipe: Recipe, *entries: str) -> None:
    """Raise a SettingsError if the recipe sets one of the `entries`, which only other tasks know."""
    untouched = Recipe()
    for entry in entries:
        ours, theirs = recipe, untouched
        for part in entry.split("."):
            ours, theirs = getattr(ours, part), getattr(theirs, part)
        if ours != theirs:
            raise SettingsError(f"the task {recipe.task!r} knows no {entry}; leave it out of the recipe {recipe.name}")
