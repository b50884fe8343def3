"""Other people's programs, run so that nothing of them is lost: neither their words nor our time."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from brevox.evaluation.peers.peer import PeerError

_MOST_S = 1800
_WORDS = 300


def run(command: Sequence[str | Path]) -> str:
    """Run a program to its end.

    Returns:
        What it printed, to either output.

    Raises:
        PeerError: it failed, or never ended; with the last that it said.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_MOST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{name} was still at work after {_MOST_S} s") from None
    except OSError as error:
        raise PeerError(f"{name} cannot be started: {error.strerror or error}") from error
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise PeerError(f"{name} failed: {' '.join(said.split())[-_WORDS:] or f'exit status {done.returncode}'}")
    return said


def absent(programs: Sequence[str], install: str) -> str | None:
    """`not installed: ...` if one of the programs is not found."""
    gone = [program for program in programs if shutil.which(program) is None]
    return f"not installed: {install} (there is no {gone[0]})" if gone else None
