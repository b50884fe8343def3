"""Results of a bench as CSV and JSON."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from brevox.evaluation.comparing import csv_cells
from brevox.evaluation.metrics.metric import Metric
from brevox.evaluation.runs import Row
from brevox.evaluation.summary import Summary
from brevox.output import atomic_output


def kbps_of(row: Row, size: float) -> float:
    """Bytes of a clip as a bit rate."""
    return size * 8 / 1000 / row.seconds if row.seconds else 0.0


def write_csv(path: Path, rows: Sequence[Row], metrics: Sequence[Metric]) -> None:
    """One line for each clip in each condition. Where there is no score, the cell is empty, and `problems` says why."""
    facts = ["codec", "kbps", "clip", "speaker", "seconds", "file_bytes", "file_kbps", "payload_kbps", "delay_ms"]
    with atomic_output(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*facts, *(metric.name for metric in metrics), "problems"])
        for row in rows:
            writer.writerow(
                [
                    row.condition.codec,
                    f"{row.condition.kbps:g}",
                    row.clip,
                    row.speaker,
                    f"{row.seconds:.3f}",
                    f"{row.file_bytes:.0f}",
                    f"{kbps_of(row, row.file_bytes):.4f}",
                    f"{kbps_of(row, row.payload_bytes):.4f}",
                    f"{row.delay_ms:.2f}",
                    *csv_cells(row.cells or {}, metrics, row.problem),
                ]
            )


def to_json(rows: Sequence[Row], summaries: Sequence[Summary], metrics: Sequence[Metric]) -> dict[str, Any]:
    """All that was measured, in types that JSON has."""
    return {
        "metrics": {
            metric.name: {key: value for key, value in vars(metric).items() if key not in ("name", "open")}
            for metric in metrics
        },
        "summary": [asdict(summary) for summary in summaries],
        "rows": [asdict(row) for row in rows],
    }
