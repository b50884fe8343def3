"""How fast codecs are and how much memory they need, each measured in fresh processes, in turn with the others.

Source of the order: machines drift, by heat and by what else they do. Codecs take turns, every other round in reverse,
and are compared within a round.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar

import psutil

from brevox.audio import AudioWriter
from brevox.errors import SettingsError
from brevox.evaluation.peers.known import make_peers
from brevox.evaluation.peers.neural import NeuralPeer
from brevox.evaluation.peers.peer import Peer
from brevox.evaluation.signals import RATE_HZ, read_mono
from brevox.evaluation.speed_process import Cost, NotMeasured, measure

#: Bit rate at which codecs are compared: each at its own that is nearest.
KBPS = 3.0
#: Of one encoding or decoding; what takes longer is not measured.
MOST_S = 300.0
REFERENCE = "brevox"

Item = TypeVar("Item")


@dataclass(frozen=True)
class SpeedRow:
    """One codec, with so many threads, at one length.

    kbps: of the file that it made.
    encode, decode: what it took, once for each round.
    problem: why there is nothing of the above, or not all; empty if all went well.
    """

    codec: str
    title: str
    threads: int
    length_s: float
    kbps: float = 0.0
    encode: tuple[Cost, ...] = ()
    decode: tuple[Cost, ...] = ()
    problem: str = ""

    def costs(self, encodes: bool) -> tuple[Cost, ...]:
        """Of encoding or of decoding."""
        return self.encode if encodes else self.decode


@dataclass(frozen=True)
class Ratio:
    """How many times as long as another codec: the median over rounds, the least, and the most."""

    median: float
    low: float
    high: float


def measure_speed(
    peers: Sequence[Peer],
    lengths_s: Sequence[float] = (10, 60, 600, 3600),
    threads: Sequence[int] = (1, 2),
    repeats: int = 3,
    recording: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    kbps: float = KBPS,
    most_s: float = MOST_S,
    most_mb: float | None = None,
) -> list[SpeedRow]:
    """Measure codecs at several lengths.

    Args:
        peers: codecs; those that this machine has not get rows that say so.
        lengths_s: of recordings, in seconds.
        threads: how many to measure with, one after the other.
        repeats: rounds.
        recording: repeated up to each length, as WAV of 16 kHz, one channel, 16 bit; by default the demo clip.
        progress: called with how many files are coded, and of how many.
        kbps: each codec is run at its bit rate nearest to it.
        most_s, most_mb: an encoding or decoding that takes more is ended, and a length at which it would is left out
            (see `too_much`). By default 300 s, and half of the memory that is free.

    Returns:
        One row for each codec at each length with each number of threads, shorter lengths first.

    Raises:
        AudioFileError: the recording cannot be read.
        SettingsError: this machine has fewer cores than threads asked for.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if max(threads) > cores:
        raise SettingsError(f"this machine has {cores} cores to run on; {max(threads)} threads cannot be measured")
    if most_mb is None:
        most_mb = psutil.virtual_memory().available / 2e6
    lengths_s, threads = sorted(set(lengths_s)), sorted(set(threads))
    total = len(peers) * len(lengths_s) * len(threads) * repeats * 2
    done = 0
    rows: list[SpeedRow] = []
    with tempfile.TemporaryDirectory(prefix="brevox-speed-") as folder:
        source = Path(folder) / "source.wav"
        for length_s in lengths_s:
            _write_repeated(source, recording, length_s)
            for count in threads:
                group = [_Series(peer, count, length_s, kbps, most_s, most_mb) for peer in peers]
                for series in group:
                    shorter = [row for row in rows if (row.codec, row.threads) == (series.peer.name, count)]
                    missing = series.peer.missing()
                    why = f"not measured: {missing}" if missing else too_much(shorter, length_s, most_s, most_mb)
                    series.problem = why
                for number in range(repeats):
                    for series in in_turn(group, number):
                        series.measure(source)
                        done += 2
                        if progress is not None:
                            progress(done, total)
                rows += [series.row() for series in group]
    return rows


def make_speed_peers(names: Sequence[str] | None = None) -> list[Peer]:
    """The codecs of these names, all by default (see `make_peers`).

    Neural codecs whose weights are not here have weights drawn by lot, and titles that say so: the arithmetic is the
    same, and so are speed and memory.
    """
    peers = make_peers(names)
    for peer in peers:
        if isinstance(peer, NeuralPeer) and peer.missing():
            peer.untrained = True
            if not peer.missing():
                peer.title += ", untrained"
    return peers


