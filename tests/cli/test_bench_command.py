"""What brevox bench and evaluate tell on the terminal."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

from brevox.cli.app import app
from brevox.errors import ModelFileError, OutputError, SettingsError
from brevox.evaluation.signals import write_mono


@pytest.mark.parametrize("names", ["", ",", " , "])
@pytest.mark.parametrize("command", [["bench", "--codecs"], ["bench", "--metrics"], ["evaluate", "--metrics"]])
def test_no_name_at_all_is_refused(clip, tmp_path, command, names):
    first, option = command
    given = [first, str(clip), *([str(clip)] if first == "evaluate" else ["-o", str(tmp_path / "out")]), option, names]
    with pytest.raises(SettingsError, match="names with commas between"):
        raise CliRunner().invoke(app, given).exception
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not shutil.which("opusenc"), reason="opusenc is not installed")
def test_why_a_measure_has_no_value_is_told(clip, tmp_path):
    done = CliRunner().invoke(
        app,
        [
            "bench",
            str(clip),
            "-c",
            "opus",
            "-k",
            "6",
            "--metrics",
            "si_sdr,wer",
            "--no-cache",
            "-o",
            str(tmp_path / "out"),
        ],
    )
    assert done.exit_code == 0, done.exception
    assert "wer: not " in done.stderr


def test_what_differs_or_is_alone_is_told(clip, tmp_path, speech):
    originals, decoded = tmp_path / "originals", tmp_path / "decoded"
    for folder, names in ((originals, "ab"), (decoded, "bc")):
        folder.mkdir()
        for name in names:
            write_mono(folder / f"{name}.wav", speech[0, : 16000 * (4 if folder is originals else 3)])
    done = CliRunner().invoke(app, ["evaluate", str(originals), str(decoded), "--metrics", "mel", "--no-cache"])
    told = done.stderr
    assert done.exit_code == 0, done.exception
    assert "1.00 s shorter than its original" in told
    assert f"left out {originals / 'a.wav'}" in told
    assert f"left out {decoded / 'c.wav'}" in told


def test_a_folder_that_is_not_there_is_told_before_anything_is_measured(clip, tmp_path):
    given = ["evaluate", str(clip), str(tmp_path / "none.wav"), "-o", str(tmp_path / "no" / "scores.csv")]
    with pytest.raises(OutputError, match="create it first"):
        raise CliRunner().invoke(app, given).exception


def test_a_rate_far_from_all_and_a_file_that_is_none_are_told(clip, tmp_path):
    (tmp_path / "broken.wav").write_text("no sound")
    codec = ["-c", "amr-nb", "-k", "99", "--metrics", "mel", "--no-cache", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["bench", str(clip), str(tmp_path / "broken.wav"), *codec])
    assert done.exit_code == 1
    assert "amr-nb has no rate near 99 kbit/s" in done.stderr
    assert "broken.wav" in done.stderr
    assert "not an audio file" in done.stderr
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_model_that_is_not_there_leaves_no_folder(clip, tmp_path):
    given = ["bench", str(clip), "-c", str(tmp_path / "none.bvx"), "-o", str(tmp_path / "out")]
    with pytest.raises(ModelFileError, match="there is no model"):
        raise CliRunner().invoke(app, given).exception
    assert not (tmp_path / "out").exists()
