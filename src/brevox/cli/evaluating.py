"""brevox evaluate and bench. They need the extra `bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from brevox.cli.extras import extra
from brevox.cli.reasons import tell_reasons
from brevox.errors import SettingsError
from brevox.output import expect_folder

if TYPE_CHECKING:
    from brevox.evaluation.comparing import Compared
    from brevox.evaluation.metrics.metric import Metric
    from brevox.evaluation.summary import Mean, Summary

_messages = Console(stderr=True, highlight=False)

#: What fits on a screen.
_MOST_COLUMNS = 4
_MOST_METRICS = 7
#: Decoders may well add or leave out less than this.
_TOLD_S = 0.1

MetricNames = Annotated[
    str | None, typer.Option("--metrics", help="Names with commas between: pesq_wb,estoi. All by default.")
]
WhisperFolder = Annotated[
    Path | None,
    typer.Option("--whisper", help="Folder of a Whisper model in CTranslate2's format, for word errors."),
]
Language = Annotated[
    str | None,
    typer.Option("--language", help="What is spoken, as Whisper calls it (en).", show_default="what Whisper hears"),
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one a core by default.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Measure anew what was measured before.")]


def evaluate(
    reference: Annotated[Path, typer.Argument(help="The original, or a folder of originals.", show_default=False)],
    degraded: Annotated[Path, typer.Argument(help="What a codec made of it, or a folder.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Keep the scores too: a .csv or .json file.")
    ] = None,
    metrics: MetricNames = None,
    whisper: WhisperFolder = None,
    language: Language = None,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Measure how close decoded recordings are to their originals."""
    with extra("bench"):
        from brevox.evaluation.cache import default_cache_folder
        from brevox.evaluation.comparing import evaluate as measure
        from brevox.evaluation.comparing import find_pairs, write_compared
        from brevox.evaluation.metrics.known import choose_metrics
        from brevox.evaluation.metrics.metric import Options

    if output is not None and output.suffix not in (".csv", ".json"):
        raise SettingsError(f"cannot write scores to {output}: its name must end in .csv or .json")
    if output is not None:
        expect_folder(output)
    names = _names(metrics, "--metrics")
    chosen = choose_metrics(names)
    pairs = find_pairs(reference, degraded)
    with _progress("recordings", len(pairs.both)) as done:
        compared = measure(
            pairs.both,
            metrics=names,
            options=Options(whisper, language),
            cache=None if no_cache else default_cache_folder(),
            jobs=jobs,
            progress=done,
        )
    _show_pairs(compared, chosen)
    tell_reasons(_messages, "left out", [(path, "nothing was made of it") for path in pairs.originals])
    tell_reasons(_messages, "left out", [(path, "it has no original") for path in pairs.degraded])
    tell_reasons(_messages, "note:", [(one.degraded, _lengths(one)) for one in compared if _lengths(one)])
    if output is not None:
        write_compared(output, compared, chosen)
    if any(one.problem for one in compared):
        raise typer.Exit(1)


