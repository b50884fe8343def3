"""Known harmonics are found again."""

from __future__ import annotations

import numpy as np
import pytest
from vowels import formants_db, vowel

from brevox.audio import resample
from brevox.vocoder.analysis import analyse, harmonic_snr_db
from brevox.vocoder.harmonics import Harmonics
from brevox.vocoder.synthesis import synthesise
from brevox.vocoder.windows import window_spectra

_INNER = slice(10, 40)  # of 50 frames


@pytest.mark.parametrize("pitch_hz", [80.0, 95.0, 118.3, 153.0, 201.7, 260.0, 333.0, 390.0])
def test_a_steady_vowel_is_measured(pitch_hz):
    found = analyse(vowel(pitch_hz))
    assert found.voiced[_INNER].all()
    np.testing.assert_allclose(found.wo[_INNER] * 4000 / np.pi, pitch_hz, rtol=0.003)
    numbers = np.arange(max(1, round(200 / pitch_hz)), int(3700 / pitch_hz) + 1)
    level = 20 * np.log10(found.amplitudes[_INNER, numbers - 1])
    np.testing.assert_allclose(level, np.broadcast_to(formants_db(numbers * pitch_hz), level.shape), atol=0.5)


def test_noise_is_not_voiced():
    noise = 0.05 * np.random.default_rng(1).standard_normal(8000)
    noise = np.diff(noise, prepend=0)  # as a hiss is: high
    assert analyse(noise).voiced.mean() < 0.15


def test_a_gliding_pitch_is_followed():
    hz = np.linspace(110, 180, 8000)
    phase = 2 * np.pi * np.cumsum(hz) / 8000
    audio = 0.02 * sum(np.cos(m * phase) for m in range(1, 20))
    found = analyse(audio)
    inner = slice(5, 95)
    np.testing.assert_allclose(found.wo[inner] * 4000 / np.pi, hz[40::80][inner], rtol=0.01)


def test_louder_sound_has_the_same_harmonics_but_louder(speech):
    audio = resample(speech[:, : 3 * 16000], 16000, 8000)[0]
    one, other = analyse(audio), analyse(audio / 8)
    np.testing.assert_allclose(one.wo, other.wo, rtol=1e-3)
    np.testing.assert_allclose(one.amplitudes, 8 * other.amplitudes, rtol=1e-2, atol=0.5)
    assert (one.voiced == other.voiced).mean() > 0.98


def test_harmonics_with_their_own_phases_are_the_sound_again():
    audio = vowel(120.0)
    again = synthesise(analyse(audio))
    assert len(again) == len(audio)
    inner = slice(800, 3200)
    error = again[inner] - audio[inner]
    assert 10 * np.log10(np.mean(audio[inner] ** 2) / np.mean(error**2)) > 15


def test_the_voice_of_a_pulse_train_is_explained_by_its_pitch_alone():
    spectra = window_spectra(vowel(150.0), 10, 40)
    right, wrong = (np.full(30, 2 * np.pi * hz / 8000) for hz in (150.0, 190.0))
    assert (harmonic_snr_db(spectra, right) > 15).all()
    assert (harmonic_snr_db(spectra, wrong) < 6).all()


@pytest.mark.parametrize("samples", [0, 1, 79, 80, 81, 1000])
def test_any_length_makes_frames_for_all_of_it(samples):
    found = analyse(np.random.default_rng(2).standard_normal(samples) * 0.1)
    assert len(found) == -(-samples // 80)
    assert len(synthesise(found)) == 80 * len(found)


def test_silence_stays_silent():
    found = analyse(np.zeros(4000))
    assert not found.voiced.any()
    assert np.abs(synthesise(found)).max() < 1e-4


def test_blocks_of_frames_do_not_show():
    rng = np.random.default_rng(3)
    frames = 1100
    wo = np.linspace(0.05, 0.3, frames).astype(np.float32)
    amplitudes = (rng.uniform(0, 100, (frames, 80)) * (np.arange(1, 81) * wo[:, None] < np.pi)).astype(np.float32)
    whole = Harmonics(wo, rng.random(frames) > 0.5, amplitudes, rng.uniform(-3, 3, (frames, 80)).astype(np.float32))
    part = Harmonics(whole.wo[400:700], whole.voiced[400:700], whole.amplitudes[400:700], whole.phases[400:700])
    np.testing.assert_allclose(synthesise(part)[160:-160], synthesise(whole)[32000 + 160 : 56000 - 160], atol=1e-6)
