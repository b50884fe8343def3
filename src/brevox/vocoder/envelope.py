"""From harmonics to a smooth spectral envelope of fixed size, and back: the features that networks and tables learn.

`y` has 79 columns, dB at 50, 100 ... 3950 Hz, lightly smoothed; `b` has 22: dB at 20 frequencies evenly spaced in mel,
smoothed more, then pitch in radians a sample and 1 for a voice. Both with pre-emphasis. The energy of a frame, the sum
of 10^(dB / 10), is the same in harmonics, `y` and `b`.

Where the seed's tools pull the envelope to 0 dB at 0 Hz and 4 kHz, it goes on level here: so features of a louder
recording are those of the faint one plus a constant, and a harmonic just below 4 kHz makes no overshoot.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from brevox.vocoder.harmonics import RATE_HZ, Harmonics, harmonic_numbers, harmonics_below_nyquist
from brevox.vocoder.spline import spline

Y_COLUMNS = 79
MEL_COLUMNS = 20
B_COLUMNS = MEL_COLUMNS + 2

_GRID_HZ = RATE_HZ / 2 / (Y_COLUMNS + 1)
_LOWEST_MEL_HZ, _HIGHEST_MEL_HZ = 200.0, 3700.0
#: Bands between 200 and 3700 Hz that smoothing is as wide as: for `y` and for `b`.
_Y_BANDS, _B_BANDS = 100, 20
#: Below the faintest step of 16-bit sound; silence has to have some level.
_FLOOR_DB = -20.0


def grid_hz() -> NDArray[np.float64]:
    """Frequencies of the columns of `y`. Shape: [79]."""
    return _GRID_HZ * np.arange(1, Y_COLUMNS + 1, dtype=np.float64)


def mel_hz(points: int = MEL_COLUMNS) -> NDArray[np.float64]:
    """Frequencies from 200 to 3700 Hz evenly spaced in mel, whose ends Codec 2 rounds to whole mel. Shape: [points]."""
    return _to_hz(np.linspace(_to_mel(_LOWEST_MEL_HZ), _to_mel(_HIGHEST_MEL_HZ), points))


def envelope(harmonics: Harmonics, bands: int = _Y_BANDS) -> NDArray[np.float32]:
    """The columns of `y`.

    Args:
        harmonics: of speech.
        bands: the fewer, the smoother.

    Returns:
        dB. Shape: [frames, 79].
    """
    present = harmonics_below_nyquist(harmonics.wo)
    level = 20 * np.log10(np.maximum(harmonics.amplitudes, 1e-10)) + _pre_emphasis_db(harmonics.wo)
    level = np.where(present, np.maximum(level, _FLOOR_DB), -np.inf)
    # Level beyond both ends: harmonic 0 is as harmonic 1, and what lies over half the rate as the last below it.
    last = present.sum(axis=1, keepdims=True) - 1
    filled = np.where(present, level, np.take_along_axis(level, last, 1))
    knots = np.concatenate([filled[:, :1], filled, filled[:, -1:]], axis=1)
    at = grid_hz() / _hz(harmonics.wo)[:, None]
    on_grid = same_energy(spline(knots, at), level)
    smoothed = 10 * np.log10(10 ** (on_grid / 10) @ _smoothing(bands).T)
    return smoothed.astype(np.float32)


def mel_features(harmonics: Harmonics) -> NDArray[np.float32]:
    """The columns of `b`. Shape: [frames, 22]."""
    smooth = envelope(harmonics, _B_BANDS)
    sampled = same_energy(spline(_with_ends(smooth), mel_hz() / _GRID_HZ), smooth)
    return np.column_stack([sampled, harmonics.wo, harmonics.voiced]).astype(np.float32)


def mel_to_envelope(b: NDArray[np.floating]) -> NDArray[np.float32]:
    """An envelope through the points of `b`, as good as it can be without a network.

    Args:
        b: its first 20 columns count. Shape: [frames, 20 or more].

    Returns:
        dB. Shape: [frames, 79].
    """
    levels = b[:, :MEL_COLUMNS]
    low, high = _to_mel(_LOWEST_MEL_HZ), _to_mel(_HIGHEST_MEL_HZ)
    at = (2595 * np.log10(1 + grid_hz() / 700) - low) / (high - low) * (MEL_COLUMNS - 1)
    return same_energy(spline(levels, np.clip(at, 0, MEL_COLUMNS - 1)), levels).astype(np.float32)


def envelope_amplitudes(y: NDArray[np.floating], wo: NDArray[np.floating]) -> NDArray[np.float32]:
    """Amplitudes of harmonics of these pitches, which have the envelope `y`.

    Args:
        y: dB. Shape: [frames, 79].
        wo: Shape: [frames].

    Returns:
        Shape: [frames, 80].
    """
    present = harmonics_below_nyquist(wo)
    at = np.minimum(_hz(wo)[:, None] * harmonic_numbers() / _GRID_HZ, Y_COLUMNS + 1)
    level = np.where(present, spline(_with_ends(y), at), -np.inf)
    level = same_energy(level, y) - _pre_emphasis_db(wo)
    return np.where(present, 10 ** (level / 20), 0).astype(np.float32)


def same_energy(levels_db: NDArray[np.floating], as_in: NDArray[np.floating]) -> NDArray[np.float64]:
    """Levels moved by so many dB that each row has the energy that the row of the other has. Shape: as the first's."""
    return levels_db + (energy_db(as_in) - energy_db(levels_db))[:, None]


