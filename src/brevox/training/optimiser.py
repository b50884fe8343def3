"""How weights are moved: AdamW, and how its learning rate goes."""

from __future__ import annotations

import math
from collections.abc import Callable

import lightning as L
import torch
from torch import nn

from brevox.errors import SettingsError
from brevox.training.recipe import OptimiserSettings

#: What the learning rate is multiplied with after the warm-up, by the share of the steps that is done.
SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "cosine": lambda done, final: final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)),
    "exponential": lambda done, final: final**done,
    "constant": lambda done, final: 1.0,
    "plateau": lambda done, final: 1.0,  # see `brevox.training.plateau`
}


def check_schedule(settings: OptimiserSettings) -> None:
    """Raise a SettingsError if there is no such schedule."""
    if settings.schedule not in SCHEDULES:
        raise SettingsError(f"there is no schedule named {settings.schedule!r}; there are: {', '.join(SCHEDULES)}")


def rate_factor(settings: OptimiserSettings, step: int, steps: int) -> float:
    """What the learning rate is multiplied with at a step: linear warm-up, then the schedule."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, steps - settings.warmup_steps)
    return SCHEDULES[settings.schedule](min(1.0, done), settings.final_fraction)


def adamw(module: nn.Module, settings: OptimiserSettings, learning_rate: float, fabric: L.Fabric) -> torch.optim.AdamW:
    """AdamW over all parameters of a module, fused where that can be: it takes a third of the time on a CPU."""
    # Fabric cannot clip gradients that a fused optimiser brings back to scale by itself, as it does with fp16.
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    return torch.optim.AdamW(
        module.parameters(),
        learning_rate,
        betas=(settings.betas[0], settings.betas[1]),
        weight_decay=settings.weight_decay,
        amsgrad=settings.amsgrad,
        fused=scaler is None,
    )
