"""The DX7's envelopes, of operators and of pitch, as curves of straight lines.

How an operator's envelope moves is described in R. Levien's wiki of the music synthesizer for Android, page
"Dx7Envelope": in octaves it falls in a straight line, and rises in a bend of straight lines, quicker where it is low.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from brevox.synth.curve import Curve
from brevox.synth.levels import envelope_level
from brevox.synth.voice import Voice

# Octaves at rate 0: the wiki's 0.2819 dB/s is at the instrument's clock; this follows Dexed, whose envelopes count
# samples at 44.1 kHz, because most sounds of a DX7 are made with it today.
_SLOWEST_PER_S = 0.2819 * 44_100 / 49_096 / (20 * math.log10(2))
# Where a rise begins if it begins lower, and the level that it seems to aim at.
_RISE_FROM, _RISE_TO = 1716 / 256, 17
# A stretch whose two levels are equal lasts this long at rate 0; 6.2 steps of rate halve it. Measured with dexed-py.
_LONGEST_HOLD_S = 40.0
# A first stretch to level 0 is a delay of so much less.
_QUICKER_DELAY = 20

# From the DX7's firmware, in the sources of `brevox.synth.levels`: levels in 32nds of an octave, rates in relation.
_PITCH_LEVELS = (
    *(-128, -116, -104, -95, -85, -76, -68, -61, -56, -52, -49, -46, -43, -41, -39, -37, -35),
    *range(-33, 35),
    *(35, 38, 40, 43, 46, 49, 53, 58, 65, 73, 82, 92, 103, 115, 127),
)
_PITCH_RATES = (
    *(1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 16, 16, 17),
    *(18, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 31, 33, 34, 36, 37, 38, 39, 41, 42, 44, 46, 47),
    *(49, 51, 53, 54, 56, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 79, 82, 85, 88, 91, 94, 98, 102, 106, 110),
    *(115, 120, 125, 130, 135, 141, 147, 153, 159, 165, 171, 178, 185, 193, 202, 211, 232, 243, 254, 255),
)
_PITCH_RATE_PER_S = 1 / 21.3


def operator_envelope(operator: Mapping[str, int], level: float, note: int, release_s: float) -> Curve:
    """The level of an operator over time, in octaves above silence.

    Args:
        operator: `Voice.operator`.
        level: `operator_level` of the note.
        note: MIDI note number, after transposition.
        release_s: when the key is let go.
    """
    scaling = operator["rate_scaling"] * min(31, max(0, note // 3 - 7)) >> 3
    curve = Curve(0.0)
    for stretch in (1, 2, 3, 4):
        if stretch == 4:
            curve.cut(release_s)
        target = envelope_level(operator[f"level_{stretch}"], level)
        rate = operator[f"rate_{stretch}"]
        hold_s = _LONGEST_HOLD_S * 2 ** (-min(99, rate + scaling) * 41 / 256)
        if stretch == 1 and operator["level_1"] == 0:
            curve.wait(hold_s / _QUICKER_DELAY)
            continue
        if target == curve.value:
            curve.wait(hold_s)
            continue
        quarters = min(63, (rate * 41 >> 6) + scaling)
        per_s = _SLOWEST_PER_S * (1 + quarters % 4 / 4) * 2 ** (quarters // 4)
        if target < curve.value:
            curve.move(target, per_s)
            continue
        if curve.value < _RISE_FROM:
            curve.jump(min(target, _RISE_FROM))
        while curve.value < target:
            left = max(1, math.ceil(_RISE_TO - curve.value) - 1)
            curve.move(min(target, _RISE_TO - left), left * per_s)
    return curve


def pitch_envelope(voice: Voice, hold_s: float) -> Curve:
    """The pitch over time, in octaves from the note's own."""
    curve = Curve(_PITCH_LEVELS[voice["pitch_level_4"]] / 32)
    for stretch in (1, 2, 3, 4):
        if stretch == 4:
            curve.cut(hold_s)
        target = _PITCH_LEVELS[voice[f"pitch_level_{stretch}"]] / 32
        curve.move(target, _PITCH_RATES[voice[f"pitch_rate_{stretch}"]] * _PITCH_RATE_PER_S)
    return curve
