import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from brevox.codec.pitch_columns import columns_to_pitch, pitch_to_columns
from brevox.codec.quantise import dequantise, quantisations, quantise

seeds = st.integers(0, 2**32 - 1)


def some(seed, books, codes, width, frames):
    random = np.random.default_rng(seed)
    scales = 0.6 ** np.arange(books)[:, None, None]
    codebooks = (random.standard_normal((books, codes, width)) * scales).astype(np.float32)
    return random.standard_normal((width, frames)).astype(np.float32), codebooks


def errors(latent, codes, codebooks):
    return np.square(latent - dequantise(codes, codebooks)).sum(axis=0)


@given(seeds, st.integers(1, 4), st.integers(1, 40))
def test_one_book_gives_the_nearest_entries(seed, width, codes):
    latent, codebooks = some(seed, 1, codes, width, 50)
    distances = cdist(latent.T, codebooks[0], "sqeuclidean")
    found = distances[np.arange(50), quantise(latent, codebooks)[0]]
    np.testing.assert_allclose(found, distances.min(axis=1), atol=1e-4)


@settings(deadline=None)
@given(seeds)
def test_where_all_ways_are_gone_nothing_is_nearer(seed):
    """Two books of two codes: against all pairs."""
    latent, codebooks = some(seed, 2, 2, 2, 30)
    every = [codebooks[0][a] + codebooks[1][b] for a, b in itertools.product(range(2), range(2))]
    least = cdist(latent.T, every, "sqeuclidean").min(axis=1)
    np.testing.assert_allclose(errors(latent, quantise(latent, codebooks), codebooks), least, atol=1e-4)


@given(seeds)
def test_it_errs_less_than_going_one_way(seed):
    latent, codebooks = some(seed, 6, 32, 4, 400)
    rest, greedy = latent.T.copy(), []
    for entries in codebooks:
        greedy.append(cdist(rest, entries).argmin(axis=1))
        rest -= entries[greedy[-1]]
    assert errors(latent, quantise(latent, codebooks), codebooks).mean() < 0.95 * np.square(rest).sum(axis=1).mean()


@given(seeds, st.integers(1, 5))
def test_codes_for_so_many_books_are_those_of_so_many_books(seed, books):
    latent, codebooks = some(seed, 5, 16, 3, 20)
    all_of_them = list(quantisations(latent, codebooks))
    assert [len(codes) for codes in all_of_them] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(all_of_them[books - 1], quantise(latent, codebooks[:books]))


@given(seeds)
def test_each_frame_is_coded_by_itself(seed):
    latent, codebooks = some(seed, 4, 16, 3, 20)
    alone = [quantise(latent[:, [t]], codebooks)[:, 0] for t in range(20)]
    np.testing.assert_array_equal(quantise(latent, codebooks), np.stack(alone, axis=1))


def test_keys_choose_by_themselves():
    latent, codebooks = some(0, 3, 8, 2, 10)
    keys = np.zeros((3, 8, 3), np.float32)
    keys[:, 5, 2] = 1
    assert (quantise(latent, codebooks, keys) == 5).all()


def test_no_frames_have_no_codes():
    _, codebooks = some(0, 3, 8, 2, 1)
    assert quantise(np.zeros((2, 0), np.float32), codebooks).shape == (3, 0)


@given(st.integers(1, 4), st.integers(0, 9), seeds)
def test_pitches_come_back_from_their_columns_in_order_of_time(columns, frames, seed):
    pitch = np.random.default_rng(seed).integers(0, 128, columns * frames)
    split = pitch_to_columns(pitch, columns)
    assert split.shape == (columns, frames)
    np.testing.assert_array_equal(columns_to_pitch(split), pitch)
    np.testing.assert_array_equal(split[:, :1].T.ravel(), pitch[:columns])
