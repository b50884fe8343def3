"""The command line as people and scripts meet it: quick, clear when it is used wrongly, and with telling exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from brevox import __version__
from brevox.audio import AudioReader, AudioWriter, Chapter
from brevox.cli import main
from brevox.codec.transcode import encode_file

psutil = pytest.importorskip("psutil")


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def brevox(monkeypatch, capsys) -> Callable[..., Done]:
    """`brevox ARGUMENTS`, without a process of its own."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments) -> Done:
        monkeypatch.setattr(sys, "argv", ["brevox", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return Done(code, *capsys.readouterr())

    return run


def brevox_process(*arguments, folder=None, **environment) -> Done:
    """The same, as a shell would start it."""
    done = subprocess.run(
        [sys.executable, "-m", "brevox", *map(str, arguments)],
        capture_output=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env=os.environ | environment,
    )
    return Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def sentence_of(done: Done) -> str:
    """What a wrong use is answered with."""
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.out == ""
    return done.err


@pytest.fixture
def recording(tmp_path, speech) -> Path:
    with AudioWriter(tmp_path / "talk.flac", 16_000, 1, tags={"title": "Вечер [1]"}) as writer:
        writer.write(speech[:, :32_000])
    return tmp_path / "talk.flac"


# ---- start


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_brings_in_nothing_heavy():
    assert not modules_after("import brevox") & {"torch", "onnxruntime", "av", "numpy", "rich", "lightning"}
    assert not modules_after("import brevox.cli.app") & {"torch", "onnxruntime", "av", "numpy", "lightning"}


def test_coding_brings_in_no_pytorch():
    everything = (
        "brevox.load(); brevox.encode_file; import brevox.codec.batch, brevox.codec.describe, brevox.codec.demo"
    )
    found = modules_after(f"import brevox; {everything}")
    assert "onnxruntime" in found
    assert not found & {"torch", "lightning", "omegaconf", "onnx", "scipy", "matplotlib"}


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise on Windows")
def test_ctrl_c_is_told_and_leaves_nothing(tmp_path):
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setparams((1, 2, 16_000, 60 * 16_000, "NONE", ""))
        file.writeframes(bytes(120 * 16_000))
    process = subprocess.Popen(
        [sys.executable, "-m", "brevox", "encode", "-", "-o", tmp_path / "talk.sc"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )
    process.stdin.write(recording.getvalue()[:1_000_000])  # more than a pipe holds: it has begun, and wants more
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.stdin.close()
    assert b"nothing half-done" in process.stderr.read()
    assert not any(tmp_path.iterdir())


def test_help_is_quick():
    times = []
    for _ in range(3):
        process = psutil.Popen([sys.executable, "-m", "brevox", "--help"], stdout=subprocess.PIPE)
        text = process.stdout.read().decode()
        before = psutil.Process().cpu_times()
        process.wait()
        after = psutil.Process().cpu_times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(times) < 0.5
    assert all(
        name in text for name in ("encode", "decode", "info", "demo", "models", "train", "export", "data", "bench")
    )


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["encode"],
        ["decode"],
        ["info"],
        ["demo"],
        ["models"],
        ["train"],
        ["export"],
        ["data", "prepare"],
        ["evaluate"],
        ["bench"],
        ["speed"],
        ["listening"],
    ],
)
def test_every_command_explains_itself(brevox, command):
    done = brevox(*command, "--help")
    assert done.code == 0
    assert "Usage: " in done.out


def test_version(brevox):
    assert brevox("--version").out == f"brevox {__version__}\n"


# ---- info, models, demo


def test_info_tells_what_a_file_is(brevox, recording, tmp_path, tiny_path, codec):
    assert brevox("encode", recording, "-k", 1.5).code == 0
    for file, expected in {
        recording: ["recording, flac", "16000 Hz, 1 channel", "0:00:02.000", "Вечер [1]"],
        tmp_path / "talk.sc": ["Brevox stream, version 2", "kbit/s", "0:00:02.000", codec.id.hex(), "Вечер [1]"],
        tiny_path: ["Brevox model", "tiny"],
    }.items():
        shown = brevox("info", file)
        assert (shown.code, shown.err) == (0, "")
        assert all(word in shown.out for word in expected), shown.out
        facts = json.loads(brevox("info", "--json", file).out)
        assert facts["file"] == str(file)
        assert all(any(word in str(value) for value in facts.values()) for word in expected)


def test_tags_cannot_pass_for_facts(brevox, speech, tmp_path, tiny_path):
    source, stream = tmp_path / "a.flac", tmp_path / "a.sc"
    with AudioWriter(source, 16_000, 1, tags={"size": "enormous", "model": "Steinway", "title": "Étude"}) as writer:
        writer.write(speech[:, :8000])
    brevox("encode", source, "-o", stream, "-m", tiny_path)
    for file in (source, stream):
        facts = json.loads(brevox("info", "--json", file).out)
        assert facts["size"] == f"{file.stat().st_size:,} bytes"
        assert facts["tag size"] == "enormous"
        assert facts["title"] == "Étude"
        assert "Steinway" in (facts["model"], facts.get("tag model"))


def test_info_of_version_1_and_of_damage(brevox, recording, tmp_path, tiny_path):
    for version in (1, 2):
        brevox("encode", recording, "--format", version, "-o", tmp_path / f"{version}.sc", "-m", tiny_path)
        facts = json.loads(brevox("info", "--json", tmp_path / f"{version}.sc").out)
        assert facts["kind"] == f"Brevox stream, version {version}"
        assert "damage" not in facts
    damaged = bytearray((tmp_path / "2.sc").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "2.sc").write_bytes(damaged)
    assert "damage" in json.loads(brevox("info", "--json", tmp_path / "2.sc").out)


def test_info_gives_one_line_of_json_a_file(brevox, recording, tiny_path):
    lines = brevox("info", "--json", recording, tiny_path).out.splitlines()
    assert [json.loads(line)["file"] for line in lines] == [str(recording), str(tiny_path)]


def test_letters_that_the_screen_has_not(recording, tmp_path):
    for arguments in (["info", recording], ["info", "--json", recording], ["encode", recording, "-o", "Вечер.sc"]):
        done = brevox_process(*arguments, folder=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert done.code == 0, done.err
    assert (tmp_path / "Вечер.sc").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="file names are texts elsewhere")
def test_a_name_in_no_encoding(recording, tmp_path):
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.flac"))
    recording.rename(strange)
    for arguments in (["info", strange], ["info", "--json", strange], ["encode", strange]):
        done = brevox_process(*arguments, PYTHONIOENCODING="utf-8:strict")
        assert done.code == 0, done.err
    assert strange.with_suffix(".sc").exists()


def test_models_lists_the_built_in_and_the_user_s_own(brevox, tiny_path, codec, monkeypatch):
    monkeypatch.setenv("BREVOX_MODELS", str(tiny_path.parent))
    shown = brevox("models")
    assert shown.code == 0
    for word in ("speech-16k", codec.id.hex(), "tiny", "MIT", str(tiny_path.parent)):
        assert word in shown.out


def test_demo_writes_its_files_and_a_table(brevox, tmp_path):
    done = brevox("demo", tmp_path / "new" / "demo")
    assert done.code == 0, done.err
    names = {path.name for path in (tmp_path / "new" / "demo").iterdir()}
    rates = ("6", "3", "1.5")
    assert names == {"original.wav"} | {f"speech-{rate}kbps.{suffix}" for rate in rates for suffix in ("sc", "wav")}
    sizes = [(tmp_path / "new/demo" / f"speech-{rate}kbps.sc").stat().st_size for rate in rates]
    assert sizes == sorted(sizes, reverse=True)
    assert all(f"{size:,}" in done.out for size in sizes)


# ---- encode and decode


def test_there_and_back(brevox, recording, tmp_path):
    done = brevox("encode", recording)
    assert done.code == 0
    assert "kbit/s" in done.err and "x real time" in done.err and done.out == ""
    done = brevox("decode", tmp_path / "talk.sc", "-o", tmp_path / "out" / "back.mp3", "--rate", 24_000)
    assert done.code == 0, done.err
    with AudioReader(tmp_path / "out" / "back.mp3") as reader:
        assert reader.sample_rate == 24_000
        assert reader.tags["title"] == "Вечер [1]"
        assert sum(block.shape[1] for block in reader.blocks(4096)) == 48_000


def test_folders_and_their_exit_codes(brevox, recording, tmp_path, tiny_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    recording.rename(tmp_path / "in" / "deep" / "talk.flac")
    common = ["-o", tmp_path / "out", "-m", tiny_path, "-j", 1]
    assert brevox("encode", tmp_path / "in", *common).code == 0
    assert (tmp_path / "out" / "deep" / "talk.sc").exists()

    (tmp_path / "in" / "bad.mp3").write_text("no sound at all")
    done = brevox("encode", tmp_path / "in", *common)
    assert done.code == 2, "all that was left to do failed"
    assert "1 done before" in done.err and "bad.mp3" in done.err
    done = brevox("encode", tmp_path / "in", *common, "--force")
    assert done.code == 1, "some failed"
    assert "1 of 2 files" in done.err

    done = brevox("decode", tmp_path / "out", "--format", "ogg", "-m", tiny_path)
    assert done.code == 0
    assert (tmp_path / "out" / "deep" / "talk.ogg").exists()


def test_nothing_is_replaced_unasked(brevox, recording, tmp_path, tiny_path):
    (tmp_path / "a.sc").write_bytes(b"mine")
    options = ["-o", tmp_path / "a.sc", "-m", tiny_path]
    assert "--force" in sentence_of(brevox("encode", recording, *options))
    with recording.open("rb") as file:
        piped = subprocess.run(
            [sys.executable, "-m", "brevox", "encode", "-", *map(str, options)], stdin=file, capture_output=True
        )
    assert piped.returncode == 2 and b"--force" in piped.stderr
    assert (tmp_path / "a.sc").read_bytes() == b"mine"
    assert brevox("encode", recording, *options, "--force").code == 0
    assert (tmp_path / "a.sc").read_bytes() != b"mine"


def test_a_slash_makes_a_folder(brevox, recording, tmp_path, tiny_path):
    assert brevox("encode", recording, "-o", f"{tmp_path}/new/", "-m", tiny_path).code == 0
    assert (tmp_path / "new" / "talk.sc").is_file()


WRONG_USES = {
    "no input": (["encode"], "Missing argument"),
    "no such command": (["enkode", "a.wav"], "No such command"),
    "no such option": (["encode", "talk.flac", "--bitrate", "3"], "No such option"),
    "no number": (["encode", "talk.flac", "-k", "three"], "Invalid value for '--kbps'"),
    "no rate": (["encode", "talk.flac", "-k", "nan"], "cannot be had"),
    "too high a rate": (["encode", "talk.flac", "-k", "1000"], "cannot be had"),
    "no rate in version 1": (["encode", "talk.flac", "-k", "-3", "--format", "1"], "cannot be had"),
    "no version": (["encode", "talk.flac", "--format", "7"], "no .sc version 7"),
    "no file": (["encode", "none.wav"], "there is no file none.wav"),
    "no stream": (["decode", "none.sc"], "there is no file none.sc"),
    "a text": (["encode", "text.mp3"], "is a text"),
    "an empty file": (["encode", "empty.wav"], "is empty"),
    "an empty stream": (["decode", "empty.wav", "-o", "a.wav"], "it is empty"),
    "a recording for a stream": (["decode", "talk.flac", "-o", "a.wav"], "looks like a FLAC file"),
    "a folder without recordings": (["encode", "folder"], "no files that end in"),
    "several for one pipe": (["encode", "talk.flac", "text.mp3", "-o", "-"], "one input file"),
    "a pipe and more": (["encode", "-", "talk.flac"], "only input"),
    "no model": (["encode", "talk.flac", "-m", "none"], "no model 'none'; known: speech-16k"),
    "no model file": (["encode", "talk.flac", "-m", "none.bvx"], "no model file none.bvx"),
    "a recording for a model": (["encode", "talk.flac", "-m", "talk.flac"], "not a Brevox model"),
    "no format": (["decode", "stream.sc", "--format", "doc"], "formats that can be written"),
    "a strange sample rate": (["decode", "stream.sc", "--rate", "99999999999"], "sample rate"),
    "a strange bit rate": (["decode", "stream.sc", "-o", "a.ogg", "--bit-rate", "3"], "choose another bit rate"),
    "info of nothing": (["info", "none.sc"], "none.sc"),
    "info of a folder": (["info", "folder"], "folder"),
    "info of a text": (["info", "text.mp3"], "is a text"),
    "a device for a result": (["encode", "talk.flac", "-o", os.devnull, "-f"], "no ordinary file"),
    "evaluating what is not there": (["evaluate", "talk.flac", "none.wav"], "none.wav does not exist"),
    "evaluating a file with a folder": (["evaluate", "talk.flac", "folder"], "two recordings or two folders"),
    "scores in a document": (["evaluate", "talk.flac", "talk.flac", "-o", "s.doc"], "must end in .csv or .json"),
    "no such measure": (["evaluate", "talk.flac", "talk.flac", "--metrics", "pesq"], "did you mean 'pesq_wb'"),
    "a bench of nothing": (["bench", "folder"], "no recordings found in folder"),
    "a bench of a text": (["bench", "text.mp3", "--codecs", "amr-nb"], "is a text"),
    "a bench of no codec": (["bench", "talk.flac", "--codecs", "opium"], "did you mean 'opus'"),
    "rates in words": (["bench", "talk.flac", "--kbps", "low"], "numbers with commas between"),
    "a rate below nothing": (["bench", "talk.flac", "--kbps", "-3"], "no codec of speech"),
    "clips of no length": (["bench", "talk.flac", "--clip-s", "0"], "too short to measure"),
    "a speed of no codec": (["speed", "--codecs", "opium"], "did you mean 'opus'"),
    "lengths in words": (["speed", "--lengths", "long"], "--lengths takes numbers"),
    "results of nobody": (["listening", "none.json", "--key", "key.json"], "key.json"),
    "a demo inside of a file": (["demo", "text.mp3"], "text.mp3"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory, speech) -> Path:
    """A folder to use wrongly."""
    folder = tmp_path_factory.mktemp("bench")
    with AudioWriter(folder / "talk.flac", 16_000, 1) as writer:
        writer.write(speech[:, :16_000])
    (folder / "text.mp3").write_text("This is a text.\n" * 10)
    (folder / "empty.wav").touch()
    (folder / "folder").mkdir()
    encode_file(folder / "talk.flac", folder / "stream.sc")
    return folder


@pytest.mark.parametrize("use", WRONG_USES)
def test_wrong_uses_are_answered_with_a_sentence(brevox, bench, use, monkeypatch):
    monkeypatch.chdir(bench)
    arguments, sentence = WRONG_USES[use]
    before = sorted(bench.rglob("*"))
    assert sentence in " ".join(sentence_of(brevox(*arguments)).split())
    assert sorted(bench.rglob("*")) == before


def test_a_recording_without_sound_is_one_of_no_length(brevox, tmp_path, tiny_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for samples in (0, 1):
        with AudioWriter(tmp_path / "short.wav", 44_100, 1) as writer:
            writer.write(np.full((1, samples), 0.5))
        for arguments in (["encode", "short.wav", "-f"], ["decode", "short.sc", "-o", "back.wav", "-f"]):
            done = brevox(*arguments, "-m", tiny_path)
            assert done.code == 0, done.err
        with AudioReader(tmp_path / "back.wav") as reader:
            assert sum(block.shape[1] for block in reader.blocks(100)) == samples
        assert brevox("info", "short.sc", "short.wav").code == 0


def test_info_counts_chapters(brevox, tmp_path, tiny_path, speech, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with AudioWriter(tmp_path / "a.mp3", 16_000, 1, chapters=[Chapter(0, 1, "A"), Chapter(1, 2, "B")]) as writer:
        writer.write(speech[:, :32_000])
    assert brevox("encode", "a.mp3", "-m", tiny_path).code == 0
    for name in ("a.mp3", "a.sc"):
        assert json.loads(brevox("info", "--json", name).out)["chapters"] == 2
