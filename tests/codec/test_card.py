"""What a model says about itself, and what is made of it."""

from __future__ import annotations

import re

import pytest

from brevox.codec.card import Measured, ModelCard
from brevox.codec.transcode import encode_file

_INFO = {"name": "m", "id": "00" * 16, "sample_rate": 16000, "hop": 320}


def card(**info: object) -> ModelCard:
    return ModelCard.of(_INFO | info, 12, 1024)


def test_the_built_in_model_tells_what_was_measured(codec) -> None:
    told = ModelCard.of(codec.info, codec.books, 1024)
    at_3 = codec.info["metrics"]["3 kbit/s"]
    assert told.at(3.0) == Measured(3.0, *(float(figure) for figure in re.findall(r"\d+(?:\.\d+)?", at_3)))
    assert told.book_kbps == 0.25 and told.least_kbps == 0.5 and told.frame_rate_hz == 25 and told.steps is not None


def test_between_measured_rates_it_is_in_between_and_beyond_them_no_better() -> None:
    told = card(metrics={"1 kbit/s": "0.9 kbit/s of file, PESQ-WB 1.5", "3 kbit/s": "2.9 kbit/s of file, PESQ-WB 2.5"})
    between = told.at(2.0)
    assert between is not None and between.pesq == pytest.approx(2.0) and between.estoi is None
    beyond = told.at(6.0)
    assert beyond is not None and beyond.pesq == 2.5


@pytest.mark.parametrize("metrics", [None, "good", {"3 kbit/s": 5}, {"fast": "PESQ-WB 2"}, {3: None}])
def test_a_model_that_says_nothing_sensible_is_taken_at_its_rate(metrics) -> None:
    told = card(metrics=metrics, steps="many")
    assert told.measured == () and told.at(3.0) is None and told.steps is None
    assert told.estimate_bytes(8.0, 3.0) == 3000


def test_two_channels_cannot_go_below_a_book_each() -> None:
    assert card().estimate_bytes(8.0, 0.7, channels=2) == 1000
    assert card().estimate_bytes(8.0, 1.5, channels=2) == 1500


@pytest.mark.parametrize("kbps", [0.5, 1.5, 3.0, 6.0])
def test_the_estimate_is_near_the_truth(codec, clip, tmp_path, kbps) -> None:
    result = encode_file(clip, tmp_path / "clip.sc", kbps, codec=codec)
    estimate = ModelCard.of(codec.info, codec.books, 1024).estimate_bytes(result.duration_s, kbps)
    assert estimate == pytest.approx(result.stream_bytes, rel=0.08)
