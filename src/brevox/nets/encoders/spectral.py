"""Encoder that works at the frame rate, on log spectra.

A cepstrum goes straight to the latent and the network adds to it. Without the straight path the first thousands
of steps are spent on finding as many directions as a cepstrum has: the latent's variance was all in six of 64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.nets.convnext import ChannelNorm, ConvNeXtBlock
from brevox.nets.parts import ENCODERS
from brevox.nets.spectrum import Spectrum, cepstral_basis, mel_bands

_FLOOR = 3e-3  # of the spectrum of a signal at -20 dB: about 80 dB below its strongest bin


@ENCODERS.register("spectral")
class SpectralEncoder(nn.Module):
    """Log-magnitude spectrum at twice the code rate, ConvNeXt blocks there and at the code rate.

    Args:
        sample_rate: Hz.
        hop: samples a code frame.
        latent: channels out.
        condition: channels of side information (pitch) at the code rate.
        window: samples of the spectrum's window; its hop is half of `hop`.
        bands: of the cepstrum.
        fine_width, fine_blocks: channels and blocks at twice the code rate.
        width, blocks: channels and blocks at the code rate.

    Shape: audio [batch, frames * hop] and condition [batch, condition, frames] to [batch, latent, frames].
    """

    gather: Tensor

    def __init__(
        self,
        sample_rate: int,
        hop: int,
        latent: int,
        condition: int,
        window: int = 640,
        bands: int = 80,
        fine_width: int = 256,
        fine_blocks: int = 1,
        width: int = 384,
        blocks: int = 5,
    ) -> None:
        super().__init__()
        self.spectrum = Spectrum(window, hop // 2)
        self.enter = nn.Conv1d(self.spectrum.bins, fine_width, 1)
        self.fine = nn.Sequential(ChannelNorm(fine_width), *(ConvNeXtBlock(fine_width) for _ in range(fine_blocks)))
        self.to_coarse = nn.Conv1d(fine_width, width, 2, stride=2)
        self.side = nn.Conv1d(condition, width, 1)
        self.coarse = nn.Sequential(ChannelNorm(width), *(ConvNeXtBlock(width) for _ in range(blocks)))
        last = nn.Conv1d(width, latent, 1)
        nn.init.normal_(last.weight, std=0.01)
        self.leave = nn.Sequential(ChannelNorm(width), last)
        spread = mel_bands(bands, self.spectrum.bins, sample_rate)
        self.register_buffer("gather", (spread / spread.sum(dim=0).clamp(min=1e-3)).T[..., None], persistent=False)
        self.cepstrum = nn.Conv1d(bands, latent, 2, stride=2)
        self.cepstrum.weight = nn.Parameter(cepstral_basis(latent, bands))

    def forward(self, audio: Tensor, condition: Tensor) -> Tensor:
        real, imaginary = self.spectrum(audio)
        power = real.square() + imaginary.square()
        log_magnitude = 0.5 * torch.log(power + _FLOOR**2)
        hidden = self.to_coarse(self.fine(self.enter(log_magnitude / 3)))
        with torch.autocast(audio.device.type, enabled=False):
            log_bands = 0.5 * torch.log(nn.functional.conv1d(power, self.gather) + _FLOOR**2)
            cepstrum = self.cepstrum(log_bands)
        return cepstrum + self.leave(self.coarse(hidden + self.side(condition)))
