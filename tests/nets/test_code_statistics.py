import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.nets.bottlenecks.statistics import code_statistics


def test_codes_that_are_all_equally_frequent():
    every = torch.arange(8).repeat(2, 3, 1)
    used, perplexity, efficiency = code_statistics(every, 8)
    for value, expected in ((used, 1.0), (perplexity, 8.0), (efficiency, 1.0)):
        assert value.tolist() == pytest.approx([expected] * 3)


def test_one_code_alone_carries_nothing():
    used, perplexity, efficiency = code_statistics(torch.full((2, 1, 9), 5), 8)
    assert (used.item(), perplexity.item(), efficiency.item()) == (1 / 8, 1.0, 0.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 50), st.integers(2, 40), st.integers(0, 2**32))
def test_against_the_definitions(batch, books, frames, size, seed):
    codes = np.random.default_rng(seed).integers(size, size=(batch, books, frames))
    found = code_statistics(torch.from_numpy(codes), size)
    for book in range(books):
        values, counts = np.unique(codes[:, book], return_counts=True)
        bits = -sum(n / counts.sum() * math.log2(n / counts.sum()) for n in counts)
        assert found.used[book].item() == pytest.approx(len(values) / size)
        assert found.perplexity[book].item() == pytest.approx(2**bits)
        assert found.efficiency[book].item() == pytest.approx(bits / math.log2(size), abs=1e-9)
