"""Codecs that do nothing well, in ways that are known; in a file of their own, as the bench's processes import it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from brevox.evaluation.peers.peer import Peer, PeerError


class Copier(Peer):
    """Keeps the recording as it is, and takes `seconds` and `megabytes` for it."""

    source, install, suffix, default_kbps = "", "", ".copy", (256.0,)

    def __init__(self, name: str = "copier", seconds: float = 0.0, megabytes: float = 0.0) -> None:
        self.name = self.title = name
        self.seconds, self.megabytes = seconds, megabytes

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return "1"

    def nearest(self, kbps: float) -> float:
        return 256.0

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        held = bytearray(int(self.megabytes * 1e6))
        time.sleep(self.seconds)
        shutil.copy(source, stored)
        del held

    def decode(self, stored: Path, target: Path) -> None:
        shutil.copy(stored, target)


class Absent(Copier):
    def missing(self) -> str | None:
        return "absent is not on this machine"


class Broken(Copier):
    def decode(self, stored: Path, target: Path) -> None:
        raise PeerError("broken: its own words")


_PROGRAM = "import time; held = bytes([1]) * 100_000_000; time.sleep(0.2)"


class Program(Copier):
    """Does its work in a program of its own, which needs 100 MB."""

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
        shutil.copy(source, stored)
