from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.training.recipe import OptimiserSettings
from brevox.training.trainer import rate_factor


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
