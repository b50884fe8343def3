"""Residual units with growing dilations (SoundStream, Zeghidour et al. 2021, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from brevox.nets.causal.convolution import CausalConvolution
from brevox.nets.feature_maps import check_numbers
from brevox.nets.parts import STAGE_LAYERS
from brevox.nets.seanet import activate, convolution


@STAGE_LAYERS.register("dilated")
class DilatedUnits(nn.Module):
    """One unit a dilation: a causal dilated convolution and a mixing of channels, added to what came in.

    Args:
        channels: in and out.
        dilations: one for each unit.
        kernel: taps of the dilated convolutions.

    Raises:
        SettingsError: such dilations or kernel cannot be.

    Shape: [batch, channels, 1, samples] to the same.
    """

    def __init__(self, channels: int, dilations: Sequence[int] = (1, 3, 9), kernel: int = 7) -> None:
        super().__init__()
        (kernel,) = check_numbers("kernel", [kernel], least=2)
        self.see = nn.ModuleList(
            CausalConvolution(channels, channels, kernel, dilation)
            for dilation in check_numbers("dilations", dilations)
        )
        self.mix = nn.ModuleList(convolution(channels, channels, 1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for see, mix in zip(self.see, self.mix, strict=True):
            x = x + mix(activate(see(activate(x))))
        return x
