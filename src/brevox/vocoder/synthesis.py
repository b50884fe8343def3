"""Harmonics to speech, and phases where only amplitudes are known ("phase0" of Codec 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.vocoder.envelope import Y_COLUMNS
from brevox.vocoder.harmonics import (
    FULL_SCALE,
    HOP,
    MOST_HARMONICS,
    Harmonics,
    harmonic_numbers,
    harmonics_below_nyquist,
)
from brevox.vocoder.spline import spline

_FFT = 512
_BLOCK = 512  # frames at once
_NOISE_SEED = 0xC2


def phase0(
    y: NDArray[np.floating],
    wo: NDArray[np.floating],
    voiced: NDArray[np.bool_],
    first_frame: int = 0,
    turn: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Phases that nobody sent: of a pulse at the pitch through the filter of least phase with this envelope.

    Pulses follow each other as the pitch says; in frames without voice every harmonic gets a phase of chance, the same
    in every run.

    Args:
        y: envelope in dB. Shape: [frames, 79].
        wo: pitch. Shape: [frames].
        voiced: Shape: [frames].
        first_frame: counted from the recording's beginning: chance depends on a frame's number, and on nothing else.
        turn: phases of the first harmonic, if they go on from others; else `wo_in_turns`. Shape: [frames].

    Returns:
        Radians. Shape: [frames, 80].
    """
    turn = wo_in_turns(wo) if turn is None else turn
    pulses = turn[:, None] * harmonic_numbers()
    noise = np.random.PCG64(_NOISE_SEED)
    noise.advance(first_frame * MOST_HARMONICS)
    chance = np.random.Generator(noise).uniform(0, 2 * np.pi, pulses.shape)
    phases = np.where(np.asarray(voiced)[:, None], pulses + minimum_phase(y, wo), chance)
    phases = np.angle(np.exp(1j * phases))
    return np.where(harmonics_below_nyquist(wo), phases, 0).astype(np.float32)


def wo_in_turns(wo: NDArray[np.floating]) -> NDArray[np.float64]:
    """The phase of the first harmonic at the middle of each frame, the pitch gliding from middle to middle.

    Shape: [frames].
    """
    wo = np.asarray(wo, np.float64)
    advance = HOP * (wo[:-1] + wo[1:]) / 2
    return np.concatenate([np.zeros(min(1, len(wo))), np.cumsum(advance)]) % (2 * np.pi)


def minimum_phase(y: NDArray[np.floating], wo: NDArray[np.floating]) -> NDArray[np.float64]:
    """Phases at the harmonics, of the filter of least phase with an envelope, by folding the cepstrum.

    Args:
        y: dB. Shape: [frames, 79].
        wo: Shape: [frames].

    Returns:
        Radians. Shape: [frames, 80].
    """
    bins = _FFT // 2 + 1
    ends = np.pad(np.asarray(y, np.float64), ((0, 0), (1, 1)), mode="edge")
    log_magnitude = spline(ends, np.linspace(0, Y_COLUMNS + 1, bins)) * (np.log(10) / 20)
    cepstrum = np.fft.irfft(log_magnitude, _FFT)
    cepstrum[:, 1 : _FFT // 2] *= 2
    cepstrum[:, _FFT // 2 + 1 :] = 0
    phase = np.fft.rfft(cepstrum).imag
    at = np.minimum(np.asarray(wo, np.float64)[:, None] * harmonic_numbers() * (_FFT / (2 * np.pi)), bins - 1)
    left = np.minimum(at.astype(np.int64), bins - 2)
    share = at - left
    return (1 - share) * np.take_along_axis(phase, left, 1) + share * np.take_along_axis(phase, left + 1, 1)


def synthesise(harmonics: Harmonics) -> NDArray[np.float32]:
    """Play harmonics.

    Each frame sounds for 20 ms, fading in and out. Between two voiced frames the pitch glides, for both alike, so that
    their harmonics stay in step while one fades into the other.

    Returns:
        Audio at 8 kHz, full scale 1. Shape: [80 * frames].
    """
    frames = len(harmonics)
    out = np.zeros(HOP * (frames + 1))
    fade = np.sin(np.pi * np.arange(2 * HOP) / (2 * HOP)) ** 2
    for first in range(0, frames, _BLOCK):
        block = slice(first, min(first + _BLOCK, frames))
        sound = _sum_of_cosines(harmonics, block) * fade
        count = block.stop - block.start
        halves = out[block.start * HOP : (block.stop + 1) * HOP].reshape(count + 1, HOP)
        halves[:-1] += sound[:, :HOP]
        halves[1:] += sound[:, HOP:]
    return (out[HOP // 2 : HOP // 2 + frames * HOP] / FULL_SCALE).astype(np.float32)


def _sum_of_cosines(harmonics: Harmonics, block: slice) -> NDArray[np.float64]:
    """The sound of each frame from 10 ms before to 10 ms after its middle. Shape: [frames, 160]."""
    present = harmonics.amplitudes[block]
    weights = 2 * present * np.exp(1j * harmonics.phases[block])
    step = np.exp(1j * _glide(harmonics, block))
    most = int(np.flatnonzero(present.any(axis=0)).max(initial=-1)) + 1
    total = np.zeros(step.shape, np.complex128)
    for column in range(most - 1, -1, -1):  # Horner: w1 z + w2 z^2 + ... = z (w1 + z (w2 + ...))
        total += weights[:, column : column + 1]
        total *= step
    return total.real


def _glide(harmonics: Harmonics, block: slice) -> NDArray[np.float64]:
    """Phase of the first harmonic around the middle of each frame, where it is 0. Shape: [frames, 160]."""
    wo, voiced = harmonics.wo.astype(np.float64), harmonics.voiced
    both = voiced[:-1] & voiced[1:]
    before, after = wo.copy(), wo.copy()
    before[1:] = np.where(both, wo[:-1], wo[1:])
    after[:-1] = np.where(both, wo[1:], wo[:-1])
    time = np.arange(2 * HOP) - HOP
    here = wo[block, None]
    slope = np.where(time < 0, here - before[block, None], after[block, None] - here) / HOP
    return here * time + slope * time**2 / 2
