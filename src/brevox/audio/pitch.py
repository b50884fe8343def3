"""Pitch of speech as one small integer a frame, exact on every machine once it is found.

A code of 0 means "no pitch"; codes 1..127 are spaced evenly in log frequency. The decoder's
excitation is built from these integers alone, so encoder, decoder and training agree to the sample.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PITCH_CODES = 128
PITCH_RATE_HZ = 16_000
PITCH_HOP = 320
LOWEST_HZ = 55.0
HIGHEST_HZ = 550.0

#: Channels of `pitch_condition`.
PITCH_CHANNELS = 2

#: Frames on either side that a frame's decision may depend on; blocks overlap by this much.
PITCH_CONTEXT = 25

_WINDOW = 640  # 40 ms
_FFT = 2048
_RUMBLE = 200  # samples; twice the mean over 12.5 ms is what lies below 40 Hz, more or less
_FLATTENED = 0.3  # share of the flattened spectrum in the evidence
_UNVOICED_SCORE = 0.39
_SWITCH_COST = 0.2  # to begin or end voicing
_GLIDE_COST = 0.01  # a code (1.8 %) of change a frame
_WIDEST_GLIDE = 12
_OCTAVE_COST = 0.035
_SILENCE = 1e-4  # RMS under which a frame has no pitch, for signals at the codec's level


def pitch_to_hz(codes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Frequency of each pitch code, 0 where there is none. Shape: any, kept."""
    steps = (np.asarray(codes, dtype=np.float64) - 1) / (PITCH_CODES - 2)
    return np.where(np.asarray(codes) > 0, LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** steps, 0.0)


def shift_pitch(codes: NDArray[np.integer], factor: float) -> NDArray[np.uint8]:
    """Pitch codes of the same sound with every frequency multiplied. Shape: any, kept.

    What comes to lie too high falls by octaves, and what lies too low has no pitch: as `track_pitch` finds it, to
    which twice a period is a period too.
    """
    codes = np.asarray(codes)
    per_octave = (PITCH_CODES - 2) / np.log2(HIGHEST_HZ / LOWEST_HZ)
    shifted = codes + per_octave * np.log2(factor)
    octaves = np.ceil((shifted - (PITCH_CODES - 0.5)) / per_octave)
    shifted = np.rint(shifted - per_octave * np.maximum(octaves, 0))
    return np.where((codes > 0) & (shifted > 0), np.minimum(shifted, PITCH_CODES - 1), 0).astype(np.uint8)


def pitch_condition(codes: NDArray[np.integer]) -> NDArray[np.float32]:
    """Pitch codes as networks see them: voiced or not, and height. Shape: [frames] to [2, frames]."""
    codes = np.asarray(codes, dtype=np.float32)
    voiced = (codes > 0).astype(np.float32)
    return np.stack([voiced, (codes - PITCH_CODES / 2) * np.float32(4 / PITCH_CODES) * voiced])


