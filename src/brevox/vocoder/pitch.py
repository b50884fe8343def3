"""The pitch of every 10 ms, finely."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from brevox.audio import resample
from brevox.audio.loudness import speech_gain
from brevox.audio.pitch import PITCH_HOP, PITCH_RATE_HZ, pitch_to_hz, track_pitch
from brevox.vocoder.harmonics import HIGHEST_HZ, HOP, LOWEST_HZ, RATE_HZ

#: For recordings in which there is no voice at all.
_RESTING_HZ = 100.0

_PERIODS = 3
#: In each round. The lower ones are right from farther off, many are more precise.
_HARMONICS = (2, 6)
#: A share of the pitch. The tracker's steps are 1.8 %, and it hears 20 ms at once, in which a voice may glide.
_FARTHEST = 0.2
_BLOCK = 256  # frames at once


def coarse_pitch(audio: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """The path that `brevox.audio.pitch` finds, in frames of 10 ms.

    Codec 2 decides frame by frame, and now and then falls by an octave; a path through the whole recording does not.
    Where there is no voice the pitch goes straight from one voice to the next.

    Args:
        audio: at 8 kHz. Shape: [samples].
        frames: how many.

    Returns:
        Hz between 50 and 400. Shape: [frames].
    """
    twice = resample(np.asarray(audio, np.float32)[None], RATE_HZ, PITCH_RATE_HZ)[0]
    hz = pitch_to_hz(track_pitch(twice * speech_gain(twice, PITCH_RATE_HZ)))
    heard = np.flatnonzero(hz)
    if not len(heard):
        return np.full(frames, _RESTING_HZ)
    hop = PITCH_HOP * RATE_HZ / PITCH_RATE_HZ
    at = (np.arange(frames) + 0.5) * HOP / hop - 0.5
    path = np.exp2(np.interp(at, heard, np.log2(hz[heard])))
    return np.clip(path, LOWEST_HZ, HIGHEST_HZ)


def refine_pitch(audio: NDArray[np.floating], path: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pitch near a path, by how fast the phases of the first harmonics turn.

    Each harmonic's own frequency is its band's instantaneous one (Flanagan 1966; from two windows, one the other's
    slope, as in Auger and Flandrin 1995); their mean is weighted by amplitude, over three periods, in which a gliding
    pitch changes little. Blackman's window lets less of the neighbours in than Hann's. WORLD's StoneMask does so too.

    Args:
        audio: at 8 kHz. Shape: [samples].
        path: Hz in each frame. Shape: [frames].

    Returns:
        Hz between 50 and 400; as it was where the harmonics tell of quite another pitch. Shape: [frames].
    """
    frames = len(path)
    reach = int(_PERIODS / 2 * RATE_HZ / LOWEST_HZ)
    padded = np.pad(np.asarray(audio, np.float64), (reach, reach + HOP * frames - len(audio)))
    pieces = sliding_window_view(padded, 2 * reach + 1)[HOP // 2 :: HOP][:frames]
    refined = np.array(path, np.float64)
    for first in range(0, frames, _BLOCK):
        block = slice(first, first + _BLOCK)
        for harmonics in _HARMONICS:
            refined[block] = _refined(pieces[block], refined[block], harmonics)
    return np.clip(refined, LOWEST_HZ, HIGHEST_HZ)


def _refined(pieces: NDArray[np.float64], hz: NDArray[np.float64], harmonics: int) -> NDArray[np.float64]:
    """One round. Shapes: [frames, samples] around the middles, [frames] to [frames]."""
    time = np.arange(pieces.shape[1]) - pieces.shape[1] // 2
    half = (_PERIODS / 2 * RATE_HZ / hz)[:, None]
    angle = np.minimum(np.abs(np.pi / half * time), np.pi) * np.sign(time)
    demodulate = np.exp(-2j * np.pi / RATE_HZ * hz[:, None] * time)
    window = pieces * (0.42 + 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)) + 0j
    slope = pieces * (-np.pi / half * (0.5 * np.sin(angle) + 0.16 * np.sin(2 * angle))) + 0j
    found, weights = np.zeros(len(hz)), np.full(len(hz), 1e-20)
    for number in range(1, harmonics + 1):
        window *= demodulate
        slope *= demodulate
        here = window.sum(axis=1)
        off_hz = -(slope.sum(axis=1) / (here + 1e-20)).imag * RATE_HZ / (2 * np.pi)
        weight = np.abs(here)
        found += weight * (number * hz + off_hz)
        weights += weight * number
    found /= weights
    return np.where(np.abs(found / hz - 1) < _FARTHEST, found, hz)
