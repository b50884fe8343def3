import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.excitation import pulse_train
from brevox.audio.pitch import PITCH_CODES, pitch_condition, pitch_to_hz
from brevox.errors import SettingsError
from brevox.nets.smoothing import PitchSmoothing
from brevox.nets.spectrum import Spectrum


def condition(codes):
    return torch.from_numpy(pitch_condition(np.asarray(codes)))[None]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, PITCH_CODES - 1), st.integers(0, 2**32))
def test_it_is_the_mean_over_two_thirds_of_a_pitch(code, seed):
    """Against an integral over steps a hundredth of a bin wide."""
    power = np.random.default_rng(seed).exponential(size=321).astype(np.float32)
    ours = PitchSmoothing(321, 16000, 2, 1)(torch.from_numpy(power)[None, :, None].expand(1, 321, 2), condition([code]))
    width = 2 / 3 * float(pitch_to_hz(np.array(code))) / 25
    bins = np.arange(321)[:, None] + np.linspace(-width / 2, width / 2, 2001)[None]
    nearest = np.rint(np.abs(bins)).astype(int)
    nearest = np.where(nearest > 320, 640 - nearest, nearest)
    expected = power[nearest].mean(axis=1)
    np.testing.assert_allclose(ours[0, :, 0], expected, rtol=0.02)
    np.testing.assert_array_equal(ours[0, :, 0], ours[0, :, 1])


@pytest.mark.parametrize("hz", [100, 150, 220, 330])
def test_a_pulse_train_has_a_far_flatter_envelope(hz):
    code = int(np.argmin(np.abs(pitch_to_hz(np.arange(PITCH_CODES)) - hz)))
    pulses, _ = pulse_train(np.full(20, code))
    real, imaginary = Spectrum(320, 160)(torch.from_numpy(pulses)[None])
    power = real.square() + imaginary.square()
    smooth = PitchSmoothing(161, 16000, 2, 1)(power, condition([code] * 20))[0, 8:150, 6:-6]
    rough = power[0, 8:150, 6:-6]
    assert smooth.log().std() < 0.4 * rough.log().std()


def test_faint_bins_beside_strong_ones_stay_faint():
    power = torch.full((1, 321, 2), 1e-6)
    power[:, :40] = 1e4
    smooth = PitchSmoothing(321, 16000, 2, 1)(power, condition([50]))
    torch.testing.assert_close(smooth[:, 100:], power[:, 100:], rtol=1e-3, atol=0)


def test_every_pitch_has_its_spectra():
    power = torch.rand(1, 321, 8)
    both = PitchSmoothing(321, 16000, 4, 2)(power, condition([0, 0, 60, 90]))
    for pitch, code in enumerate([0, 0, 60, 90]):
        here = slice(2 * pitch, 2 * pitch + 2)
        alone = PitchSmoothing(321, 16000, 2, 1)(power[:, :, here], condition([code]))
        torch.testing.assert_close(both[:, :, here], alone)


def test_spectra_must_share_pitches_evenly():
    with pytest.raises(SettingsError, match="multiple, not 3"):
        PitchSmoothing(321, 16000, 3, 2)
