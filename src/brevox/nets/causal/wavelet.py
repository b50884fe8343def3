"""A wavelet upsampler: bands of a fixed orthonormal filter bank, put together (seed 004 tried one)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.nets.causal.past import Past
from brevox.nets.parts import UPSAMPLERS
from brevox.nets.seanet import convolution


@UPSAMPLERS.register("wavelet")
class WaveletUpsampling(nn.Module):
    """Learned bands, one sample of each for every sample that comes in, through the inverse of an M-band transform.

    The bank is cosine-modulated (Gopinath and Burrus 1995, "On cosine-modulated wavelet orthonormal bases"; with two
    strides of taps it is Malvar's of 1990), so that it exists for every stride, not for powers of two alone. Only which
    channel makes which band is learned: the images of upsampling, which a transposed convolution has to learn to
    suppress, are not there.

    Args:
        from_channels, to_channels: in and out.
        stride: samples out for one in, and bands.

    Shape: [batch, from_channels, 1, n] to [batch, to_channels, 1, n * stride].
    """

    bank: Tensor

    def __init__(self, from_channels: int, to_channels: int, stride: int) -> None:
        super().__init__()
        self.stride, self.channels = stride, to_channels
        self.bands = convolution(from_channels, to_channels * stride, 1)
        self.past = Past(to_channels * stride, 1)
        self.register_buffer("bank", filter_bank(stride), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        bands = self.past(self.bands(x))
        batch, _, _, frames = bands.shape
        # All channels through the same bank: they are items to it.
        bands = bands.reshape(batch * self.channels, self.stride, 1, frames)
        made = nn.functional.conv_transpose2d(bands, self.bank[:, None, None], stride=(1, self.stride))
        made = made[..., self.stride : -self.stride]
        return made.reshape(batch, self.channels, 1, (frames - 1) * self.stride)


def filter_bank(bands: int) -> Tensor:
    """The synthesis filters, from low to high; with shifts of `bands` samples they are an orthonormal basis.

    Shape: [bands, 2 * bands].
    """
    n, k = torch.arange(2 * bands, dtype=torch.float64), torch.arange(bands, dtype=torch.float64)[:, None]
    window = torch.sin(torch.pi / (2 * bands) * (n + 0.5))
    cosines = torch.cos(torch.pi / bands * (n + 0.5 + bands / 2) * (k + 0.5))
    return (window * cosines * (2 / bands) ** 0.5).float()
