"""How loud an operator is for a note: output level, keyboard level scaling and velocity, on the DX7's own scales.

Levels inside are octaves of amplitude (6.02 dB) above the point where the DX7 falls silent; an operator at output
level 99 and envelope level 99 is at `FULL`. The tables are those of the DX7's firmware, as published in R. Levien's
wiki of the music synthesizer for Android (pages "Dx7Envelope" and "YamahaDx7") and in A. Jay's annotated disassembly.
"""

from __future__ import annotations

from collections.abc import Mapping

#: The level of an operator at which amplitude is 1.
FULL = 15.0

# The lowest twenty output levels; from there on a step is always the same.
_LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
_MOST = 127  # of output level and keyboard scaling together

# Of the two exponential curves of keyboard level scaling, by groups of three keys from the break point.
_EXPONENTIAL = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33),
    *(39, 47, 56, 66, 80, 94, 110, 126, 142, 158, 174, 190, 206, 222, 238, 250),
)

# By half the velocity; 239 leaves the level as it is.
_VELOCITY = (
    *(0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163),
    *(166, 170, 173, 174, 178, 181, 184, 186, 189, 190, 194, 196, 198, 200, 202, 205),
    *(206, 209, 211, 214, 216, 218, 220, 222, 224, 225, 227, 229, 230, 232, 233, 235),
    *(237, 238, 240, 241, 242, 243, 244, 246, 246, 248, 249, 250, 251, 252, 253, 254),
)
_NEUTRAL_VELOCITY = 239


def step_of(level: int) -> int:
    """Levels 0 ... 99, of output or envelope, on the inner scale of 0 ... 127: steps of 0.75 dB but for the lowest."""
    return _LOW_LEVELS[level] if level < len(_LOW_LEVELS) else level + 28


def operator_level(operator: Mapping[str, int], note: int, velocity: int) -> float:
    """What the envelope's levels are added to: octaves, 15.875 for output level 99 alone.

    Args:
        operator: `Voice.operator`.
        note: MIDI note number, after transposition.
        velocity: 0-127.
    """
    steps = min(_MOST, step_of(operator["output_level"]) + _keyboard(operator, note))
    faster = _VELOCITY[velocity // 2] - _NEUTRAL_VELOCITY
    # 32 and 256: parts of an octave that a step of level and the DX7's sum of all are counted in.
    return max(0, steps * 32 + ((operator["velocity_sensitivity"] * faster + 7 >> 3) << 4)) / 256


def envelope_level(level: int, operator: float) -> float:
    """The level that an envelope's level 0 ... 99 means, given `operator_level`: 0 ... 17 octaves.

    Here the DX7 knows only every other step of 0.75 dB.
    """
    return max(1 / 16, step_of(level) // 2 / 4 + operator - 16.625)


def _keyboard(operator: Mapping[str, int], note: int) -> int:
    """Steps that a note's distance from the break point adds or takes away."""
    distance = note - operator["break_point"] - 17
    side = "right" if distance >= 0 else "left"
    group = (abs(distance) + 1) // 3
    depth, curve = operator[f"{side}_depth"], operator[f"{side}_curve"]
    falls, straight = curve < 2, curve in (0, 3)
    if straight:
        steps = group * depth * 329 >> 12
    else:
        steps = _EXPONENTIAL[min(group, len(_EXPONENTIAL) - 1)] * depth * 329 >> 15
    return -steps if falls else steps
