import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.pitch import PITCH_CODES, track_pitch
from brevox.codec.entropy import ColumnTables, EntropyModel
from brevox.codec.frugal import COST_OF_MOVING, REACH, frugal_pitch
from brevox.codec.pitch_columns import pitch_to_columns
from brevox.codec.rangecoder import TOTAL

seeds = st.integers(0, 2**32 - 1)


def some_model(columns, size, seed):
    """In which every code costs something else after every other, and below every other."""
    random = np.random.default_rng(seed)
    tables = []
    for column in range(columns):
        above = size if column else 1
        shares = random.exponential(1, (size, above, size)) ** 2 + 1e-2
        frequencies = np.maximum(1, shares / shares.sum(axis=2, keepdims=True) * (TOTAL - size)).astype(np.int64)
        frequencies[..., 0] += TOTAL - frequencies.sum(axis=2)
        tables.append(ColumnTables(np.arange(size, dtype=np.uint8), np.arange(above, dtype=np.uint8), frequencies))
    return EntropyModel(tables)


def total(path, codes, entropy):
    moves = path.astype(int) - codes.astype(int)
    return entropy.cost_bits(path).sum() + COST_OF_MOVING * (moves**2).sum()


@settings(deadline=None, max_examples=40)
@given(st.data(), st.sampled_from([(1, 1), (1, 4), (2, 1), (2, 2)]), seeds)
def test_no_path_is_cheaper(data, shape, seed):
    """Against all paths, counted out."""
    codes = np.array(data.draw(st.lists(st.integers(0, 9), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])))
    codes = codes.astype(np.uint16)
    entropy = some_model(shape[0], 10, seed)
    reachable = [range(max(1, c - REACH), min(9, c + REACH) + 1) if c else [0] for c in codes.tolist()]
    codes = codes.reshape(shape)
    least = min(total(np.array(path).reshape(shape), codes, entropy) for path in itertools.product(*reachable))
    assert np.isclose(total(frugal_pitch(codes, entropy), codes, entropy), least)


@settings(deadline=None)
@pytest.mark.parametrize("columns", [1, 2])
@given(st.lists(st.integers(0, PITCH_CODES - 1), min_size=1, max_size=40), seeds)
def test_voicing_stays_and_no_pitch_moves_far(columns, codes, seed):
    codes = np.array(codes * columns, dtype=np.uint16).reshape(columns, -1)
    path = frugal_pitch(codes, some_model(columns, PITCH_CODES, seed))
    np.testing.assert_array_equal(path > 0, codes > 0)
    assert np.abs(path.astype(int) - codes).max() <= REACH
    assert path.max() < PITCH_CODES


def test_real_pitch_gets_cheaper_by_a_sixth_or_more(codec, speech):
    codes = pitch_to_columns(track_pitch(speech[0, : 24 * 16_000]), codec.side_columns)
    before = codec.entropy.cost_bits(codes).sum()
    after = codec.entropy.cost_bits(frugal_pitch(codes, codec.entropy)).sum()
    assert after < before * 5 / 6
