"""Encoder of strided convolutions, from samples to latent (SoundStream, Zeghidour et al. 2021; seed 001)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from brevox.nets.parts import ENCODERS
from brevox.nets.seanet import EDGE_KERNEL, activate, as_row, check_strides, convolution, downsampling, residual_units


@ENCODERS.register("seanet")
class SeanetEncoder(nn.Module):
    """Non-causal. At each stride: residual units, then fewer samples and twice the channels.

    Args:
        hop: samples a code frame, the product of `strides`.
        latent: channels out.
        strides: from the samples on.
        base_width: channels at the samples.
        dilations: of the residual units at each stride.

    Raises:
        SettingsError: the strides do not make the hop.

    Shape: [batch, frames * hop] to [batch, latent, frames].
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
        width = base_width
        self.enter = convolution(1, width, EDGE_KERNEL)
        self.stages = nn.ModuleList()
        for stride in strides:
            self.stages.append(nn.Sequential(residual_units(width, dilations), downsampling(width, 2 * width, stride)))
            width *= 2
        self.leave = convolution(width, latent, EDGE_KERNEL)

    def forward(self, audio: Tensor) -> Tensor:
        hidden = activate(self.enter(as_row(audio[:, None])))
        for stage in self.stages:
            hidden = activate(stage(hidden))
        latent: Tensor = self.leave(hidden)[:, :, 0]
        return latent
