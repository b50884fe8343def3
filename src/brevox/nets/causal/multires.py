"""Multiresolution convolutions (Shi, Wang and Fox 2023, "Sequence modeling with multiresolution convolutional memory",
arXiv 2305.01638), which seed 004 wrote and never put into a model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.nets.causal.past import Past
from brevox.nets.feature_maps import check_numbers
from brevox.nets.parts import STAGE_LAYERS
from brevox.nets.seanet import activate, convolution


class MultiresConvolution(nn.Module):
    """A wavelet-like tree with learned filters, each output a learned sum of its leaves.

    With a_0 = x, and for each level j = 1 .. depth, all in each channel by itself:

        a_j[n] = sum_k h0[k] a_{j-1}[n - 2^(j-1) k]        b_j[n] = sum_k h1[k] a_{j-1}[n - 2^(j-1) k]
        y[n] = w_0 x[n] + sum_j w_j b_j[n] + v a_depth[n]

    The filters are the same at all levels: with few weights it sees (kernel - 1) (2^depth - 1) samples back.

    Args:
        channels: in and out.
        kernel: taps of h0 and h1.
        depth: levels.

    Shape: [batch, channels, 1, samples] to the same.
    """

    def __init__(self, channels: int, kernel: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        # Sizes pass through as they are: two filters of `kernel` taps, and depth + 2 leaves.
        self.low = nn.Parameter((2 * torch.rand(channels, kernel) - 1) / kernel**0.5)
        self.high = nn.Parameter((2 * torch.rand(channels, kernel) - 1) / kernel**0.5)
        self.leaves = nn.Parameter((2 * torch.rand(channels, depth + 2) - 1) / (depth + 2) ** 0.5)
        self.pasts = nn.ModuleList(Past(channels, (kernel - 1) * 2**level) for level in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        # torch's "convolutions" run the other way.
        low, high = (filters.flip(1)[:, None, None] for filters in (self.low, self.high))
        leaves = self.leaves.T[:, :, None, None]
        total, coarse = leaves[0] * x, x
        for level, past in enumerate(self.pasts):
            seen, dilation = past(coarse), (1, 2**level)
            detail = nn.functional.conv2d(seen, high, dilation=dilation, groups=channels)
            coarse = nn.functional.conv2d(seen, low, dilation=dilation, groups=channels)
            total = total + leaves[level + 1] * detail
        return total + leaves[-1] * coarse


@STAGE_LAYERS.register("multires")
class MultiresUnit(nn.Module):
    """A multiresolution convolution and a mixing of channels, added to what came in; in the place of `dilated`.

    Args:
        channels: in and out.
        kernel: taps of the two filters.
        depth: levels of the tree.

    Raises:
        SettingsError: such a kernel or depth cannot be.

    Shape: [batch, channels, 1, samples] to the same.
    """

    def __init__(self, channels: int, kernel: int = 4, depth: int = 5) -> None:
        super().__init__()
        (kernel,), (depth,) = check_numbers("kernel", [kernel], least=2), check_numbers("depth", [depth])
        self.see = MultiresConvolution(channels, kernel, depth)
        self.mix = convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(activate(self.see(x)))
        return x + mixed
