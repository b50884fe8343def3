"""The game between codec and discriminator (hinge form, as in SoundStream and seed 001)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: What a discriminator returns: for each of its scales the logits and the feature maps before them.
Judgement = Sequence[tuple[Tensor, list[Tensor]]]


def discriminator_loss(real: Judgement, decoded: Judgement) -> Tensor:
    """Hinge loss, averaged over scales: real should score above 1, decoded below -1."""
    per_scale = [
        torch.relu(1 - real_logits).mean() + torch.relu(1 + decoded_logits).mean()
        for (real_logits, _), (decoded_logits, _) in zip(real, decoded, strict=True)
    ]
    return torch.stack(per_scale).mean()


def adversarial_loss(decoded: Judgement) -> Tensor:
    """What the codec adds to its loss: decoded should score above 1."""
    return torch.stack([torch.relu(1 - logits).mean() for logits, _ in decoded]).mean()


def feature_matching_loss(real: Judgement, decoded: Judgement) -> Tensor:
    """Mean absolute difference of feature maps, each relative to the mean size of the real one."""
    per_map = [
        (real_map.detach() - decoded_map).abs().mean() / real_map.detach().abs().mean().clamp(min=1e-5)
        for (_, real_maps), (_, decoded_maps) in zip(real, decoded, strict=True)
        for real_map, decoded_map in zip(real_maps, decoded_maps, strict=True)
    ]
    return torch.stack(per_map).mean()
