import librosa
import numpy as np
import pytest

from brevox.audio.features import deltas, log_filterbank, mfcc, mfcc_with_deltas
from voices import voice


@pytest.fixture(scope="module")
def audio():
    return voice(1.0, 140, seed=3)


def librosa_filterbank(audio):
    emphasised = librosa.effects.preemphasis(audio.astype(np.float64), coef=0.97, zi=[0.0])
    emphasised[0] = audio[0]
    # librosa lays a window of 400 into the middle of the 512 it transforms: 56 samples on each side.
    padded = np.pad(emphasised, 120 + 56)
    power = np.abs(
        librosa.stft(padded, n_fft=512, hop_length=160, window=np.hamming(400), win_length=400, center=False)
    )
    filters = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=40, htk=True, norm=None, dtype=np.float64)
    return np.log(np.maximum(filters @ power**2, 1e-6)).T[: len(audio) // 160]


def test_log_filterbank_is_librosa_s(audio):
    ours, theirs = log_filterbank(audio), librosa_filterbank(audio)
    assert ours.shape == theirs.shape == (100, 40)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_mfccs_are_librosa_s(audio):
    filterbank = log_filterbank(audio)
    theirs = librosa.feature.mfcc(S=filterbank.T, n_mfcc=13, dct_type=2, norm="ortho").T
    np.testing.assert_allclose(mfcc(filterbank), theirs, atol=1e-4)


def test_deltas_are_librosa_s(audio):
    coefficients = mfcc(log_filterbank(audio))
    for order in (1, 2):
        ours = deltas(coefficients)
        theirs = librosa.feature.delta(coefficients, width=5, order=1, axis=0, mode="nearest")
        np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=str(order))
        coefficients = ours


def test_all_39_are_coefficients_slopes_and_their_slopes(audio):
    filterbank = log_filterbank(audio)
    together = mfcc_with_deltas(filterbank)
    first = deltas(mfcc(filterbank))
    np.testing.assert_array_equal(together, np.concatenate([mfcc(filterbank), first, deltas(first)], axis=1))


@pytest.mark.parametrize("sample", [20, 80, 140, 180, 1000])
def test_a_frame_is_of_its_10_ms(sample):
    click = np.zeros(4000, dtype=np.float32)
    click[sample] = 1.0
    assert log_filterbank(click).sum(axis=1).argmax() == sample // 160


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 161, 320])
def test_a_clip_has_as_many_frames_as_it_has_whole_10_ms(samples):
    filterbank = log_filterbank(np.ones(samples, dtype=np.float32))
    assert filterbank.shape == (samples // 160, 40)
    assert mfcc_with_deltas(filterbank).shape == (samples // 160, 39)
