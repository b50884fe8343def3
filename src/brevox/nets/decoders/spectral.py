"""Decoder that works at the rate of spectra: a network, and a head that makes sound of what it tells.

After NSF (Wang et al. 2019) and HiFTNet (Li et al. 2023): what makes phase hard to learn, the fine structure
of voiced speech, comes from the excitation; what is learned is smooth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

import brevox.nets.decoders.heads  # noqa: F401
from brevox.nets.attention import LocalAttention
from brevox.nets.convnext import ChannelNorm, ConvNeXtBlock
from brevox.nets.parts import DECODERS, HEADS
from brevox.nets.spectrum import cepstral_basis, spectra_hop

_TAMED = 0.2  # brings cepstra, whose first coefficients are large, to the size that networks start well with


@DECODERS.register("spectral")
class SpectralDecoder(nn.Module):
    """ConvNeXt blocks at the code rate and at that of spectra; a head, by default masks for pulses and noise.

    Args:
        sample_rate: Hz.
        hop: samples a code frame.
        latent: channels in.
        condition: channels of side information (pitch).
        conditions: frames of side information a code frame.
        spectra: a code frame.
        window: samples of the synthesis window; its hop is that of spectra.
        bands: mel-spaced, of the envelope that comes straight from the latent, and of gains.
        width, blocks: channels and blocks at the code rate.
        attention: blocks of local attention before those.
        fine_width, fine_blocks: channels and blocks at the rate of spectra.
        head: what makes the sound, see `brevox.nets.decoders.heads`.

    Shape: latent [batch, latent, frames], condition [batch, condition, frames * conditions] and excitation
    [batch, 2, frames * hop] (pulses, noise) to [batch, frames * hop].
    """

    def __init__(
        self,
        sample_rate: int,
        hop: int,
        latent: int,
        condition: int,
        conditions: int = 1,
        spectra: int = 2,
        window: int = 320,
        bands: int = 80,
        width: int = 384,
        blocks: int = 4,
        attention: int = 0,
        fine_width: int = 256,
        fine_blocks: int = 3,
        head: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        fine_hop = spectra_hop(hop, spectra)
        self.conditions = conditions
        self.enter = nn.Conv1d(latent + condition * conditions, width, 3, padding=1)
        self.coarse = nn.Sequential(
            ChannelNorm(width),
            *(LocalAttention(width) for _ in range(attention)),
            *(ConvNeXtBlock(width) for _ in range(blocks)),
        )
        self.to_fine = nn.ConvTranspose1d(width, fine_width, spectra, stride=spectra)
        self.fine = nn.Sequential(ChannelNorm(fine_width), *(ConvNeXtBlock(fine_width) for _ in range(fine_blocks)))
        self.envelope = nn.ConvTranspose1d(latent, bands, spectra, stride=spectra)
        self.envelope.weight = nn.Parameter(cepstral_basis(latent, bands, spectra))
        given = {"width": fine_width, "sample_rate": sample_rate, "window": window, "hop": fine_hop, "bands": bands}
        self.head = HEADS.build(head or {"name": "masks"}, **given)

    def forward(self, latent: Tensor, condition: Tensor, excitation: Tensor) -> Tensor:
        side = condition.unflatten(2, (-1, self.conditions)).transpose(2, 3).flatten(1, 2)
        features = self.fine(self.to_fine(self.coarse(self.enter(torch.cat([_TAMED * latent, side], dim=1)))))
        with torch.autocast(latent.device.type, enabled=False):
            envelope = self.envelope(latent.float())
        audio: Tensor = self.head(features, envelope, excitation)
        return audio
