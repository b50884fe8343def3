from __future__ import annotations

import numpy as np
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from brevox.evaluation.alignment import align, delay_of


@given(delay=st.integers(-7000, 7000), gain=st.floats(0.05, 1.0))
def test_a_shifted_copy_is_found_to_the_sample(said, delay, gain):
    late = np.roll(np.pad(said, 8000), delay)[8000:-8000] * np.float32(gain)
    assert delay_of(said, late) == delay


@given(delay=st.integers(0, 3000))
def test_a_codec_that_keeps_no_waveform_is_found_to_a_millisecond(said, said_coarsely, delay):
    late = np.concatenate([np.zeros(delay, np.float32), said_coarsely])
    assert abs(delay_of(said, late) - delay) <= 32


def test_what_keeps_its_place_is_left_there(said, said_coarsely):
    low = scipy.signal.sosfiltfilt(scipy.signal.butter(8, 3500, fs=16000, output="sos"), said).astype(np.float32)
    assert delay_of(said, low) == 0
    assert abs(delay_of(said, said_coarsely)) <= 16


def test_both_are_as_long_as_the_original(said):
    for degraded in (said[: len(said) // 2], np.pad(said, 5000), said[:0]):
        reference, aligned, _ = align(said, degraded)
        assert reference is said
        assert aligned.shape == said.shape


def test_what_is_missing_at_the_end_is_silence(said):
    _, aligned, delay = align(said, said[:-3000])
    assert delay == 0
    np.testing.assert_array_equal(aligned[:-3000], said[:-3000])
    assert not aligned[-3000:].any()


def test_silence_has_no_delay():
    silence = np.zeros(16000, np.float32)
    assert delay_of(silence, silence) == 0
