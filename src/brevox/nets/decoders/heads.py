"""How a decoder's last features become sound: what of a spectrum is told, and what is given.

All heads get the spectral envelope that comes straight from the latent, so that what they learn is the rest.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.convnext import ChannelNorm
from brevox.nets.parts import HEADS
from brevox.nets.spectrum import InverseSpectrum, Spectrum, mel_bands, minimum_phase, overlap_add

#: That gains may give to what they shape.
PHASES = ("zero", "minimum")
_LOUDEST = 8.0  # in nepers: no spectrum of speech comes near it, and its exponential is finite


class Head(nn.Module):
    """What heads have in common.

    Args:
        width: channels of the features.
        sample_rate: Hz.
        window, hop: of the spectra, in samples.
        bands: mel-spaced, of the envelope.
        outputs: of the last layer, a spectrum.

    Shape: features [batch, width, spectra], envelope, in nepers, [batch, bands, spectra] and excitation
    [batch, 2, spectra * hop] (pulses, noise) to [batch, spectra * hop].
    """

    spread: Tensor

    def __init__(self, width: int, sample_rate: int, window: int, hop: int, bands: int, outputs: int) -> None:
        super().__init__()
        self.last = nn.Conv1d(width, outputs, 1)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(cast(Tensor, self.last.bias))
        self.norm = ChannelNorm(width)
        self.spectrum = Spectrum(window, hop)
        self.inverse = InverseSpectrum(window, hop)
        self.bands, self.bins = bands, self.spectrum.bins
        self.register_buffer("spread", mel_bands(bands, self.bins, sample_rate)[..., None], persistent=False)

    def forward(self, features: Tensor, envelope: Tensor, excitation: Tensor) -> Tensor:
        told = self.last(self.norm(features))
        with torch.autocast(features.device.type, enabled=False):
            return self.sound(told.float(), envelope, excitation)

    def sound(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> Tensor:
        """The sound of what the last layer tells, Shape [batch, outputs, spectra]."""
        raise NotImplementedError

    def to_bins(self, bands: Tensor) -> Tensor:
        """Values in bands as values in bins. Shape: [batch, bands, spectra] to [batch, bins, spectra]."""
        return nn.functional.conv1d(bands, self.spread)

    def magnitude(self, log_bands: Tensor) -> Tensor:
        """Logarithms in bands as factors in bins. Shapes as in `to_bins`."""
        return torch.exp(self.to_bins(log_bands).clamp(max=_LOUDEST))


@HEADS.register("masks")
class Masks(Head):
    """Gains in bands for the spectra of pulses and of noise.

    Real pulses are not all cosines: what a mouth does to them has a phase of its own, which follows from its gains.

    Args:
        phase: that gains give to pulses, `zero` or `minimum` (Oppenheim and Schafer 1975).
        turned: whether angles in bands, told besides, are added to it.

    Raises:
        SettingsError: there is no such phase.
    """

    phase_of_gains: Tensor

    def __init__(
        self,
        width: int,
        sample_rate: int,
        window: int,
        hop: int,
        bands: int,
        phase: str = "minimum",
        turned: bool = False,
        more: int = 0,
    ) -> None:
        super().__init__(width, sample_rate, window, hop, bands, (2 + turned) * bands + more)
        if phase not in PHASES:
            raise SettingsError(f"the phase of masks is one of {', '.join(PHASES)}, not {phase!r}")
        # What comes straight from the latent is the magnitude wanted; this is the excitation's own, of unit power.
        nn.init.constant_(cast(Tensor, self.last.bias)[: 2 * bands], -0.5 * math.log(window / 2))
        self.minimum, self.turned = phase == "minimum", turned
        if self.minimum:
            matrix = minimum_phase(self.bins) @ self.spread[..., 0]
            self.register_buffer("phase_of_gains", matrix[..., None], persistent=False)

    def sound(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> Tensor:
        return self.inverse(*self.masked(told, envelope, excitation))

    def masked(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part, each Shape [batch, bins, spectra]."""
        for_pulses, for_noise = (told[:, n * self.bands : (n + 1) * self.bands] + envelope for n in range(2))
        pulse_gain, noise_gain = self.magnitude(for_pulses), self.magnitude(for_noise)
        pulses, noise = self.spectrum(excitation[:, 0]), self.spectrum(excitation[:, 1])
        cosine, sine = pulse_gain, None
        if self.minimum or self.turned:
            angle = self._angle(told, for_pulses)
            cosine, sine = pulse_gain * angle.cos(), pulse_gain * angle.sin()
        real, imaginary = cosine * pulses[0], cosine * pulses[1]
        if sine is not None:
            real, imaginary = real - sine * pulses[1], imaginary + sine * pulses[0]
        return real + noise_gain * noise[0], imaginary + noise_gain * noise[1]

    def _angle(self, told: Tensor, log_gains: Tensor) -> Tensor:
        """By which pulses are turned, from what is told and their gains in bands. Shape: [batch, bins, spectra]."""
        angle = log_gains.new_zeros(())
        if self.minimum:
            angle = nn.functional.conv1d(log_gains, self.phase_of_gains)
        if self.turned:
            angle = angle + self.to_bins(told[:, 2 * self.bands : 3 * self.bands])
        return angle


