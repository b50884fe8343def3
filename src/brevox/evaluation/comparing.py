"""Scores of recordings that lie there already: an original and a decoded one, or two folders of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from brevox.audio.source import AUDIO_SUFFIXES
from brevox.errors import AudioFileError, BrevoxError
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.clips import transcript_of
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.metrics.metric import Metric, Options
from brevox.evaluation.scoring import Cell, Scorer
from brevox.evaluation.signals import RATE_HZ, read_mono
from brevox.output import atomic_output
from brevox.processes import LocalProcesses, Report


@dataclass(frozen=True)
class Compared:
    """What was measured of two recordings.

    seconds, degraded_seconds: how long they are; measured is what the original lasts.
    cells: by the measures' names; none if a file could not be read.
    """

    reference: Path
    degraded: Path
    seconds: float = 0
    degraded_seconds: float = 0
    delay_ms: float = 0
    cells: dict[str, Cell] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Pairs:
    """Which recordings belong together.

    both: originals and what became of them.
    originals, degraded: those without a partner.
    """

    both: list[tuple[Path, Path]]
    originals: list[Path] = field(default_factory=list)
    degraded: list[Path] = field(default_factory=list)


def find_pairs(reference: Path, degraded: Path) -> Pairs:
    """Two files; or from two folders, the recordings that have one name but for its ending.

    Raises:
        AudioFileError: a path does not exist, is of the other kind, or no names agree.
    """
    for path in (reference, degraded):
        if not path.exists():
            raise AudioFileError(f"{path} does not exist")
    if reference.is_dir() != degraded.is_dir():
        raise AudioFileError("give two recordings or two folders; one of each cannot be compared")
    if not reference.is_dir():
        return Pairs([(reference, degraded)])
    originals, decoded = _by_name(reference), _by_name(degraded)
    both = [name for name in originals if name in decoded]
    if not both:
        raise AudioFileError(f"no recording in {degraded} has the name of one in {reference}")
    return Pairs(
        [(originals[name], decoded[name]) for name in both],
        [path for name, path in originals.items() if name not in decoded],
        [path for name, path in decoded.items() if name not in originals],
    )


def evaluate(
    pairs: Sequence[tuple[Path, Path]],
    *,
    metrics: Sequence[str] | None = None,
    options: Options | None = None,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Compared]:
    """Measure pairs of recordings, in several processes.

    Args:
        pairs: originals and what a codec made of them.
        metrics: names; all by default.
        options: what measures need to be told.
        cache: folder of scores; None keeps none.
        jobs: processes, one a core by default.
        progress: called with the number of pairs done, and of all.

    Returns:
        In the order of `pairs`.
    """
    choose_metrics(metrics)  # a wrong name is told here, not by each process
    start = partial(_start, metrics, options or Options(), cache)
    done: dict[tuple[Path, Path], Compared] = {}
    for pair, compared in LocalProcesses(jobs, attempts=2).run(list(dict.fromkeys(pairs)), start):
        done[pair] = compared or Compared(*pair, problem="its process was killed; for want of memory?")
        if progress is not None:
            progress(len(done), len(pairs))
    return [done[pair] for pair in pairs]


def write_compared(path: Path, compared: Sequence[Compared], metrics: Sequence[Metric]) -> None:
    """Write scores as CSV (a line a pair; where there is no score, `problems` says why), or as JSON with all details.

    Args:
        path: ends in .csv or .json.
    """
    with atomic_output(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        if path.suffix == ".json":
            paths = [{"reference": str(one.reference), "degraded": str(one.degraded)} for one in compared]
            pairs = [asdict(one) | names for one, names in zip(compared, paths, strict=True)]
            json.dump({"pairs": pairs}, file, indent=1, ensure_ascii=False)
            return
        writer = csv.writer(file)
        writer.writerow(
            ["reference", "degraded", "seconds", "degraded_seconds", "delay_ms", *(m.name for m in metrics), "problems"]
        )
        for one in compared:
            facts = [
                one.reference,
                one.degraded,
                f"{one.seconds:.3f}",
                f"{one.degraded_seconds:.3f}",
                f"{one.delay_ms:.2f}",
            ]
            writer.writerow([*facts, *csv_cells(one.cells or {}, metrics, one.problem)])


def csv_cells(cells: Mapping[str, Cell], metrics: Sequence[Metric], problem: str) -> list[str]:
    """One field a measure, empty where there is no score, and a last one that says why."""
    scores = [cells[metric.name].score if metric.name in cells else None for metric in metrics]
    problems = [problem] if problem else [f"{name}: {cell.problem}" for name, cell in cells.items() if cell.problem]
    return [*(f"{score.value:.5g}" if score else "" for score in scores), "; ".join(problems)]


def _by_name(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    return {str(path.relative_to(folder).with_suffix("")): path for path in files}


def _start(
    metrics: Sequence[str] | None, options: Options, cache: Path | None, threads: int | None
) -> Callable[[tuple[Path, Path], Report], Compared]:
    scorer = Scorer(choose_metrics(metrics), ScoreCache(cache, options), threads)

    def work(pair: tuple[Path, Path], report: Report) -> Compared:
        report(0, 1)
        try:
            reference, degraded = read_mono(pair[0]), read_mono(pair[1])
        except BrevoxError as error:
            return Compared(*pair, problem=str(error))
        scored = scorer.score(reference, degraded, transcript_of(pair[0]))
        seconds, degraded_seconds = len(reference) / RATE_HZ, len(degraded) / RATE_HZ
        return Compared(*pair, seconds, degraded_seconds, scored.delay_ms, scored.cells)

    return work
