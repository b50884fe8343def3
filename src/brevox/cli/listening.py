"""brevox listening. It needs the extra `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brevox.cli.extras import extra

if TYPE_CHECKING:
    from brevox.evaluation.listening_analysis import Analysis, Interval

_SURE = 0.05

_messages = Console(stderr=True, highlight=False)


def listening(
    results: Annotated[list[Path], typer.Argument(help="results-*.json, one of each listener.", show_default=False)],
    key: Annotated[
        Path, typer.Option("--key", help="listening-test-key.json, written with the page.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of tables and a picture.")] = Path(
        "listening-analysis"
    ),
) -> None:
    """Analyse what the listeners of a blind listening test said."""
    with extra("bench"):
        from brevox.evaluation.listening_analysis import analyse
        from brevox.evaluation.listening_tables import write_analysis

    analysis = analyse(results, key)
    paths = write_analysis(analysis, output)
    _show(analysis)
    for listener, reason in analysis.excluded:
        _messages.print(f"[yellow]not counted: {escape(listener.name)}, who {escape(reason)}[/yellow]", soft_wrap=True)
    for warning in analysis.warnings:
        _messages.print(f"[yellow]{escape(warning)}[/yellow]", soft_wrap=True)
    _messages.print(escape(f"wrote into {output}: {', '.join(path.name for path in paths)}"), soft_wrap=True)


def _show(analysis: Analysis) -> None:
    console = Console(highlight=False)
    heading = f"{analysis.title}: {len(analysis.kept)} listeners, {analysis.trials} clips"
    table = Table(title=escape(heading), title_justify="left", box=None)
    table.add_column("condition")
    for column in ("mean", "95 %", "median", "ratings"):
        table.add_column(column, justify="right")
    for one in analysis.conditions:
        table.add_row(
            escape(one.condition), f"{one.mean:.1f}", _cell(one.interval), f"{one.median:g}", str(one.ratings)
        )
    console.print(table)
    table = Table(title="differences; * is sure to 95 %, all pairs together", title_justify="left", box=None)
    table.add_column("higher")
    table.add_column("lower")
    for column in ("difference", "95 %", "p (Holm)"):
        table.add_column(column, justify="right")
    for pair in analysis.differences:
        p = f"{pair.p_holm:.3f}{'*' if pair.p_holm < _SURE else ' '}"
        table.add_row(escape(pair.first), escape(pair.second), f"{pair.mean:.1f}", _cell(pair.interval), p)
    console.print(table)


def _cell(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:.1f} to {interval.high:.1f}"
