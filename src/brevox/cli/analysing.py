"""brevox analyze. It needs the extra `analysis`."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from brevox.cli.extras import extra
from brevox.errors import SettingsError

if TYPE_CHECKING:
    from brevox.analysis.analyse import Analysis

_messages = Console(stderr=True, highlight=False)


def analyze(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of brevox train; several to compare them.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of pictures and numbers.")] = Path("analysis"),
    only: Annotated[
        str | None,
        typer.Option(
            "--only", help="Names with commas between: losses,clustering. Everything that there is by default."
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Write a page that shows everything, with how to read it.")
    ] = False,
    split: Annotated[str, typer.Option("--split", help="Of the corpus: valid, train, test.")] = "valid",
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", help="A features file; the one that the model was trained on by default."),
    ] = None,
) -> None:
    """Show what the codes of trained models mean, in pictures and numbers."""
    with extra("analysis"):
        from brevox.analysis.analyse import analyse
        from brevox.analysis.known import choose_evaluations
        from brevox.analysis.observe import observe, training_features
        from brevox.analysis.page import write_page
        from brevox.analysis.runs import Run

    if only is not None and all_:
        raise SettingsError("--all shows everything and --only a part; leave out one of them")
    names = None if only is None else [name.strip() for name in only.split(",") if name.strip()]
    evaluations = choose_evaluations(names)
    look, learned = partial(observe, corpus=corpus), partial(training_features, corpus=corpus)
    found = [Run(folder, look, split, learned) for folder in runs]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_messages, transient=True) as bar:
        task = bar.add_task("", total=None)
        analysis = analyse(
            found,
            evaluations,
            output,
            lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
        )
        pages = []
        if all_ and analysis.made:
            pages.append(write_page(output, analysis, split, shlex.join(["brevox", *sys.argv[1:]])))
    _show(analysis)
    for page in pages:
        _messages.print(f"wrote {escape(str(page))}", soft_wrap=True)
    # Not everything can be made of every run; what was asked for by name should have been.
    if not analysis.made or (only is not None and analysis.left_out):
        raise typer.Exit(1)


def _show(analysis: Analysis) -> None:
    """The few numbers worth telling at once, then what could not be made."""
    from brevox.analysis.analyse import told

    table = Table(box=None, show_header=False)
    for justify in ("left", "left", "left", "right"):
        table.add_column(justify=justify)
    before = ("", "")
    for made in analysis.made:
        for what, value in made.facts.items():
            here = (made.run if len(analysis.runs) > 1 else "", made.evaluation.name)
            table.add_row(*(["", ""] if here == before else map(escape, here)), escape(what), escape(told(value)))
            before = here
    if analysis.made:
        Console().print(table)
    for reason, what in analysis.reasons.items():
        _messages.print(f"[yellow]left out: {escape(what)}: {escape(reason)}[/yellow]", soft_wrap=True)
    for run, names in analysis.empty.items():
        _messages.print(
            f"[yellow]{escape(run)}: {len(names)} of the utterances are shorter than a frame, such as "
            f"{escape(names[0])}: left out everywhere[/yellow]",
            soft_wrap=True,
        )