def in_turn(items: Sequence[Item], number: int) -> list[Item]:
    """The order of a round: as they are, in every other round from the last to the first."""
    return list(reversed(items)) if number % 2 else list(items)


def too_much(shorter: Sequence[SpeedRow], length_s: float, most_s: float, most_mb: float) -> str:
    """Why a codec is not measured at a length; empty if it is.

    Time and memory are taken to grow further as they did between the last two lengths. With fewer than two behind it,
    a codec is tried.

    Args:
        shorter: its rows so far, the shortest first.
    """
    first = next((row for row in shorter if row.problem), None)
    if first is not None:
        return f"not measured: already at {first.length_s:g} s: {first.problem.removeprefix('not measured: ')}"
    if len(shorter) < 2:
        return ""
    for encodes in (True, False):
        seconds, megabytes = (_further(shorter[-2:], length_s, encodes, name) for name in ("coding_s", "memory_mb"))
        what = "encoding" if encodes else "decoding"
        if seconds > most_s:
            return f"not measured: {what} would take about {seconds:.0f} s, more than {most_s:g}"
        if megabytes > most_mb:
            return f"not measured: {what} would need about {megabytes / 1000:.1f} GB, more than {most_mb / 1000:.1f}"
    return ""


def ratio(row: SpeedRow, other: SpeedRow, encodes: bool) -> Ratio | None:
    """How many times as long as another codec it takes, start-up left out; compared within each round.

    Returns:
        None if one of them was not measured.
    """
    pairs = list(zip(row.costs(encodes), other.costs(encodes), strict=False))
    if not pairs or row.problem or other.problem:
        return None
    ratios = [mine.coding_s / its.coding_s for mine, its in pairs]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def middle(row: SpeedRow, encodes: bool, name: str) -> float:
    """The median over rounds of what `Cost` calls `name`."""
    return statistics.median(getattr(cost, name) for cost in row.costs(encodes))


def _further(two: Sequence[SpeedRow], length_s: float, encodes: bool, name: str) -> float:
    before, last = (middle(row, encodes, name) for row in two)
    slope = (last - before) / (two[1].length_s - two[0].length_s)
    return last + slope * (length_s - two[1].length_s)


@dataclass
class _Series:
    """The measurements of one row, as they come."""

    peer: Peer
    threads: int
    length_s: float
    asked_kbps: float
    most_s: float
    most_mb: float
    kbps: float = 0.0
    encode: list[Cost] = field(default_factory=list)
    decode: list[Cost] = field(default_factory=list)
    problem: str = ""

    def measure(self, source: Path) -> None:
        """Encode and decode once, unless that has failed before."""
        if self.problem:
            return
        stored, target = source.with_name(f"stored{self.peer.suffix}"), source.with_name("decoded.wav")
        try:
            self.encode.append(self._cost(True, source, stored))
            self.kbps = stored.stat().st_size * 8 / 1000 / self.length_s
            self.decode.append(self._cost(False, stored, target))
        except NotMeasured as reason:
            self.problem = str(reason)
        except OSError as error:
            self.problem = f"failed: {error}"
        finally:
            stored.unlink(missing_ok=True)
            target.unlink(missing_ok=True)

    def _cost(self, encodes: bool, source: Path, target: Path) -> Cost:
        return measure(
            self.peer,
            encodes=encodes,
            source=source,
            target=target,
            kbps=self.peer.nearest(self.asked_kbps),
            threads=self.threads,
            most_s=self.most_s,
            most_mb=self.most_mb,
        )

    def row(self) -> SpeedRow:
        return SpeedRow(
            self.peer.name,
            self.peer.title,
            self.threads,
            self.length_s,
            self.kbps,
            tuple(self.encode),
            tuple(self.decode),
            self.problem,
        )


def _write_repeated(path: Path, recording: Path | None, length_s: float) -> None:
    """A recording over and over, up to a length; 16 kHz, one channel, 16 bit."""
    if recording is None:
        with as_file(files("brevox") / "assets" / "demo.flac") as clip:
            audio = read_mono(clip)
    else:
        audio = read_mono(recording)
    left = round(length_s * RATE_HZ)
    with AudioWriter(path, RATE_HZ, 1) as writer:
        while left > 0:
            writer.write(audio[None, :left])
            left -= len(audio)
