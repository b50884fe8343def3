"""Source-filter decoder: a network at the frame rate shapes pulses and noise in the spectrum.

After NSF (Wang et al. 2019) and HiFTNet (Li et al. 2023): what makes phase hard to learn, the fine structure
of voiced speech, comes from the excitation; what is learned is smooth.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from brevox.nets.convnext import ChannelNorm, ConvNeXtBlock
from brevox.nets.parts import DECODERS
from brevox.nets.spectrum import InverseSpectrum, Spectrum, cepstral_basis, mel_bands

_TAMED = 0.2  # brings cepstra, whose first coefficients are large, to the size that networks start well with


@DECODERS.register("spectral")
class SpectralDecoder(nn.Module):
    """ConvNeXt blocks at the code rate and at twice it; gains for pulses and noise in mel-spaced bands.

    Args:
        sample_rate: Hz.
        hop: samples a code frame.
        latent: channels in.
        condition: channels of side information (pitch) at the code rate.
        window: samples of the synthesis window; its hop is half of `hop`.
        bands: gains for each of pulses and noise.
        width, blocks: channels and blocks at the code rate.
        fine_width, fine_blocks: channels and blocks at twice the code rate.

    Shape: latent [batch, latent, frames], condition [batch, condition, frames] and excitation
    [batch, 2, frames * hop] (pulses, noise) to [batch, frames * hop].
    """

    spread: Tensor

    def __init__(
        self,
        sample_rate: int,
        hop: int,
        latent: int,
        condition: int,
        window: int = 640,
        bands: int = 80,
        width: int = 384,
        blocks: int = 4,
        fine_width: int = 256,
        fine_blocks: int = 3,
    ) -> None:
        super().__init__()
        self.enter = nn.Conv1d(latent + condition, width, 3, padding=1)
        self.coarse = nn.Sequential(ChannelNorm(width), *(ConvNeXtBlock(width) for _ in range(blocks)))
        self.to_fine = nn.ConvTranspose1d(width, fine_width, 2, stride=2)
        self.fine = nn.Sequential(ChannelNorm(fine_width), *(ConvNeXtBlock(fine_width) for _ in range(fine_blocks)))
        last = nn.Conv1d(fine_width, 2 * bands, 1)
        nn.init.normal_(last.weight, std=0.01)
        # What comes straight from the latent is the magnitude wanted; this is the excitation's own, of unit power.
        nn.init.constant_(cast(Tensor, last.bias), -0.5 * math.log(window / 2))
        self.leave = nn.Sequential(ChannelNorm(fine_width), last)
        self.envelope = nn.ConvTranspose1d(latent, bands, 2, stride=2)
        self.envelope.weight = nn.Parameter(cepstral_basis(latent, bands))
        self.spectrum = Spectrum(window, hop // 2)
        self.inverse = InverseSpectrum(window, hop // 2)
        self.bands = bands
        self.register_buffer("spread", mel_bands(bands, self.spectrum.bins, sample_rate)[..., None], persistent=False)

    def forward(self, latent: Tensor, condition: Tensor, excitation: Tensor) -> Tensor:
        hidden = self.to_fine(self.coarse(self.enter(torch.cat([_TAMED * latent, condition], dim=1))))
        shaped = self.leave(self.fine(hidden))
        with torch.autocast(latent.device.type, enabled=False):
            envelope = self.envelope(latent.float())
            log_gains = shaped.float() + torch.cat([envelope, envelope], dim=1)
            pulse_gain = torch.exp(nn.functional.conv1d(log_gains[:, : self.bands], self.spread).clamp(max=8))
            noise_gain = torch.exp(nn.functional.conv1d(log_gains[:, self.bands :], self.spread).clamp(max=8))
            pulses, noise = self.spectrum(excitation[:, 0]), self.spectrum(excitation[:, 1])
            return self.inverse(
                pulse_gain * pulses[0] + noise_gain * noise[0],
                pulse_gain * pulses[1] + noise_gain * noise[1],
            )
