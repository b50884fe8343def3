"""How large the gradient of every layer is: what vanishes or explodes on its way shows here."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def layer_norms(model: nn.Module, norm: Tensor | None, clip_norm: float) -> dict[str, Tensor]:
    """`gradient/LAYER`, the norm of the gradient of each module's own parameters before it was clipped.

    Args:
        model: its gradients are clipped.
        norm: of all gradients before that, if it is known.
        clip_norm: what they were clipped to if that was more.
    """
    shrunk = 1.0 if norm is None else (norm / clip_norm).clamp(min=1.0)
    norms = {}
    for name, module in model.named_modules():
        gradients = [p.grad.norm() for p in module.parameters(recurse=False) if p.grad is not None]
        if gradients:
            norms[f"gradient/{name}"] = torch.stack(gradients).norm() * shrunk
    return norms
