"""Laws of blocks of 40 ms: what is kept comes back, what lies between follows from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d
from vowels import vowel

from brevox.codec.block_codes import BENDS, PITCH_STEPS, PITCHES, side_codes
from brevox.vocoder.analysis import analyse
from brevox.vocoder.blocks import FRAMES, KEPT, OCTAVES, VOICINGS, Blocks, joined, to_blocks, to_frames
from brevox.vocoder.envelope import energy_db, envelope
from brevox.vocoder.postfilter import sharpen
from brevox.vocoder.synthesis import minimum_phase, phase0


@pytest.fixture(scope="module")
def harmonics():
    return analyse(np.concatenate([vowel(120, 0.4), np.zeros(800, np.float32), vowel(210, 0.3)]))


def test_kept_frames_come_back(harmonics):
    y, wo, voiced = to_frames(to_blocks(harmonics))
    n = len(harmonics)
    assert len(y) == -(-n // FRAMES) * FRAMES
    original = envelope(harmonics)
    for frame in KEPT:
        assert np.allclose(y[frame:n:FRAMES], original[frame::FRAMES], atol=1e-3)
    # Pitch of voiced kept frames too; without a voice it says nothing.
    kept = np.isin(np.arange(n) % FRAMES, KEPT) & harmonics.voiced
    assert np.allclose(np.log2(wo[:n][kept] / harmonics.wo[kept]), 0, atol=1e-5)
    assert np.array_equal(voiced[:n], harmonics.voiced)


def test_frames_between_are_the_mean_of_their_neighbours(harmonics):
    y, wo, voiced = to_frames(to_blocks(harmonics))
    assert np.allclose(y[2:-1:2], (y[1:-2:2] + y[3::2]) / 2)
    between = np.arange(2, len(wo) - 1, 2)
    between = between[voiced[between - 1] & voiced[between] & voiced[between + 1]]
    assert len(between) > 5
    assert np.allclose(np.log2(wo[between]), (np.log2(wo[between - 1]) + np.log2(wo[between + 1])) / 2)


def test_level_is_the_energy_whatever_the_shape():
    generator = np.random.default_rng(0)
    blocks = Blocks(
        np.zeros(5, int), np.zeros((5, 2)), generator.uniform(0, 60, (5, 2)), generator.normal(0, 9, (5, 2, 79))
    )
    y, _, _ = to_frames(blocks)
    assert np.allclose(energy_db(y[1::2]), blocks.level.ravel())


def test_blocks_parted_and_joined_are_the_same(harmonics):
    blocks = to_blocks(harmonics)
    again = joined([blocks.part(slice(0, 3)), blocks.part(slice(3, None))])
    for name in vars(blocks):
        assert np.array_equal(getattr(again, name), getattr(blocks, name))


def test_pitch_codes_hold_any_pitch_to_half_a_step():
    generator = np.random.default_rng(1)
    count = 400
    voicing = generator.integers(0, VOICINGS, count) * (generator.random(count) < 0.7)
    path = np.clip(1.5 + np.cumsum(generator.normal(0, 0.04, 2 * count)), 0, OCTAVES).reshape(count, 2)
    codes = side_codes(Blocks(voicing, path, np.zeros((count, 2)), np.zeros((count, 2, 79))))
    assert (codes >= 0).all() and (codes < [PITCHES, BENDS, VOICINGS]).all()
    heard = voicing > 0
    assert np.abs(codes[heard, 0] / PITCH_STEPS - path[heard, 1]).max() <= 0.5 / PITCH_STEPS + 1e-9
    # A block without a voice costs no change.
    silent = np.flatnonzero(~heard[1:]) + 1
    assert np.array_equal(codes[silent, 0], codes[silent - 1, 0])


def test_phases_of_chance_depend_on_the_number_of_the_frame_only():
    y, wo = np.zeros((30, 79)), np.full(30, 0.08)
    voiced = np.zeros(30, bool)
    whole = phase0(y, wo, voiced, 100)
    assert np.array_equal(phase0(y[7:], wo[7:], voiced[7:], 107), whole[7:])
    assert not np.array_equal(phase0(y, wo, voiced, 101), whole)
    turn = np.linspace(0, 3, 30)
    with_voice = phase0(y, wo, ~voiced, 0, turn)
    expected = np.angle(np.exp(1j * (turn + minimum_phase(y, wo)[:, 0])))
    assert np.allclose(with_voice[:, 0], expected, atol=1e-5)


def test_sharpening_is_what_scipy_says():
    levels = np.random.default_rng(2).normal(0, 10, (3, 2, 79))
    mean = uniform_filter1d(levels, 41, axis=-1, mode="nearest")
    assert np.allclose(sharpen(levels, 0.2, 41), levels + 0.2 * (levels - mean))
