import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.pitch import (
    HIGHEST_HZ,
    LOWEST_HZ,
    PITCH_CODES,
    PITCH_CONTEXT,
    PITCH_HOP,
    PITCH_RATE_HZ,
    pitch_condition,
    pitch_to_hz,
    track_pitch,
)

STEP = pitch_to_hz(np.array(2)) / pitch_to_hz(np.array(1))
EDGE = 3  # frames that begin or end a sound


def harmonic(hz: np.ndarray | float, seconds: float, slope: float = 1.0) -> np.ndarray:
    """A voice without words: harmonics up to 7 kHz, each weaker than the one below; RMS 0.1."""
    samples = int(seconds * PITCH_RATE_HZ)
    hz = np.broadcast_to(hz, samples)
    phase = 2 * np.pi * np.cumsum(hz) / PITCH_RATE_HZ
    count = int(7000 / hz.max())
    sound = sum(np.cos(k * phase + k * k) / k**slope for k in range(1, count + 1))
    return (0.1 * sound / np.std(sound)).astype(np.float32)


@settings(max_examples=60)
@given(st.floats(LOWEST_HZ * 1.02, HIGHEST_HZ * 0.98), st.floats(0.5, 1.5), st.floats(-30, 10))
def test_pitch_of_a_tone_is_found_to_a_step_of_the_code(hz, slope, level_db):
    found = pitch_to_hz(track_pitch(harmonic(hz, 0.5, slope) * 10 ** (level_db / 20)))[EDGE:-EDGE]
    periods = 0.04 * hz  # in a window; with less than three, a strong lowest harmonic says little
    np.testing.assert_allclose(found, hz, rtol=(STEP - 1) * (0.6 if periods > 3 else 3))


@pytest.mark.parametrize("begin, end", [(80, 160), (300, 150), (100, 400)])
def test_a_glide_is_followed(begin, end):
    hz = np.geomspace(begin, end, int(1.2 * PITCH_RATE_HZ))
    found = pitch_to_hz(track_pitch(harmonic(hz, 1.2)))
    centres = hz[PITCH_HOP // 2 :: PITCH_HOP]
    np.testing.assert_allclose(found[EDGE:-EDGE], centres[EDGE:-EDGE], rtol=0.02)


@pytest.mark.parametrize("noise_db", [-25, -10])
def test_noise_under_a_voice_does_no_harm(noise_db):
    voice = harmonic(130.0, 2)
    noise = 0.1 * 10 ** (noise_db / 20) * np.random.default_rng(0).standard_normal(len(voice))
    found = pitch_to_hz(track_pitch(voice + noise))[EDGE:-EDGE]
    assert np.mean(np.abs(found / 130 - 1) < 0.02) > 0.98


@pytest.mark.parametrize("seed", range(5))
def test_white_noise_has_no_pitch(seed):
    assert not track_pitch(0.1 * np.random.default_rng(seed).standard_normal(3 * PITCH_RATE_HZ)).any()


@pytest.mark.parametrize("slope, most", [(0.5, 0.02), (1.0, 0.4)])
def test_rumble_has_little_pitch(slope, most):
    """Noise whose spectrum falls by 3 or 6 dB an octave, down to 20 Hz; a tracker of plain autocorrelation calls 30 to
    90 % of it voiced."""
    samples = 20 * PITCH_RATE_HZ
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(samples))
    noise = np.fft.irfft(spectrum / np.maximum(np.fft.rfftfreq(samples, 1 / PITCH_RATE_HZ), 20) ** slope, samples)
    assert np.mean(track_pitch(0.1 * noise / np.std(noise)) > 0) < most


def test_an_offset_changes_nothing(speech):
    codes = track_pitch(speech[0])
    assert np.mean(track_pitch(speech[0] + np.float32(0.3)) != codes) < 0.001


@given(st.integers(0, 5000), st.sampled_from([0.0, 1e-5, -1e-5]))
def test_silence_has_no_pitch(samples, offset):
    codes = track_pitch(np.full(samples, offset, dtype=np.float32))
    assert not codes.any()
    assert codes.shape == (-(-samples // PITCH_HOP),)


def test_a_voice_begins_and_ends_where_it_does():
    voice = harmonic(120.0, 1)
    quiet = np.zeros(PITCH_RATE_HZ, dtype=np.float32)
    codes = track_pitch(np.concatenate([quiet, voice, quiet]))
    frames = PITCH_RATE_HZ // PITCH_HOP
    assert codes[frames + EDGE : 2 * frames - EDGE].all()
    assert not codes[: frames - EDGE].any()
    assert not codes[2 * frames + EDGE :].any()


@pytest.mark.parametrize("factor", [0.25, 4])
def test_loudness_does_not_matter(speech, factor):
    """While both are louder than what counts as silence."""
    loud = speech[0] + np.random.default_rng(0).standard_normal(speech.shape[1]).astype(np.float32) * np.float32(1e-3)
    np.testing.assert_array_equal(track_pitch(loud * np.float32(factor)), track_pitch(loud))


def test_what_is_far_away_does_not_matter(speech):
    """A cut with `PITCH_CONTEXT` frames on both sides has the pitch of the whole."""
    whole = track_pitch(speech[0])
    length, different = 40, 0
    starts = range(PITCH_CONTEXT, len(whole) - length - PITCH_CONTEXT, length)
    for first in starts:
        cut = slice((first - PITCH_CONTEXT) * PITCH_HOP, (first + length + PITCH_CONTEXT) * PITCH_HOP)
        here = track_pitch(speech[0, cut])[PITCH_CONTEXT:-PITCH_CONTEXT]
        different += np.count_nonzero(here != whole[first : first + length])
    assert different <= 0.005 * length * len(starts)


def test_codes_are_evenly_spaced_in_log_frequency():
    hz = pitch_to_hz(np.arange(PITCH_CODES))
    assert hz[0] == 0
    assert (hz[1], hz[-1]) == (LOWEST_HZ, pytest.approx(HIGHEST_HZ))
    np.testing.assert_allclose(hz[2:] / hz[1:-1], STEP)


def test_condition_is_as_described():
    codes = np.array([0, 1, 64, 127])
    expected = [[0, 1, 1, 1], [0, -63 / 32, 0, 63 / 32]]
    np.testing.assert_array_equal(pitch_condition(codes), np.array(expected, dtype=np.float32))
