"""The spectrogram on which the spectral losses work."""

from __future__ import annotations

import torch
from torch import Tensor


def spectrogram(audio: Tensor, window: int, hop: int) -> Tensor:
    """Complex spectrogram with a Hann window, scaled so that a sine of amplitude 1 peaks near 1.

    Shape: [batch, samples] to [batch, window / 2 + 1, frames].
    """
    taper = torch.hann_window(window, device=audio.device)
    # Zeros outside of the crop for both signals alike; reflection would need crops longer than the window.
    padded = torch.nn.functional.pad(audio.float(), (window // 2, window // 2))
    return torch.stft(padded, window, hop, window=taper, center=False, return_complex=True) * (2 / taper.sum())


def magnitude(spectrum: Tensor) -> Tensor:
    """Absolute value whose gradient stays finite at zero."""
    return (spectrum.real.square() + spectrum.imag.square() + 1e-14).sqrt()
