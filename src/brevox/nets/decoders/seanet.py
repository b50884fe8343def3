"""Decoder of transposed convolutions, from latent to samples: `SeanetEncoder` mirrored."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from brevox.nets.parts import DECODERS
from brevox.nets.seanet import EDGE_KERNEL, activate, as_row, check_strides, convolution, residual_units, upsampling


@DECODERS.register("seanet")
class SeanetDecoder(nn.Module):
    """Non-causal. At each stride: more samples and half of the channels, then residual units.

    Args:
        hop: samples a code frame, the product of `strides`.
        latent: channels in.
        strides: as the encoder has them; run through backwards.
        base_width: channels at the samples.
        dilations: of the residual units at each stride.

    Raises:
        SettingsError: the strides do not make the hop.

    Shape: [batch, latent, frames] to [batch, frames * hop], within -1 .. 1.
    """

    def __init__(
        self,
        hop: int,
        latent: int,
        strides: Sequence[int] = (2, 4, 6, 8),
        base_width: int = 32,
        dilations: Sequence[int] = (1, 3, 9),
    ) -> None:
        super().__init__()
        check_strides(strides, hop)
        width = base_width * 2 ** len(strides)
        self.enter = convolution(latent, width, EDGE_KERNEL)
        self.rises, self.units = nn.ModuleList(), nn.ModuleList()
        for stride in reversed(strides):
            width //= 2
            self.rises.append(upsampling(2 * width, width, stride))
            self.units.append(residual_units(width, dilations))
        self.leave = convolution(width, 1, EDGE_KERNEL)

    def forward(self, latent: Tensor) -> Tensor:
        hidden = self.enter(as_row(latent))
        for rise, units in zip(self.rises, self.units, strict=True):
            hidden = units(activate(rise(hidden)))
        samples: Tensor = self.leave(activate(hidden))
        return samples.tanh()[:, 0, 0]
