"""The spectrogram on which the spectral losses work."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def spectrogram(audio: Tensor, window: int, hop: int) -> Tensor:
    """Complex spectrogram with a Hann window, scaled so that a sine of amplitude 1 peaks near 1.

    Shape: [batch, samples] to [batch, window / 2 + 1, frames].
    """
    taper = torch.hann_window(window, device=audio.device)
    # Zeros outside of the crop for both signals alike; reflection would need crops longer than the window.
    padded = torch.nn.functional.pad(audio.float(), (window // 2, window // 2))
    frames = padded.unfold(1, window, hop) * (taper * (2 / taper.sum()))
    spectrum: Tensor = _RealFourier.apply(frames)  # type: ignore[no-untyped-call]
    return spectrum.transpose(1, 2)


def magnitude(spectrum: Tensor) -> Tensor:
    """Absolute value whose gradient stays finite at zero."""
    return (spectrum.real.square() + spectrum.imag.square() + 1e-14).sqrt()


class _RealFourier(torch.autograd.Function):
    """`torch.fft.rfft` over the last dimension, with a gradient at half of the price.

    PyTorch's own fills the half of the spectrum that `rfft` leaves out with zeros, transforms back all of it as
    complex numbers and drops the imaginary part.
    """

    @staticmethod
    def forward(context: Any, frames: Tensor) -> Tensor:
        context.length = frames.shape[-1]
        return torch.fft.rfft(frames)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        # `irfft` counts each bin twice but for those that have no mirror image.
        share = torch.full((gradient.shape[-1],), 0.5, device=gradient.device)
        share[0] = 1
        if context.length % 2 == 0:
            share[-1] = 1
        return torch.fft.irfft(gradient * share, context.length, norm="forward")