def track_pitch(audio: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Find the pitch of each frame of 320 samples at 16 kHz.

    Boersma's autocorrelation (1993): the windowed signal's autocorrelation over the window's own,
    here of the band in which the first harmonics lie, then the best path through all frames. A part of the
    evidence is the autocorrelation of the flattened spectrum (Tolonen and Karjalainen 2000), in which
    one strong hum or rumble says as little as any other frequency.

    Args:
        audio: Shape: [samples], at 16 kHz. A last partial frame is filled with zeros.

    Returns:
        Pitch codes, Shape: [ceil(samples / 320)].
    """
    frames = -(-len(audio) // PITCH_HOP)
    if frames == 0:
        return np.zeros(0, dtype=np.uint8)
    strength = np.concatenate([_periodicity(audio, first, min(first + 512, frames)) for first in range(0, frames, 512)])
    return _best_path(strength)


def _periodicity(audio: NDArray[np.floating], first: int, last: int) -> NDArray[np.float32]:
    """Evidence for the period of every code. Shape: [frames, 127]; -1 where it is silent."""
    margin = (_WINDOW - PITCH_HOP) // 2 + _RUMBLE
    begin, end = first * PITCH_HOP - margin, last * PITCH_HOP + margin
    piece = np.zeros(end - begin, dtype=np.float32)
    inside = slice(max(begin, 0), min(end, len(audio)))
    piece[inside.start - begin : inside.stop - begin] = audio[inside]
    windows = sliding_window_view(_without_rumble(piece), _WINDOW)[::PITCH_HOP] * _TAPER
    power = np.abs(np.fft.rfft(windows, _FFT)[:, : len(_BAND)]) ** 2
    strength = np.zeros((len(windows), PITCH_CODES - 1), dtype=np.float32)
    for spectrum, share, cosines in (
        (power, 1 - _FLATTENED, _COSINES),
        (np.sqrt(np.sqrt(power)), _FLATTENED, _FLAT_COSINES),
    ):
        spectrum *= _BAND
        strength += share * (spectrum @ cosines) / np.maximum(spectrum.sum(axis=1, keepdims=True), 1e-20)
    strength[np.sqrt(np.mean(windows**2, axis=1)) < _SILENCE] = -1
    return strength


def _without_rumble(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """The signal less its mean over 12.5 ms, taken twice. Shape: [samples] to [samples - 400]."""
    smooth = audio.astype(np.float64)
    for _ in range(2):
        total = np.concatenate([[0.0], np.cumsum(smooth)])
        smooth = (total[_RUMBLE + 1 :] - total[1:-_RUMBLE]) / _RUMBLE
    return (audio[_RUMBLE:-_RUMBLE] - smooth).astype(np.float32)


def _best_path(strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Viterbi search over 127 pitches and "none"."""
    frames, pitches = strength.shape
    # Halving a pitch must not look as good as the pitch itself: short periods get a small bonus.
    bonus = _OCTAVE_COST * np.log2(pitch_to_hz(np.arange(1, PITCH_CODES)) / LOWEST_HZ)
    local = strength + bonus.astype(np.float32)
    switch, unvoiced_score = np.float32(_SWITCH_COST), np.float32(_UNVOICED_SCORE)
    glide = np.float32(_GLIDE_COST) * np.abs(np.arange(-_WIDEST_GLIDE, _WIDEST_GLIDE + 1, dtype=np.float32))
    # Scores at each frame, with margins in which nothing is, so that every pitch has as many neighbours.
    voiced = np.full((frames, pitches + 2 * _WIDEST_GLIDE), -np.inf, dtype=np.float32)
    unvoiced = np.zeros(frames, dtype=np.float32)
    inner = slice(_WIDEST_GLIDE, _WIDEST_GLIDE + pitches)
    voiced[0, inner], unvoiced[0] = local[0], unvoiced_score
    row = voiced[0].copy()
    neighbours = sliding_window_view(row, pitches)  # [glides, pitches], made once: it shows whatever `row` holds
    for t in range(1, frames):
        row[:] = voiced[t - 1]
        arrival = (neighbours - glide[:, None]).max(axis=0)
        scores = np.maximum(arrival, unvoiced[t - 1] - switch) + local[t]
        none = max(unvoiced[t - 1], voiced[t - 1].max() - switch) + unvoiced_score
        # Scores grow with time; keeping them small keeps them exact however long the recording.
        top = max(scores.max(), none)
        voiced[t, inner], unvoiced[t] = scores - top, none - top

    path = np.zeros(frames, dtype=np.uint8)
    best = int(voiced[-1].argmax())
    state = best - _WIDEST_GLIDE + 1 if voiced[-1, best] > unvoiced[-1] else 0
    for t in range(frames - 1, 0, -1):
        path[t] = state
        # The pitches that may have come before: those within a glide, or any, if this frame has none.
        first = state - 1 if state else 0
        before = voiced[t - 1, first : first + len(glide)] - glide if state else voiced[t - 1] - switch
        best = int(before.argmax())
        from_none = unvoiced[t - 1] - switch if state else unvoiced[t - 1]
        state = first + best - _WIDEST_GLIDE + 1 if before[best] >= from_none else 0
    path[0] = state
    return path


def _band() -> NDArray[np.float32]:
    """Weight of each bin of the power spectrum: from 60 Hz to 1.2 kHz, falling to nothing at 2.4 kHz."""
    hz = np.arange(int(2400 * _FFT / PITCH_RATE_HZ)) * PITCH_RATE_HZ / _FFT
    weight = np.clip((hz - 30) / 30, 0, 1) * np.clip((2400 - hz) / 1200, 0, 1)
    return weight.astype(np.float32)


def _cosines(exponent: float = 1.0) -> NDArray[np.float32]:
    """From a power spectrum, raised to a power, to its autocorrelation at the periods of all codes, window undone."""
    lags = PITCH_RATE_HZ / pitch_to_hz(np.arange(1, PITCH_CODES))
    turns = 2 * np.pi * np.outer(np.arange(_FFT // 2 + 1), lags) / _FFT
    taper_power = np.abs(np.fft.rfft(_TAPER, _FFT)) ** (2 * exponent)
    taper_power[1:-1] *= 2
    # What a flattened window leaves of long periods is too little to divide by.
    taper_correlation = np.maximum(taper_power @ np.cos(turns) / taper_power.sum(), _LEAST_CORRELATION)
    return (np.cos(turns[: len(_BAND)]) / taper_correlation).astype(np.float32)


_LEAST_CORRELATION = 0.3
_TAPER = np.hanning(_WINDOW + 2)[1:-1].astype(np.float32)
_BAND = _band()
_COSINES = _cosines()
_FLAT_COSINES = _cosines(0.25)
