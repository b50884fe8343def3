"""Short-time Fourier transform and its inverse as matrix products, which any ONNX runtime can run.

    samples   |<--- hop --->|<--- hop --->|<--- hop --->|
    frame 0  [--- window ---------)                           centred on the middle of the first hop
    frame 1            [--------- window ---------)

A recording of n * hop samples has exactly n frames. Outside of the recording the signal is zero.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError


class _FourierBasis(nn.Module):
    """Cosines and sines, each Shape: [window / 2 + 1, window].

    Made anew on each call, which costs nothing beside their use, so that model files need not hold them.
    """

    bins: Tensor
    samples: Tensor

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        self.register_buffer("bins", torch.arange(window // 2 + 1.0)[:, None], persistent=False)
        self.register_buffer("samples", torch.arange(float(window)), persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        # Whole turns are taken off while the numbers are exact.
        turns = torch.remainder(self.bins * self.samples, float(self.window)) * (2 * math.pi / self.window)
        return turns.cos(), turns.sin()


class Spectrum(nn.Module):
    """Complex spectrum of each frame, in full precision whatever surrounds it.

    Args:
        window: samples in a frame, a multiple of `hop`; both even.
        hop: samples from frame to frame.

    Raises:
        SettingsError: such a window does not fit such a hop.

    Shape: [batch, n * hop] to two of [batch, window / 2 + 1, n]: real and imaginary part.
    """

    taper: Tensor

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        _check_fit(window, hop)
        self.window, self.hop = window, hop
        self.basis = _FourierBasis(window)
        self.bins = window // 2 + 1
        self.register_buffer("taper", torch.hann_window(window).sqrt(), persistent=False)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(audio.device.type, enabled=False):
            margin = (self.window - self.hop) // 2
            hops = nn.functional.pad(audio.float(), (margin, margin)).reshape(audio.shape[0], -1, self.hop)
            # One matrix product over windows made of neighbouring hops: several times faster than a convolution.
            parts = self.window // self.hop
            frames = hops.shape[1] - parts + 1
            windows = torch.cat([hops[:, part : part + frames] for part in range(parts)], dim=2)
            cosines, sines = self.basis()
            spectrum = ((windows * self.taper) @ torch.cat([cosines, -sines]).T).transpose(1, 2)
            return spectrum[:, : self.bins], spectrum[:, self.bins :]


class InverseSpectrum(nn.Module):
    """Overlap-added inverse of `Spectrum`; exact for a spectrum that `Spectrum` made, but at the very ends.

    Shape: two of [batch, window / 2 + 1, n] to [batch, n * hop].
    """

    taper: Tensor
    share: Tensor

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        _check_fit(window, hop)
        self.window, self.hop = window, hop
        self.basis = _FourierBasis(window)
        # The root of Hann at both ends is Hann, whose copies at a hop of half of the window or less
        # add up to a constant.
        constant = window / hop / 2
        share = torch.full((window // 2 + 1, 1), 2 / (window * constant))
        share[0] /= 2
        share[-1] /= 2
        self.register_buffer("taper", torch.hann_window(window).sqrt(), persistent=False)
        self.register_buffer("share", share, persistent=False)

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        with torch.autocast(real.device.type, enabled=False):
            cosines, sines = self.basis()
            basis = torch.cat([cosines * self.share, -sines * self.share])
            windows = torch.cat([real, imaginary], dim=1).float().transpose(1, 2) @ basis * self.taper
            return overlap_add(windows, self.hop)


def overlap_add(windows: Tensor, hop: int) -> Tensor:
    """Windows, each centred on the middle of its hop, as sound. Shape: [batch, n, window] to [batch, n * hop]."""
    parts = windows.shape[2] // hop
    total = sum(
        nn.functional.pad(windows[:, :, part * hop : (part + 1) * hop], (0, 0, part, parts - 1 - part))
        for part in range(parts)
    )
    margin = (windows.shape[2] - hop) // 2
    return torch.as_tensor(total).reshape(windows.shape[0], -1)[:, margin:-margin]


def spectra_hop(hop: int, spectra: int) -> int:
    """Samples from spectrum to spectrum, if a code frame of `hop` samples has so many.

    Raises:
        SettingsError: they do not fill it.
    """
    if spectra < 1 or hop % spectra:
        raise SettingsError(f"a frame of {hop} samples cannot have {spectra} spectra: take a divisor of it")
    return hop // spectra


def mel_bands(bands: int, bins: int, sample_rate: int) -> Tensor:
    """Triangles that spread `bands` mel-spaced values over linear bins. Shape: [bins, bands]; rows add up to 1."""
    hz = torch.linspace(0, sample_rate / 2, bins)
    position = _mel(hz) / _mel(torch.tensor(sample_rate / 2)) * (bands - 1)
    return torch.clamp(1 - (position[:, None] - torch.arange(bands)).abs(), min=0)


def minimum_phase(bins: int) -> Tensor:
    """What makes the phase, in radians, of a causal filter of least delay from its log magnitude, both at bins from 0
    to half of the sample rate: the odd part of the cepstrum is the even one's, with the sign of time.

    Shape: [bins, bins].
    """
    window = 2 * (bins - 1)
    turns = 2 * math.pi / window * torch.outer(torch.arange(1, bins - 1), torch.arange(bins))
    twice = torch.full((bins,), 2.0)
    twice[0] = twice[-1] = 1  # bins between are there for negative frequencies too
    to_cepstrum = turns.cos() * twice / window
    return -2 * turns.sin().T @ to_cepstrum


def cepstral_basis(latent: int, bands: int, spectra: int = 2) -> Tensor:
    """Orthonormal cepstrum of neighbouring spectra: cosine transforms along frequency and along time.

    What is coarse is taken first, along frequency and along time: of two spectra, five eighths of the coefficients
    describe their sum. Shape: [latent, bands, spectra].

    Raises:
        SettingsError: there are not so many coefficients.
    """
    over_bands, over_time = cepstral_orders(latent, bands, spectra)
    return _cosine_transform(bands)[over_bands][:, :, None] * _cosine_transform(spectra)[over_time][:, None]


def cepstral_orders(latent: int, bands: int, spectra: int) -> tuple[Tensor, Tensor]:
    """Along frequency and along time: how fine each coefficient of `cepstral_basis` is. Each Shape: [latent]."""
    if latent > bands * spectra:
        raise SettingsError(
            f"{spectra} spectra of {bands} bands cannot fill a latent of {latent}: take at most {bands * spectra}"
        )
    over_bands, over_time = torch.meshgrid(torch.arange(bands), torch.arange(spectra), indexing="ij")
    fineness = (over_bands + 0.5) * (1 + 0.6 * over_time)
    chosen = fineness.flatten().argsort(stable=True)[:latent]
    return over_bands.flatten()[chosen], over_time.flatten()[chosen]


def _cosine_transform(size: int) -> Tensor:
    """Orthonormal, slowest first. Shape: [size, size]."""
    order = torch.arange(size)
    cosines = torch.cos(math.pi / size * torch.outer(order, order + 0.5)) * math.sqrt(2 / size)
    cosines[0] /= math.sqrt(2)
    return cosines


def _check_fit(window: int, hop: int) -> None:
    if hop < 2 or hop % 2 or window % hop or window < 2 * hop:
        raise SettingsError(
            f"a window of {window} samples does not fit a hop of {hop}: it must be twice, thrice ... an even hop"
        )


def _mel(hz: Tensor) -> Tensor:
    return 2595 * torch.log10(1 + hz / 700)
