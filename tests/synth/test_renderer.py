"""The renderer against physics, and against another implementation of the instrument (dexed-py), if there is one."""

from __future__ import annotations

import numpy as np
import pytest

from brevox.synth.algorithms import ALGORITHMS
from brevox.synth.lfo import lfo_hz
from brevox.synth.renderer import operator_hz, render
from brevox.synth.voice import INIT_VOICE, Voice

RATE = 44_100
SINE = INIT_VOICE.changed(lfo_pitch_depth=0, pitch_sensitivity=0)
ALL = {f"op{number}_output_level": 80 for number in range(1, 7)}


def hertz(sound):
    """Of the strongest partial."""
    level = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound))) + 1e-12)
    top = int(level.argmax())
    left, middle, right = level[top - 1 : top + 2]
    return (top + (left - right) / (2 * (left - 2 * middle + right))) * RATE / (4 * len(sound))


def cents(one, other):
    return 1200 * np.log2(one / other)


@pytest.mark.parametrize("note", [33, 60, 69, 96])
def test_the_initial_voice_is_a_sine_at_the_notes_pitch(note):
    sound = render(SINE, note, total_s=1.0)
    pitch = 440 * 2 ** ((note - 69) / 12)
    assert abs(cents(hertz(sound[4410:]), pitch)) < 0.1
    spectrum = np.abs(np.fft.rfft(sound[4410:] * np.blackman(len(sound) - 4410)))
    near = int(pitch * (len(sound) - 4410) / RATE)
    spectrum[max(0, near - 30) : near + 31] = 0
    assert 20 * np.log10(spectrum.max() / (0.21 * len(sound))) < -90
    assert 0.99 < np.abs(sound).max() < 1.01


@pytest.mark.parametrize("coarse, fine, ratio", [(0, 0, 0.5), (1, 0, 1.0), (3, 0, 3.0), (2, 50, 3.0), (31, 99, 61.69)])
def test_ratios(coarse, fine, ratio):
    operator = SINE.changed(op1_coarse=coarse, op1_fine=fine).operator(1)
    assert operator_hz(operator, 69) == pytest.approx(440 * ratio, rel=1e-9)


def test_fixed_frequency_knows_no_note():
    operator = SINE.changed(op1_fixed=1, op1_coarse=2, op1_fine=50).operator(1)
    assert operator_hz(operator, 30) == operator_hz(operator, 90) == pytest.approx(10**2.5)


def test_transposition_moves_notes():
    assert np.array_equal(render(SINE.changed(transpose=36), 48, total_s=0.2), render(SINE, 60, total_s=0.2))


