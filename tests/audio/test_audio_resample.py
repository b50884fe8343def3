"""Laws of resampling: the length, the cutting into blocks, and what a sine becomes."""

from __future__ import annotations

import doctest
import sys
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio import Resampler, output_length, resample
from brevox.errors import SettingsError

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000]
rates = st.one_of(st.sampled_from(RATES), st.integers(4000, 200_000))


@given(samples=st.integers(0, 10**12), from_hz=rates, to_hz=rates)
def test_length_is_the_ratio_with_halves_rounded_up(samples, from_hz, to_hz):
    assert output_length(samples, from_hz, to_hz) == floor(Fraction(samples * to_hz, from_hz) + Fraction(1, 2))


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(0, 6000),
    from_hz=rates,
    to_hz=rates,
    channels=st.integers(1, 3),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    seed=st.integers(0, 99),
)
def test_blocks_give_what_the_whole_gives(samples, from_hz, to_hz, channels, cuts, seed):
    audio = np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)
    whole = resample(audio, from_hz, to_hz)
    assert whole.dtype == np.float32
    assert whole.shape == (channels, output_length(samples, from_hz, to_hz))

    resampler = Resampler(from_hz, to_hz, channels)
    blocks = np.split(audio, sorted(int(cut * samples) for cut in cuts), axis=1)
    pieces = [resampler.push(block) for block in blocks] + [resampler.finish()]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


@pytest.mark.parametrize("to_hz", RATES)
@pytest.mark.parametrize("from_hz", RATES)
def test_a_sine_stays_that_sine(from_hz, to_hz):
    """In its place and with its strength; at the edge of the band 0.01 dB weaker, but still nothing but a sine."""
    t = np.arange(to_hz)[to_hz // 10 : -to_hz // 10] / to_hz
    for part_of_band, most_db in ((0.1, -100), (0.6, -80), (0.88, -60)):
        tone_hz = part_of_band * min(from_hz, to_hz) / 2
        audio = np.sin(2 * np.pi * tone_hz * np.arange(from_hz) / from_hz + 0.3)[None].astype(np.float32)
        back = resample(audio, from_hz, to_hz)[0, to_hz // 10 : -to_hz // 10]
        expected = np.sin(2 * np.pi * tone_hz * t + 0.3)
        assert 20 * np.log10(np.abs(back - expected).max() + 1e-12) < most_db
        gain = back @ expected / (expected @ expected)
        assert 20 * np.log10(np.abs(back - gain * expected).max() + 1e-12) < -100


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48000, 16000), (44100, 22050), (16000, 8000)])
def test_what_the_lower_rate_cannot_hold_is_gone(from_hz, to_hz):
    tone_hz = 0.55 * to_hz
    audio = np.sin(2 * np.pi * tone_hz * np.arange(from_hz) / from_hz)[None].astype(np.float32)
    rest = resample(audio, from_hz, to_hz)[0, to_hz // 10 : -to_hz // 10]
    assert 20 * np.log10(np.abs(rest).max() + 1e-12) < -80


def test_equal_rates_change_nothing():
    audio = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32)
    resampler = Resampler(16000, 16000, 2)
    np.testing.assert_array_equal(resampler.push(audio), audio)
    assert resampler.finish().shape == (2, 0)


def test_wrong_use_is_told():
    with pytest.raises(SettingsError, match="1 Hz or more"):
        Resampler(0, 16000, 1)
    with pytest.raises(ValueError, match=r"\[2, samples\]"):
        Resampler(8000, 16000, 2).push(np.zeros((1, 10), np.float32))


def test_examples_in_the_documentation():
    module = sys.modules["brevox.audio.resample"]  # the package's attribute of that name is the function
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
