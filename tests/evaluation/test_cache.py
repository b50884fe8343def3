from __future__ import annotations

import numpy as np
import pytest

from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.metrics.metric import Metric, Options, Pair, Score
from brevox.evaluation.scoring import Cell, Scorer


class Counting:
    """A measure that counts how often it is asked, and may fail."""

    def __init__(self) -> None:
        self.calls, self.fails = 0, False

    def __call__(self, pair: Pair) -> Score:
        self.calls += 1
        if self.fails:
            raise ValueError("no luck")
        return Score(float(pair.degraded.sum()), 3.0, "heard")


@pytest.fixture
def counting() -> Counting:
    return Counting()


def metric_of(counting: Counting, uses_text: bool = False) -> Metric:
    return Metric("sum", "sum", "", 0, 1, True, "", "", "", lambda options: counting, uses_text)


NOISE = np.random.default_rng(0).standard_normal((3, 16000)).astype(np.float32)


def test_the_same_samples_are_measured_once(tmp_path, counting):
    first = Scorer([metric_of(counting)], ScoreCache(tmp_path, Options())).score(NOISE[0], NOISE[1])
    again = Scorer([metric_of(counting)], ScoreCache(tmp_path, Options())).score(NOISE[0].copy(), NOISE[1].copy())
    assert counting.calls == 1
    assert again == first


@pytest.mark.parametrize("other", [(0, 2), (2, 1)], ids=["another decoded one", "another original"])
def test_other_samples_are_measured(tmp_path, counting, other):
    scorer = Scorer([metric_of(counting)], ScoreCache(tmp_path, Options()))
    scorer.score(NOISE[0], NOISE[1])
    scorer.score(NOISE[other[0]], NOISE[other[1]])
    assert counting.calls == 2


def test_a_transcript_counts_for_measures_that_read_it_only(tmp_path, counting):
    for uses_text, calls in ((False, 1), (True, 3)):
        for text in ("one", "two"):
            metric = metric_of(counting, uses_text)
            Scorer([metric], ScoreCache(tmp_path, Options())).score(NOISE[0], NOISE[1], text)
        assert counting.calls == calls


def test_errors_are_not_kept(tmp_path, counting):
    counting.fails = True
    scorer = Scorer([metric_of(counting)], ScoreCache(tmp_path, Options()))
    assert scorer.score(NOISE[0], NOISE[1]).cells["sum"] == Cell(None, "error: no luck")
    counting.fails = False
    assert scorer.score(NOISE[0], NOISE[1]).cells["sum"].score is not None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"a": 1}', b'{"a": [1]}', b"\xff\xfe", b'{"a":["x",1,""]}']
)
def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path, counting, content):
    scorer = Scorer([metric_of(counting)], ScoreCache(tmp_path, Options()))
    whole = scorer.score(NOISE[0], NOISE[1])
    (kept,) = tmp_path.rglob("*.json")
    kept.write_bytes(content)
    assert scorer.score(NOISE[0], NOISE[1]) == whole
    assert counting.calls == 2


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path, counting):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    scored = Scorer([metric_of(counting)], ScoreCache(in_the_way, Options())).score(NOISE[0], NOISE[1])
    assert scored.cells["sum"].score is not None
