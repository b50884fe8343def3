"""What tells the losses on spectrograms apart; what all losses keep is in test_every_loss.py."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import brevox.losses  # noqa: F401  registers the losses
from brevox.errors import SettingsError
from brevox.losses.mel import MultiScaleMelLoss
from brevox.losses.parts import LOSSES
from brevox.losses.spectrogram import magnitude, spectrogram
from voices import voice


def loss_of(name):
    return LOSSES.build({"name": name}, sample_rate=16000)


def speech(batch=2, seconds=0.5):
    return torch.from_numpy(np.stack([voice(seconds, 110 + 60 * item, seed=item) for item in range(batch)]))


def noise_like(audio, seed=0):
    return 0.1 * torch.randn(audio.shape, generator=torch.Generator().manual_seed(seed))


def rotated(audio, angle):
    """Every component's phase moved by the same angle."""
    return torch.fft.irfft(torch.fft.rfft(audio) * complex(math.cos(angle), math.sin(angle)), audio.shape[1])


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, math.pi))
def test_complex_stft_sees_a_phase_change_that_mel_does_not(angle):
    audio = speech(1)
    turned = rotated(audio, angle)
    slightly_noisy = audio + 0.03 * noise_like(audio)
    mel, complex_stft = loss_of("mel"), loss_of("complex_stft")
    assert mel(turned, audio) < 0.5 * mel(slightly_noisy, audio)
    assert complex_stft(turned, audio) > complex_stft(rotated(audio, angle / 2), audio) > 0


def test_complex_stft_weighs_faint_and_strong_parts_by_its_power():
    # A signal and its double: the compressed spectra are in the ratio 2^p to 1, wherever they are well above 0.
    audio = noise_like(speech())
    for power in (0.3, 0.5, 1.0):
        loss = LOSSES.build({"name": "complex_stft", "power": power})
        silence = torch.zeros_like(audio)
        assert loss(2 * audio, silence) / loss(audio, silence) == pytest.approx(2**power, rel=1e-3)
        assert loss(2 * audio, audio) / loss(audio, silence) == pytest.approx(2**power - 1, rel=1e-3)


def test_the_sign_is_seen_where_the_phase_is():
    audio = speech()
    assert loss_of("mel")(-audio, audio) == 0
    assert loss_of("stft")(-audio, audio) == 0
    assert loss_of("time")(-audio, audio) > 0
    assert loss_of("complex_stft")(-audio, audio) > 0


# The spectrogram and the mel scale, by independent means.


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 125), st.floats(0.01, 1.0), st.floats(0, 6))
def test_a_sine_peaks_at_its_amplitude_in_its_bin(line, amplitude, phase):
    window = 256
    sine = amplitude * torch.sin(2 * math.pi * line / window * torch.arange(2048) + phase)
    peak = magnitude(spectrogram(sine[None], window, 64))[0, :, 8:-8].mean(dim=1)
    assert peak.argmax() == line
    assert peak.max() == pytest.approx(amplitude, rel=1e-3)


def numpy_mel(audio, window, bands):
    """Mel magnitudes, Shape [bands, frames], in double precision."""
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(audio.astype(np.float64), window // 2)
    starts = range(0, len(audio) + 1, window // 4)
    frames = np.stack([np.fft.rfft(padded[at : at + window] * taper) for at in starts], axis=1)
    bins_hz = np.arange(window // 2 + 1) * 16000 / window
    edges_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), bands + 2) / 2595) - 1)
    assert (np.diff(edges_hz) > 16000 / window).all()  # else the filters are wider than this formula says
    filters = [np.interp(bins_hz, edges_hz[band : band + 3], [0, 1, 0], left=0, right=0) for band in range(bands)]
    return np.stack(filters) @ np.abs(frames) * 2 / taper.sum()


@pytest.mark.parametrize("log_weight, linear_weight", [(1, 0), (0, 1), (0.5, 20)])
@pytest.mark.parametrize("window, bands", [(256, 8), (512, 15), (2048, 30)])
def test_mel_equals_its_definition(window, bands, log_weight, linear_weight):
    ours, theirs = speech(2, 0.2).numpy()
    loss = MultiScaleMelLoss(16000, [window], [bands], 1e-3, log_weight, linear_weight)
    value = loss(torch.from_numpy(ours)[None], torch.from_numpy(theirs)[None])
    ours, theirs = (numpy_mel(audio, window, bands) for audio in (ours, theirs))
    expected = log_weight * np.abs(np.log(ours + 1e-3) - np.log(theirs + 1e-3)).mean()
    expected += linear_weight * np.abs(ours - theirs).mean()
    assert value.item() == pytest.approx(expected, rel=1e-3)


def test_mel_magnitudes_scale_with_the_signal_and_their_logarithms_do_not():
    ours, theirs = speech(), speech() + noise_like(speech())
    linear = MultiScaleMelLoss(16000, log_weight=0, linear_weight=1)
    assert linear(10 * ours, 10 * theirs).item() == pytest.approx(10 * linear(ours, theirs).item(), rel=1e-4)
    logarithmic = MultiScaleMelLoss(16000, floor=1e-9)
    assert logarithmic(10 * ours, 10 * theirs).item() == pytest.approx(logarithmic(ours, theirs).item(), rel=1e-3)


@pytest.mark.parametrize("weights", [(0, 0), (-1, 2), (2, -1)])
def test_mel_weights_that_make_no_distance_are_told(weights):
    with pytest.raises(SettingsError, match="linear_weight"):
        MultiScaleMelLoss(16000, log_weight=weights[0], linear_weight=weights[1])


def test_the_scales_are_averaged():
    ours, theirs = speech(1), noise_like(speech(1))
    single = [MultiScaleMelLoss(16000, [w], [b])(ours, theirs).item() for w, b in ((256, 20), (1024, 80))]
    both = MultiScaleMelLoss(16000, [256, 1024], [20, 80])(ours, theirs).item()
    assert both == pytest.approx(np.mean(single), rel=1e-5)


@pytest.mark.parametrize("window, bands", [(256, 20), (256, 80), (512, 80), (1024, 160), (2048, 320)])
def test_twice_the_amplitude_is_heard_as_that_in_every_band(window, bands):
    # Also where bands are narrower than bins: a triangle between two bins would hear nothing at all.
    noise = noise_like(speech())
    loss = MultiScaleMelLoss(16000, windows=[window], bands=[bands], floor=1e-9)
    assert loss(2 * noise, noise).item() == pytest.approx(math.log(2), rel=1e-4)
