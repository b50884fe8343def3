"""The DX7's low-frequency oscillator: its wave, its delay, and what its depths mean.

Every figure was measured with dexed-py 0.3.0, of square waves on pitch and loudness at all speeds, depths and delays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.synth.voice import Voice

Array = NDArray[np.float64]

# Hz of the slowest speed.
_UNIT_HZ = 1 / 15.5
# With key sync a note begins half-way through a period.
_SYNC_PHASE = 0.5
# Octaves at full depth, by pitch sensitivity, and the exponents of loudness at full depth, by amplitude sensitivity.
_PITCH_OCTAVES = np.array([0, 10, 20, 33, 55, 92, 153, 255]) / 255
_AMPLITUDE_EXPONENTS = 4.455 * np.array([0, 0.2588, 0.4274, 1.0])
# Share of its level that an operator with any amplitude sensitivity loses at least.
_AMPLITUDE_LEAST = 0.01185


def lfo_wave(voice: Voice, times_s: Array) -> Array:
    """The wave, from 0 to 1, at these times after the key is pressed.

    A free-running oscillator (`lfo_sync` 0) begins as it does when the instrument is switched on.
    """
    phase = lfo_hz(voice["lfo_speed"]) * times_s + (_SYNC_PHASE if voice["lfo_sync"] else 0.0)
    period, phase = np.divmod(phase, 1.0)
    shape = voice["lfo_wave"]
    if shape == 0:  # triangle
        return 1 - np.abs(1 - 2 * phase)
    if shape == 1:  # saw down
        return (_SYNC_PHASE - phase) % 1.0
    if shape == 2:  # saw up
        return (phase - _SYNC_PHASE) % 1.0
    if shape == 3:  # square
        return np.where(phase < 0.5, 1.0, 0.0)
    if shape == 4:  # sine
        return np.asarray(0.5 + 0.5 * np.sin(2 * np.pi * phase))
    return _sampled(int(period[-1]) + 1 if len(period) else 0)[period.astype(int)]


def lfo_hz(speed: int) -> float:
    """Periods a second at a speed of 0 ... 99."""
    step = max(1, speed * 165 >> 6)
    return _UNIT_HZ * step * (1 + max(0, step - 160 >> 2) / 11)


def lfo_growth(voice: Voice, times_s: Array) -> Array:
    """How far the wave has come up after its delay: 0 to 1."""
    if voice["lfo_delay"] == 0:
        return np.ones_like(times_s)
    left = 99 - voice["lfo_delay"]
    speed = 16 + left % 16 << 1 + left // 16
    wait_s, rise_s = 85.25 / speed, 85.25 / max(128, speed // 128 * 128)
    return np.clip((times_s - wait_s) / rise_s, 0.0, 1.0)


def lfo_octaves(voice: Voice, wave: Array, growth: Array) -> Array:
    """What the wave adds to the pitch."""
    depth = _PITCH_OCTAVES[voice["pitch_sensitivity"]] * (voice["lfo_pitch_depth"] * 165 // 64) / 255
    return np.asarray(depth * growth * (2 * wave - 1))


def lfo_loss(voice: Voice, amplitude_sensitivity: int, wave: Array, growth: Array) -> Array:
    """The share of its level, in octaves above silence, that an operator loses: 0 to 1."""
    if amplitude_sensitivity == 0:
        return np.zeros_like(wave)
    exponent = _AMPLITUDE_EXPONENTS[amplitude_sensitivity] * voice["lfo_amplitude_depth"] / 99
    return np.minimum(1.0, _AMPLITUDE_LEAST * np.exp(exponent * growth * (1 - wave)))


def _sampled(count: int) -> Array:
    """Sample and hold: the first `count` of a sequence that looks random and is always the same."""
    state, values = 0, []
    for _ in range(count):
        values.append((state ^ 128) / 255)
        state = (state * 179 + 17) % 256
    return np.array(values)
