"""Repulsion: keeps a discriminator from giving everything the same answer (seed 004)."""

from __future__ import annotations

import torch
from torch import Tensor

from brevox.losses.adversarial import Judgement

_LEAST_GAP = 1e-4  # the gradient of 1 / gap must not run away


def judgement_gap(real: Judgement, decoded: Judgement) -> Tensor:
    """Mean of |D(x) - D(x^)| over logits, averaged over the scales: 0 where the discriminator has collapsed."""
    pairs = zip(real, decoded, strict=True)
    return torch.stack([(theirs - ours).abs().mean() for (theirs, _), (ours, _) in pairs]).mean()


def repulsion(gap: Tensor) -> Tensor:
    """1 / mean |D(x) - D(x^)|, which a discriminator has to keep small. The seed weights it with 1e-3.

    Args:
        gap: of `judgement_gap`, above or equal 0.
    """
    return 1 / gap.clamp(min=_LEAST_GAP)
