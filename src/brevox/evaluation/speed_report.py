"""What was measured of speed, as a table, sentences, a picture, and files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from brevox.errors import SettingsError
from brevox.evaluation.growth import Growth, growth
from brevox.evaluation.speed import REFERENCE, SpeedRow, middle, ratio
from brevox.evaluation.speed_process import Cost
from brevox.output import atomic_output, write_json
from brevox.pictures import marker

#: How it was measured, for those who read the table.
HOW = (
    "Each number is the median over processes that do nothing else: one encodes a file of 16 kHz, one channel, "
    "16 bit, one decodes it to WAV, on as many cores as there are threads. Start-up is Python and all that the codec "
    "loads; programs such as opusenc start within the coding. Memory is the largest resident set, Python's included; "
    "codecs that run through PyAV or PyTorch, and Codec 2, get the whole recording at once, and it is in their memory. "
    "Untrained networks have weights drawn by lot: the arithmetic is the same. "
    "Codecs take turns, and are compared within a round; in brackets are the extremes."
)


def speed_table(rows: Sequence[SpeedRow]) -> list[dict[str, str]]:
    """One line for each codec and number of threads, at the longest recording that it was measured with."""
    return [_line(group, rows) for group in _groups(rows)]


def growth_lines(rows: Sequence[SpeedRow]) -> list[str]:
    """Sentences on how time and memory grow with the length, for each codec and number of threads."""
    lines = []
    for group in _groups(rows):
        for encodes in (True, False):
            seconds, megabytes = grown(group, encodes, "coding_s"), grown(group, encodes, "memory_mb")
            if seconds is None or megabytes is None:
                continue
            lines.append(
                f"{_name(group[0])} {'encode' if encodes else 'decode'}: {_time_growth(seconds)}; "
                f"memory {megabytes.start:.0f} MB {megabytes.slope * 60:+.2f} MB per minute"
            )
    return lines


def grown(rows: Sequence[SpeedRow], encodes: bool, name: str) -> Growth | None:
    """The fit to what `Cost` calls `name`, of one codec and number of threads; None with fewer than two lengths."""
    measured = [row for row in rows if not row.problem]
    return growth([row.length_s for row in measured], [middle(row, encodes, name) for row in measured])


def write_speed(folder: Path, rows: Sequence[SpeedRow], facts: dict[str, Any]) -> list[Path]:
    """Write `speed.json`, `speed.csv` with a line for each process, and `speed.png`.

    Args:
        folder: made if it is not there.
        facts: what else the JSON is to tell, such as the machine.

    Returns:
        The files' paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"speed.{suffix}" for suffix in ("json", "csv", "png")]
    told = {**facts, "how": HOW, "growth": growth_lines(rows), "rows": [asdict(row) for row in rows]}
    write_json(paths[0], told)
    with atomic_output(paths[1]) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        names = list(Cost.__dataclass_fields__)
        table.writerow(["codec", "threads", "length_s", "kbps", "round", "action", *names, "problem"])
        for row in rows:
            start = [row.codec, row.threads, f"{row.length_s:g}"]
            for action, costs in (("encode", row.encode), ("decode", row.decode)):
                for number, cost in enumerate(costs):
                    values = [f"{getattr(cost, name):.4f}" for name in names]
                    table.writerow([*start, f"{row.kbps:.3f}", number, action, *values, ""])
            if row.problem:
                table.writerow([*start, "", "", "", *[""] * len(names), row.problem])
    speed_picture(rows, paths[2])
    return paths


