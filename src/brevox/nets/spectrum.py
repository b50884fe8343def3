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
            parts = self.window // self.hop
            hop = self.hop
            total = sum(
                nn.functional.pad(windows[:, :, part * hop : (part + 1) * hop], (0, 0, part, parts - 1 - part))
                for part in range(parts)
            )
            margin = (self.window - self.hop) // 2
            return torch.as_tensor(total).reshape(real.shape[0], -1)[:, margin:-margin]


def mel_bands(bands: int, bins: int, sample_rate: int) -> Tensor:
    """Triangles that spread `bands` mel-spaced values over linear bins. Shape: [bins, bands]; rows add up to 1."""
    hz = torch.linspace(0, sample_rate / 2, bins)
    position = _mel(hz) / _mel(torch.tensor(sample_rate / 2)) * (bands - 1)
    return torch.clamp(1 - (position[:, None] - torch.arange(bands)).abs(), min=0)


def cepstral_basis(latent: int, bands: int) -> Tensor:
    """Orthonormal cepstrum of two neighbouring spectra: smooth parts of their sum and of their difference.

    Five eighths of the coefficients go to the sum. Shape: [latent, bands, 2].
    """
    order = torch.arange(bands)
    cosines = torch.cos(math.pi / bands * torch.outer(order, order + 0.5)) * math.sqrt(2 / bands)
    cosines[0] /= math.sqrt(2)
    for_sum = latent * 5 // 8
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)
    return torch.cat([cosines[:for_sum, :, None] * pair[0], cosines[: latent - for_sum, :, None] * pair[1]])


def _check_fit(window: int, hop: int) -> None:
    if hop < 2 or hop % 2 or window % hop or window < 2 * hop:
        raise SettingsError(
            f"a window of {window} samples does not fit a hop of {hop}: it must be twice, thrice ... an even hop"
        )


def _mel(hz: Tensor) -> Tensor:
    return 2595 * torch.log10(1 + hz / 700)
