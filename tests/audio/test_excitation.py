"""The sound source, held against its description in docs/format.md."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.audio.excitation import pulse_train, white_noise
from brevox.audio.pitch import PITCH_CODES, PITCH_HOP, PITCH_RATE_HZ, pitch_to_hz

# Stretches with and without pitch, their pitch anything.
stretches = st.lists(
    st.lists(st.integers(1, PITCH_CODES - 1), max_size=6) | st.lists(st.just(0), max_size=3), max_size=6
)
pitches = stretches.map(lambda parts: np.array([code for part in parts for code in part], dtype=np.uint8))


def described_pulses(codes: np.ndarray) -> np.ndarray:
    """One cosine after the other, as docs/format.md has it."""
    pulses = np.zeros(PITCH_HOP * len(codes))
    voiced = np.flatnonzero(codes)
    for stretch in np.split(voiced, np.flatnonzero(np.diff(voiced) > 1) + 1):
        if not len(stretch):
            continue
        hz = pitch_to_hz(codes[stretch])
        centres = (np.arange(len(stretch)) + 0.5) * PITCH_HOP
        glide = np.interp(np.arange(len(stretch) * PITCH_HOP) + 0.5, centres, hz)
        phase = 2 * np.pi / PITCH_RATE_HZ * (np.cumsum(glide) - glide)
        for place, frame in enumerate(stretch):
            harmonics = int(7800 / hz[place])
            here = phase[place * PITCH_HOP :][:PITCH_HOP]
            total = np.cos(np.outer(np.arange(1, harmonics + 1), here)).sum(axis=0)
            pulses[frame * PITCH_HOP :][:PITCH_HOP] = np.sqrt(2 / harmonics) * total
    return pulses


@given(pitches)
def test_pulses_are_as_described(codes):
    np.testing.assert_allclose(pulse_train(codes)[0], described_pulses(codes), atol=2e-3)


@given(pitches, st.lists(st.integers(0, 36), max_size=5))
def test_pulses_in_blocks_are_those_of_the_whole(codes, cuts):
    whole, end = pulse_train(codes)
    bounds = [0, *sorted(min(cut, len(codes)) for cut in cuts), len(codes)]
    phase, pieces = 0.0, []
    for begin, stop in itertools.pairwise(bounds):
        before = int(codes[begin - 1]) if begin else 0
        after = int(codes[stop]) if stop < len(codes) else 0
        piece, phase = pulse_train(codes[begin:stop], before, after, phase)
        pieces.append(piece)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    if len(codes):
        assert phase == end


@given(st.integers(1, PITCH_CODES - 1))
def test_pulses_have_unit_power_up_to_8_khz_and_the_pitch_they_are_told(code):
    pulses, _ = pulse_train(np.full(100, code))
    assert np.mean(pulses**2) == pytest.approx(1, rel=0.02)
    spectrum = np.abs(np.fft.rfft(pulses * np.hanning(len(pulses)))) ** 2
    hz = np.fft.rfftfreq(len(pulses), 1 / PITCH_RATE_HZ)
    assert spectrum[hz > 7810].sum() < 1e-4 * spectrum.sum()
    pitch = pitch_to_hz(np.array(code))
    beside = np.abs(hz - pitch * np.rint(hz / pitch)) > 2  # further than the window's main lobe reaches
    assert spectrum[beside].sum() < 1e-4 * spectrum.sum()


@given(pitches)
def test_no_pulses_without_pitch(codes):
    pulses = pulse_train(codes)[0].reshape(len(codes), PITCH_HOP)
    assert not pulses[codes == 0].any()
    assert pulses[codes > 0].any(axis=1).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.integers(0, 20))
def test_noise_is_the_same_wherever_one_starts(first, left, right):
    whole = white_noise(first, left + right)
    halves = [white_noise(first, left), white_noise(first + left, right)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)


@pytest.mark.parametrize("first", [0, 7, 2**31])
def test_noise_is_white_and_of_unit_power(first):
    noise = white_noise(first, 500).astype(np.float64)
    assert noise.shape == (500 * PITCH_HOP,)
    tolerance = 5 / np.sqrt(len(noise))
    assert abs(noise.mean()) < tolerance
    assert np.mean(noise**2) == pytest.approx(1, abs=tolerance)
    for lag in [*range(1, 40), PITCH_HOP, 512 * 4]:
        assert abs(np.mean(noise[lag:] * noise[:-lag])) < tolerance
    assert np.abs(noise).max() <= np.sqrt(3)


def test_noise_is_as_described():
    """Word n of Philox-4x64-10 for sample n, its top 24 bits."""
    words = np.random.Philox(key=0x5C0DEC).random_raw(3 * PITCH_HOP)
    expected = ((words >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5) * np.sqrt(12)
    np.testing.assert_allclose(white_noise(0, 3), expected, atol=1e-6)
