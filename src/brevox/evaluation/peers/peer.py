"""What every codec looks like to the bench: a program that makes a file of a recording, and a recording of the file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar


class Peer(ABC):
    """One codec. Subclasses are small, and do their work with the codec's own program or library."""

    #: As on the command line: `opus`.
    name: str
    #: For people: `Opus (opusenc)`.
    title: str
    #: Where it is described: standard, paper or home page.
    source: ClassVar[str]
    #: How to get it, as a command: `apt-get install opus-tools`.
    install: ClassVar[str]
    #: Of the files it makes, with the dot.
    suffix: ClassVar[str]
    #: The bit rates that the bench tries when no other is asked for, in kbit/s, as the codec itself counts them.
    default_kbps: tuple[float, ...]

    @abstractmethod
    def missing(self) -> str | None:
        """Why it cannot be used on this machine; None if it can. Cheap: nothing is loaded."""

    @abstractmethod
    def version(self) -> str:
        """Of the program or library, for the report."""

    @abstractmethod
    def nearest(self, kbps: float) -> float:
        """The bit rate that it can be set to and that is nearest to the one asked for."""

    def prepare(self, threads: int | None = None) -> None:  # noqa: B027 - most have nothing to load
        """Load what coding needs, such as networks, for this many threads (None: all cores). Called once."""

    @abstractmethod
    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        """Make the file that a user would keep.

        Args:
            source: WAV, 16 bit, one channel, 16 kHz.
            stored: the file to write; its suffix is `suffix`.
            kbps: one that `nearest` gives.

        Raises:
            PeerError: the codec failed; with its own words.
        """

    @abstractmethod
    def decode(self, stored: Path, target: Path) -> None:
        """Make a WAV file, 16 bit, one channel, of any sampling rate, from what `encode` wrote.

        Raises:
            PeerError: the codec failed; with its own words.
        """

    def payload_bytes(self, stored: Path) -> float:
        """Of the file's bytes, those that the codec itself needs: no container's headers. The whole file by default."""
        return stored.stat().st_size


class PeerError(Exception):
    """A codec failed on a recording; the bench notes it and goes on."""


def nearest_of(choices: tuple[float, ...], kbps: float) -> float:
    """The choice whose ratio to `kbps` is nearest to one."""
    return min(choices, key=lambda choice: max(choice / kbps, kbps / choice))
