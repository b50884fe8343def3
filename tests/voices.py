"""Signals that pitch trackers, loudness meters and PESQ take for speech."""

from __future__ import annotations

import numpy as np


def voice(seconds, pitch_hz=120.0, seed=0, sample_rate=16_000):
    """Syllables of gliding harmonics with a formant, hissing between them. Shape: [samples]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    glide = 1 + 0.1 * np.sin(2 * np.pi * 1.3 * t + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch_hz * glide) / sample_rate
    formant_hz = rng.uniform(400, 900)
    harmonics = range(1, int(3500 / pitch_hz))
    tone = sum(np.cos(k * phase + k * k) / (1 + (k * pitch_hz - formant_hz) ** 2 / 200**2) for k in harmonics)
    syllable = np.clip(np.sin(2 * np.pi * 3 * t + rng.uniform(0, 6)) + 0.5, 0, 1)
    return (0.1 * tone * syllable + 0.01 * rng.standard_normal(len(t))).astype(np.float32)
