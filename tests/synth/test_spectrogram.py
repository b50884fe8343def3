"""Spectrograms of sounds, and sounds of spectrograms."""

from __future__ import annotations

import numpy as np
import pytest

from brevox.audio.mel import mel_filters
from brevox.errors import SettingsError
from brevox.synth.griffin_lim import griffin_lim
from brevox.synth.renderer import render
from brevox.synth.spectrogram import FrontEnd, istft, stft
from brevox.synth.voice import INIT_VOICE

FRONT = FrontEnd(frames=60)


def note(front=FRONT):
    voice = INIT_VOICE.changed(algorithm=4, op2_output_level=75, op3_output_level=90, op3_coarse=3)
    return front.fitted(render(voice, 57, hold_s=0.5, total_s=0.7, sample_rate=front.sample_rate))


def test_the_default_picture_has_the_size_that_seed_002_prints():
    front = FrontEnd()
    picture = front.picture(np.zeros(4 * 22_050))
    assert picture.shape == (257, 347) and (picture == -1).all()
    assert FrontEnd(bands=0).picture(np.zeros(10)).shape == (513, 347)
    assert front.samples == pytest.approx(4 * 22_050, rel=0.005)


def test_a_full_sine_is_0_db():
    tone = np.sin(2 * np.pi * 40 / 1024 * np.arange(FRONT.samples))
    for bands in (0, 257):
        levels = FrontEnd(bands=bands, frames=60).levels(tone)
        # Between two bands of one bin, each has a little less.
        assert levels[:, 5:-5].max() == pytest.approx(0, abs=2.0 if bands else 0.01)
        assert levels.min() > -120.001


def test_transform_and_back_is_the_same_sound():
    sound = note()
    assert np.abs(istft(stft(sound, 1024, 256), 256) - sound).max() < 1e-5


def test_no_mel_band_is_empty_and_all_bins_are_heard():
    for bands in (40, 128, 257, 400):
        filters = mel_filters(bands, 1024, 22_050)
        assert filters.shape == (bands, 513)
        assert (filters.sum(axis=1) > 0.3).all() and (filters >= 0).all()
        assert (filters.sum(axis=0)[1:-1] > 0).all()


@pytest.mark.parametrize("low, high", [(-120.0, 0.0), (-90.0, 12.0)])
def test_normalisation_is_undone(low, high):
    front = FrontEnd(low_db=low, high_db=high)
    levels = np.linspace(low, high, 7, dtype=np.float32)
    picture = front.normalised(levels)
    assert picture[0] == -1 and picture[-1] == 1
    assert front.denormalised(picture) == pytest.approx(levels, abs=1e-4)


def test_bands_become_bins_that_give_the_same_bands():
    front = FrontEnd(frames=60, high_db=12.0)
    picture = front.picture(note())
    again = 20 * np.log10(np.maximum(mel_filters(257, 1024, 22_050) @ front.magnitude(picture), 1e-6))
    loud = front.denormalised(picture) > -60
    assert np.abs(again - front.denormalised(picture))[loud].mean() < 1.0


def test_griffin_lim_finds_phases_and_keeps_those_it_is_given():
    sound = note()
    spectrum = stft(sound, 1024, 256)
    magnitude = np.abs(spectrum)

    def off(found):
        return np.linalg.norm(np.abs(stft(found, 1024, 256)) - magnitude) / np.linalg.norm(magnitude)

    few, many = (off(griffin_lim(magnitude, 256, rounds)) for rounds in (1, 60))
    assert many < few and many < 0.2
    knowing = griffin_lim(magnitude, 256, 10, np.angle(spectrum))
    assert np.abs(knowing - sound).max() < 1e-4  # the phase is used once, not twice


@pytest.mark.parametrize("wrong", [{"hop": 0}, {"window": 1023}, {"hop": 2048}, {"low_db": 0.0}, {"bands": -1}])
def test_what_cannot_be_is_told(wrong):
    with pytest.raises(SettingsError):
        FrontEnd(**wrong)
