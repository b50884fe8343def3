"""From recordings to a report, in one call: what `brevox bench` does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from brevox.codec.models import load
from brevox.errors import OutputError, SettingsError
from brevox.evaluation.clips import Clip, make_clips
from brevox.evaluation.codebooks import codebook_report
from brevox.evaluation.earlier import earlier_rows, told_of
from brevox.evaluation.environment import command_line, describe_environment
from brevox.evaluation.listening import MOST_CONDITIONS, Trial, write_listening_test
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.metrics.metric import Metric, Options
from brevox.evaluation.peers.brevox import BrevoxPeer
from brevox.evaluation.peers.known import PEERS, make_peers
from brevox.evaluation.peers.peer import Peer
from brevox.evaluation.report import Results, write_report
from brevox.evaluation.runs import Condition, conditions_of, decoded_path, far_rates, run_codecs
from brevox.evaluation.signals import read_mono
from brevox.evaluation.speed_report import read_speed
from brevox.evaluation.summary import Summary, summarise

#: A listener tires; more trials than this are for another day.
_MOST_TRIALS = 12


@dataclass(frozen=True)
class Bench:
    """What a bench found, and where it is written.

    left_out: codecs that cannot be run here, and why.
    unread: recordings that cannot be read, and why.
    elsewhere: rates that were asked for and that a codec is far from, a sentence each.
    pages: the report, and the listening test if there is one.
    """

    summaries: list[Summary]
    metrics: list[Metric]
    left_out: dict[str, str]
    unread: dict[Path, str]
    elsewhere: list[str]
    pages: list[Path]


def bench(
    recordings: Sequence[Path],
    folder: Path,
    *,
    codecs: Sequence[str] | None = None,
    kbps: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
    options: Options | None = None,
    clip_s: float = 10.0,
    most_clips: int | None = None,
    speed: Path | None = None,
    listening_test: bool = False,
    keep: Path | None = None,
    beside: Path | None = None,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Bench:
    """Code and decode clips of recordings with every codec at every rate, measure, and write a report.

    Args:
        recordings: files and folders.
        folder: of the report; made if it is not there.
        codecs: names, and `.bvx` files; all that this machine has by default.
        kbps: each codec is run at its rates nearest to these; at its own by default.
        metrics, options: what to measure, and what measures need to be told.
        clip_s, most_clips: see `make_clips`.
        speed: a `speed.json` of `brevox speed`, shown in the report.
        listening_test: write a blind test of the first clips too.
        keep: an empty or new folder for all files and decoded clips, thrown away by default.
        beside: the `results.json` of an earlier bench of the same clips: its codecs that are not measured now are
            taken over into the report, but cannot be listened to there.
        cache: folder of scores measured before; None measures all.
        jobs: processes, one a core by default.
        progress: called with how much is done, and of how much.

    Raises:
        AudioFileError: no recording can be read.
        SettingsError: no such codec or measure, or none of the codecs is on this machine.
    """
    chosen = choose_metrics(metrics)
    # Whatever can be wrong is found out before the long work.
    speed_rows = read_speed(speed) if speed is not None else ()
    peers, left_out = _usable(make_peers(codecs))
    sources = {peer.name: f"{peer.source}; {peer.version()}" for peer in peers}  # opens models
    conditions = conditions_of(peers, kbps)
    if listening_test and len(conditions) > MOST_CONDITIONS:
        raise SettingsError(
            f"a listening test of {len(conditions)} codecs and rates asks too much of listeners; "
            f"choose at most {MOST_CONDITIONS} with --codecs and --kbps"
        )
    found = make_clips(recordings, clip_s, most_clips)
    clips = found.clips
    before = [] if beside is None else earlier_rows(beside, clips, [metric.name for metric in chosen])
    before = [row for row in before if row.condition.codec not in sources]
    _make_folder(folder)
    with _working_folder(keep) as work:
        rows = run_codecs(
            clips,
            # A model is named by its file, a known codec by its name.
            [name for name in codecs or [peer.name for peer in peers] if name not in left_out],
            conditions,
            work,
            metrics=[metric.name for metric in chosen],
            options=options,
            cache=cache,
            jobs=jobs,
            progress=progress,
        )
        rows += before
        others = list(dict.fromkeys(row.condition.codec for row in before))
        results = Results(
            clips,
            rows,
            chosen,
            titles={peer.name: peer.title for peer in peers}
            | {name: PEERS[name]().title for name in others if name in PEERS},
            beside="" if beside is None else told_of(beside, others),
            sources=sources,
            environment=describe_environment(tuple(metric.package.split()[0] for metric in chosen if metric.package)),
            command=command_line(),
            left_out=left_out,
            speed=speed_rows,
            codebooks={
                peer.name: codebook_report(load(peer.model), clips) for peer in peers if isinstance(peer, BrevoxPeer)
            },
        )
        pages = [write_report(folder, results, work)]
        if listening_test:
            pages.append(write_listening_test(folder, _trials(clips, conditions, work)))
    return Bench(summarise(rows), chosen, left_out, found.unread, far_rates(peers, kbps or ()), pages)


def _usable(peers: Sequence[Peer]) -> tuple[list[Peer], dict[str, str]]:
    reasons = {peer.name: peer.missing() for peer in peers}
    left_out = {name: reason for name, reason in reasons.items() if reason is not None}
    usable = [peer for peer in peers if peer.name not in left_out]
    if not usable:
        raise SettingsError("; ".join(f"{name}: {reason}" for name, reason in left_out.items()))
    return usable, left_out


def _trials(clips: Sequence[Clip], conditions: Sequence[Condition], work: Path) -> list[Trial]:
    return [
        Trial(
            clip.name,
            clip.audio,
            {
                str(condition): read_mono(decoded_path(work, index, condition))
                for condition in conditions
                if decoded_path(work, index, condition).is_file()
            },
        )
        for index, clip in enumerate(clips[:_MOST_TRIALS])
    ]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}") from error


@contextmanager
def _working_folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="brevox-bench-") as folder:
            yield Path(folder)
        return
    _make_folder(keep)
    if any(keep.iterdir()):
        raise SettingsError(f"{keep} is not empty; give a new folder to --keep")
    yield keep
