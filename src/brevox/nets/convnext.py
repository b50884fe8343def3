"""ConvNeXt block over time (Liu et al. 2022; for audio: Vocos, Siuzdak 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer network at each frame, added to the input.

    Args:
        width: channels in and out.
        expansion: hidden channels of the network at each frame, as a multiple of `width`.
        kernel: frames the convolution sees; odd.
        layer_scale: initial weight of the branch. Small: a deep stack starts as the identity.

    Shape: [batch, width, frames] to the same.
    """

    def __init__(self, width: int, expansion: int = 3, kernel: int = 7, layer_scale: float = 0.1) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.depthwise(x).transpose(1, 2))
        hidden = self.narrow(nn.functional.gelu(self.widen(hidden))) * self.scale
        return x + hidden.transpose(1, 2)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each frame. Shape: [batch, channels, frames] to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.transpose(1, 2)).transpose(1, 2)
