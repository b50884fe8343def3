"""The bench's results as one page that works from disk: curves, tables, and players to hear the clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from brevox.evaluation.clips import Clip
from brevox.evaluation.codebooks import Book
from brevox.evaluation.curves import curve
from brevox.evaluation.listening_copies import sound_uri, spectrogram_uri
from brevox.evaluation.metrics.metric import Metric
from brevox.evaluation.runs import Condition, Row, decoded_path
from brevox.evaluation.signals import RATE_HZ, read_mono
from brevox.evaluation.speed import SpeedRow
from brevox.evaluation.speed_report import HOW, growth_lines, speed_picture, speed_table
from brevox.evaluation.summary import Summary, summarise
from brevox.evaluation.tables import to_json, write_csv
from brevox.output import atomic_output, write_json
from brevox.pictures import data_uri, to_png

_EXAMPLES = 2
#: Of sound in all, so that the page stays below some 8 MB; of one clip, at least and at most.
_ALL_EXAMPLES_S = 200.0
_EXAMPLE_S = (3.0, 8.0)


@dataclass(frozen=True)
class Results:
    """All that a report tells.

    titles: of the codecs, by name.
    sources: where each codec is described, by name.
    left_out: codecs that could not be run, and why.
    codebooks: of each Brevox model, by its name as a codec.
    speed: what `brevox speed` measured, if it did.
    beside: which rows were taken over from where; empty if none were.
    """

    clips: Sequence[Clip]
    rows: Sequence[Row]
    metrics: Sequence[Metric]
    titles: dict[str, str]
    sources: dict[str, str]
    environment: dict[str, str]
    command: str
    left_out: dict[str, str] = field(default_factory=dict)
    codebooks: dict[str, list[Book]] = field(default_factory=dict)
    speed: Sequence[SpeedRow] = ()
    beside: str = ""


def write_report(folder: Path, results: Results, decoded: Path) -> Path:
    """Write `index.html`, `results.csv`, `results.json` and `MEASURE.png` of each measure.

    Args:
        folder: made if it is not there.
        decoded: the folder that `run_codecs` filled.

    Returns:
        The page's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summaries = summarise(results.rows)
    pictures = []
    for metric in results.metrics:
        figure = curve(metric, summaries, results.titles)
        if figure is None:
            continue
        data = to_png(figure)
        with atomic_output(folder / f"{metric.name}.png") as part:
            part.write_bytes(data)
        pictures.append({"metric": metric, "uri": data_uri("image/png", data)})
    speed = speed_table(results.speed)
    speed_uri = ""
    if results.speed:
        speed_picture(results.speed, folder / "speed.png")
        speed_uri = data_uri("image/png", (folder / "speed.png").read_bytes())
    write_csv(folder / "results.csv", results.rows, results.metrics)
    facts = to_json(results.rows, summaries, results.metrics)
    facts |= {"command": results.command, "environment": results.environment, "left_out": results.left_out}
    facts |= {"beside": results.beside}
    facts |= {
        "speed": speed,
        "codebooks": {n: [vars(b) for b in books] for n, books in results.codebooks.items()},
    }
    write_json(folder / "results.json", facts)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("brevox.evaluation"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html").render(
        results=results,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
        summaries=summaries,
        pictures=pictures,
        examples=_examples(results.clips, [summary.condition for summary in summaries], decoded),
        speakers=len({clip.speaker for clip in results.clips}),
        minutes=sum(clip.seconds for clip in results.clips) / 60,
        problems=_problems(summaries, results.metrics),
        measured=[metric for metric in results.metrics if any(metric.name in summary.means for summary in summaries)],
        speed=speed,
        speed_uri=speed_uri,
        how_speed=HOW,
        growth=growth_lines(results.speed),
    )
    path = folder / "index.html"
    with atomic_output(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _examples(clips: Sequence[Clip], conditions: Sequence[Condition], decoded: Path) -> list[dict[str, Any]]:
    """The beginnings of the first clips of different speakers: nobody chose them by how they sound."""
    first: dict[str, int] = {}
    for index, clip in enumerate(clips):
        first.setdefault(clip.speaker, index)
    chosen = list(first.values())[:_EXAMPLES]
    chosen += [index for index in range(len(clips)) if index not in chosen][: _EXAMPLES - len(chosen)]
    seconds = min(max(_ALL_EXAMPLES_S / (len(chosen) * len(conditions)), _EXAMPLE_S[0]), _EXAMPLE_S[1])
    return [
        {
            "clip": clips[index],
            "sounds": [
                {"name": str(condition), **_sound(decoded_path(decoded, index, condition), seconds)}
                for condition in conditions
                if decoded_path(decoded, index, condition).is_file()
            ],
        }
        for index in chosen
    ]


def _sound(path: Path, seconds: float) -> dict[str, str]:
    audio = read_mono(path)[: int(seconds * RATE_HZ)]
    return {"sound": sound_uri(audio), "picture": spectrogram_uri(audio)}


def _problems(summaries: Sequence[Summary], metrics: Sequence[Metric]) -> list[str]:
    """Each reason for a missing number once, with what it concerns."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for summary in summaries:
        if summary.failed:
            by_reason.setdefault((f"{summary.failed} clips failed", summary.failure), []).append(str(summary.condition))
        for metric in metrics:
            if metric.name in summary.problems:
                by_reason.setdefault((metric.title, summary.problems[metric.name]), []).append(str(summary.condition))
    return [
        f"{what}: {reason} ({'all' if len(where) == len(summaries) else ', '.join(where)})"
        for (what, reason), where in by_reason.items()
    ]
