"""Checkpoints: everything needed to go on exactly where a run stopped."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from brevox.errors import DataError
from brevox.output import atomic_output

LAST = "last.ckpt"
BEST = "best.ckpt"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, and lists and dicts of them; whole or not at all."""
    with atomic_output(path) as part:
        torch.save(state, part)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Nothing in the file is executed.

    Raises:
        DataError: no such file, or not a checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"cannot read the checkpoint {path}: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict):
        raise DataError(f"{path} is not a checkpoint of Brevox")
    return state
