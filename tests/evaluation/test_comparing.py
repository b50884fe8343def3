from __future__ import annotations

import csv
import json

import pytest

from brevox.errors import AudioFileError, SettingsError
from brevox.evaluation.comparing import evaluate, find_pairs, write_compared
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.signals import write_mono

NAMES = ["pesq_wb", "estoi", "mel"]


@pytest.fixture
def folders(tmp_path, said, said_coarsely):
    original, decoded = tmp_path / "original", tmp_path / "decoded"
    (original / "deep").mkdir(parents=True)
    (decoded / "deep").mkdir(parents=True)
    for name, seconds in (("a", 9), ("deep/b", 5)):
        write_mono(original / f"{name}.flac", said[: seconds * 16000])
        write_mono(decoded / f"{name}.wav", said_coarsely[: seconds * 16000])
    return original, decoded


def test_folders_are_paired_by_name_and_those_alone_are_told(folders):
    original, decoded = folders
    (decoded / "a.wav").unlink()
    (decoded / "deep/b.wav").rename(decoded / "b.wav")
    (original / "deep/b.flac").rename(original / "b.flac")
    (decoded / "c.wav").touch()
    pairs = find_pairs(original, decoded)
    assert pairs.both == [(original / "b.flac", decoded / "b.wav")]
    assert pairs.originals == [original / "a.flac"]
    assert pairs.degraded == [decoded / "c.wav"]


def test_what_cannot_be_paired_is_told(folders, tmp_path):
    original, decoded = folders
    with pytest.raises(AudioFileError, match="does not exist"):
        find_pairs(original, tmp_path / "none")
    with pytest.raises(AudioFileError, match="two recordings or two folders"):
        find_pairs(original, decoded / "a.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioFileError, match="no recording in"):
        find_pairs(original, tmp_path / "empty")


def test_several_processes_measure_what_one_does(folders):
    pairs = find_pairs(*folders).both
    one = evaluate(pairs, metrics=NAMES, jobs=1)
    two = evaluate(pairs, metrics=NAMES, jobs=2)
    assert [compared.degraded for compared in one] == [compared.degraded for compared in two]
    for a, b in zip(one, two, strict=True):
        assert [a.cells[name].score.value for name in NAMES] == pytest.approx(
            [b.cells[name].score.value for name in NAMES], rel=1e-5
        )


def test_a_file_that_cannot_be_read_is_a_problem_of_its_own(folders):
    (folders[1] / "a.wav").write_bytes(b"RIFF nothing")
    broken, whole = evaluate(find_pairs(*folders).both, metrics=NAMES, jobs=1)
    assert broken.cells is None
    assert "a.wav" in broken.problem
    assert whole.cells["mel"].score is not None


def test_an_unknown_measure_is_told_before_anything_is_done(folders):
    with pytest.raises(SettingsError, match="there is no measure"):
        evaluate(find_pairs(*folders).both, metrics=["loudness"])


def test_scores_are_written_as_they_are(folders, tmp_path):
    (folders[1] / "a.wav").write_bytes(b"")
    compared = evaluate(find_pairs(*folders).both, metrics=NAMES, jobs=1)
    write_compared(tmp_path / "s.csv", compared, choose_metrics(NAMES))
    write_compared(tmp_path / "s.json", compared, choose_metrics(NAMES))
    broken, whole = csv.DictReader((tmp_path / "s.csv").open())
    assert (broken["mel"], broken["problems"]) == ("", compared[0].problem)
    assert float(whole["mel"]) == pytest.approx(compared[1].cells["mel"].score.value, rel=1e-4)
    pairs = json.loads((tmp_path / "s.json").read_text())["pairs"]
    assert pairs[1]["cells"]["mel"]["score"][0] == compared[1].cells["mel"].score.value
