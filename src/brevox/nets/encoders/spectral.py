"""Encoder that works at the frame rate, on log spectra.

A cepstrum goes straight to the latent and the network adds to it. Without the straight path the first thousands
of steps are spent on finding as many directions as a cepstrum has: the latent's variance was all in six of 64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.attention import LocalAttention
from brevox.nets.convnext import ChannelNorm, ConvNeXtBlock
from brevox.nets.parts import ENCODERS
from brevox.nets.smoothing import PitchSmoothing
from brevox.nets.spectrum import Spectrum, cepstral_basis, mel_bands, spectra_hop

_FLOOR = 3e-3  # of the spectrum of a signal at -20 dB: about 80 dB below its strongest bin


_COMPRESSION = 0.3  # of magnitudes, where networks see phases

#: What the network sees of a spectrum, and in how many channels a bin or band.
FEATURES = {"log": 1, "bands": 1, "complex": 3}


@ENCODERS.register("spectral")
class SpectralEncoder(nn.Module):
    """Spectra, several a code frame; ConvNeXt blocks at their rate and at the code rate.

    Args:
        sample_rate: Hz.
        hop: samples a code frame.
        latent: channels out.
        condition: channels of side information (pitch).
        conditions: frames of side information a code frame.
        spectra: a code frame.
        window: samples of the window of the spectra that the network sees: long enough to tell harmonics from noise.
        cepstrum_window: the same of those that the cepstrum is of: as short as speech changes.
        bands: of the cepstrum.
        features: what the network sees: `log` magnitudes of bins, those of `bands`, or `complex`: log magnitudes, and
            real and imaginary parts with compressed magnitudes.
        smooth: whether the cepstrum is that of spectra without their harmonics, see `PitchSmoothing`.
        fine_width, fine_blocks: channels and blocks at the rate of spectra.
        width, blocks: channels and blocks at the code rate.
        attention: blocks of local attention before those.

    Raises:
        SettingsError: there are no such features.

    Shape: audio [batch, frames * hop] and condition [batch, condition, frames * conditions] to
    [batch, latent, frames].
    """

    gather: Tensor

    def __init__(
        self,
        sample_rate: int,
        hop: int,
        latent: int,
        condition: int,
        conditions: int = 1,
        spectra: int = 2,
        window: int = 640,
        cepstrum_window: int = 320,
        bands: int = 80,
        features: str = "log",
        smooth: bool = True,
        fine_width: int = 256,
        fine_blocks: int = 1,
        width: int = 384,
        blocks: int = 5,
        attention: int = 0,
    ) -> None:
        super().__init__()
        if features not in FEATURES:
            raise SettingsError(f"the encoder's features are one of {', '.join(FEATURES)}, not {features!r}")
        self.features = features
        self.spectrum = Spectrum(window, spectra_hop(hop, spectra))
        self.short_spectrum = Spectrum(cepstrum_window, spectra_hop(hop, spectra))
        seen = bands if features == "bands" else self.spectrum.bins
        self.enter = nn.Conv1d(seen * FEATURES[features], fine_width, 1)
        self.fine = nn.Sequential(ChannelNorm(fine_width), *(ConvNeXtBlock(fine_width) for _ in range(fine_blocks)))
        self.to_coarse = nn.Conv1d(fine_width, width, spectra, stride=spectra)
        self.side = nn.Conv1d(condition, width, conditions, stride=conditions)
        self.coarse = nn.Sequential(
            ChannelNorm(width),
            *(LocalAttention(width) for _ in range(attention)),
            *(ConvNeXtBlock(width) for _ in range(blocks)),
        )
        last = nn.Conv1d(width, latent, 1)
        nn.init.normal_(last.weight, std=0.01)
        self.leave = nn.Sequential(ChannelNorm(width), last)
        spread = mel_bands(bands, self.short_spectrum.bins, sample_rate)
        self.register_buffer("gather", (spread / spread.sum(dim=0).clamp(min=1e-3)).T[..., None], persistent=False)
        self.smoothing = PitchSmoothing(self.short_spectrum.bins, sample_rate, spectra, conditions) if smooth else None
        self.cepstrum = nn.Conv1d(bands, latent, spectra, stride=spectra)
        self.cepstrum.weight = nn.Parameter(cepstral_basis(latent, bands, spectra))

    def forward(self, audio: Tensor, condition: Tensor) -> Tensor:
        log_bands = self.envelope(audio, condition)
        with torch.autocast(audio.device.type, enabled=False):
            cepstrum = self.cepstrum(log_bands)
        seen = log_bands / 3 if self.features == "bands" else self._seen(audio)
        hidden = self.to_coarse(self.fine(self.enter(seen)))
        return cepstrum + self.leave(self.coarse(hidden + self.side(condition)))

    def envelope(self, audio: Tensor, condition: Tensor) -> Tensor:
        """The envelope, in nepers. Shape: [batch, bands, spectra]."""
        power = _power(*self.short_spectrum(audio))
        if self.smoothing is not None:
            power = self.smoothing(power, condition)
        with torch.autocast(audio.device.type, enabled=False):
            return 0.5 * torch.log(nn.functional.conv1d(power, self.gather) + _FLOOR**2)

    def _seen(self, audio: Tensor) -> Tensor:
        """Shape: [batch, channels, spectra]."""
        real, imaginary = self.spectrum(audio)
        power = _power(real, imaginary) + _FLOOR**2
        seen = torch.log(power) / 6
        if self.features == "complex":
            compressed = power ** (_COMPRESSION / 2 - 0.5)
            seen = torch.cat([seen, real * compressed, imaginary * compressed], dim=1)
        return seen


def _power(real: Tensor, imaginary: Tensor) -> Tensor:
    return real.square() + imaginary.square()