def energy_db(levels_db: NDArray[np.floating]) -> NDArray[np.float64]:
    """10 log10 of the sum of 10^(dB / 10) in each row. Shape: [rows, columns] to [rows]."""
    return 10 * np.log10(np.sum(10 ** (np.asarray(levels_db, np.float64) / 10), axis=1))


def spectral_distortion(y: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean squared difference of two envelopes over 200 to 3700 Hz, in dB^2, as the seed counts it.

    Args:
        y: Shape: [frames, 79], as `other`; or levels of `b`, which all lie there, Shape: [frames, 20].

    Returns:
        Shape: [frames].
    """
    difference = np.asarray(y, np.float64) - np.asarray(other, np.float64)
    if difference.shape[1] == Y_COLUMNS:
        difference = difference[:, (grid_hz() >= _LOWEST_MEL_HZ) & (grid_hz() <= _HIGHEST_MEL_HZ)]
    return np.mean(difference**2, axis=1)


def _hz(wo: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(wo, np.float64) * RATE_HZ / (2 * np.pi)


def _pre_emphasis_db(wo: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of 1 - 1/z at each harmonic. Shape: [frames, 80]."""
    turn = np.minimum(np.asarray(wo, np.float64)[:, None] * harmonic_numbers(), np.pi)
    return 10 * np.log10(2 - 2 * np.cos(turn))


def _with_ends(y: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.pad(np.asarray(y, np.float64), ((0, 0), (1, 1)), mode="edge")


def _to_mel(hz: float) -> float:
    return float(np.floor(2595 * np.log10(1 + hz / 700) + 0.5))


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)


@cache
def _smoothing(bands: int) -> NDArray[np.float64]:
    """Triangles around each column, a band's width to either side, of unit sum. Shape: [79, 79]."""
    low, high = _to_mel(_LOWEST_MEL_HZ), _to_mel(_HIGHEST_MEL_HZ)
    width = (high - low) / (bands - 1)
    columns = np.arange(1, Y_COLUMNS + 1)
    filters = np.zeros((Y_COLUMNS, Y_COLUMNS))
    for row, hz in enumerate(grid_hz()):
        mel = _to_mel(hz)
        begin, end = (round(float(_to_hz(np.array(mel + side))) / _GRID_HZ) for side in (-width, width))
        middle = row + 1
        rising = (columns - begin) / max(middle - begin, 1)
        falling = (end - columns) / max(end - middle, 1)
        filters[row] = np.clip(np.minimum(rising, falling), 0, None)
        filters[row, row] = 1
    return filters / filters.sum(axis=1, keepdims=True)
