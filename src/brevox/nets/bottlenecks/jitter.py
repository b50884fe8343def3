"""Time jitter: codes must stand for what lasts longer than a frame (Chorowski et al. 2019, section II-C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TimeJitter(nn.Module):
    """In training, puts a neighbour in the place of some frames, drawn for every item and frame on its own.

    Args:
        probability: that a frame is replaced; by the one before or after it alike, by its only neighbour at the ends.

    Shape: [batch, channels, frames], also what is returned; gradients reach the frames that were taken.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, latent: Tensor) -> Tensor:
        batch, _, frames = latent.shape
        if not self.training or self.probability == 0 or frames < 2:
            return latent
        draw = torch.rand(batch, frames, device=latent.device)
        step = (draw < self.probability / 2).long() - (draw > 1 - self.probability / 2).long()
        taken = torch.arange(frames, device=latent.device) + step
        taken = torch.where(taken < 0, 1, torch.where(taken == frames, frames - 2, taken))
        return latent.gather(2, taken[:, None].expand_as(latent))
