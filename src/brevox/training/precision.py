"""Devices and precision of a training."""

from __future__ import annotations

from typing import Any, cast

import lightning as L
import torch
from lightning.fabric.plugins.precision import MixedPrecision

from brevox.errors import SettingsError

#: What `run.precision` may be.
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


class Autocast(MixedPrecision):
    """Mixed precision that leaves what networks are given as it is.

    Fabric's own rounds inputs to 16 bits too, and what is computed of them then: mu-law classes of sound that came as
    bf16 are every second one only, which a network learns to expect and no recording has.
    """

    def convert_input(self, data: Any) -> Any:
        """As it came."""
        return data


def make_fabric(precision: str, **settings: Any) -> L.Fabric:
    """All devices that are there, at a precision.

    Args:
        precision: one of `PRECISIONS`.
        settings: others of Fabric, such as `accelerator`.

    Raises:
        SettingsError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise SettingsError(f"run.precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
    if precision == "32-true":
        return L.Fabric(precision="32-true", **settings)
    device = settings.get("accelerator", "auto")
    if device == "auto":
        found = torch.accelerator.current_accelerator()
        device = found.type if found else "cpu"
    return L.Fabric(plugins=[Autocast(cast(Any, precision), device)], **settings)
