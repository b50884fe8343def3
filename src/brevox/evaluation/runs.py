"""Codecs beside each other: every clip through every codec at every rate, into a file and back, and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from brevox.errors import BrevoxError
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.clips import Clip
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.metrics.metric import Options
from brevox.evaluation.peers.known import make_peers
from brevox.evaluation.peers.peer import Peer, PeerError
from brevox.evaluation.scoring import Cell, Scorer
from brevox.evaluation.signals import RATE_HZ, read_mono, write_mono
from brevox.processes import LocalProcesses, Report

#: The original itself, measured like any other: what a measure says of a perfect copy.
ORIGINAL = "original"
#: Rates within this ratio are compared with each other without a word.
_NEARLY = 1.5
_PCM_KBPS = RATE_HZ * 16 / 1000


@dataclass(frozen=True)
class Condition:
    """A codec at one of its bit rates; kbps as the codec itself counts them."""

    codec: str
    kbps: float

    def __str__(self) -> str:
        return self.codec if self.codec == ORIGINAL else f"{self.codec} {self.kbps:g}"


@dataclass(frozen=True)
class Row:
    """One clip in one condition.

    file_bytes: of the file as stored.
    payload_bytes: of it, what the codec needs without a container.
    cells: what each measure said, by its name.
    delay_ms: taken out before measuring.
    problem: why there is nothing of the above; empty if all went well.
    """

    condition: Condition
    clip: str
    speaker: str
    seconds: float
    file_bytes: float = 0
    payload_bytes: float = 0
    delay_ms: float = 0
    cells: dict[str, Cell] | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Job:
    condition: Condition
    clip: int
    name: str
    speaker: str
    text: str | None


def conditions_of(peers: Sequence[Peer], kbps: Sequence[float] | None) -> list[Condition]:
    """What to run: each codec at its own rates, or at those nearest to the ones asked for, each once."""
    found: dict[Condition, None] = {}
    for peer in peers:
        for rate in peer.default_kbps if kbps is None else sorted(kbps):
            found[Condition(peer.name, rate if kbps is None else peer.nearest(rate))] = None
    return list(found)


def far_rates(peers: Sequence[Peer], kbps: Sequence[float]) -> list[str]:
    """Where a rate that was asked for is not what a codec was run at, not even nearly: a sentence each."""
    taken = [(peer, rate, peer.nearest(rate)) for peer in peers for rate in sorted(kbps)]
    return [
        f"{peer.name} has no rate near {asked:g} kbit/s; {rate:g} was taken"
        for peer, asked, rate in taken
        if max(asked / rate, rate / asked) > _NEARLY
    ]


def run_codecs(
    clips: Sequence[Clip],
    codecs: Sequence[str],
    conditions: Sequence[Condition],
    folder: Path,
    *,
    metrics: Sequence[str] | None = None,
    options: Options | None = None,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Run everything, in several processes.

    Args:
        clips: what is coded.
        codecs: for `make_peers`; all of them usable on this machine.
        conditions: of these codecs.
        folder: an empty one; gets `CLIP.wav` of each clip, and `CLIP.CONDITION.wav` of what was decoded
            (see `decoded_path`).
        metrics: names; all by default.
        options: what measures need to be told.
        cache: folder of scores; None keeps none.
        jobs: processes, one a core by default.
        progress: called with the number of rows done, and of all.

    Returns:
        Rows in the order of conditions, then clips; those of the original first.
    """
    for index, clip in enumerate(clips):
        write_mono(_clip_path(folder, index), clip.audio)
    everything = [Condition(ORIGINAL, _PCM_KBPS), *conditions]
    items = [
        _Job(condition, index, clip.name, clip.speaker, clip.text)
        for index, clip in enumerate(clips)  # clip by clip: some measures remember what they know of the original
        for condition in everything
    ]
    start = partial(_start, tuple(codecs), metrics, options or Options(), cache, folder)
    rows: dict[tuple[Condition, int], Row] = {}
    for job, row in LocalProcesses(jobs, attempts=2).run(items, start):
        rows[job.condition, job.clip] = row or _row(job, 0, problem="its process was killed; for want of memory?")
        if progress is not None:
            progress(len(rows), len(items))
    return [rows[condition, index] for condition in everything for index in range(len(clips))]


def decoded_path(folder: Path, clip: int, condition: Condition) -> Path:
    """Where `run_codecs` left what was decoded of a clip; of the original, the clip itself."""
    if condition.codec == ORIGINAL:
        return _clip_path(folder, clip)
    return folder / f"{clip}.{condition.codec}.{condition.kbps:g}.wav"


def _clip_path(folder: Path, clip: int) -> Path:
    return folder / f"{clip}.wav"


def _start(
    codecs: tuple[str, ...],
    metrics: Sequence[str] | None,
    options: Options,
    cache: Path | None,
    folder: Path,
    threads: int | None,
) -> Callable[[_Job, Report], Row]:
    scorer = Scorer(choose_metrics(metrics), ScoreCache(cache, options), threads)
    peers = {peer.name: peer for peer in make_peers(codecs)}
    ready: set[str] = set()

    def work(job: _Job, report: Report) -> Row:
        report(0, 1)
        original = read_mono(_clip_path(folder, job.clip))
        if job.condition.codec == ORIGINAL:
            scored = scorer.score(original, original, job.text)
            size = float(len(original) * 2)
            return _row(job, len(original), size, size, scored.delay_ms, scored.cells)
        peer = peers[job.condition.codec]
        stored = folder / f"{job.clip}.{job.condition.codec}.{job.condition.kbps:g}{peer.suffix}"
        target = decoded_path(folder, job.clip, job.condition)
        try:
            if peer.name not in ready:
                peer.prepare(threads)
                ready.add(peer.name)
            peer.encode(_clip_path(folder, job.clip), stored, job.condition.kbps)
            peer.decode(stored, target)
            size, payload = stored.stat().st_size, peer.payload_bytes(stored)
            decoded = read_mono(target)
        except (PeerError, BrevoxError) as error:
            return _row(job, len(original), problem=str(error))
        report(0.5, 1)
        scored = scorer.score(original, decoded, job.text)
        return _row(job, len(original), size, payload, scored.delay_ms, scored.cells)

    return work


def _row(
    job: _Job,
    samples: int,
    file_bytes: float = 0,
    payload_bytes: float = 0,
    delay_ms: float = 0,
    cells: dict[str, Cell] | None = None,
    problem: str = "",
) -> Row:
    return Row(
        job.condition,
        job.name,
        job.speaker,
        samples / RATE_HZ,
        file_bytes,
        payload_bytes,
        delay_ms,
        cells,
        problem,
    )