def test_nothing_sounds_before_the_key_and_after_a_short_release():
    sound = render(SINE, hold_s=0.5, total_s=1.0)
    assert np.abs(sound[: RATE // 4]).max() > 0.9
    assert np.abs(sound[int(0.6 * RATE) :]).max() == 0


def test_levels_fall_by_three_quarters_of_a_decibel_a_step():
    peaks = [np.abs(render(SINE.changed(op1_output_level=level), total_s=0.2)).max() for level in (99, 98, 91, 83)]
    assert 20 * np.log10(np.array(peaks[1:]) / peaks[0]) == pytest.approx([-0.75, -6.02, -12.04], abs=0.05)


def test_slower_rates_decay_more_slowly():
    falls = SINE.changed(op1_level_2=0, op1_level_3=0)
    energy = [float((render(falls.changed(op1_rate_2=rate), total_s=2.0) ** 2).sum()) for rate in range(30, 80, 10)]
    assert energy == sorted(energy, reverse=True)
    # 41 / 64 of a quarter of an octave a step.
    assert energy[1] / energy[2] == pytest.approx(2 ** (10 * 41 / 256), rel=0.15)


def test_chowning_sidebands_are_bessel_functions():
    """A modulator of index I gives partials of the sizes J_n(I) around the carrier."""
    voice = SINE.changed(algorithm=0, op2_output_level=83, op2_coarse=1, op1_coarse=8)
    sound = render(voice, 57, total_s=1.5)[8820:]
    spectrum = np.abs(np.fft.rfft(sound[:RATE] * np.hanning(RATE))) / (RATE / 4)
    index = 2 * np.pi * 2.0 * 10 ** (-12.04 / 20)
    angles = (np.arange(2000) + 0.5) * np.pi / 2000
    for order in range(5):
        bessel = abs(np.cos(order * angles - index * np.sin(angles)).mean())
        near = (8 + order) * 220
        assert spectrum[near - 2 : near + 3].max() == pytest.approx(bessel, abs=0.02)


def test_feedback_of_a_silent_operator_changes_nothing():
    for algorithm in range(32):
        voice = SINE.changed(algorithm=algorithm)
        quiet = [n for n in range(2, 7) if n in ALGORITHMS[algorithm].feedback]
        if quiet and 1 not in ALGORITHMS[algorithm].feedback:
            assert np.array_equal(render(voice, total_s=0.1), render(voice.changed(feedback=7), total_s=0.1))


@pytest.mark.parametrize("algorithm", range(32))
def test_every_operator_matters_in_every_algorithm(algorithm):
    voice = SINE.changed(algorithm=algorithm, feedback=5, **ALL)
    whole = render(voice, total_s=0.05)
    for number in range(1, 7):
        without = voice.changed(**{f"op{number}_output_level": 0})
        assert np.abs(render(without, total_s=0.05) - whole).max() > 0.01


def test_algorithms_are_trees_toward_carriers():
    for algorithm in ALGORITHMS:
        for number, modulators in enumerate(algorithm.modulators, 1):
            assert all(modulator > number for modulator in modulators)
        used = set(algorithm.carriers) | {m for modulators in algorithm.modulators for m in modulators}
        assert used == set(range(1, 7))
    assert len(set(ALGORITHMS)) == 32


@pytest.mark.parametrize("speed", [1, 30, 70, 99])
def test_vibrato_has_the_oscillators_speed(speed):
    voice = SINE.changed(lfo_wave=3, lfo_speed=speed, lfo_amplitude_depth=60, op1_amplitude_sensitivity=3, lfo_sync=1)
    total_s = 4 / lfo_hz(speed)
    sound = np.abs(render(voice, 93, hold_s=total_s, total_s=total_s))
    pieces = sound[: len(sound) // 64 * 64].reshape(-1, 64).max(axis=1)
    loud = pieces > 0.5 * pieces.max()
    changes = np.flatnonzero(np.diff(loud))
    assert len(changes) >= 7
    assert (changes[6] - changes[0]) * 64 / RATE == pytest.approx(3 / lfo_hz(speed), rel=0.05)


def test_phases_matter_without_oscillator_sync_only():
    phases = np.linspace(0, 1, 6)
    free, synced = SINE.changed(oscillator_sync=0), SINE.changed(oscillator_sync=1)
    assert np.array_equal(render(synced, total_s=0.1), render(synced, total_s=0.1, phases=phases))
    moved = render(free.changed(op1_detune=7), total_s=0.1, phases=phases + 0.25)
    assert moved[0] != 0 or np.abs(moved - render(free, total_s=0.1)).max() > 0.5


def test_a_rate_changes_sampling_only():
    voice = SINE.changed(algorithm=4, **ALL)
    fine, coarse = render(voice, total_s=0.3), render(voice, total_s=0.3, sample_rate=22_050)
    assert np.abs(fine[::2] - coarse).max() < 1e-3


# What the two engines make of extreme voices differs for reasons of arithmetic; these are voices as people make them.
def _human(seed: int) -> Voice:
    draw = np.random.default_rng(seed)
    changes = {"algorithm": seed % 32, "feedback": int(draw.integers(8)), "oscillator_sync": 1, "lfo_sync": 1}
    for number in range(1, 7):
        carrier = number in ALGORITHMS[seed % 32].carriers
        changes |= {
            f"op{number}_output_level": int(draw.integers(85, 99) if carrier else draw.integers(40, 80)),
            f"op{number}_coarse": int(draw.choice([0, 1, 1, 2, 3, 5])),
            f"op{number}_detune": int(draw.integers(4, 11)),
            f"op{number}_rate_1": int(draw.integers(50, 99)),
            f"op{number}_rate_2": int(draw.integers(20, 60)),
            f"op{number}_rate_4": int(draw.integers(40, 70)),
            f"op{number}_level_2": int(draw.integers(60, 99)),
            f"op{number}_level_3": int(draw.integers(50, 90)),
            f"op{number}_rate_scaling": int(draw.integers(4)),
            f"op{number}_velocity_sensitivity": int(draw.integers(5)),
            f"op{number}_left_depth": int(draw.integers(20)),
            f"op{number}_right_depth": int(draw.integers(20)),
            f"op{number}_right_curve": int(draw.integers(4)),
            f"op{number}_amplitude_sensitivity": int(draw.integers(3)),
        }
    changes |= {"lfo_speed": int(draw.integers(20, 50)), "lfo_delay": int(draw.integers(60))}
    changes |= {"lfo_amplitude_depth": int(draw.integers(40)), "lfo_wave": int(draw.integers(5))}
    return SINE.changed(**changes)


@pytest.mark.parametrize("algorithm", range(32))
def test_it_sounds_as_dexed_does(algorithm):
    dexed = pytest.importorskip("dexed")
    voice = _human(algorithm)
    synth = dexed.DexedSynth(RATE)
    synth.load_patch(dexed.Patch.from_packed(voice.packed()))
    theirs, ours = synth.render(57, 90, 1.0, 1.5), render(voice, 57, 90, 1.0, 1.5)
    spectra = []
    for sound in (theirs, ours):
        frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), 2048)[::512] * np.hanning(2048)
        spectra.append(np.abs(np.fft.rfft(frames)))
    floor = 1e-3 * spectra[0].max()
    one, other = (20 * np.log10(np.maximum(spectrum, floor)) for spectrum in spectra)
    assert np.sqrt(((one - other) ** 2).mean(axis=1)).mean() < 3.0
    assert 10 * np.log10((ours**2).mean() / (theirs**2).mean()) == pytest.approx(0, abs=0.5)
