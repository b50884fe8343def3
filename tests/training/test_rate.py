from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.training.optimiser import SCHEDULES, rate_factor
from brevox.training.recipe import OptimiserSettings


@given(st.integers(0, 500), st.integers(1, 2000), st.floats(0, 1))
def test_it_rises_in_a_line_then_falls_to_its_final_fraction(warmup, more, final):
    settings, steps = OptimiserSettings(warmup_steps=warmup, final_fraction=final), warmup + more
    factors = [rate_factor(settings, step, steps) for step in range(steps + 1)]
    rising, falling = factors[:warmup], factors[warmup:]
    assert rising == pytest.approx([(step + 1) / warmup for step in range(warmup)])
    assert falling[0] == 1
    assert falling[-1] == pytest.approx(final)
    assert falling[len(falling) // 2] == pytest.approx((1 + final) / 2, abs=2 / len(falling))
    assert all(later <= earlier for earlier, later in pairwise(falling))
    assert rate_factor(settings, steps + 1000, steps) == pytest.approx(final)


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(0, 50), st.integers(1, 200), st.floats(1e-3, 1))
def test_every_schedule_starts_at_one_and_never_rises(schedule, warmup, more, final):
    settings = OptimiserSettings(schedule=schedule, warmup_steps=warmup, final_fraction=final)
    factors = [rate_factor(settings, step, warmup + more) for step in range(warmup, warmup + more + 1)]
    assert factors[0] == pytest.approx(1)
    assert factors[-1] == pytest.approx(1 if schedule in ("constant", "plateau") else final)
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(factors))


def test_exponential_decay_takes_the_same_share_each_step():
    settings = OptimiserSettings(schedule="exponential", warmup_steps=0, final_fraction=0.01)
    factors = [rate_factor(settings, step, 20) for step in range(21)]
    assert [later / earlier for earlier, later in pairwise(factors)] == pytest.approx([0.01 ** (1 / 20)] * 20)
