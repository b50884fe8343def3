"""What the loss of loudness promises beside what all losses do: it goes by PESQ."""

import numpy as np
import pytest
import torch
from pesq import pesq
from scipy.stats import spearmanr

from brevox.errors import SettingsError
from brevox.losses.loudness import LoudnessLoss

RATE = 16_000


@pytest.fixture(scope="module")
def audio(speech):
    """Five seconds at the level of training."""
    clip = speech[0, RATE : 6 * RATE]
    return clip * np.float32(0.1 / np.sqrt(np.mean(clip**2)))


def low_pass(audio, cutoff_hz):
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(len(audio), 1 / RATE) > cutoff_hz] = 0
    return np.fft.irfft(spectrum, len(audio)).astype(np.float32)


def wrong_gains(audio, db, draw):
    """Every bin of a spectrogram at a level of its own, as vocoders have them."""
    window = torch.hann_window(320)
    spectrum = torch.stft(torch.from_numpy(audio), 320, 80, window=window, return_complex=True)
    gains = torch.from_numpy(10 ** (db / 20 * draw.standard_normal(spectrum.shape)).astype(np.float32))
    return torch.istft(spectrum * gains, 320, 80, window=window, length=len(audio)).numpy()


def loss(decoded, target):
    return LoudnessLoss()(torch.from_numpy(decoded)[None], torch.from_numpy(target)[None]).item()


def test_it_orders_what_is_wrong_as_pesq_does(audio):
    draw = np.random.default_rng(0)
    noise = draw.standard_normal(len(audio)).astype(np.float32)
    wrong = [audio + np.float32(level) * noise for level in (0.001, 0.003, 0.01, 0.03, 0.1)]
    wrong += [low_pass(audio, cutoff) for cutoff in (1000, 2000, 4000, 6000)]
    wrong += [np.round(audio * steps) / np.float32(steps) for steps in (8, 16, 32, 64, 128)]
    wrong += [wrong_gains(audio, db, draw) for db in (1, 2, 4, 8)]
    ours = [loss(decoded, audio) for decoded in wrong]
    theirs = [pesq(RATE, audio, decoded, "wb") for decoded in wrong]
    assert spearmanr(ours, theirs).statistic < -0.93


def test_what_is_added_disturbs_more_than_what_is_missing(audio):
    tone = np.float32(0.03) * np.sin(2 * np.pi * 3000 / RATE * np.arange(len(audio))).astype(np.float32)
    assert loss(audio + tone, audio) > 1.2 * loss(audio, audio + tone)


def test_a_steady_gain_is_no_great_harm(audio):
    assert loss(0.8 * audio, audio) < 0.1 * loss(0.8 * audio + 0.2 * audio[::-1].copy(), audio)


def test_it_is_for_one_sample_rate():
    with pytest.raises(SettingsError, match="16000 Hz, not 24000"):
        LoudnessLoss(24_000)
