"""What brevox bench and evaluate tell on the terminal."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

from brevox.cli.app import app
from brevox.errors import SettingsError


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
