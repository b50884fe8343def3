"""What SEANet's encoder and decoder are made of (Tagliasacchi et al. 2020; SoundStream, Zeghidour et al. 2021).

Sound goes through as pictures one row high, [batch, channels, 1, samples], with the channels of a sample side by side
in memory: the convolutions of one dimension, which put them apart, take two to three times as long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from brevox.errors import SettingsError

LEAK = 0.2
EDGE_KERNEL = 7


class ResidualUnit(nn.Module):
    """A dilated convolution and a mixing of channels, added to the input.

    Shape: [batch, channels, 1, samples] to the same.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.see = convolution(channels, channels, 3, dilation=dilation)
        self.mix = convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(activate(self.see(activate(x))))


def residual_units(channels: int, dilations: Sequence[int]) -> nn.Sequential:
    """One `ResidualUnit` after the other."""
    return nn.Sequential(*(ResidualUnit(channels, dilation) for dilation in dilations))


def convolution(from_channels: int, to_channels: int, kernel: int, dilation: int = 1) -> nn.Module:
    """A weight-normalised convolution that keeps the length; `kernel` is odd.

    Weights start as PyTorch's own. Seed 001 writes N(0, .01) over them, which its weight norm then computes anew.
    """
    padding = (0, (kernel - 1) * dilation // 2)
    return weight_norm(nn.Conv2d(from_channels, to_channels, (1, kernel), padding=padding, dilation=(1, dilation)))


def downsampling(from_channels: int, to_channels: int, stride: int) -> nn.Module:
    """A convolution from n * stride samples to n that sees twice the stride, centred; `stride` is 2 or more."""
    return weight_norm(
        nn.Conv2d(from_channels, to_channels, (1, 2 * stride), stride=(1, stride), padding=(0, (stride + 1) // 2))
    )


def upsampling(from_channels: int, to_channels: int, stride: int) -> nn.Module:
    """A transposed convolution from n samples to n * stride; `stride` is 2 or more."""
    return weight_norm(
        nn.ConvTranspose2d(
            from_channels,
            to_channels,
            (1, 2 * stride),
            stride=(1, stride),
            padding=(0, (stride + 1) // 2),
            output_padding=(0, stride % 2),
        )
    )


def as_row(x: Tensor) -> Tensor:
    """Shape: [batch, channels, samples] to [batch, channels, 1, samples], channels side by side in memory."""
    return x[:, :, None].contiguous(memory_format=torch.channels_last)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU."""
    return nn.functional.leaky_relu(x, LEAK)


def check_strides(strides: Sequence[int], hop: int) -> None:
    """Raise a SettingsError unless the strides, each 2 or more, multiply to `hop`."""
    if math.prod(strides) != hop or min(strides) < 2:
        raise SettingsError(
            f"the strides {list(strides)} do not make a hop of {hop}: they must be 2 or more, and multiply to it"
        )
