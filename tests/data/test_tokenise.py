"""A corpus as tokens: the very codes of the codec, whoever makes them and whoever is killed on the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from brevox.audio import AudioReader, AudioWriter
from brevox.codec.stream import CodedStream
from brevox.codec.tokens import Tokens, to_codes, tokenise_file
from brevox.codec.transcode import encode_file
from brevox.data.prepare import manifest_sources
from brevox.errors import DataError, SettingsError
from brevox.processes import LocalProcesses
from tiny_model import tiny_model
from voices import voice

pq = pytest.importorskip("pyarrow.parquet")
from brevox.data.token_files import read_tokens  # noqa: E402 - needs pyarrow
from brevox.data.tokenise import ATTEMPTS, tokenise  # noqa: E402

needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")


def put(path: Path, audio, sample_rate: int = 16_000) -> Path:
    with AudioWriter(path, sample_rate, 1) as writer:
        writer.write(np.atleast_2d(audio))
    return path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    """Nine recordings, one of which cannot be read; they take a tiny model long enough for a kill to come between."""
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(8):
        put(folder / f"{number}.wav", np.tile(voice(2.5, 100 + 20 * number, seed=number), 4 + number))
    (folder / "letter.wav").write_bytes(b"Dear Ada, this is no music.")
    names = ["0", "1", "2", "3", "letter", "4", "5", "6", "7"]
    splits = ["train", "valid", "test"] * 3
    lines = [f"{name}.wav\tada {name}\t{split}" for name, split in zip(names, splits, strict=True)]
    (folder / "list.tsv").write_text("\n".join(["path\tspeaker\tsplit", *lines, ""]))
    return folder / "list.tsv"


def run(manifest, folder, model, workers=None, **options):
    return tokenise(manifest_sources(manifest), folder, model, workers=workers or LocalProcesses(1), **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def undisturbed(manifest, tiny_file, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    run(manifest, folder, tiny_file)
    return folder


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of two workers on this machine."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    from brevox.cluster import RayCluster

    yield RayCluster(attempts=ATTEMPTS)
    ray.shutdown()


# ---- what tokens are


@pytest.mark.parametrize("books", [1, 3])
def test_tokens_are_the_codes_of_the_codec_and_of_a_file(tiny, tmp_path, books):
    audio = np.stack([voice(23.456, 130)])
    tokens = tokenise_file(put(tmp_path / "a.wav", audio), tiny, books=books)
    with AudioReader(tmp_path / "a.wav") as reader:
        audio = np.concatenate(list(reader.blocks(4096)), axis=1)
    codes = tiny.encode(audio, books=books)
    expected = np.concatenate([chunk.codes[0] for chunk in codes.chunks], axis=1)
    np.testing.assert_array_equal(np.concatenate([tokens.pitch[None], tokens.codes]), expected)
    assert (tokens.samples, tokens.gain) == (codes.num_samples, codes.gain)

    encode_file(tmp_path / "a.wav", tmp_path / "a.sc", books=books, codec=tiny)
    with (tmp_path / "a.sc").open("rb") as file:
        stored = [chunk.codes[0] for chunk in CodedStream(file, tiny).chunks()]
    np.testing.assert_array_equal(np.concatenate(stored, axis=1), expected)


@pytest.mark.parametrize("silent", [slice(0, 0), slice(0, 12 * 16_000), slice(9 * 16_000, None), slice(None)])
def test_tokens_sound_like_the_codes(tiny, tmp_path, silent):
    """Digital silence included: there each frame has codes, too, and silence is what they decode to."""
    audio = voice(31.1, 130)
    audio[silent] = 0
    with AudioReader(put(tmp_path / "a.wav", audio)) as reader:
        codes = tiny.encode(np.concatenate(list(reader.blocks(4096)), axis=1), books=2)
    tokens = tokenise_file(tmp_path / "a.wav", tiny, books=2)
    assert tokens.codes.shape == (2, -(-tokens.samples // tiny.hop))
    np.testing.assert_array_equal(tiny.decode(to_codes(tokens, tiny)), tiny.decode(codes))


def test_tokens_of_no_recording_can_be_decoded(tiny):
    rng = np.random.default_rng(0)
    tokens = Tokens(rng.integers(0, 16, (2, 700)), rng.integers(0, 128, 700))
    audio = tiny.decode(to_codes(tokens, tiny))
    assert audio.shape == (1, 700 * tiny.hop)
    assert audio.std() > 0


@pytest.mark.parametrize(
    "codes, pitch, levels, hint",
    [
        (np.zeros((4, 9), int), np.zeros(9, int), None, "1 to 3 books"),
        (np.zeros(9, int), np.zeros(9, int), None, "shape"),
        (np.zeros((2, 9), int), None, None, "9 pitch codes for 9 frames"),
        (np.zeros((2, 9), int), np.zeros(8, int), None, "9 pitch codes for 9 frames"),
        (np.full((2, 9), 16), np.zeros(9, int), None, "within the codebooks"),
        (np.full((2, 9), -1), np.zeros(9, int), None, "within the codebooks"),
        (np.zeros((2, 9)), np.zeros(9), None, "whole numbers"),
        (np.zeros((2, 513), int), np.zeros(513, int), np.array([1]), "2 levels"),
    ],
)
def test_tokens_that_no_model_can_have_made(tiny, codes, pitch, levels, hint):
    with pytest.raises(SettingsError, match=hint):
        to_codes(Tokens(codes, pitch, levels=levels), tiny)


# ---- a folder of them


def test_every_line_of_the_manifest_is_a_row_with_its_tokens_or_the_reason(manifest, undisturbed, tiny):
    rows = list(read_tokens(undisturbed))
    assert [row.source for row in rows] == manifest_sources(manifest)
    for row in rows:
        if row.source.path.name == "letter.wav":
            assert row.tokens is None
            assert "letter.wav" in row.error
            continue
        alone = tokenise_file(row.source.path, tiny)
        np.testing.assert_array_equal(row.tokens.codes, alone.codes)
        np.testing.assert_array_equal(row.tokens.pitch, alone.pitch)
        np.testing.assert_array_equal(tiny.decode(to_codes(row.tokens, tiny)), tiny.decode(to_codes(alone, tiny)))


def test_other_readers_see_one_table(undisturbed, tiny):
    table = pq.read_table(undisturbed).to_pylist()
    assert len(table) == 9
    row = table[0]
    assert (np.shape(row["codes"]), len(row["pitch"])) == ((3, row["frames"]), row["frames"])
    assert row["seconds"] == row["samples"] / tiny.sample_rate == 10
    assert [row["codes"] is None for row in table] == [row["error"] is not None for row in table]


def test_counts_and_progress(manifest, tiny_file, tmp_path):
    said = []
    options = {"books": 2, "per_part": 4, "progress": lambda *call: said.append(call)}
    result = run(manifest, tmp_path / "tokens", tiny_file, **options)
    assert (result.recordings, result.new_parts, result.lost) == (8, 3, [])
    assert [Path(path).name for path, _ in result.failed] == ["letter.wav"]
    assert result.seconds == result.new_seconds == 2.5 * sum(range(4, 12))
    assert result.tokens == 3 * result.frames == 3 * 50 * result.seconds
    assert said[-1] == (9, 9)
    assert [done for done, _ in said] == sorted(done for done, _ in said)

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "tokens").iterdir()}
    again = run(manifest, tmp_path / "tokens", tiny_file, **options)
    assert (again.new_parts, again.new_seconds, again.tokens) == (0, 0, result.tokens)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "tokens").iterdir()}


def test_a_folder_is_for_one_thing(manifest, undisturbed, tiny_file, tmp_path):
    before = contents(undisturbed)
    with pytest.raises(DataError, match="another model"):
        run(manifest, undisturbed, tiny_model(seed=1))
    with pytest.raises(DataError, match="3 books, not 2"):
        run(manifest, undisturbed, tiny_file, books=2)
    with pytest.raises(DataError, match="parts of 1 recordings, not 2"):
        run(manifest, undisturbed, tiny_file, per_part=2)
    with pytest.raises(DataError, match="another list"):
        tokenise(manifest_sources(manifest)[::-1], undisturbed, tiny_file)
    assert contents(undisturbed) == before
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="something else"):
        run(manifest, tmp_path, tiny_file)
    with pytest.raises(SettingsError, match="3 books"):
        run(manifest, tmp_path / "new", tiny_file, books=4)
    with pytest.raises(DataError, match="no recordings"):
        tokenise([], tmp_path / "new", tiny_file)
    with pytest.raises(DataError, match="no tokens"):
        list(read_tokens(tmp_path))


# ---- whoever makes them


def test_two_processes_make_the_same_files(manifest, undisturbed, tiny_file, tmp_path):
    run(manifest, tmp_path, tiny_file, LocalProcesses(2))
    assert contents(tmp_path) == contents(undisturbed)


def test_a_cluster_makes_the_same_files(manifest, undisturbed, tiny_file, tmp_path, cluster):
    run(manifest, tmp_path, tiny_file, cluster)
    assert contents(tmp_path) == contents(undisturbed)


@contextmanager
def one_killed(find_worker: Callable[[], int], folder: Path) -> Iterator[None]:
    """Kills a worker as soon as the first part is there, and sees that this was not too late."""
    parts_then = []

    def kill():
        wait_until(lambda: any(folder.glob("part-*")))
        os.kill(find_worker(), signal.SIGKILL)
        parts_then.append(len(list(folder.glob("part-*"))))

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()
    assert parts_then and parts_then[0] < 8


def wait_until(holds, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@needs_signals
def test_a_killed_process_loses_nothing(manifest, undisturbed, tiny_file, tmp_path):
    with one_killed(lambda: multiprocessing.active_children()[0].pid, tmp_path):
        result = run(manifest, tmp_path, tiny_file, LocalProcesses(2, ATTEMPTS))
    assert result.lost == []
    assert contents(tmp_path) == contents(undisturbed)


@needs_signals
def test_a_killed_worker_of_a_cluster_loses_nothing(manifest, undisturbed, tiny_file, tmp_path, cluster):
    def at_work() -> int:
        processes = psutil.Process().children(recursive=True)
        return next(p.pid for p in processes if p.name().startswith("ray::brevox") or "ray::brevox" in p.cmdline()[0])

    with one_killed(at_work, tmp_path):
        result = run(manifest, tmp_path, tiny_file, cluster)
    assert result.lost == []
    assert contents(tmp_path) == contents(undisturbed)


def double_but_die_of_three(item, report):
    """Stands in for a recording that takes more memory than there is."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * 2


