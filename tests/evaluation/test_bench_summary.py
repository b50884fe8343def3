from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.evaluation.metrics.metric import Score
from brevox.evaluation.runs import Condition, Row
from brevox.evaluation.scoring import Cell
from brevox.evaluation.summary import bootstrap_mean, summarise

VALUES = st.lists(st.floats(-100, 100), min_size=6, max_size=30).map(np.array)


@given(VALUES)
def test_the_mean_lies_in_its_interval_and_that_within_the_values(values):
    mean = bootstrap_mean(values, np.ones(len(values)))
    assert mean.value == pytest.approx(values.mean())
    assert values.min() - 1e-9 <= mean.low <= mean.high <= values.max() + 1e-9
    assert mean.low - 1e-9 <= mean.value + (values.max() - values.min())


@given(st.floats(-5, 5), st.integers(6, 20))
def test_equal_clips_leave_no_doubt(value, clips):
    mean = bootstrap_mean(np.full(clips, value), np.ones(clips))
    assert (mean.low, mean.high) == pytest.approx((value, value))


@pytest.mark.parametrize("clips", [1, 5])
def test_few_clips_have_a_mean_and_no_interval(clips):
    mean = bootstrap_mean(np.arange(clips, dtype=float), np.ones(clips))
    assert (mean.value, mean.low, mean.high) == ((clips - 1) / 2, None, None)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    trials = 300
    covered = 0
    for _ in range(trials):
        mean = bootstrap_mean(generator.normal(3, 1, 30), np.ones(30))
        covered += mean.low <= 3 <= mean.high
    assert 0.90 <= covered / trials <= 0.98


def test_weights_count_as_repetitions():
    once = bootstrap_mean(np.array([1.0, 4.0]), np.array([3.0, 1.0]))
    repeated = bootstrap_mean(np.array([1.0, 1.0, 1.0, 4.0]), np.ones(4))
    assert once.value == repeated.value


def row(kbps: float, clip: str, score: float | None, problem: str = "", weight: float = 1.0) -> Row:
    cell = Cell(Score(score, weight)) if score is not None else Cell(None, "error: no luck")
    return Row(Condition("c", kbps), clip, "s", 8.0, 1000, 900, cells=None if problem else {"m": cell}, problem=problem)


def test_rates_are_all_bits_over_all_seconds():
    (summary,) = summarise([row(1, "a", 1.0), row(1, "b", 2.0)])
    assert (summary.file_kbps, summary.payload_kbps) == (1.0, 0.9)


def test_what_has_no_number_is_no_part_of_a_mean():
    (summary,) = summarise([row(1, "a", 1.0), row(1, "b", None), row(1, "c", None, "broke"), row(1, "d", 3.0)])
    assert summary.means["m"].value == 2.0
    assert summary.means["m"].clips == 2
    assert summary.problems == {"m": "error: no luck"}
    assert (summary.failed, summary.failure) == (1, "broke")
    assert summary.file_kbps == 1.0


def test_a_codec_that_always_fails_has_no_means():
    (summary,) = summarise([row(1, "a", None, "broke")])
    assert summary.means == {}
    assert (summary.file_kbps, summary.failed) == (0.0, 1)


def test_conditions_stay_apart_and_in_order():
    summaries = summarise([row(3, "a", 1.0), row(1, "a", 2.0), row(3, "b", 3.0)])
    assert [(s.condition.kbps, s.means["m"].value) for s in summaries] == [(3, 2.0), (1, 2.0)]
