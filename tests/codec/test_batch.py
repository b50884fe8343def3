"""Many files at once: where results go, what is skipped, and that one bad file is no harm to the rest."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio import AudioReader, AudioWriter
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.codec.batch import STREAM_SUFFIXES, Job, decode_all, encode_all, plan
from brevox.codec.transcode import encode_file
from brevox.errors import AudioFileError, BrevoxError, ModelFileError, OutputError, SettingsError, StreamError


def put(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


def encoding(inputs: list[Path], output=None, force=False) -> dict[str, str]:
    """Sources and targets as seen from the current folder."""
    return {str(job.source): str(job.target) for job in plan(inputs, output, AUDIO_SUFFIXES, ".sc", force)}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def short_recording(path: Path, seconds: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.1 * np.random.default_rng(len(str(path))).standard_normal((1, int(seconds * 16_000)))
    with AudioWriter(path, 16_000, 1) as writer:
        writer.write(noise)
    return path


# ---- plan


def test_beside_the_input_or_where_the_user_says():
    put(Path(), "a.wav", "b.MP3", "folder/c.flac")
    assert encoding([Path("a.wav")]) == {"a.wav": "a.sc"}
    assert encoding([Path("a.wav")], "talk") == {"a.wav": "talk"}
    assert encoding([Path("a.wav")], "folder") == {"a.wav": "folder/a.sc"}
    assert encoding([Path("a.wav")], "new/") == {"a.wav": "new/a.sc"}
    assert encoding([Path("a.wav")], Path("new") / "talk.sc") == {"a.wav": "new/talk.sc"}
    assert encoding([Path("a.wav"), Path("folder/c.flac")]) == {"a.wav": "a.sc", "folder/c.flac": "folder/c.sc"}
    assert encoding([Path("a.wav"), Path("b.MP3")], "new") == {"a.wav": "new/a.sc", "b.MP3": "new/b.sc"}


def test_a_folder_s_tree_is_kept():
    put(Path("in"), "a.wav", "x/b.MP3", "x/y/z/c.opus", "notes.txt", "x/d.sc", ".wav")
    inside = {"in/a.wav": "a.sc", "in/x/b.MP3": "x/b.sc", "in/x/y/z/c.opus": "x/y/z/c.sc"}
    assert encoding([Path("in")]) == {source: f"in/{target}" for source, target in inside.items()}
    assert encoding([Path("in")], "out") == {source: f"out/{target}" for source, target in inside.items()}


def test_what_is_done_is_skipped_in_folders_and_refused_by_name():
    put(Path("in"), "a.wav", "b.wav", "b.sc")
    jobs = plan([Path("in")], None, AUDIO_SUFFIXES, ".sc")
    assert [(job.source.name, job.done) for job in jobs] == [("a.wav", False), ("b.wav", True)]
    assert not any(job.done for job in plan([Path("in")], None, AUDIO_SUFFIXES, ".sc", force=True))
    with pytest.raises(OutputError, match="--force"):
        encoding([Path("in/b.wav")])
    assert encoding([Path("in/b.wav")], force=True) == {"in/b.wav": "in/b.sc"}


def test_names_that_differ_in_their_suffix_only():
    put(Path("in"), "talk.mp3", "talk.wav", "other.wav", "talk.mp3.flac")
    assert encoding([Path("in")]) == {
        "in/other.wav": "in/other.sc",
        "in/talk.mp3": "in/talk.mp3.sc",
        "in/talk.mp3.flac": "in/talk.mp3.flac.sc",
        "in/talk.wav": "in/talk.wav.sc",
    }


names_in_folders = st.tuples(
    st.sampled_from(["", "x/", "y/"]), st.sampled_from(["a", "a.mp3", "b"]), st.sampled_from([".mp3", ".wav"])
)


@settings(max_examples=60)
@given(st.lists(names_in_folders, min_size=1, unique=True), st.booleans(), st.booleans())
def test_no_two_files_have_the_same_result(tmp_path_factory, names, as_folder, named_output):
    """And every file has one: or else nothing is done, and the sentence names both."""
    folder = tmp_path_factory.mktemp("in")
    files = put(folder, *("".join(name) for name in names))
    output = folder / "out" if named_output else None
    try:
        jobs = plan([folder] if as_folder else files, output, AUDIO_SUFFIXES, ".sc")
    except SettingsError as error:
        assert named_output and not as_folder
        assert sum(str(file) in str(error) for file in files) >= 2
        return
    assert sorted(job.source for job in jobs) == sorted(files)
    if len(jobs) > 1 or as_folder or output is None:
        assert all(job.target.suffix == ".sc" for job in jobs)
    assert len({job.target for job in jobs}) == len(jobs)
    assert not {job.target for job in jobs} & set(files)


def test_a_file_named_twice_is_done_once():
    put(Path(), "a.wav", "in/b.wav")
    assert encoding([Path("a.wav"), Path("./a.wav"), Path("a.wav").absolute()]) in (
        {"a.wav": "a.sc"},
        {str(Path("a.wav").absolute()): str(Path("a.sc").absolute())},
    )
    assert encoding([Path("in"), Path("in/b.wav")]).keys() == {"in/b.wav"}


def test_what_cannot_be_planned():
    put(Path(), "a.wav", "b.wav", "empty/notes.txt", "c.sc")
    with pytest.raises(AudioFileError, match=r"no file none\.wav"):
        encoding([Path("a.wav"), Path("none.wav")])
    with pytest.raises(StreamError, match=r"no file none\.sc"):
        plan([Path("none.sc")], None, STREAM_SUFFIXES, ".wav")
    with pytest.raises(AudioFileError, match="no files that end in"):
        encoding([Path("empty")])
    with pytest.raises(SettingsError, match="is a file"):
        encoding([Path("a.wav"), Path("b.wav")], "c.sc")
    with pytest.raises(OutputError, match="itself"):
        encoding([Path("c.sc")], force=True)
    with pytest.raises(OutputError, match="itself"):
        encoding([Path("a.wav")], "a.wav", force=True)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX permissions")
def test_without_permission_there_is_a_sentence_not_a_gap(monkeypatch):
    as_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.chdir(folder)
        put(Path("in"), "a.wav", "locked/b.wav")
        Path("in/locked").chmod(0)
        if as_root:
            os.seteuid(65534)
        try:
            with pytest.raises(AudioFileError, match="locked"):
                encoding([Path("in")])
            with pytest.raises(AudioFileError, match=r"b\.wav"):
                encoding([Path("in/locked/b.wav")])
            with pytest.raises(OutputError, match=r"locked.c\.sc"):
                encoding([Path("in/a.wav")], "in/locked/c.sc")
        finally:
            if as_root:
                os.seteuid(0)
            Path("in/locked").chmod(0o755)
            monkeypatch.undo()


# ---- doing them


@pytest.mark.parametrize("processes", [1, 2])
def test_one_bad_file_does_not_stop_the_rest(tiny_path, processes):
    good = [short_recording(Path("in") / name) for name in ("a.wav", "x/b.flac", "x/y/c.wav")]
    put(Path("in"), "bad.mp3", "x/empty.wav")
    Path("in/x/empty.wav").write_bytes(b"")
    said = []
    jobs = plan([Path("in")], "out", AUDIO_SUFFIXES, ".sc")
    outcomes = {
        outcome.job.source: outcome
        for outcome in encode_all(
            jobs, model=tiny_path, processes=processes, progress=lambda job, *times: said.append((job, *times))
        )
    }
    assert outcomes.keys() == {job.source for job in jobs}
    for path in good:
        target = Path("out") / path.relative_to("in").with_suffix(".sc")
        assert outcomes[path].error is None
        assert outcomes[path].result.stream_bytes == target.stat().st_size
    assert {path.name for path in outcomes if path not in good} == {"bad.mp3", "empty.wav"}
    assert all(path.name in outcomes[path].error for path in outcomes if path not in good)
    assert {job.source for job, *_ in said} <= set(good)

    # All that could be done is done; and back again.
    left = plan([Path("in")], "out", AUDIO_SUFFIXES, ".sc")
    assert {job.source.name for job in left if not job.done} == {"bad.mp3", "empty.wav"}
    Path("out/x/b.sc").write_bytes(b"no stream")
    back = list(decode_all(plan([Path("out")], None, STREAM_SUFFIXES, ".wav"), model=tiny_path, processes=processes))
    assert sorted(outcome.job.target.name for outcome in back if outcome.result) == ["a.wav", "c.wav"]
    for name in ("a", "x/y/c"):
        with AudioReader(f"out/{name}.wav") as reader:
            assert sum(block.shape[1] for block in reader.blocks(4096)) == 8000
    assert not list(Path("out").rglob(".*"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_files_of_a_process_that_was_killed_are_told(tiny_path):
    for number in range(6):
        short_recording(Path("in") / f"{number}.wav", 20)
    jobs = plan([Path("in")], "out", AUDIO_SUFFIXES, ".sc")
    outcomes = []
    for outcome in encode_all(jobs, model=tiny_path, processes=2):
        if not outcomes:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        outcomes.append(outcome)
    assert sorted(outcome.job.source for outcome in outcomes) == sorted(job.source for job in jobs)
    assert all("killed" in outcome.error for outcome in outcomes if outcome.result is None)
    given_up = sum(outcome.result is None for outcome in outcomes)
    assert 1 <= given_up <= 2  # those at work; the rest is done all the same


def wait_until(holds, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_hidden_files_are_no_recordings():
    put(Path("in"), "a.wav", ".a.x7.part.wav", "._a.wav", "deep/.b.wav")
    assert list(encoding([Path("in")])) == ["in/a.wav"]


def test_who_stops_listening_stops_all_processes_and_leaves_nothing_half_done(tiny_path):
    for number in range(6):
        short_recording(Path("in") / f"{number}.wav", 300)
    at_work = []
    outcomes = encode_all(
        plan([Path("in")], "out", AUDIO_SUFFIXES, ".sc"),
        model=tiny_path,
        processes=2,
        progress=lambda job, done, total: at_work.append(job.source),
    )
    next(outcomes)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        outcomes.throw(KeyboardInterrupt)
    assert time.monotonic() - started < 10
    assert len(list(Path("out").iterdir())) < 6
    assert not list(Path("out").glob(".*"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_processes_do_not_outlive_a_parent_that_is_killed(tiny_path):
    for number in range(4):
        short_recording(Path("in") / f"{number}.wav", 600)
    command = [sys.executable, "-m", "brevox", "encode", "in", "-o", "out", "--jobs", "2", "-m", tiny_path]
    parent = psutil.Popen(command, stderr=subprocess.DEVNULL)
    wait_until(lambda: Path("out").is_dir() and any(Path("out").iterdir()), 60)
    children = parent.children(recursive=True)
    assert children
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not list(Path("out").glob(".*"))


def test_what_is_done_before_is_left_as_it_is(tiny_path):
    short_recording(Path("in/a.wav"))
    put(Path("in"), "a.sc")
    assert list(encode_all(plan([Path("in")], None, AUDIO_SUFFIXES, ".sc"), model=tiny_path)) == []
    assert Path("in/a.sc").read_bytes() == b"x"
    (outcome,) = encode_all(plan([Path("in")], None, AUDIO_SUFFIXES, ".sc", force=True), model=tiny_path)
    assert Path("in/a.sc").stat().st_size == outcome.result.stream_bytes


def test_several_processes_give_what_one_gives(tiny, tiny_path):
    paths = [short_recording(Path("in") / f"{number}.wav", 0.3 + 0.1 * number) for number in range(4)]
    list(encode_all(plan([Path("in")], "out", AUDIO_SUFFIXES, ".sc"), model=tiny_path, processes=2, kbps=1))
    for path in paths:
        encode_file(path, "alone.sc", 1, codec=tiny)
        assert (Path("out") / f"{path.stem}.sc").read_bytes() == Path("alone.sc").read_bytes()


def test_a_result_that_cannot_be_written_is_told(tiny_path):
    path = short_recording(Path("a.wav"))
    put(Path(), "file")
    (outcome,) = encode_all([Job(path, Path("file/a.sc"))], model=tiny_path)
    assert outcome.result is None
    assert "cannot make the folder file" in outcome.error


def test_a_missing_model_is_one_error():
    jobs = [Job(short_recording(Path("a.wav")), Path("a.sc"))]
    with pytest.raises(ModelFileError, match="none"):
        list(encode_all(jobs, model="none"))
    with pytest.raises(BrevoxError, match="none"):
        list(encode_all(jobs, model=Path("none.bvx")))