def start_dying(threads):
    return double_but_die_of_three


@needs_signals
def test_what_kills_its_process_every_time_is_given_up_alone():
    results = dict(LocalProcesses(2, attempts=2).run(list(range(6)), start_dying))
    assert results == {item: None if item == 3 else item * 2 for item in range(6)}


@needs_signals
def test_a_killed_command_goes_on_where_it_was(manifest, undisturbed, tiny_path, tmp_path):
    folder = tmp_path / "tokens"
    command = [sys.executable, "-m", "brevox", "data", "tokenize", str(manifest), "-o", str(folder)]
    command += ["--model", str(tiny_path), "--jobs", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(list(folder.glob("part-*"))) >= 2)
        process.kill()
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    assert 2 <= len(before) < 9
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1  # for letter.wav
    assert "letter.wav" in done.stderr
    assert "8 recordings" in done.stderr
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert {name: data for name, data in contents(folder).items() if not name.startswith(".")} == contents(undisturbed)


# ---- the command


def command(*arguments, before: str = "") -> subprocess.CompletedProcess[str]:
    """`brevox data tokenize ARGUMENTS` after some Python, in a process of its own."""
    code = f"import sys; {before}; from brevox.cli import main; main()"
    line = [sys.executable, "-c", code, "data", "tokenize", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True)


@pytest.mark.parametrize("package, extra", [("pyarrow", "tokens"), ("ray", "ray")])
def test_a_missing_package_is_told_in_a_sentence(manifest, tmp_path, package, extra):
    done = command(manifest, "-o", tmp_path / "tokens", "--ray", before=f"sys.modules['{package}'] = None")
    assert done.returncode == 2
    assert f"pip install 'brevox[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_tokens_need_no_pytorch(manifest, tiny_path, tmp_path):
    folder = tmp_path / "tokens"
    done = command(manifest, "-o", folder, "-m", tiny_path, "-j", 1, before="sys.modules['torch'] = None")
    assert (done.returncode, "8 recordings" in done.stderr) == (1, True), done.stderr
