"""brevox synth banks, render and notes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from brevox.audio import AudioReader
from brevox.cli.app import app
from brevox.data.notes import NotesFile
from brevox.errors import BankError, SettingsError
from brevox.synth.banks import Bank, read_bank, write_bank
from brevox.synth.files import FILE_GAIN
from brevox.synth.renderer import render
from brevox.synth.voice import INIT_VOICE


def run(*arguments):
    return CliRunner().invoke(app, ["synth", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    voices = [INIT_VOICE.changed(feedback=i % 8, op1_coarse=i).named(f"V/{i}") for i in range(12)]
    write_bank(tmp_path / "a.dx7", Bank(voices))
    (tmp_path / "text.syx").write_text("no bank")
    return tmp_path


def test_voices_are_listed_and_written_back(folder):
    done = run("banks", folder, "--voices", "1,3-4", "-o", folder / "out.dx7")
    assert done.exit_code == 0 and "V/3" in done.output and "V/1 " not in done.output
    assert [voice.name for voice in read_bank(folder / "out.dx7").voices] == ["V/0", "V/2", "V/3"]
    assert (folder / "out.dx7").read_bytes()[128:256] == (folder / "a.dx7").read_bytes()[256:384]
    lines = [json.loads(line) for line in run("banks", folder / "a.dx7", "--json").output.splitlines()]
    assert len(lines) == 12 and lines[5]["op1_coarse"] == 5


def test_notes_are_rendered_in_processes_as_in_one(folder):
    for jobs, output in ((1, folder / "one"), (2, folder / "two")):
        where = ["--voices", "2-3", "-n", 60, "-n", 72, "--seconds", 0.3, "--hold", 0.2]
        done = run("render", folder / "a.dx7", *where, "-j", jobs, "-o", output)
        assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (folder / "one").iterdir())
    assert names == [f"a_00{v}_V_{v - 1}_n{n}_v100.wav" for v in (2, 3) for n in (60, 72)]
    for name in names:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()
    with AudioReader(folder / "one" / names[0]) as reader:
        sound = np.concatenate(list(reader.blocks(1 << 16)), axis=1)[0]
    expected = FILE_GAIN * render(read_bank(folder / "a.dx7").voices[1], 60, 100, 0.2, 0.3)
    assert np.abs(sound - expected).max() < 1e-4


def test_notes_for_training_are_written(folder):
    write_bank(folder / "b.dx7", Bank([INIT_VOICE.changed(op1_fine=i) for i in range(1, 9)]))
    done = run("notes", folder / "b.dx7", "--each", 1, "--bands", 16, "--hop", 1024, "-j", 1, "-o", folder / "n.h5")
    assert done.exit_code == 0, done.output
    file = NotesFile(folder / "n.h5")
    assert file.front.rows == 16 and file.front.frames == 87
    assert len(file.of_split("train")) == 6


@pytest.mark.parametrize("wanted", ["0", "13", "x", "3-x", "5-4"])
def test_voices_that_there_are_not(folder, wanted):
    done = run("banks", folder / "a.dx7", "--voices", wanted)
    assert isinstance(done.exception, SettingsError)


def test_no_banks(tmp_path):
    assert isinstance(run("banks", tmp_path).exception, BankError)
    assert isinstance(run("render", tmp_path / "none.syx").exception, BankError)


def test_banks_and_notes_need_no_pytorch(folder):
    code = (
        "import sys\nfrom brevox.cli.app import app\n"
        f"app(['synth', 'render', {str(folder / 'a.dx7')!r}, '--voices', '1', '--seconds', '0.1', '-j', '1',"
        f" '-o', {str(folder / 'out')!r}], standalone_mode=False)\n"
        "assert not {'torch', 'matplotlib', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
