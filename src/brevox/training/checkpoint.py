"""Checkpoints: everything needed to go on exactly where a run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from brevox.errors import DataError, SettingsError
from brevox.output import atomic_output

LAST = "last.ckpt"
BEST = "best.ckpt"


def kept_name(step: int) -> str:
    """The file of a checkpoint that stays."""
    return f"step-{step:08d}.ckpt"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, and lists and dicts of them; whole or not at all."""
    with atomic_output(path) as part:
        torch.save(state, part)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Nothing in the file is executed.

    Raises:
        DataError: no such file, or not a checkpoint of `brevox train`.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"cannot read the checkpoint {path}: {error.strerror or error}") from error
    except Exception as error:  # what a damaged file makes torch raise has no common base class
        raise DataError(f"{path} is damaged, or not a checkpoint of `brevox train`") from error
    if not isinstance(state, dict) or not {"recipe", "average", "step"} <= set(state):
        raise DataError(f"{path} is not a checkpoint of `brevox train`")
    return state


def restore_weights(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Give a module the weights that were read from `path`.

    Raises:
        SettingsError: they are of another network.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise SettingsError(
            f"the weights in {path} are of another network than the recipe describes; "
            "use the recipe they were trained with, or train in another folder"
        ) from error
