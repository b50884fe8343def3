import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.pitch import PITCH_CODES, track_pitch
from brevox.codec.frugal import COST_OF_MOVING, REACH, frugal_pitch

few = st.lists(st.integers(0, 9), min_size=1, max_size=4).map(lambda codes: np.array(codes, dtype=np.uint16))


def total(path, codes, bits):
    before = np.concatenate([[0], path[:-1]])
    moves = path.astype(int) - codes.astype(int)
    return bits[before, path].sum() + COST_OF_MOVING * (moves**2).sum()


@settings(deadline=None, max_examples=40)
@given(few, st.integers(0, 2**32 - 1))
def test_no_path_is_cheaper(codes, seed):
    """Against all paths, counted out."""
    bits = np.random.default_rng(seed).exponential(4, (10, 10))
    reachable = [range(max(1, c - REACH), min(9, c + REACH) + 1) if c else [0] for c in codes.tolist()]
    least = min(total(np.array(path), codes, bits) for path in itertools.product(*reachable))
    assert np.isclose(total(frugal_pitch(codes, bits), codes, bits), least)


@given(st.lists(st.integers(0, PITCH_CODES - 1), min_size=1, max_size=80), st.integers(0, 2**32 - 1))
def test_voicing_stays_and_no_pitch_moves_far(codes, seed):
    codes = np.array(codes, dtype=np.uint16)
    path = frugal_pitch(codes, np.random.default_rng(seed).exponential(4, (PITCH_CODES, PITCH_CODES)))
    np.testing.assert_array_equal(path > 0, codes > 0)
    assert np.abs(path.astype(int) - codes).max() <= REACH
    assert path.max() < PITCH_CODES


def test_real_pitch_gets_cheaper_by_a_sixth_or_more(codec, speech):
    codes = track_pitch(speech[0]).astype(np.uint16)
    before = codec.entropy.cost_bits(codes[None]).sum()
    after = codec.entropy.cost_bits(frugal_pitch(codes, codec.entropy.first_column_bits())[None]).sum()
    assert after < before * 5 / 6
