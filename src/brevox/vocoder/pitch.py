"""The pitch of every 10 ms, finely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.audio import resample
from brevox.audio.loudness import speech_gain
from brevox.audio.pitch import PITCH_HOP, PITCH_RATE_HZ, pitch_to_hz, track_pitch
from brevox.vocoder.harmonics import HIGHEST_HZ, HOP, LOWEST_HZ, RATE_HZ
from brevox.vocoder.windows import window_spectra

#: For recordings in which there is no voice at all.
_RESTING_HZ = 100.0

# The tracker's steps are 1.8 %.
_STEPS = np.arange(-6, 7)
_STEP = 0.005
_HIGHEST_MATCHED_HZ = 1500.0
_FINE_FFT = 4096


def coarse_pitch(audio: NDArray[np.floating], frames: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The path that `brevox.audio.pitch` finds, in frames of 10 ms.

    Codec 2 decides frame by frame, and now and then falls by an octave; a path through the whole recording does not.
    Where there is no voice the pitch goes straight from one voice to the next.

    Args:
        audio: at 8 kHz. Shape: [samples].
        frames: how many.

    Returns:
        Hz between 50 and 400, and whether the tracker hears a voice there. Shapes: [frames].
    """
    twice = resample(np.asarray(audio, np.float32)[None], RATE_HZ, PITCH_RATE_HZ)[0]
    hz = pitch_to_hz(track_pitch(twice * speech_gain(twice, PITCH_RATE_HZ)))
    heard = np.flatnonzero(hz)
    if not len(heard):
        return np.full(frames, _RESTING_HZ), np.zeros(frames, bool)
    hop = PITCH_HOP * RATE_HZ / PITCH_RATE_HZ
    at = (np.arange(frames) + 0.5) * HOP / hop - 0.5
    path = np.exp2(np.interp(at, heard, np.log2(hz[heard])))
    nearest = np.clip(np.rint(at).astype(int), 0, len(hz) - 1)
    return np.clip(path, LOWEST_HZ, HIGHEST_HZ), hz[nearest] > 0


def refine_pitch(
    audio: NDArray[np.floating], first: int, last: int, path: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The pitch near a path whose harmonics up to 1.5 kHz gather the most of the spectrum.

    Args:
        audio: at 8 kHz. Shape: [samples].
        first: the first frame.
        last: the frame after the last.
        path: Hz in these frames. Shape: [last - first].

    Returns:
        Hz between 50 and 400. Shape: [last - first].
    """
    magnitudes = np.sqrt(np.abs(window_spectra(audio, first, last, _FINE_FFT)))
    candidates = path[:, None] * (1 + _STEP * _STEPS)
    score = np.zeros(candidates.shape)
    rows = np.arange(len(path))[:, None]
    for number in range(1, int(_HIGHEST_MATCHED_HZ / path.min()) + 1):
        at = number * candidates * (_FINE_FFT / RATE_HZ)
        inside = number * path[:, None] <= _HIGHEST_MATCHED_HZ
        score += inside * magnitudes[rows, np.rint(at).astype(np.int64)]
    best = np.clip(score.argmax(axis=1), 1, len(_STEPS) - 2)[:, None]
    before, here, after = (np.take_along_axis(score, best + side, 1)[:, 0] for side in (-1, 0, 1))
    curve = np.minimum(before - 2 * here + after, -1e-12)
    peak = np.clip(0.5 * (before - after) / curve, -1, 1)
    return np.clip(path * (1 + _STEP * (_STEPS[best[:, 0]] + peak)), LOWEST_HZ, HIGHEST_HZ)
