"""Causal encoder of strided convolutions (SoundStream, Zeghidour et al. 2021; seed 004)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

import brevox.nets.causal.dilated
import brevox.nets.causal.multires  # noqa: F401
from brevox.nets.causal.convolution import CausalConvolution
from brevox.nets.parts import ENCODERS, STAGE_LAYERS
from brevox.nets.seanet import EDGE_KERNEL, activate, as_row, check_strides

_LAST_KERNEL = 3


@ENCODERS.register("soundstream")
class SoundStreamEncoder(nn.Module):
    """A frame of latents sees the past and its own samples alone. At each stride: layers, then twice the channels.

    Args:
        hop: samples a code frame, the product of `strides`.
        latent: channels out.
        strides: from the samples on.
        base_width: channels at the samples.
        layers: what is done at each rate, a section that names `dilated` or `multires`.

    Raises:
        SettingsError: the strides do not make the hop.

    Shape: [batch, frames * hop] to [batch, latent, frames].
    """

    causal = True

    def __init__(
        self,
        hop: int,
        latent: int,
        strides: Sequence[int] = (2, 4, 5, 8),
        base_width: int = 32,
        layers: Mapping[str, Any] = {"name": "dilated"},
    ) -> None:
        super().__init__()
        check_strides(strides, hop)
        width = base_width
        self.enter = CausalConvolution(1, width, EDGE_KERNEL)
        self.stages, self.falls = nn.ModuleList(), nn.ModuleList()
        for stride in strides:
            self.stages.append(STAGE_LAYERS.build(layers, channels=width))
            self.falls.append(CausalConvolution(width, 2 * width, 2 * stride, stride=stride))
            width *= 2
        self.leave = CausalConvolution(width, latent, _LAST_KERNEL)

    def forward(self, audio: Tensor) -> Tensor:
        hidden = self.enter(as_row(audio[:, None]))
        for layers, fall in zip(self.stages, self.falls, strict=True):
            hidden = fall(activate(layers(hidden)))
        latent: Tensor = self.leave(activate(hidden))[:, :, 0]
        return latent