@HEADS.register("masks_and_rest")
class MasksAndRest(Masks):
    """Masks, and a complex spectrum of its own for what pulses and noise cannot say."""

    def __init__(
        self,
        width: int,
        sample_rate: int,
        window: int,
        hop: int,
        bands: int,
        phase: str = "minimum",
        turned: bool = False,
    ) -> None:
        super().__init__(width, sample_rate, window, hop, bands, phase, turned, more=2 * (window // 2 + 1))

    def masked(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> tuple[Tensor, Tensor]:
        real, imaginary = super().masked(told, envelope, excitation)
        own, size = told[:, -2 * self.bins :], self.magnitude(envelope)
        return real + size * own[:, : self.bins], imaginary + size * own[:, self.bins :]


@HEADS.register("polar")
class Polar(Head):
    """Magnitude and phase of every bin (Vocos, Siuzdak 2023); no excitation."""

    def __init__(self, width: int, sample_rate: int, window: int, hop: int, bands: int) -> None:
        super().__init__(width, sample_rate, window, hop, bands, 2 * (window // 2 + 1))

    def sound(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> Tensor:
        magnitude = torch.exp((self.to_bins(envelope) + told[:, : self.bins]).clamp(max=_LOUDEST))
        # From a little noise to whole turns: features are of unit size, the layer's weights a hundredth of it.
        phase = 100 * told[:, self.bins :]
        return self.inverse(magnitude * phase.cos(), magnitude * phase.sin())


@HEADS.register("complex")
class Complex(Head):
    """Real and imaginary part of every bin, as shares of the envelope; no excitation."""

    def __init__(self, width: int, sample_rate: int, window: int, hop: int, bands: int) -> None:
        super().__init__(width, sample_rate, window, hop, bands, 2 * (window // 2 + 1))
        nn.init.normal_(self.last.weight, std=width**-0.5)

    def sound(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> Tensor:
        size = self.magnitude(envelope)
        return self.inverse(size * told[:, : self.bins], size * told[:, self.bins :])


@HEADS.register("frames")
class Frames(Head):
    """Samples of overlapping windows; no excitation, and no envelope but its mean level."""

    def __init__(self, width: int, sample_rate: int, window: int, hop: int, bands: int) -> None:
        super().__init__(width, sample_rate, window, hop, bands, window)
        nn.init.normal_(self.last.weight, std=width**-0.5)

    def sound(self, told: Tensor, envelope: Tensor, excitation: Tensor) -> Tensor:
        # A spectrum's magnitude is about the samples' size times the root of the window's.
        level = torch.exp(envelope.mean(dim=1, keepdim=True).clamp(max=_LOUDEST)) * (2 / self.spectrum.window) ** 0.5
        windows = (level * told).transpose(1, 2) * self.inverse.taper
        return overlap_add(windows, self.inverse.hop)
