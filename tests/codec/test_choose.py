"""Codes chosen within a budget: of the built-in model on real speech, and of a small one on chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.audio.loudness import speech_gain
from brevox.audio.pitch import track_pitch
from brevox.codec.choose import Chooser
from brevox.codec.entropy import EntropyModel
from brevox.codec.entropy_fit import fit_entropy_model
from brevox.codec.models import find_model
from brevox.codec.networks import Networks
from brevox.codec.pitch_columns import pitch_to_columns
from brevox.codec.quantise import dequantise, quantise
from one_way import nearest_keys


@pytest.fixture(scope="module")
def spoken(codec, speech):
    """What chooses for the built-in model, and latent and pitch columns of 25 s of speech."""
    model = find_model()
    audio = speech[0] * np.float32(speech_gain(speech[0], codec.sample_rate))
    audio = audio[: len(audio) // codec.hop * codec.hop]
    pitch = track_pitch(audio)
    latent = Networks(model, threads=1).encode(audio, pitch)
    side = pitch_to_columns(pitch, codec.side_columns)
    return Chooser(model.codebooks, None, codec.entropy), latent, side


def error(chooser, latent, codes, side):
    return np.mean(np.square(latent - dequantise(codes[side:], chooser.codebooks)))


@pytest.mark.parametrize("books", [2, 3, 6])
def test_speech_errs_less_at_the_same_bits(spoken, books):
    """Than with the nearest entries one after the other; and no more with a twentieth less."""
    chooser, latent, side = spoken
    plain = np.concatenate([side, quantise(latent, chooser.codebooks[:books], nearest_keys(chooser.codebooks[:books]))])
    bits = chooser.entropy.cost_bits(plain).sum()
    chosen, spent = chooser.within([latent], [side], bits)
    assert 0.85 * bits < spent <= bits
    assert error(chooser, latent, chosen[0], len(side)) < error(chooser, latent, plain, len(side))
    cheaper, less = chooser.within([latent], [side], 0.95 * bits)
    assert less <= 0.95 * bits
    assert error(chooser, latent, cheaper[0], len(side)) < 1.02 * error(chooser, latent, plain, len(side))


@given(st.floats(0, 12))
def test_a_budget_is_kept_but_for_the_first_book(spoken, kbps):
    chooser, latent, side = spoken
    latent, side = latent[:, :200], side[:, :200]
    codes, bits = chooser.within([latent, latent], [side, side], kbps * 1000 * 200 / 50)
    assert bits == pytest.approx(chooser.entropy.cost_bits(codes).sum())
    assert bits <= kbps * 1000 * 200 / 50 or codes.shape[1] == len(side) + 1
    np.testing.assert_array_equal(codes[:, : len(side)], [side, side])


def test_more_bits_never_err_more(spoken):
    chooser, latent, side = spoken
    budgets = np.linspace(0.5, 7, 14) * 1000 * 25
    errors = [error(chooser, latent, chooser.within([latent], [side], bits)[0][0], len(side)) for bits in budgets]
    assert (np.diff(errors) <= 0).all() and errors[-1] < 0.2 * errors[0]


def test_where_all_books_fit_they_are_the_nearest(spoken):
    chooser, latent, side = spoken
    codes, _ = chooser.within([latent], [side], 1e9)
    np.testing.assert_array_equal(codes, chooser.with_books([latent], [side], len(chooser.codebooks)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_codes_that_repeat_become_cheap(seed, frames):
    """A source that stays where it was, coded with few bits, stays where it was for longer."""
    random = np.random.default_rng(seed)
    codebooks = random.standard_normal((1, 16, 3)).astype(np.float32)
    still = np.repeat(random.integers(16, size=400), 5)[None]
    entropy = fit_entropy_model([still], [16])
    wanted = codebooks[0][still[0, :frames]].T + random.standard_normal((3, frames)).astype(np.float32)
    chooser = Chooser(codebooks, None, entropy)
    nearest = chooser.with_books([wanted], [np.zeros((0, frames), np.uint16)], 1)
    _, bits = chooser.within([wanted], [np.zeros((0, frames), np.uint16)], 0)
    assert bits <= entropy.cost_bits(nearest).sum() + 1e-3


def test_keys_choose_whatever_codes_cost():
    random = np.random.default_rng(0)
    codebooks = random.standard_normal((3, 16, 4)).astype(np.float32)
    latent = random.standard_normal((4, 50)).astype(np.float32)
    chooser = Chooser(codebooks, nearest_keys(codebooks), EntropyModel.uniform([16] * 3))
    codes, bits = chooser.within([latent], [np.zeros((0, 50), np.uint16)], 2.5 * 50 * 4)
    assert bits == pytest.approx(2 * 50 * 4)
    np.testing.assert_array_equal(codes[0], quantise(latent, codebooks[:2], nearest_keys(codebooks[:2])))
