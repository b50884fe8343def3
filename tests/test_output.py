"""Output files appear whole or not at all: whatever stops the program, and wherever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brevox.codec.transcode import decode_file, encode_file
from brevox.errors import OutputError
from brevox.output import atomic_output

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- atomic_output


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("name", ["a.wav", "a", ".hidden", "a b.tar.gz", "語" * 84, "x" * 255, "a." + "s" * 200])
def test_the_file_is_there_when_the_block_ends(tmp_path, name, before):
    path = tmp_path / name
    if before is not None:
        path.write_bytes(before)
    with atomic_output(path) as part:
        part.write_bytes(b"new")
        assert part.parent == path.parent
        assert (path.read_bytes() if path.exists() else None) == before
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
@pytest.mark.parametrize("before", [None, b"old"])
def test_the_file_is_untouched_when_the_block_raises(tmp_path, before, error):
    path = tmp_path / "a.wav"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(type(error)) as caught, atomic_output(path) as part:
        part.write_bytes(b"half")
        raise error
    assert caught.value is error
    assert (path.read_bytes() if path.exists() else None) == before
    assert names_in(tmp_path) == ([] if before is None else ["a.wav"])


def test_the_suffix_is_kept_as_some_writers_go_by_it(tmp_path):
    with atomic_output(tmp_path / "a.flac") as part:
        assert part.suffix == ".flac"


@posix
def test_the_file_has_the_permissions_of_any_other(tmp_path):
    for mask in (0o022, 0o077, 0o002):
        old = os.umask(mask)
        try:
            with atomic_output(tmp_path / f"{mask}"):
                pass
            (tmp_path / "other").write_bytes(b"")
            assert (tmp_path / f"{mask}").stat().st_mode == (tmp_path / "other").stat().st_mode
            (tmp_path / "other").unlink()
        finally:
            os.umask(old)


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OutputError, match="does not exist; create it"), atomic_output(tmp_path / "none" / "a"):
        pytest.fail("nothing can be written there")
    with pytest.raises(OutputError, match="a folder of that name"), atomic_output(tmp_path):
        pytest.fail("nothing can be written there")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file.a"), atomic_output(tmp_path / "file" / "a"):
        pytest.fail("nothing can be written there")
    assert names_in(tmp_path) == ["file"]


@posix
def test_devices_and_pipes_are_not_replaced(tmp_path):
    """To a user with all rights, `-o /dev/null` would put a file there."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OutputError, match="no ordinary file"), atomic_output(path):
            pytest.fail("nothing can be written there")
    assert names_in(tmp_path) == ["pipe"]
    assert not Path(os.devnull).is_file()


@posix
def test_a_name_that_is_too_long_is_told(tmp_path):
    with pytest.raises(OutputError, match="too long"), atomic_output(tmp_path / ("x" * 256)) as part:
        part.write_bytes(b"")
    assert names_in(tmp_path) == []


# ---- stopped in the middle


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, clip, tiny) -> dict[str, bytes]:
    """For each command what to give it: 25 s of speech."""
    folder = tmp_path_factory.mktemp("inputs")
    encode_file(clip, folder / "a.sc", codec=tiny)
    return {"encode": clip.read_bytes(), "decode": (folder / "a.sc").read_bytes()}


@posix
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("command, name", [("encode", "out.sc"), ("decode", "out.wav")])
def test_a_program_that_is_stopped_leaves_no_file_under_its_name(inputs, tiny_path, tmp_path, command, name, how):
    """In the middle of its work: it waits for the rest of its input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "brevox", command, "-", "-o", tmp_path / name, "-m", tiny_path],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )
    process.stdin.write(inputs[command][: len(inputs[command]) * 2 // 3])
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not names_in(tmp_path):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(getattr(signal, how))
    try:
        assert process.wait(20) != 0
    finally:
        process.kill()
        process.stdin.close()
    said = process.stderr.read()
    assert name not in names_in(tmp_path)
    assert all(part.startswith(".out.") for part in names_in(tmp_path))
    if how == "SIGINT":
        assert process.returncode == 130
        assert b"Traceback" not in said
        assert names_in(tmp_path) == []


# ---- no room


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = sys.platform == "linux" and subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("needs root, to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "ogg"])
def test_a_full_disk_while_decoding(full_disk, tmp_path, clip, tiny, suffix):
    encode_file(clip, tmp_path / "a.sc", codec=tiny)
    with pytest.raises(OutputError, match=rf"a\.{suffix}.*No space left"):
        decode_file(tmp_path / "a.sc", full_disk / f"a.{suffix}", codec=tiny, bit_rate=128_000)
    assert names_in(full_disk) == []


def test_a_full_disk_while_encoding(full_disk, clip, tiny):
    (full_disk / "filler").write_bytes(bytes(64 << 10))
    with pytest.raises(OutputError, match=r"a\.sc.*No space left"):
        encode_file(clip, full_disk / "a.sc", codec=tiny)
    assert names_in(full_disk) == ["filler"]


@posix
@pytest.mark.parametrize("command", ["encode", "decode"])
def test_a_limit_on_the_size_of_files(tmp_path, clip, tiny, tiny_path, command):
    """What a full disk is to those who may not make one."""
    source = clip
    if command == "decode":
        source = tmp_path / "a.sc"
        encode_file(clip, source, codec=tiny)
    target = tmp_path / "out" / ("a.sc" if command == "encode" else "a.wav")
    code = "import resource, brevox.cli; resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)); brevox.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, command, source, "-o", target, "-m", tiny_path], capture_output=True
    )
    assert done.returncode == 2
    assert b"cannot write" in done.stderr and b"Traceback" not in done.stderr
    assert names_in(tmp_path / "out") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["encode", "decode"])
def test_a_pipe_into_a_full_disk(tmp_path, clip, tiny, tiny_path, command):
    source = clip
    if command == "decode":
        source = tmp_path / "a.sc"
        encode_file(clip, source, codec=tiny)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "brevox", command, source, "-o", "-", "-m", tiny_path],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 2
    assert b"No space left" in done.stderr and b"Traceback" not in done.stderr


@posix
def test_a_reader_that_has_had_enough(clip, tiny_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "brevox", "encode", clip, "-o", "-", "-m", tiny_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(60) != 0
    assert b"Traceback" not in said