def read_speed(path: Path) -> list[SpeedRow]:
    """The rows of a `speed.json`.

    Raises:
        SettingsError: it is not one.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [
            SpeedRow(**{**row, **{name: tuple(Cost(**cost) for cost in row[name]) for name in ("encode", "decode")}})
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is not a speed.json that 'brevox speed' wrote: {error}") from error


def speed_picture(rows: Sequence[SpeedRow], path: Path) -> None:
    """Draw seconds against length, as measured and as fitted, and write a PNG file."""
    threads = sorted({row.threads for row in rows})
    figure = Figure(figsize=(10, 1 + 3.6 * len(threads)), layout="constrained")
    axes = figure.subplots(len(threads), 2, squeeze=False, sharex=True, sharey=True)
    codecs = list(dict.fromkeys(row.codec for row in rows))
    for group in _groups(rows):
        measured = [row for row in group if not row.problem]
        if not measured:
            continue
        place = codecs.index(group[0].codec)
        look = {"color": f"C{place % 10}", "marker": marker(place), "markersize": 5}
        for column, encodes in enumerate((True, False)):
            panel = axes[threads.index(group[0].threads)][column]
            middles = np.array([middle(row, encodes, "coding_s") for row in measured])
            seconds = [[cost.coding_s for cost in row.costs(encodes)] for row in measured]
            spread = [middles - [min(each) for each in seconds], [max(each) for each in seconds] - middles]
            lengths = [row.length_s for row in measured]
            panel.errorbar(lengths, middles, yerr=spread, linestyle="", capsize=2, label=group[0].title, **look)
            fit = grown(measured, encodes, "coding_s")
            if fit is not None:
                along = np.geomspace(lengths[0], lengths[-1], 50)
                line = fit.start + fit.slope * along
                panel.plot(along[line > 0], line[line > 0], color=look["color"], linewidth=1)
    lengths_s = sorted({row.length_s for row in rows})
    ends = [lengths_s[0], lengths_s[-1]]
    for number, line_of_axes in zip(threads, axes, strict=True):
        for panel, what in zip(line_of_axes, ("encoding", "decoding"), strict=True):
            panel.plot(ends, ends, color="0.6", linestyle="--", linewidth=1, label="real time")
            panel.set(xscale="log", yscale="log", title=f"{what}, {number} thread{'s' if number > 1 else ''}")
            panel.set_xticks(lengths_s, [f"{length:g}" for length in lengths_s], minor=False)
            panel.xaxis.set_minor_locator(NullLocator())
            panel.set_xlabel("seconds of recording")
            panel.grid(alpha=0.25)
        line_of_axes[0].set_ylabel("seconds it takes")
    handles = dict(zip(*reversed(axes[0][0].get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8, frameon=False)
    with atomic_output(path) as part:
        figure.savefig(part, format="png", dpi=130)


def _groups(rows: Sequence[SpeedRow]) -> list[list[SpeedRow]]:
    """Rows of the same codec and number of threads, by length."""
    groups: dict[tuple[str, int], list[SpeedRow]] = {}
    for row in rows:
        groups.setdefault((row.codec, row.threads), []).append(row)
    return [sorted(group, key=lambda row: row.length_s) for group in groups.values()]


def _name(row: SpeedRow) -> str:
    return f"{row.codec}, {row.threads} thread{'s' if row.threads > 1 else ''},"


def _time_growth(seconds: Growth) -> str:
    if seconds.slope <= 0:  # the machine was busier with the short ones
        return "no growth with length was seen"
    return (
        f"{seconds.start:.2f} s {seconds.slope * 1000:+.2f} ms per second of audio "
        f"(x{1 / seconds.slope:.0f} real time; the longest grow as length^{seconds.exponent:.2f})"
    )


def _line(group: Sequence[SpeedRow], rows: Sequence[SpeedRow]) -> dict[str, str]:
    longest = next((row for row in reversed(group) if not row.problem), None)
    problem = next((f"{row.length_s:g} s: {row.problem}" for row in group if row.problem), "")
    line = {"codec": group[0].title, "threads": str(group[0].threads)}
    if longest is None:
        return line | dict.fromkeys(_COLUMNS, "-") | {"remarks": problem}
    reference = next(
        (
            row
            for row in rows
            if (row.codec, row.threads, row.length_s) == (REFERENCE, longest.threads, longest.length_s)
        ),
        None,
    )
    values = [f"{longest.kbps:.2f}", f"{longest.length_s:g}"]
    values += [_times_real_time(longest, encodes) for encodes in (True, False)]
    values.append(f"{middle(longest, True, 'startup_s'):.2f}")
    values += [_memory(longest, encodes) for encodes in (True, False)]
    values += [_ratio(longest, reference, encodes) for encodes in (True, False)]
    return line | dict(zip(_COLUMNS, values, strict=True)) | {"remarks": problem}


_COLUMNS = (
    "kbit/s",
    "length, s",
    "encode, x real time",
    "decode, x real time",
    "start-up, s",
    "encode, MB",
    "decode, MB",
    f"encode time / {REFERENCE}",
    f"decode time / {REFERENCE}",
)


def _times_real_time(row: SpeedRow, encodes: bool) -> str:
    times = row.length_s / middle(row, encodes, "coding_s")
    return f"{times:.0f}" if times >= 10 else f"{times:.2g}"


def _memory(row: SpeedRow, encodes: bool) -> str:
    programs = middle(row, encodes, "programs_mb")
    return f"{middle(row, encodes, 'memory_mb'):.0f}" + (f" (program: {programs:.0f})" if programs else "")


def _ratio(row: SpeedRow, reference: SpeedRow | None, encodes: bool) -> str:
    found = None if reference is None else ratio(row, reference, encodes)
    if found is None:
        return "-"
    return "1" if row is reference else f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"
