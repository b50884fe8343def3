"""Envelopes keep what the harmonics had, and give it back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.signal import freqz, lfilter
from vowels import formants_db, vowel

from brevox.vocoder.analysis import analyse
from brevox.vocoder.envelope import (
    energy_db,
    envelope,
    envelope_amplitudes,
    grid_hz,
    mel_features,
    mel_hz,
    mel_to_envelope,
    spectral_distortion,
)
from brevox.vocoder.harmonics import Harmonics
from brevox.vocoder.spline import spline
from brevox.vocoder.synthesis import minimum_phase, phase0, synthesise


def _speechlike(frames=60, seed=0):
    rng = np.random.default_rng(seed)
    hz = rng.uniform(55, 395, frames)
    numbers = np.arange(1, 81) * hz[:, None]
    level = formants_db(numbers) + rng.uniform(-10, 10, (frames, 1)) + rng.uniform(-3, 3, numbers.shape)
    amplitudes = np.where(numbers <= 4000, 10 ** (level / 20), 0)
    wo = (hz * np.pi / 4000).astype(np.float32)
    return Harmonics(wo, rng.random(frames) > 0.3, amplitudes.astype(np.float32), np.zeros((frames, 80), np.float32))


def test_the_spline_is_scipys():
    rng = np.random.default_rng(0)
    values, at = rng.standard_normal((5, 30)), rng.uniform(0, 29, (5, 40))
    expected = [
        CubicSpline(np.arange(30), row, bc_type="natural")(where) for row, where in zip(values, at, strict=True)
    ]
    np.testing.assert_allclose(spline(values, at), expected, atol=1e-10)


@pytest.mark.parametrize("pitch_hz", [70.0, 100.0, 140.0, 190.0])
def test_the_envelope_of_a_vowel_is_recovered(pitch_hz):
    y = envelope(analyse(vowel(pitch_hz)))[10:40]
    hz = grid_hz()
    # Of L harmonics 79 columns are made, of the same energy together.
    expected = formants_db(hz) + 10 * np.log10(2 - 2 * np.cos(np.pi * hz / 4000))
    heard = (hz >= 200) & (hz <= 3700)
    difference = y[:, heard] - expected[heard]
    difference -= difference.mean(axis=1, keepdims=True)
    assert np.sqrt(np.mean(difference**2)) < 0.5


def test_energy_is_the_same_in_all_forms():
    harmonics = _speechlike()
    y, b = envelope(harmonics, 1000), mel_features(harmonics)
    numbers = np.arange(1, 81) * harmonics.wo[:, None]
    present = harmonics.amplitudes > 0
    emphasised = np.where(present, harmonics.amplitudes * np.sqrt(2 - 2 * np.cos(np.minimum(numbers, np.pi))), 1e-30)
    np.testing.assert_allclose(energy_db(y), energy_db(20 * np.log10(emphasised)), atol=0.05)
    np.testing.assert_allclose(energy_db(mel_to_envelope(b)), energy_db(b[:, :20]), atol=1e-3)
    again = envelope_amplitudes(y, harmonics.wo)
    emphasised = np.where(present, again * np.sqrt(2 - 2 * np.cos(np.minimum(numbers, np.pi))), 1e-30)
    np.testing.assert_allclose(energy_db(20 * np.log10(np.maximum(emphasised, 1e-30))), energy_db(y), atol=0.05)


@pytest.mark.parametrize("gain_db", [-12.0, 20.0])
def test_a_louder_recording_has_its_features_moved_by_a_constant(gain_db):
    harmonics = _speechlike()
    louder = Harmonics(harmonics.wo, harmonics.voiced, harmonics.amplitudes * 10 ** (gain_db / 20), harmonics.phases)
    np.testing.assert_allclose(envelope(louder), envelope(harmonics) + gain_db, atol=1e-3)
    np.testing.assert_allclose(mel_features(louder)[:, :20], mel_features(harmonics)[:, :20] + gain_db, atol=1e-3)


def test_columns_of_b():
    harmonics = _speechlike()
    b = mel_features(harmonics)
    assert b.shape == (60, 22)
    np.testing.assert_array_equal(b[:, 20], harmonics.wo)
    np.testing.assert_array_equal(b[:, 21], harmonics.voiced)
    assert mel_hz()[0] == pytest.approx(199.8, abs=0.1)
    assert mel_hz()[-1] == pytest.approx(3694, abs=10)


def test_a_smooth_envelope_survives_the_way_to_b_and_back():
    hz = grid_hz()
    y = np.tile(30 + 6 * np.cos(2 * np.pi * hz / 4000), (3, 1))
    harmonics = Harmonics(
        np.full(3, 0.06, np.float32),
        np.ones(3, bool),
        envelope_amplitudes(y, np.full(3, 0.06)),
        np.zeros((3, 80), np.float32),
    )
    assert spectral_distortion(envelope(harmonics), y).max() < 0.2
    back = mel_to_envelope(mel_features(harmonics))
    back += (envelope(harmonics) - back).mean(axis=1, keepdims=True)  # fewer columns of the same energy are higher
    assert spectral_distortion(back, y).max() < 1.0


def test_minimum_phase_is_that_of_a_filter_of_minimum_phase():
    poles = [1, -1.2 * np.cos(2 * np.pi * 600 / 8000), 0.36]
    _, on_grid = freqz(1, poles, worN=np.pi * grid_hz() / 4000)
    wo = np.array([0.1])
    numbers = np.arange(1, 32)
    _, expected = freqz(1, poles, worN=numbers * 0.1)
    found = minimum_phase(20 * np.log10(np.abs(on_grid))[None], wo)[0, :31]
    inner = slice(2, 28)
    np.testing.assert_allclose(found[inner], np.angle(expected)[inner], atol=0.06)


def test_phase0_puts_the_pulses_of_a_voice_where_the_pitch_says():
    frames, wo = 40, np.full(40, 2 * np.pi / 80)  # 100 Hz: a pulse a frame
    flat = np.zeros((frames, 79))
    phases = phase0(flat, wo, np.ones(frames, bool))
    amplitudes = np.where(np.arange(80) < 39, 300.0, 0) * np.ones((frames, 1))
    audio = synthesise(Harmonics(wo.astype(np.float32), np.ones(frames, bool), amplitudes.astype(np.float32), phases))
    pulses = np.flatnonzero(audio > 0.6 * audio.max())
    assert (np.diff(pulses) == 80).all()
    assert len(pulses) >= 38


def test_noise_is_the_same_in_every_run_and_has_no_pitch():
    y, wo = np.zeros((200, 79)), np.full(200, 0.08)
    one, other = (phase0(y, wo, np.zeros(200, bool)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert abs(np.exp(1j * one[:, :39]).mean()) < 0.05


def test_synthesis_from_b_has_the_formants_of_the_vowel():
    harmonics = analyse(lfilter([1], [1], vowel(110.0)))
    y = mel_to_envelope(mel_features(harmonics))
    phases = phase0(y, harmonics.wo, harmonics.voiced)
    audio = synthesise(Harmonics(harmonics.wo, harmonics.voiced, envelope_amplitudes(y, harmonics.wo), phases))
    again = envelope(analyse(audio), 20)[10:40]
    assert spectral_distortion(again, envelope(harmonics, 20)[10:40]).mean() < 6
