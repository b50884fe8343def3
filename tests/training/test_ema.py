import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from brevox.training.ema import WeightAverage


class Counted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        self.register_buffer("book", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def set(self, value):
        with torch.no_grad():
            self.weight.fill_(value)
            self.book.fill_(-value)
            self.steps += 1


@settings(deadline=None)
@given(st.floats(0.5, 0.9999), st.lists(st.floats(-10, 10), min_size=1, max_size=60))
def test_the_average_is_the_weighted_mean_of_all_weights_so_far(decay, values):
    module = Counted()
    module.set(100.0)  # the random start
    average = WeightAverage(module, decay)
    share_of_start, expected = 1.0, 0.0
    for step, value in enumerate(values, 1):
        module.set(value)
        average.update(module)
        keep = min(decay, (1 + step) / (10 + step))
        share_of_start, expected = share_of_start * keep, expected * keep + (1 - keep) * value
    assert average.weights["weight"].tolist() == pytest.approx([100 * share_of_start + expected] * 2)
    assert average.weights["book"].tolist() == pytest.approx([-100 * share_of_start - expected])
    # Counters are no quantities to average.
    assert average.weights["steps"] == module.steps == len(values) + 1


@pytest.mark.parametrize("decay", [0.9, 0.99, 0.9999])
def test_of_the_random_start_soon_nothing_is_left(decay):
    module = Counted()
    module.set(1.0)
    average = WeightAverage(module, decay)
    module.set(0.0)
    for _ in range(50):
        average.update(module)
    assert average.weights["weight"].max() < 1e-3


def test_the_average_has_a_life_of_its_own():
    module = Counted()
    average = WeightAverage(module, 0.9)
    module.set(5.0)
    assert not average.weights["weight"].any()
    average.update(module)
    average.weights["weight"].fill_(7.0)
    assert (module.weight == 5).all()
