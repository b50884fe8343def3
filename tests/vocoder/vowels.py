"""Sounds whose harmonics are known."""

from __future__ import annotations

import numpy as np


def formants_db(hz):
    """A smooth envelope with three peaks, in dB of 16-bit amplitudes."""
    return 30 + sum(
        gain * np.exp(-(((hz - centre) / width) ** 2))
        for gain, centre, width in ((30, 500, 300), (22, 1500, 500), (15, 2700, 600))
    )


def vowel(pitch_hz, seconds=0.5, seed=0, top_hz=3999.0):
    """A steady vowel at 8 kHz. Half the amplitude of harmonic m is 10^(formants_db(m pitch) / 20). Shape: [samples]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 8000)) / 8000
    total = np.zeros(len(t))
    for m in range(1, int(top_hz / pitch_hz) + 1):
        amplitude = 2 * 10 ** (formants_db(m * pitch_hz) / 20)
        total += amplitude * np.cos(2 * np.pi * m * pitch_hz * t + rng.uniform(0, 2 * np.pi))
    return (total / 32768).astype(np.float32)
