"""One measurement of speed: a fresh process that encodes or decodes one file, bound to some cores and watched."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from brevox.evaluation.peers.peer import Peer
from brevox.evaluation.speed_worker import high_water_mb

#: How often a process is looked at: at first often, as programs may be short; then less, as looking takes time too.
_WATCH_S = (0.01, 0.1)
_WATCH_SHARE = 0.02
#: What libraries with threads look at when they are loaded, torch above all.
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_COMMAND = (sys.executable, "-m", "brevox.evaluation.speed_worker")
#: The same as Linux tells it of a process.
_OWN = b"".join(os.fsencode(word) + b"\0" for word in _COMMAND)
_MOST_LETTERS_OF_A_PROBLEM = 200


@dataclass(frozen=True)
class Cost:
    """What it took to encode or to decode one file.

    startup_s: from the start of the process until the codec was ready: Python, imports, networks loaded. Programs such
        as opusenc start later, within `coding_s`.
    coding_s: from file to file.
    memory_mb: the largest resident set, of the process and of the programs it started.
    programs_mb: of that, the programs'. 0 where there are none; they are only seen on Linux, and not if they are over
        in an instant.
    """

    startup_s: float
    coding_s: float
    memory_mb: float
    programs_mb: float


class NotMeasured(Exception):
    """There is no number, and why."""


def measure(
    peer: Peer,
    *,
    encodes: bool,
    source: Path,
    target: Path,
    kbps: float,
    threads: int,
    most_s: float,
    most_mb: float,
) -> Cost:
    """Encode or decode a file in a process of its own.

    Args:
        peer: one that can be pickled.
        encodes: else it decodes.
        source, target: see `Peer`.
        kbps: one that `peer.nearest` gives.
        threads: cores that the process is bound to where the system can do that, and what libraries are told.
        most_s, most_mb: it is ended when it takes longer, or needs more memory.

    Raises:
        NotMeasured: it was ended, or it failed.
    """
    # NumPy has one thread, as in all of Brevox's own commands (see `brevox.cli`).
    settings = {**os.environ, **dict.fromkeys(_THREAD_SETTINGS, str(threads)), "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as tasks:
        pickle.dump((peer, encodes, source, target, kbps, threads), tasks)
        tasks.seek(0)
        with _bound(threads):
            started = time.monotonic()
            process = subprocess.Popen(
                _COMMAND,
                stdin=tasks,
                stdout=told,
                stderr=errors,
                env=settings,
                start_new_session=True,  # so that it can be ended together with what it started
            )
        try:
            programs_mb = _watch(process, started, most_s, most_mb)
        finally:
            _end(process)
        facts = _last_json(told)
        if facts is None:
            raise NotMeasured(_last_words(process.returncode, errors))
    if "problem" in facts:
        raise NotMeasured(f"failed: {facts['problem'][:_MOST_LETTERS_OF_A_PROBLEM]}")
    return Cost(facts["ready"] - started, facts["coding_s"], facts["own_mb"] + programs_mb, programs_mb)


def _watch(process: subprocess.Popen[bytes], started: float, most_s: float, most_mb: float) -> float:
    """Wait for the end; returns the most memory that the programs it started had, in MB."""
    peak = 0.0
    while process.poll() is None:
        # A program about to be started is for a moment its parent's copy, command and memory; then it has neither.
        programs = [high_water_mb(pid) or 0.0 for pid in _started_by(process.pid) if _command(pid) not in (_OWN, b"")]
        peak = max(peak, sum(programs))
        if _resident_mb(process.pid) + sum(programs) > most_mb:
            raise NotMeasured(f"not measured: needs more than {most_mb / 1000:.1f} GB of memory")
        if time.monotonic() > started + most_s:
            raise NotMeasured(f"not measured: takes longer than {most_s:g} s")
        least, most = _WATCH_S
        time.sleep(min(max(_WATCH_SHARE * (time.monotonic() - started), least), most))
    return peak


def _resident_mb(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 1e6
    except psutil.Error:  # it has just ended
        return 0.0


def _started_by(pid: int) -> Iterator[int]:
    """Processes that one started, and theirs. Only Linux tells them cheaply enough to ask while time is taken."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield int(child)
        yield from _started_by(int(child))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def _bound(cores: int) -> Iterator[None]:
    """Processes started in the block have so many cores, where the system can do that."""
    if sys.platform != "linux":
        yield
        return
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(mine)[-cores:])  # the last: the first have most of the system's own work
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_json(told: IO[bytes]) -> dict[str, Any] | None:
    told.seek(0)
    lines = told.read().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        return None


def _last_words(status: int, errors: IO[bytes]) -> str:
    if status == -9:
        return "failed: the system ended its process; for want of memory?"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").splitlines()
    return f"failed: {lines[-1] if lines else f'its process ended with status {status}'}"[:_MOST_LETTERS_OF_A_PROBLEM]
