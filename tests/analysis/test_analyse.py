"""Everything as files: all pictures of several runs, what cannot be made, and the page."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from synthetic_observations import observation, run_of, utterance, write_run

from brevox.analysis.across import over_seeds, over_sizes
from brevox.analysis.analyse import analyse
from brevox.analysis.animation import animation, turned
from brevox.analysis.embedding import umap
from brevox.analysis.evaluation import plain
from brevox.analysis.known import EVALUATIONS, choose_evaluations
from brevox.analysis.observed import Observation
from brevox.analysis.page import write_page
from brevox.analysis.runs import Run
from brevox.errors import DataError, SettingsError

#: UMAP compiles for many seconds; one test is enough.
_QUICK = [name for name in EVALUATIONS if name not in ("embedding", "animation")]


@pytest.fixture
def runs(tmp_path) -> list[Run]:
    """Two sizes and two seeds of the same."""
    return [
        run_of(
            write_run(tmp_path / f"vq-{size}-{seed}", seed=seed, size=size, steps=250),
            observation(size=size, seed=seed, wrong=0.3, name=f"vq-{size}-{seed}"),
        )
        for size in (8, 16)
        for seed in (0, 1)
    ]


def test_every_evaluation_writes_a_picture_and_numbers(runs, tmp_path):
    told = []
    chosen = choose_evaluations(_QUICK)
    found = analyse(runs[:1], [e for e in chosen if not e.together], tmp_path / "out", lambda *all_: told.append(all_))
    assert told[-1][1] == told[-1][2] - 1
    together = analyse(runs, [e for e in chosen if e.together], tmp_path / "out")
    found.made.extend(together.made)
    assert found.left_out == together.left_out == {}
    for made in found.made:
        picture = next(path for path in made.paths if path.suffix == ".png")
        assert picture.name == f"{made.evaluation.name}.png"
        assert min(Image.open(picture).size) > 300
        numbers = json.loads(picture.with_suffix(".json").read_text())
        assert numbers["how_to_read"] == made.evaluation.read
        assert numbers["numbers"]
        assert made.facts
    assert (tmp_path / "out" / "clustering-over-sizes.csv").exists()
    page = write_page(tmp_path / "out", found, "valid", "brevox analyze")
    text = page.read_text()
    for made in found.made:
        assert made.evaluation.title in text
    # It needs nothing but itself, and its links lead to files beside it.
    assert not re.search(r'(src|href)="(https?:)?//', text)
    assert text.count("data:image/png") == len(found.made)
    for address in re.findall(r'href="([^#"][^"]*)"', text):
        assert (page.parent / address).exists(), address


def test_without_alignments_all_else_is_made(tmp_path):
    run = run_of(write_run(tmp_path / "run"), observation(aligned=False))
    found = analyse([run], choose_evaluations(_QUICK), tmp_path / "out")
    assert {made.evaluation.name for made in found.made} == {
        *("losses", "gradients", "sample", "distances", "frequencies", "bigrams", "units")
    }
    assert "no utterance of the split 'valid' has an alignment" in found.left_out["run", "clustering"]
    assert "only one run" in found.left_out["", "losses-of-runs"]
    assert (tmp_path / "out" / "losses.png").exists()  # one run needs no folder of its own
    assert found.reasons  # each once


def test_an_utterance_without_frames_stops_nothing(tmp_path):
    seen = observation()
    empty = utterance("click", [], codebook=seen.codebook)
    seen = Observation("run", "valid", (empty, *seen.utterances), seen.codebook, seen.frame_s, seen.sample_rate)
    run = run_of(write_run(tmp_path / "run"), seen)
    found = analyse([run], choose_evaluations(["units", "clustering", "bigrams", "sample"]), tmp_path / "out")
    assert not found.left_out
    assert found.empty == {"run": ("click",)}
    assert "click" in write_page(tmp_path / "out", found, "valid", "brevox analyze").read_text()


def test_each_of_several_runs_has_a_folder(runs, tmp_path):
    found = analyse(runs[:2], choose_evaluations(["units"]), tmp_path / "out")
    assert [made.run for made in found.made] == ["vq-8-0", "vq-8-1"]
    assert (tmp_path / "out" / "vq-8-1" / "units.parquet").exists()


def test_scores_over_sizes_and_seeds(runs):
    (group,) = over_sizes(runs)
    assert list(group.by_size()) == [8, 16]
    assert [len(each.runs) for each in group.by_size().values()] == [2, 2]
    assert [len(each.runs) for each in over_seeds(runs)] == [2, 2]
    with pytest.raises(DataError, match="codebook size"):
        over_sizes(runs[:2])
    with pytest.raises(DataError, match="seed"):
        over_seeds(runs[::2])


def test_a_run_that_cannot_be_scored_does_not_stop_the_others(runs, tmp_path):
    mute = run_of(write_run(tmp_path / "vq-8-2", seed=2, size=8), observation(aligned=False))
    groups = over_seeds([*runs, mute])
    assert list(groups[0].failed) == ["vq-8-2"]
    assert len(groups[0].runs) == 2


def test_two_runs_of_one_name_are_refused(runs, tmp_path):
    other = run_of(write_run(tmp_path / "elsewhere" / "vq-8-0"), observation())
    with pytest.raises(SettingsError, match="same name"):
        analyse([runs[0], other], choose_evaluations(["losses"]), tmp_path / "out")


def test_an_unknown_evaluation_is_told_with_what_was_meant():
    with pytest.raises(SettingsError, match="did you mean 'bigrams'"):
        choose_evaluations(["bigram"])


def test_numbers_that_are_none_become_null():
    assert plain({"a": np.array([1.0, np.nan]), 3: (np.int64(2), float("inf"))}) == {"a": [1.0, None], "3": [2, None]}


def test_turning_finds_the_same_points_again():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 2)).astype(np.float32)
    angle = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    assert turned(points @ angle + 5, points) == pytest.approx(points, abs=1e-5)


def test_umap_keeps_sounds_apart_and_is_drawn_over_training(tmp_path):
    """The one test that compiles UMAP."""
    seen = observation(utterances=2)
    folder = write_run(tmp_path / "run")
    for step in (100, 200):
        (folder / f"step-{step:08d}.ckpt").touch()
    run = run_of(folder, seen)
    found = analyse([run], choose_evaluations(["embedding", "animation"]), tmp_path / "out")
    assert not found.left_out
    film = Image.open(tmp_path / "out" / "animation.gif")
    assert film.n_frames == 2
    steps = animation("run", {100: seen, 200: seen}).steps
    for step in steps:
        # Frames lie nearer to their own code than to the middle of all.
        own = np.linalg.norm(step.frames - step.codebook[step.codes], axis=1)
        other = np.linalg.norm(step.frames - step.frames.mean(axis=0), axis=1)
        assert np.median(own) < np.median(other)
    with pytest.raises(DataError, match="too few"):
        umap(np.zeros((3, 4), np.float32))


def test_without_kept_checkpoints_there_is_no_film(tmp_path):
    run = run_of(write_run(tmp_path / "run"), observation())
    found = analyse([run], choose_evaluations(["animation"]), tmp_path / "out")
    assert "run.keep_every" in found.left_out["run", "animation"]
