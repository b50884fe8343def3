"""Causal decoder of transposed convolutions, from latent to samples: `SoundStreamEncoder` mirrored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

import brevox.nets.causal.dilated
import brevox.nets.causal.multires
import brevox.nets.causal.wavelet  # noqa: F401
from brevox.nets.causal.convolution import CausalConvolution
from brevox.nets.parts import DECODERS, STAGE_LAYERS, UPSAMPLERS
from brevox.nets.seanet import EDGE_KERNEL, activate, as_row, check_strides


@DECODERS.register("soundstream")
class SoundStreamDecoder(nn.Module):
    """A frame's samples see this frame and the past alone. At each stride: half of the channels, then layers.

    Args:
        hop: samples a code frame, the product of `strides`.
        latent: channels in.
        strides: as the encoder has them; run through backwards.
        base_width: channels at the samples.
        layers: what is done at each rate, a section that names `dilated` or `multires`.
        upsampler: how the rate rises, a section that names `transposed` or `wavelet`.

    Raises:
        SettingsError: the strides do not make the hop.

    Shape: [batch, latent, frames] to [batch, frames * hop], within -1 .. 1.
    """

    causal = True

    def __init__(
        self,
        hop: int,
        latent: int,
        strides: Sequence[int] = (2, 4, 5, 8),
        base_width: int = 32,
        layers: Mapping[str, Any] = {"name": "dilated"},
        upsampler: Mapping[str, Any] = {"name": "transposed"},
    ) -> None:
        super().__init__()
        check_strides(strides, hop)
        width = base_width * 2 ** len(strides)
        self.enter = CausalConvolution(latent, width, EDGE_KERNEL)
        self.rises, self.stages = nn.ModuleList(), nn.ModuleList()
        for stride in reversed(strides):
            width //= 2
            given = {"from_channels": 2 * width, "to_channels": width, "stride": stride}
            self.rises.append(UPSAMPLERS.build(upsampler, **given))
            self.stages.append(STAGE_LAYERS.build(layers, channels=width))
        self.leave = CausalConvolution(width, 1, EDGE_KERNEL)

    def forward(self, latent: Tensor) -> Tensor:
        hidden = self.enter(as_row(latent))
        for rise, layers in zip(self.rises, self.stages, strict=True):
            hidden = layers(rise(activate(hidden)))
        samples: Tensor = self.leave(activate(hidden))
        return samples.tanh()[:, 0, 0]
