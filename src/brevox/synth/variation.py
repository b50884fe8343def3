"""Voices a little beside a voice, to learn from more sounds than there are presets (seed 002's augmentation)."""

from __future__ import annotations

import numpy as np

from brevox.synth.voice import SOUNDING, Voice

# Standing tones at wrong pitches would come of these.
_KEPT = ("transpose", "fine")


def varied(voice: Voice, draw: np.random.Generator, share: float = 0.1, spread: float = 0.05) -> Voice:
    """A voice some of whose quantities are moved; algorithm, ratios and other choices stay.

    Args:
        voice: what to change.
        draw: where from.
        share: chance of each quantity to be moved.
        spread: standard deviation of the move, as a share of the quantity's range.
    """
    values = bytearray(voice.values)
    moved, moves = draw.random(len(SOUNDING)) < share, draw.normal(0.0, spread, len(SOUNDING))
    for index, parameter in enumerate(SOUNDING):
        if moved[index] and not parameter.is_choice and not parameter.name.endswith(_KEPT):
            value = round(values[index] + float(moves[index]) * parameter.maximum)
            values[index] = min(parameter.maximum, max(0, value))
    return Voice(bytes(values))


def between(first: Voice, second: Voice, steps: int) -> list[Voice]:
    """Voices on the straight line of parameters from one to the other; choices change half-way."""
    voices = []
    for step in range(steps):
        share = step / max(1, steps - 1)
        values = bytearray((first if share < 0.5 else second).values)
        for index, parameter in enumerate(SOUNDING):
            if not parameter.is_choice:
                values[index] = round((1 - share) * first.values[index] + share * second.values[index])
        voices.append(Voice(bytes(values)))
    return voices
