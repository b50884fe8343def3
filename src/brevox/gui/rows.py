"""One file in the queue, and where its result goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from brevox.codec.batch import result_paths
from brevox.codec.transcode import Transcoded


class Direction(Enum):
    """What is done with a queue's files."""

    ENCODE = "encode"
    DECODE = "decode"


class State(Enum):
    """Where a file stands."""

    READY = "ready"
    WAITING = "waiting"
    WORKING = "working"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"


@dataclass(eq=False)
class Row:
    """A file, what is known of it, and what became of it.

    relative: its place below the folder it was dropped with; only its name if it was dropped itself.
    sentence: what is wrong, or worth knowing.
    needs: id and name of the model that it needs and that is not here.
    """

    source: Path
    relative: Path
    state: State = State.READY
    length_s: float | None = None
    before: int | None = None
    after: int | None = None
    kbps: float | None = None
    done: float = 0.0
    left_s: float | None = None
    sentence: str = ""
    needs: tuple[str, str] | None = None
    model_id: str = ""
    target: Path | None = None
    result: Transcoded | None = None
    task: Any = None

    @property
    def at_work(self) -> bool:
        return self.state in (State.WAITING, State.WORKING)

    @property
    def can_start(self) -> bool:
        return self.state in (State.READY, State.STOPPED)


def targets(rows: Sequence[Row], folder: Path | None, suffix: str) -> list[Path]:
    """Where each row's result goes: beside its source, or below `folder` in the tree it came from."""
    wanted = [row.source if folder is None else folder / row.relative for row in rows]
    return result_paths(wanted, suffix)


def beside(target: Path, taken: set[Path]) -> Path:
    """A name like it that nothing has: talk.sc -> talk (2).sc"""
    number = 2
    while (other := target.with_name(f"{target.stem} ({number}){target.suffix}")).exists() or other in taken:
        number += 1
    return other
