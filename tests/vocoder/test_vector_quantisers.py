"""Tables fit as well as scikit-learn's, and searches find what trying everything finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.cluster import KMeans

from brevox.errors import DataError, SettingsError
from brevox.vocoder.codebook import nearest, train_table
from brevox.vocoder.stages import decode, search, train_stages, usage


def _vectors(count=6000, columns=6, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((columns, columns))
    return (rng.standard_t(5, (count, columns)) @ mixing + 40).astype(np.float32)


def _error(vectors, indices, tables):
    return np.sum((vectors - decode(indices, tables)) ** 2, axis=1)


@pytest.mark.parametrize("entries", [16, 50, 128])
def test_a_table_is_as_good_as_scikit_learns(entries):
    vectors = _vectors()
    ours = train_table(vectors, entries, stop=1e-4)
    theirs = KMeans(entries, n_init=1, random_state=0, tol=1e-6).fit(vectors)
    assert ours.table.shape == (entries, 6)
    assert ours.variance < 1.02 * theirs.inertia_ / vectors.size


def test_one_entry_is_the_mean():
    vectors = _vectors()
    trained = train_table(vectors, 1)
    np.testing.assert_allclose(trained.table[0], vectors.mean(axis=0), rtol=1e-5)
    assert trained.variance == pytest.approx(vectors.astype(float).var(axis=0).mean(), rel=1e-5)


def test_as_many_entries_as_vectors_leave_nothing():
    vectors = _vectors(24)
    assert train_table(vectors, 24, stop=1e-6).variance < 0.02 * vectors.var()


def test_vectors_that_are_all_alike_do_no_harm():
    trained = train_table(np.ones((50, 3)), 8)
    assert np.isfinite(trained.table).all()
    assert trained.variance < 1e-9


def test_every_entry_is_nearest_to_something():
    vectors = _vectors()
    assert len(np.unique(train_table(vectors, 256).indices)) > 250


def test_the_variance_told_is_that_of_the_table():
    vectors = _vectors()
    trained = train_table(vectors, 32)
    difference = vectors[:, None].astype(float) - trained.table
    assert trained.variance == pytest.approx(np.min((difference**2).sum(axis=2), axis=1).mean() / 6, rel=1e-4)


def test_nearest_is_nearest():
    vectors, table = _vectors(300, seed=1), _vectors(40, seed=2)
    indices, errors = nearest(vectors - 40, table - 40)
    expected = ((vectors[:, None] - table) ** 2).sum(axis=2)
    np.testing.assert_array_equal(indices, expected.argmin(axis=1))
    np.testing.assert_allclose(errors, expected.min(axis=1), rtol=1e-3)


def test_stages_lessen_the_error_and_residuals_are_what_they_are_trained_on():
    vectors = _vectors()
    stages = train_stages(vectors, [32, 32, 16])
    variances = [stage.variance for stage in stages]
    assert variances == sorted(variances, reverse=True)
    tables = [stage.table for stage in stages]
    greedy = np.stack([stage.indices for stage in stages], axis=1)
    assert _error(vectors, greedy, tables).mean() / 6 == pytest.approx(variances[-1], rel=1e-3)
    assert (search(vectors, tables) == greedy).mean() > 0.999


def test_keeping_one_is_deciding_stage_by_stage():
    vectors = _vectors(500)
    tables = [stage.table for stage in train_stages(_vectors(), [32, 32])]
    first, _ = nearest(vectors, tables[0])
    second, _ = nearest(vectors - tables[0][first], tables[1])
    np.testing.assert_array_equal(search(vectors, tables, mbest=1), np.stack([first, second], axis=1))


def test_keeping_all_is_trying_everything():
    vectors = _vectors(200, 3)
    tables = [stage.table for stage in train_stages(_vectors(2000, 3), [8, 4, 4])]
    every = np.array(list(itertools.product(range(8), range(4), range(4))))
    sums = decode(every, tables)
    expected = ((vectors[:, None] - sums) ** 2).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(
        _error(vectors, search(vectors, tables, mbest=32), tables), expected, rtol=1e-3, atol=1e-4
    )


def test_keeping_five_is_better_by_a_margin_and_never_does_worse_on_the_whole():
    vectors = _vectors(8000)
    vectors, training = vectors[:2000], vectors[2000:]
    tables = [stage.table for stage in train_stages(training, [64, 64, 64])]
    means = [_error(vectors, search(vectors, tables, mbest), tables).mean() for mbest in (1, 2, 5, 10)]
    assert means == sorted(means, reverse=True)
    assert means[2] < 0.95 * means[0]


def test_vectors_made_of_entries_are_found_again():
    rng = np.random.default_rng(0)
    tables = [rng.standard_normal((16, 5)) * scale + 3 * (scale == 10) for scale in (10, 1, 0.1)]
    indices = np.stack([rng.integers(0, 16, 100) for _ in tables], axis=1)
    np.testing.assert_array_equal(search(decode(indices, tables), tables, mbest=4), indices)


def test_blocks_do_not_show(monkeypatch):
    vectors = _vectors(300)
    tables = [stage.table for stage in train_stages(_vectors(), [32, 32])]
    whole = search(vectors, tables, mbest=3)
    monkeypatch.setattr("brevox.vocoder.stages.BLOCK_SCORES", 1000)
    np.testing.assert_array_equal(search(vectors, tables, mbest=3), whole)


def test_usage_counts_all():
    vectors = _vectors(300)
    tables = [stage.table for stage in train_stages(_vectors(), [32, 8])]
    counts = usage(search(vectors, tables), tables)
    assert [len(count) for count in counts] == [32, 8]
    assert all(count.sum() == 300 for count in counts)


def test_what_cannot_work_is_told():
    vectors = _vectors(10)
    with pytest.raises(DataError, match="too few"):
        train_table(vectors, 11)
    with pytest.raises(DataError, match="no numbers"):
        train_table(np.full((4, 2), np.nan), 2)
    with pytest.raises(SettingsError, match="1 entry or more"):
        train_table(vectors, 0)
    with pytest.raises(DataError, match="no match"):
        search(vectors, [np.zeros((4, 5))])
    with pytest.raises(SettingsError, match="mbest"):
        search(vectors, [vectors], mbest=0)
    with pytest.raises(DataError, match="go beyond"):
        decode(np.array([[10]]), [vectors])
