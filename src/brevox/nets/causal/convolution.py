"""Convolutions that see the past alone (SoundStream, Zeghidour et al. 2021, section III-B)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from brevox.nets.causal.past import Past
from brevox.nets.parts import UPSAMPLERS


class CausalConvolution(nn.Module):
    """A weight-normalised convolution whose output n sees the inputs up to the last one of its stride.

    Args:
        from_channels, to_channels: in and out.
        kernel: taps, `stride` or more.
        dilation: samples between taps.
        stride: samples in for one out.

    Shape: [batch, from_channels, 1, n * stride] to [batch, to_channels, 1, n].
    """

    def __init__(self, from_channels: int, to_channels: int, kernel: int, dilation: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.past = Past(from_channels, (kernel - 1) * dilation + 1 - stride)
        convolution = nn.Conv2d(from_channels, to_channels, (1, kernel), stride=(1, stride), dilation=(1, dilation))
        self.convolution = weight_norm(convolution)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.convolution(self.past(x))
        return made


@UPSAMPLERS.register("transposed")
class CausalUpsampling(nn.Module):
    """A weight-normalised transposed convolution of twice the stride, trimmed at its right: no sample comes early.

    Args:
        from_channels, to_channels: in and out.
        stride: samples out for one in.

    Shape: [batch, from_channels, 1, n] to [batch, to_channels, 1, n * stride].
    """

    def __init__(self, from_channels: int, to_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.past = Past(from_channels, 1)
        self.convolution = weight_norm(
            nn.ConvTranspose2d(from_channels, to_channels, (1, 2 * stride), stride=(1, stride))
        )

    def forward(self, x: Tensor) -> Tensor:
        # Each input reaches two strides; the one before the first was heard already, the last is not complete.
        made: Tensor = self.convolution(self.past(x))[..., self.stride : -self.stride]
        return made