def bench(
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings of speech, or folders of them.", show_default=False)
    ],
    codecs: Annotated[
        str | None,
        typer.Option("--codecs", "-c", help="Names with commas between; a .bvx file is a codec too."),
    ] = None,
    kbps: Annotated[
        str | None, typer.Option("--kbps", "-k", help="Rates with commas between; each codec's own by default.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.")] = Path("report"),
    metrics: MetricNames = None,
    whisper: WhisperFolder = None,
    language: Language = None,
    clip_s: Annotated[
        float, typer.Option("--clip-s", help="Least seconds of a clip: short recordings are joined, long ones cut.")
    ] = 10.0,
    clips: Annotated[int, typer.Option("--clips", min=1, help="So many clips at most, spread over all.")] = 24,
    speed: Annotated[
        Path | None, typer.Option("--speed", help="A speed.json that 'brevox speed' wrote, to show in the report.")
    ] = None,
    listening_test: Annotated[
        bool, typer.Option("--listening-test", help="Write a blind listening test of the clips too.")
    ] = False,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep files and decoded clips in this folder.")] = None,
    beside: Annotated[
        Path | None,
        typer.Option("--beside", help="A results.json of the same clips: take over codecs that are not measured now."),
    ] = None,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Compare codecs on your recordings: rate, quality and intelligibility, as one page to look at and listen to."""
    with extra("bench"):
        from brevox.evaluation.bench import bench as run
        from brevox.evaluation.cache import default_cache_folder
        from brevox.evaluation.metrics.metric import Options

    with _progress("measured", None) as done:
        found = run(
            recordings,
            output,
            codecs=_names(codecs, "--codecs"),
            kbps=_rates(kbps),
            metrics=_names(metrics, "--metrics"),
            options=Options(whisper, language),
            clip_s=clip_s,
            most_clips=clips,
            speed=speed,
            listening_test=listening_test,
            keep=keep,
            beside=beside,
            cache=None if no_cache else default_cache_folder(),
            jobs=jobs,
            progress=done,
        )
    _show_summaries(found.summaries, found.metrics)
    for problem in _problems(found.summaries):
        _messages.print(f"[yellow]{escape(problem)}[/yellow]", soft_wrap=True)
    for sentence in [*found.elsewhere, *(f"left out: {reason}" for reason in found.unread.values())]:
        _messages.print(f"[yellow]{escape(sentence)}[/yellow]", soft_wrap=True)
    tell_reasons(_messages, "left out", list(found.left_out.items()))
    for path in found.pages:
        _messages.print(f"wrote {escape(str(path))}", soft_wrap=True)
    if found.unread or any(summary.failed for summary in found.summaries):
        raise typer.Exit(1)


def _names(text: str | None, option: str) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise SettingsError(f"{option} takes names with commas between, not {text!r}; leave it out for all of them")
    return names


def _rates(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        rates = [float(word) for word in text.split(",")]
    except ValueError:
        raise SettingsError(f"--kbps takes numbers with commas between, such as 1.5,3,6, not {text!r}") from None
    if not all(0 < rate < 1000 for rate in rates):
        raise SettingsError(f"--kbps: {text} has a rate that no codec of speech has")
    return rates


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_messages, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show_pairs(compared: list[Compared], metrics: list[Metric]) -> None:
    """A line a measure, a column a recording."""
    table = Table(box=None, header_style="bold")
    table.add_column("measure")
    table.add_column("better", style="dim")
    for one in compared[:_MOST_COLUMNS]:
        table.add_column(escape(one.degraded.name), justify="right", overflow="fold")
    if len(compared) > 1:
        table.add_column("mean of all", justify="right", style="bold")
    for metric in metrics:
        cells = [one.cells[metric.name] if one.cells else None for one in compared]
        values = [_cell(cell.score.value if cell and cell.score else None, metric) for cell in cells[:_MOST_COLUMNS]]
        scores = [cell.score for cell in cells if cell and cell.score]
        weight = sum(score.weight for score in scores)
        mean = sum(score.value * score.weight for score in scores) / weight if weight else None
        arrow = "higher" if metric.higher_is_better else "lower"
        table.add_row(metric.title, arrow, *values, *([_cell(mean, metric)] if len(compared) > 1 else []))
    Console().print(table)
    problems: dict[str, list[str]] = {}
    for one in compared:
        if one.problem:
            problems.setdefault(one.problem, []).append(one.degraded.name)
        for name, cell in (one.cells or {}).items():
            if cell.problem:
                problems.setdefault(f"{name}: {cell.problem}", []).append(one.degraded.name)
    for problem, where in problems.items():
        of = "" if len(where) == len(compared) else f" ({', '.join(where)})"
        _messages.print(f"[yellow]{escape(problem + of)}[/yellow]", soft_wrap=True)
    if len(compared) > _MOST_COLUMNS:
        _messages.print(f"{len(compared) - _MOST_COLUMNS} more recordings are in the mean; -o scores.csv has all")


def _lengths(one: Compared) -> str:
    """What is to be said if two recordings are not equally long."""
    longer = one.degraded_seconds - one.seconds
    if one.cells is None or abs(longer) < _TOLD_S:
        return ""
    heard = "what it lacks counts as silence" if longer < 0 else "only as much of it as that was measured"
    return f"{abs(longer):.2f} s {'longer' if longer > 0 else 'shorter'} than its original; {heard}"


def _cell(value: float | None, metric: Metric) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} {metric.unit}" if metric.unit in ("%", "dB") else f"{value:.3f}"


def _show_summaries(summaries: list[Summary], metrics: list[Metric]) -> None:
    """Those measures that fit on a screen; the report has all."""
    shown = [metric for metric in metrics if any(metric.name in summary.means for summary in summaries)][:_MOST_METRICS]
    table = Table(box=None, header_style="bold")
    table.add_column("codec")
    table.add_column("kbit/s", justify="right")
    for metric in shown:
        table.add_column(f"{metric.title} {'↑' if metric.higher_is_better else '↓'}", justify="right")
    for summary in summaries:
        means = [_mean(summary.means.get(metric.name)) for metric in shown]
        table.add_row(str(summary.condition), f"{summary.file_kbps:.2f}" if summary.file_kbps else "-", *means)
    Console().print(table)


def _problems(summaries: list[Summary]) -> list[str]:
    """Why measures have no value, each reason once: of which codecs, if not of all."""
    where: dict[str, list[str]] = {}
    for summary in summaries:
        for metric, problem in summary.problems.items():
            where.setdefault(f"{metric}: {problem}", []).append(str(summary.condition))
    return [text if len(of) == len(summaries) else f"{text} ({', '.join(of)})" for text, of in where.items()]


def _mean(mean: Mean | None) -> str:
    return "-" if mean is None else f"{mean.value:.2f}"
