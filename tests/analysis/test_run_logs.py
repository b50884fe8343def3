"""Logs of runs: curves, seeds, gradients; and which runs belong together."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_observations import observation, run_of, write_run

from brevox.analysis.gradients import gradients
from brevox.analysis.losses import losses, smoothed
from brevox.analysis.merged import band, bands, merged
from brevox.analysis.runs import Run, same_but_seed, same_but_size
from brevox.errors import DataError
from brevox.training.logs import Curve, read_log


def test_a_log_is_read_as_it_was_written(tmp_path):
    (tmp_path / "train.csv").write_text("1,total,5\n2,total,4\n2,perplexity,3\n2,total,3.5\n")
    found = read_log(tmp_path / "train.csv")
    assert found["total"].steps.tolist() == [1, 2]
    assert found["total"].values.tolist() == [5, 3.5]  # a killed run did step 2 again
    assert found["perplexity"].last == 3


@pytest.mark.parametrize(("text", "told"), [("", "empty"), ("a,b,c\n", "no log"), ("1,2\n", "no log")])
def test_what_is_no_log_is_told(tmp_path, text, told):
    (tmp_path / "train.csv").write_text(text)
    with pytest.raises(DataError, match=told):
        read_log(tmp_path / "train.csv")


def test_a_folder_without_a_recipe_is_no_run(tmp_path):
    with pytest.raises(DataError, match=r"no recipe\.yaml"):
        Run(tmp_path, lambda *asked: observation())


def test_smoothing_keeps_a_line_where_it_is():
    curve = Curve(np.arange(400), np.linspace(5, 1, 400))
    assert smoothed(curve) == pytest.approx(curve.values, abs=0.06)


def test_runs_are_grouped_by_what_was_tried(tmp_path):
    runs = [
        run_of(write_run(tmp_path / f"vq{size}-{seed}", seed=seed, size=size, steps=60), observation())
        for size in (8, 16)
        for seed in (0, 1, 2)
    ]
    groups = same_but_seed(runs)
    assert {name: [run.seed for run in members] for name, members in groups.items()} == {
        "vq8": [0, 1, 2],
        "vq16": [0, 1, 2],
    }
    assert [len(members) for members in same_but_size(runs).values()] == [6]
    assert list(same_but_size(runs[:1])) == ["vq8-0"]


def test_the_band_is_mean_and_deviation_over_seeds():
    curves = [Curve(np.array([1, 2, 3]), np.array([1.0, 2.0, 3.0])), Curve(np.array([2, 3]), np.array([4.0, 5.0]))]
    found = band(curves)
    assert found is not None
    assert found.steps.tolist() == [2, 3]
    assert found.mean.tolist() == [3, 4]
    assert found.deviation == pytest.approx([2**0.5, 2**0.5])
    assert band([curves[0], Curve(np.array([9]), np.array([1.0]))]) is None


def test_one_run_has_nothing_to_be_compared_with(tmp_path):
    run = run_of(write_run(tmp_path / "only", steps=60), observation())
    assert losses(run).train["total"].last < 10
    for compare in (merged, bands):
        with pytest.raises(DataError):
            compare([run])


def test_gradients_are_by_module(tmp_path):
    run = run_of(write_run(tmp_path / "one", steps=60), observation())
    found = gradients("one", run.train_log)
    assert found.modules == ("encoder", "vq", "decoder")
    assert found.norms[1] == pytest.approx(0.1 * found.norms[0])
    bare = run_of(write_run(tmp_path / "bare", steps=60, gradients=False), observation())
    with pytest.raises(DataError, match="no gradients"):
        gradients("bare", bare.train_log)
