"""Speech to harmonics (Rowe, "Techniques for Harmonic Sinusoidal Coding", 1997; Griffin and Lim 1988 for voicing)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.vocoder.harmonics import (
    HOP,
    MOST_HARMONICS,
    RATE_HZ,
    Harmonics,
    harmonic_numbers,
    harmonics_below_nyquist,
)
from brevox.vocoder.pitch import coarse_pitch, refine_pitch
from brevox.vocoder.windows import FFT, taper_spectrum, window_spectra

_BLOCK = 1024  # frames at once: some megabytes

_VOICED_SNR_DB = 6.0
_VOICING_HZ = 1000.0
#: Low half over high half of the harmonics: what is so low must be a voice, what is so high cannot be.
_SURELY_VOICED_DB, _SURELY_UNVOICED_DB = 10.0, -10.0
_LEAST_ENERGY = 1e-4


def analyse(audio: NDArray[np.floating]) -> Harmonics:
    """Find pitch, voicing, amplitudes and phases of the harmonics in each 10 ms.

    Args:
        audio: at 8 kHz, full scale 1. Shape: [samples]. A last partial frame counts as one.

    Returns:
        ceil(samples / 80) frames.
    """
    frames = -(-len(audio) // HOP)
    if not frames:
        none = np.zeros((0, MOST_HARMONICS), np.float32)
        return Harmonics(np.zeros(0, np.float32), np.zeros(0, bool), none, none)
    pitch = refine_pitch(audio, coarse_pitch(audio, frames)) * (2 * np.pi / RATE_HZ)
    blocks = []
    for first in range(0, frames, _BLOCK):
        block = slice(first, min(first + _BLOCK, frames))
        spectra = window_spectra(audio, block.start, block.stop)
        wo = pitch[block]
        amplitudes, phases = measure_harmonics(spectra, wo)
        blocks.append((wo, is_voiced(spectra, wo, amplitudes), amplitudes, phases))
    wo, voiced, amplitudes, phases = map(np.concatenate, zip(*blocks, strict=True))
    return Harmonics(wo.astype(np.float32), voiced, amplitudes.astype(np.float32), phases.astype(np.float32))


def measure_harmonics(
    spectra: NDArray[np.complex128], wo: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Amplitude and phase of each harmonic: the energy of what is nearest to it, and the angle of the bin it lies in.

    Bins between two harmonics are shared. (Codec 2 gives each to one of them, which at 80 Hz is up to 0.8 dB wrong.)

    Args:
        spectra: Shape: [frames, 257].
        wo: Shape: [frames].

    Returns:
        Two of Shape: [frames, 80], zero beyond half the sampling rate.
    """
    bins = spectra.shape[1]
    energy = np.zeros((len(spectra), bins + 1))
    np.cumsum(np.abs(spectra) ** 2, axis=1, out=energy[:, 1:])
    per_harmonic = np.asarray(wo, np.float64)[:, None] * FFT / (2 * np.pi)
    numbers = harmonic_numbers()

    def energy_below(number: NDArray[np.float64]) -> NDArray[np.float64]:
        at = np.clip(number * per_harmonic + 0.5, 0, bins)
        left = np.minimum(at.astype(np.int64), bins - 1)
        share = at - left
        return (1 - share) * np.take_along_axis(energy, left, 1) + share * np.take_along_axis(energy, left + 1, 1)

    squared = energy_below(numbers + 0.5) - energy_below(numbers - 0.5)
    here = np.clip(np.rint(numbers * per_harmonic), 0, bins - 1).astype(np.int64)
    phases = np.angle(np.take_along_axis(spectra, here, 1))
    present = harmonics_below_nyquist(wo)
    return np.where(present, np.sqrt(np.maximum(squared, 0)), 0.0), np.where(present, phases, 0.0)


def is_voiced(
    spectra: NDArray[np.complex128], wo: NDArray[np.floating], amplitudes: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether the spectrum up to 1 kHz is that of a voice: 6 dB above what harmonics of this pitch do not explain.

    Each harmonic's band is matched with the window's own spectrum, which is what a steady cosine gives (Griffin and
    Lim 1988). Shape: [frames].
    """
    snr_db = harmonic_snr_db(spectra, wo)
    half = np.floor(np.pi / np.asarray(wo, np.float64) / 2)[:, None]
    power = np.asarray(amplitudes, np.float64) ** 2
    low = harmonic_numbers() <= half
    tilt_db = 10 * np.log10(
        (np.sum(power * low, axis=1) + _LEAST_ENERGY) / (np.sum(power * ~low, axis=1) + _LEAST_ENERGY)
    )
    return ((snr_db > _VOICED_SNR_DB) | (tilt_db > _SURELY_VOICED_DB)) & (tilt_db > _SURELY_UNVOICED_DB)


def harmonic_snr_db(spectra: NDArray[np.complex128], wo: NDArray[np.floating]) -> NDArray[np.float64]:
    """Energy up to 1 kHz over what is left of it when the best fitting harmonics are taken away. Shape: [frames]."""
    top = int(_VOICING_HZ * FFT / RATE_HZ) + 1
    hz_bins = np.arange(top)
    per_harmonic = np.asarray(wo, np.float64)[:, None] * FFT / (2 * np.pi)
    # Every bin belongs to the harmonic it is nearest to; those below half the pitch to none.
    owner = np.rint(hz_bins / per_harmonic).astype(np.int64)
    offset = hz_bins - np.rint(owner * per_harmonic).astype(np.int64)
    template: NDArray[np.float64] = taper_spectrum()[FFT // 2 + offset] * (owner > 0)
    piece = spectra[:, :top] * (owner > 0)
    harmonics = int(owner.max()) + 1
    rows = np.arange(len(spectra))[:, None] * harmonics + owner
    size = len(spectra) * harmonics

    def per_owner(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(rows.ravel(), values.ravel(), size).astype(np.float64)

    weight = np.maximum(per_owner(template**2), 1e-30)
    gain = (per_owner(piece.real * template) + 1j * per_owner(piece.imag * template)) / weight
    error = np.abs(piece - gain[rows] * template) ** 2
    signal = np.sum(np.abs(piece) ** 2, axis=1) + _LEAST_ENERGY
    snr_db: NDArray[np.float64] = 10 * np.log10(signal / (np.sum(error, axis=1) + _LEAST_ENERGY))
    return snr_db
