"""Six operators of frequency modulation: a voice and a note to sound.

An operator is a sine whose phase the outputs of its modulators are added to (Chowning 1973); which modulates which,
`brevox.synth.algorithms` says. Slow things - envelopes, the low-frequency oscillator - are evaluated 689 times a second
and joined by straight lines. Frequencies, detune and feedback were measured with dexed-py 0.3.0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from brevox.synth.algorithms import ALGORITHMS, Algorithm
from brevox.synth.envelope import operator_envelope, pitch_envelope
from brevox.synth.levels import FULL, operator_level
from brevox.synth.lfo import lfo_growth, lfo_loss, lfo_octaves, lfo_wave
from brevox.synth.voice import Voice

Array = NDArray[np.float64]

_CONTROL_S = 64 / 44_100
#: Cycles by which a modulator at full level moves the phase of what it modulates.
_MODULATION_CYCLES = 2.0
#: Algorithms 4, 6 and 32: feedback over several operators, or of an operator that is heard.
_WEAK_FEEDBACK = (ALGORITHMS[3], ALGORITHMS[5], ALGORITHMS[31])
_SILENT = 1 / 16  # octaves
_MIDDLE_TRANSPOSE = 24
_MIDDLE_DETUNE = 7
_FIXED_DETUNE_OCTAVES = 0.0008021  # a step of detune at fixed frequency, and upward only


def render(
    voice: Voice,
    note: int = 60,
    velocity: int = 100,
    hold_s: float = 3.0,
    total_s: float = 4.0,
    sample_rate: int = 44_100,
    phases: Array | None = None,
) -> NDArray[np.float32]:
    """The sound of a note.

    Args:
        voice: what plays it.
        note: MIDI note number; 60 is the middle C.
        velocity: 1-127.
        hold_s: when the key is let go.
        total_s: length of the sound.
        sample_rate: Hz. The instrument's own is 49,096 Hz; at low ones high partials fold down.
        phases: where the operators 1 ... 6 begin, in cycles, if the voice has no oscillator sync: there they run on
            between notes. By default at 0.

    Returns:
        Shape [samples]. A carrier at full level swings between -1 and 1; there can be six, and velocity can double it.
    """
    samples = round(total_s * sample_rate)
    times: Array = np.arange(samples, dtype=np.float64) / sample_rate
    control: Array = np.arange(math.ceil(total_s / _CONTROL_S) + 2, dtype=np.float64) * _CONTROL_S
    played = min(127, max(0, note + voice["transpose"] - _MIDDLE_TRANSPOSE))
    wave, growth = lfo_wave(voice, control), lfo_growth(voice, control)
    clock = _bent_time(pitch_envelope(voice, hold_s)(control) + lfo_octaves(voice, wave, growth), control, times)
    algorithm = ALGORITHMS[voice["algorithm"]]
    cycles: list[NDArray[np.float32]] = []
    gains: list[NDArray[np.float32]] = []
    for number in range(1, 7):
        operator = voice.operator(number)
        begin = 0.0 if phases is None or voice["oscillator_sync"] else float(phases[number - 1])
        cycle = operator_hz(operator, played) * (times if operator["fixed"] else clock) + begin
        cycles.append((cycle - np.floor(cycle)).astype(np.float32))
        octaves = operator_envelope(operator, operator_level(operator, played, velocity), played, hold_s)(control)
        octaves *= 1 - lfo_loss(voice, operator["amplitude_sensitivity"], wave, growth)
        gain = np.where(octaves > _SILENT, np.exp2(octaves - FULL), 0.0)
        gains.append(np.interp(times, control, gain).astype(np.float32))
    outputs = _connect(algorithm, cycles, gains, voice["feedback"])
    return np.asarray(sum(outputs[carrier - 1] for carrier in algorithm.carriers), dtype=np.float32)


def operator_hz(operator: dict[str, int], note: int) -> float:
    """The frequency of an operator without pitch envelope and low-frequency oscillator.

    Args:
        operator: `Voice.operator`.
        note: MIDI note number, after transposition.
    """
    detune = operator["detune"] - _MIDDLE_DETUNE
    if operator["fixed"]:
        hz = 10.0 ** (operator["coarse"] % 4 + operator["fine"] / 100)
        return float(hz * 2 ** (max(0, detune) * _FIXED_DETUNE_OCTAVES))
    octaves = math.log2(440) + (note - 69) / 12
    octaves += 0.0209 / 7 * math.exp(-0.396 * octaves) * octaves * detune
    return float(2**octaves * (operator["coarse"] or 0.5) * (1 + operator["fine"] / 100))


def _bent_time(octaves: Array, control: Array, times: Array) -> Array:
    """Time as it passes for an oscillator whose pitch is moved by so many octaves: seconds at `times`."""
    if not octaves.any():
        return times
    speed = np.exp2(octaves)
    passed = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * np.diff(control))])
    # Between two points speed changes in a straight line, so time in a parabola.
    index = np.minimum((times / _CONTROL_S).astype(int), len(control) - 2)
    since = times - control[index]
    bend = (speed[index + 1] - speed[index]) / (2 * _CONTROL_S)
    return np.asarray(passed[index] + since * (speed[index] + since * bend))


def _connect(
    algorithm: Algorithm, cycles: list[NDArray[np.float32]], gains: list[NDArray[np.float32]], feedback: int
) -> list[NDArray[np.float32]]:
    """The outputs of the operators 1 ... 6. Shapes: [samples]."""
    outputs = [np.zeros_like(gains[0])] * 6
    heard = _heard(algorithm, gains)
    source, target = algorithm.feedback
    strength = _feedback_cycles(feedback, algorithm)
    loop = range(target, source - 1, -1) if strength and heard[source - 1] and gains[source - 1].any() else range(0)
    for number in range(6, 0, -1):
        if number == target and loop:
            chain = [_phase(algorithm, operator, cycles, outputs, loop) for operator in loop]
            made = _fed_back(chain, [gains[operator - 1] for operator in loop], strength)
            for operator, output in zip(loop, made, strict=True):
                outputs[operator - 1] = output
        elif number not in loop and heard[number - 1]:
            phase = _phase(algorithm, number, cycles, outputs)
            outputs[number - 1] = gains[number - 1] * np.sin(np.float32(2 * np.pi) * phase)
    return outputs


def _heard(algorithm: Algorithm, gains: list[NDArray[np.float32]]) -> list[bool]:
    """Which operators make a difference: those that are not silent all the time, and lead to a carrier."""
    heard = [False] * 6
    for number in range(1, 7):
        leads = number in algorithm.carriers or any(
            heard[i] for i in range(number - 1) if number in algorithm.modulators[i]
        )
        heard[number - 1] = leads and bool(gains[number - 1].any())
    return heard


def _phase(
    algorithm: Algorithm,
    number: int,
    cycles: list[NDArray[np.float32]],
    outputs: list[NDArray[np.float32]],
    loop: range = range(0),
) -> NDArray[np.float32]:
    """Cycles of an operator with what modulates it, but for operators of the same feedback loop."""
    phase = cycles[number - 1]
    for modulator in algorithm.modulators[number - 1]:
        if modulator not in loop:
            phase = phase + np.float32(_MODULATION_CYCLES) * outputs[modulator - 1]
    return phase


def _feedback_cycles(feedback: int, algorithm: Algorithm) -> float:
    """By how many cycles the fed back operator's output, at full level, moves the phase."""
    if feedback == 0:
        return 0.0
    return 2.0 ** (feedback - 7) / (4 if algorithm in _WEAK_FEEDBACK else 1)


def _fed_back(
    phases: list[NDArray[np.float32]], gains: list[NDArray[np.float32]], strength: float
) -> list[NDArray[np.float32]]:
    """A chain of operators, the first of which is modulated by the mean of the last one's two latest samples.

    Sample by sample, as each needs those before it.
    """
    turn, sine = 2 * math.pi, math.sin
    between = turn * _MODULATION_CYCLES
    strength *= turn / 2
    before = latest = 0.0
    steps = [
        list(zip((turn * phase.astype(np.float64)).tolist(), gain.tolist(), strict=True))
        for phase, gain in zip(phases, gains, strict=True)
    ]
    if len(steps) == 1:
        output = []
        for phase, gain in steps[0]:
            before, latest = latest, gain * sine(phase + strength * (before + latest))
            output.append(latest)
        return [np.array(output, dtype=np.float32)]
    made: list[list[float]] = [[] for _ in steps]
    for row in zip(*steps, strict=True):
        move = strength * (before + latest)
        for (phase, gain), output in zip(row, made, strict=True):
            value = gain * sine(phase + move)
            output.append(value)
            move = between * value
        before, latest = latest, value
    return [np.array(output, dtype=np.float32) for output in made]
