import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.codec.level import level_to_rms, rms_to_level


def test_every_level_is_the_nearest_to_its_own_rms():
    levels = np.arange(65536)
    assert (rms_to_level(level_to_rms(levels)) == levels).all()


def test_known_values():
    assert level_to_rms(0) == 0.0
    assert level_to_rms(160 * 256) == 1.0  # 0 dB re full scale
    assert level_to_rms(140 * 256) == pytest.approx(0.1)
    assert level_to_rms(65535) == pytest.approx(10 ** ((96 - 1 / 256) / 20))
    assert rms_to_level(0.0) == 0
    assert rms_to_level([1.0, 0.5]).tolist() == [40960, 40960 - 1541]  # 6.02 dB less


def test_only_silence_is_silent_and_nothing_overflows():
    assert rms_to_level([1e-300, 5e-324, 1e-9, 1e30, np.inf]).tolist() == [1, 1, 1, 65535, 65535]


@given(st.floats(1e-7, 1e4))
def test_error_is_at_most_half_a_step(rms):
    error_db = 20 * np.log10(level_to_rms(rms_to_level(rms)) / rms)
    assert abs(error_db) <= 0.5 / 256 + 1e-9


def test_shape_is_kept():
    assert rms_to_level(np.ones((2, 3))).shape == level_to_rms(np.ones((2, 3), np.uint16)).shape == (2, 3)


@pytest.mark.parametrize("rms", [-1.0, np.nan, [0.0, -1e-9]])
def test_no_rms(rms):
    with pytest.raises(ValueError, match="RMS"):
        rms_to_level(rms)


@pytest.mark.parametrize("level", [-1, 65536])
def test_no_level(level):
    with pytest.raises(ValueError, match="level"):
        level_to_rms(level)
