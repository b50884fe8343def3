"""Rows of an earlier bench of the same clips, so that codecs that did not change need not be measured again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brevox.errors import SettingsError
from brevox.evaluation.clips import Clip
from brevox.evaluation.metrics.metric import Score
from brevox.evaluation.runs import ORIGINAL, Condition, Row
from brevox.evaluation.scoring import Cell
from brevox.evaluation.signals import RATE_HZ


def earlier_rows(path: Path, clips: Sequence[Clip], metrics: Sequence[str]) -> list[Row]:
    """What an earlier bench found.

    Args:
        path: its `results.json`.
        clips: of today's bench.
        metrics: of today's bench; others are left out.

    Returns:
        Rows of all its conditions but the original.

    Raises:
        SettingsError: there is no such file, it was of other clips, or it did not measure all of `metrics`.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        rows = [_row(entry, metrics) for entry in told["rows"] if entry["condition"]["codec"] != ORIGINAL]
        unmeasured = [name for name in metrics if name not in told["metrics"]]
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is no results.json of brevox bench") from error
    if unmeasured:
        raise SettingsError(f"{path} has no {', '.join(unmeasured)}: choose its measures with --metrics")
    ours = {(clip.name, round(len(clip.audio) / RATE_HZ, 3)) for clip in clips}
    if {(row.clip, round(row.seconds, 3)) for row in rows} != ours:
        raise SettingsError(f"{path} is of other clips than these: give the same recordings, --clips and --clip-s")
    return rows


def told_of(path: Path, codecs: Sequence[str]) -> str:
    """A sentence on where the rows of these codecs come from."""
    told = json.loads(path.read_text(encoding="utf-8"))
    machine = ", ".join(f"{name} {value}" for name, value in told["environment"].items())
    return f"Rows of {', '.join(codecs)} are those of an earlier bench of the same clips: {told['command']} ({machine})"


def _row(entry: dict[str, Any], metrics: Sequence[str]) -> Row:
    cells = entry.pop("cells")
    condition = Condition(**entry.pop("condition"))
    if cells is not None:
        cells = {name: _cell(cells[name]) for name in metrics if name in cells}
    return Row(condition=condition, cells=cells, **entry)


def _cell(entry: dict[str, Any]) -> Cell:
    return Cell(None if entry["score"] is None else Score(*entry["score"]), entry["problem"])
