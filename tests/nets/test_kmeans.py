import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.nets.bottlenecks.kmeans import frozen_kmeans, nearest


def error(vectors, entries):
    """Mean squared distance to the nearest entry, the long way."""
    return ((vectors[:, None] - entries[None]) ** 2).sum(dim=2).amin(dim=1).mean().item()


def mixture(vectors, seed, centres=12, width=4):
    """Gaussian clouds. Shape: [vectors, width]."""
    rng = np.random.default_rng(seed)
    means = 6 * rng.standard_normal((centres, width))
    points = means[rng.integers(centres, size=vectors)] + 0.5 * rng.standard_normal((vectors, width))
    return torch.from_numpy(points.astype(np.float32))


def placed(vectors, entries, frozen=(), iterations=10, seed=0):
    torch.manual_seed(seed)
    mask = torch.zeros(len(entries), dtype=torch.bool)
    mask[list(frozen)] = True
    return frozen_kmeans(vectors, entries, mask, iterations)


# The report's test 1.01: "kmeans clustering should reduce quantization loss".


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.integers(30, 300), st.integers(0, 2**32))
def test_it_lowers_the_error_of_random_entries(codes, vectors, seed):
    data = mixture(vectors, seed)
    drawn = data[torch.randperm(vectors, generator=torch.Generator().manual_seed(seed))[:codes]]
    # The same seed draws the same places, so that the iterations are all that differs.
    start, end = (placed(data, drawn, iterations=count, seed=seed) for count in (0, 10))
    assert error(data, end) <= error(data, start) * (1 + 1e-5)


def test_it_comes_as_near_as_lloyds_algorithm_in_numpy():
    data = mixture(600, seed=1)
    points = data.numpy()

    def lloyd(seed):
        means = points[np.random.default_rng(seed).choice(len(points), 24, replace=False)]
        for _ in range(10):
            index = ((points[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
            means = np.stack([points[index == k].mean(axis=0) if (index == k).any() else means[k] for k in range(24)])
        return error(data, torch.from_numpy(means))

    ours = np.median([error(data, placed(data, torch.zeros(24, 4), seed=seed)) for seed in range(9)])
    assert ours < 1.05 * np.median([lloyd(seed) for seed in range(9)])


def test_without_frozen_ones_each_entry_ends_on_the_mean_of_its_vectors():
    data = mixture(400, seed=2)
    entries = placed(data, torch.zeros(8, 4), iterations=100)
    index = nearest(data, entries)
    for code in range(8):
        torch.testing.assert_close(entries[code], data[index == code].mean(dim=0), atol=1e-4, rtol=1e-4)


def test_repeated_vectors_count_in_means():
    data = torch.tensor([[2.0], [2.0], [2.0], [6.0], [100.0]])
    assert sorted(placed(data, torch.zeros(2, 1)).flatten().tolist()) == [3.0, 100.0]


def test_distances_are_squared():
    # Of |v|^2 - 2 v.e + |e| without the second square, as in the report, the longer entry is always the nearer.
    entries = torch.tensor([[1.0, 0.0], [9.0, 0.0]])
    assert nearest(torch.tensor([[2.0, 0.0]]), entries).tolist() == [0]


# Frozen entries.


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 20), st.integers(1, 20), st.integers(41, 200), st.integers(0, 2**32))
def test_frozen_ones_stay_to_the_bit_and_all_others_are_used(still, free, vectors, seed):
    data = mixture(vectors, seed)  # distinct ones, and more of them than entries
    rng = torch.Generator().manual_seed(seed)
    entries = 5 * torch.randn(still + free, 4, generator=rng)
    frozen = torch.randperm(still + free, generator=rng)[:still]
    before = entries.clone()
    after = placed(data, entries, frozen.tolist(), seed=seed)
    assert torch.equal(entries, before)
    assert torch.equal(after[frozen], before[frozen])
    used = set(nearest(data, after).tolist())
    assert used >= set(range(still + free)) - set(frozen.tolist())
    assert error(data, after) <= (error(data, before[frozen]) if still else np.inf) * (1 + 1e-5)


@pytest.mark.parametrize("iterations", [0, 5, 10])
def test_all_come_into_use_though_most_vectors_are_one(iterations):
    # As with digital silence: drawn or sorted with repetitions, nearly all entries would end on it.
    data = torch.cat([torch.zeros(1000, 4), mixture(40, seed=3)])
    after = placed(data, torch.zeros(30, 4), iterations=iterations)
    assert len(nearest(data, after).unique()) == 30


def test_an_empty_entry_goes_where_vectors_are_represented_worst():
    # The report's code took the best represented: it sorted ascending.
    still = torch.arange(10.0)[:, None]
    data, entries = torch.cat([still, torch.tensor([[9.4], [1000.0]])]), torch.cat([still, torch.zeros(1, 1)])
    ends = [placed(data, entries, range(10), iterations=0, seed=seed)[10].item() for seed in range(60)]
    # It starts on a vector: on 9.4 it is of use, and where a frozen one is already it has to go elsewhere.
    assert set(ends) <= {data[10].item(), 1000.0}
    assert ends.count(1000.0) > 45


def test_fewer_distinct_vectors_than_entries_are_all_met():
    data = mixture(5, seed=4).repeat(3, 1)
    after = placed(data, torch.zeros(9, 4))
    assert torch.isfinite(after).all()
    assert error(data, after) < 1e-9


def test_no_vectors_and_no_free_entries_change_nothing():
    entries = torch.randn(3, 4)
    assert torch.equal(placed(torch.zeros(0, 4), entries), entries)
    assert torch.equal(placed(mixture(9, seed=0), entries, frozen=[0, 1, 2]), entries)


def test_the_seed_of_torch_decides():
    data = mixture(200, seed=5)
    first, again, other = (placed(data, torch.zeros(16, 4), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
