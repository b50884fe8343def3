"""brevox speed. It needs the extra `bench`, and with --training the extra `train`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from brevox.cli.extras import extra
from brevox.errors import SettingsError
from brevox.output import atomic_output

_messages = Console(stderr=True, highlight=False)


def speed(
    codecs: Annotated[
        str | None,
        typer.Option("--codecs", "-c", help="Names with commas between; a .bvx file is a codec too. All by default."),
    ] = None,
    lengths: Annotated[
        str, typer.Option("--lengths", help="Of recordings: seconds with commas between.")
    ] = "10,60,600,3600",
    threads: Annotated[str, typer.Option("--threads", help="Numbers of threads with commas between.")] = "1,2",
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Rounds in which each codec has its turn.")] = 3,
    kbps: Annotated[float, typer.Option("--kbps", "-k", min=0.1, help="Each codec at its nearest rate.")] = 3.0,
    recording: Annotated[
        Path | None,
        typer.Option("--recording", help="Repeated up to each length.", show_default="the demo clip"),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("speed"),
    training: Annotated[
        Path | None, typer.Option("--training", help="Measure instead how fast this recipe trains, on noise.")
    ] = None,
) -> None:
    """Measure how fast codecs are, how much memory they need, and how both grow with the length of recordings."""
    if training is not None:
        _training(training, output)
        return
    seconds, counts = _numbers("--lengths", lengths), _numbers("--threads", threads)
    if not all(count.is_integer() for count in counts):
        raise SettingsError(f"--threads takes whole numbers with commas between, such as 1,2, not {threads!r}")
    with extra("bench"):
        from brevox.evaluation.environment import command_line, describe_environment
        from brevox.evaluation.speed import make_speed_peers, measure_speed
        from brevox.evaluation.speed_report import HOW, growth_lines, speed_table, write_speed

    peers = make_speed_peers(None if codecs is None else [name.strip() for name in codecs.split(",") if name.strip()])
    missing = {peer.name: reason for peer in peers if (reason := peer.missing())}
    usable = [peer for peer in peers if peer.name not in missing]
    if not usable:
        raise SettingsError("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    columns = (TextColumn("files coded"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_messages, transient=True) as bar:
        task = bar.add_task("", total=None)
        rows = measure_speed(
            usable,
            seconds,
            [int(count) for count in counts],
            repeats,
            recording,
            lambda done, of: bar.update(task, completed=done, total=of),
            kbps=kbps,
        )
    facts = {
        "command": command_line(),
        "recording": f"{recording or 'the demo clip'}, repeated to each length, as WAV of 16 kHz, one channel",
        "environment": describe_environment(),
        "codecs": {peer.name: f"{peer.title}; {peer.version()}" for peer in usable},
        "left_out": missing,
    }
    paths = write_speed(output, rows, facts)
    shown = speed_table(rows)
    remarks = {f"{line['codec']}, {line['threads']} threads: {line['remarks']}" for line in shown if line["remarks"]}
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in shown[0]:
        if name != "remarks":
            table.add_column(name, justify="left" if name == "codec" else "right", overflow="fold")
    for line in shown:
        cells = [value for name, value in line.items() if name not in ("codec", "remarks")]
        # What is in brackets, such as the spread, is for the report.
        table.add_row(escape(line["codec"]), *(escape(cell.split(" (")[0]) for cell in cells))
    console = Console(highlight=False)
    console.print(table)
    for sentence in growth_lines(rows):
        console.print(escape(sentence), soft_wrap=True)
    _messages.print(escape(HOW), style="dim", soft_wrap=True)
    for remark in sorted(remarks):
        _messages.print(f"[yellow]{escape(remark)}[/yellow]", soft_wrap=True)
    for name, reason in missing.items():
        _messages.print(f"[yellow]left out: {escape(name)}: {escape(reason)}[/yellow]", soft_wrap=True)
    for path in paths:
        _messages.print(f"wrote {escape(str(path))}", soft_wrap=True)


def _training(recipe: Path, folder: Path) -> None:
    with extra("train"):
        from brevox.evaluation.training_speed import training_speed

    measured = training_speed(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_output(folder / "training.json") as part:
        part.write_text(json.dumps(asdict(measured), indent=1), encoding="utf-8")
    Console(highlight=False).print(escape(str(measured)), soft_wrap=True)
    _messages.print(f"wrote {escape(str(folder / 'training.json'))}", soft_wrap=True)


def _numbers(option: str, text: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number < 1e6 for number in numbers):
        raise SettingsError(f"{option} takes numbers above 0 with commas between, such as 1,2, not {text!r}")
    return list(dict.fromkeys(numbers))
