"""brevox encode, decode and demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from brevox.errors import OutputError, SettingsError

# Everything that loads the networks' runtime is imported inside of the commands: --help stays quick.

Inputs = Annotated[list[Path], typer.Argument(help="Files and folders, or - for a pipe.", show_default=False)]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", help="File or folder of the results, or - for a pipe.", show_default="beside the input"
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", "-m", help="A .bvx file or a known model's name (see: brevox models).")
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Files at a time.", show_default="one a core")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace results that exist.")]

_messages = Console(stderr=True, highlight=False)


def encode(
    inputs: Inputs,
    output: Output = None,
    kbps: Annotated[float, typer.Option("--kbps", "-k", help="Most kbit/s, as stored in the file.")] = 3.0,
    stereo: Annotated[bool, typer.Option("--stereo", help="Keep two channels instead of their average.")] = False,
    model: Model = None,
    format_: Annotated[int, typer.Option("--format", help="Version of the .sc format: 2, or the older 1.")] = 2,
    live: Annotated[
        bool, typer.Option("--live", help="Code WAV from a pipe while it is recorded, with a model that can.")
    ] = False,
    chunk_ms: Annotated[
        int, typer.Option("--chunk-ms", min=1, help="With --live: sound that goes out at once; less costs more bits.")
    ] = 320,
    jobs: Jobs = None,
    force: Force = False,
) -> None:
    """Encode recordings to .sc files."""
    from brevox.audio.source import AUDIO_SUFFIXES
    from brevox.codec import batch, models, transcode

    options: dict[str, Any] = {"kbps": kbps, "stereo": stereo, "version": format_}
    if live:
        if not _is_pipe(inputs):
            raise SettingsError("--live codes what comes from a pipe: arecord -t wav | brevox encode --live - -o -")
        options["live_s"] = chunk_ms / 1000
    if _is_pipe(inputs):
        target: Any = _pipe_target(output, sys.stdout.buffer, force)
        result = transcode.encode_file(sys.stdin.buffer, target, codec=models.load(model), **options)
        _tell_only_result(Path("-"), Path(output or "-"), result)
        return
    if output == "-":
        result = transcode.encode_file(_only(inputs), sys.stdout.buffer, codec=models.load(model), **options)
        _tell_only_result(inputs[0], Path("-"), result)
        return
    planned = batch.plan(inputs, output, AUDIO_SUFFIXES, ".sc", force)
    _run(planned, batch.encode_all, model=model, processes=jobs, **options)


def decode(
    inputs: Inputs,
    output: Output = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="wav, flac, mp3, m4a, ogg or opus.", show_default="what -o ends in, or wav"),
    ] = None,
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, help="Sample rate, Hz.", show_default="the original's")
    ] = None,
    bit_rate: Annotated[int | None, typer.Option("--bit-rate", min=1, help="Of mp3, m4a, ogg and opus; bit/s.")] = None,
    model: Model = None,
    jobs: Jobs = None,
    force: Force = False,
) -> None:
    """Decode .sc files to audio files."""
    from brevox.codec import batch, models, transcode

    options: dict[str, Any] = {"sample_rate": rate, "bit_rate": bit_rate}
    form = None if format_ is None else format_.lower().removeprefix(".")
    if (
        form
        and output
        and Path(output).suffix
        and not Path(output).is_dir()
        and Path(output).suffix.lower() != f".{form}"
    ):
        raise SettingsError(f"{output} and --format {form} contradict each other; leave one of them out")
    codec = models.load(model) if model else None
    if _is_pipe(inputs):
        target: Any = _pipe_target(output, sys.stdout.buffer, force)
        result = transcode.decode_file(sys.stdin.buffer, target, codec=codec, stream_format=form or "wav", **options)
        _tell_only_result(Path("-"), Path(output or "-"), result)
        return
    if output == "-":
        stream_format = form or "wav"
        result = transcode.decode_file(
            _only(inputs), sys.stdout.buffer, codec=codec, stream_format=stream_format, **options
        )
        _tell_only_result(inputs[0], Path("-"), result)
        return
    planned = batch.plan(inputs, output, batch.STREAM_SUFFIXES, f".{form or 'wav'}", force)
    _run(planned, batch.decode_all, model=model, processes=jobs, **options)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = Path("brevox-demo"),
    model: Model = None,
) -> None:
    """Encode and decode a clip that comes with Brevox, at three bit rates, and compare."""
    from brevox.codec.demo import run_demo

    rows = run_demo(folder, model)
    table = Table(title=f"{rows[0].duration_s:.1f} s of speech, files in {folder}")
    for heading in ("--kbps", "kbit/s of file", "bytes", "WAV is larger by", "encoding", "decoding"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            f"{row.wanted_kbps:g}",
            f"{row.kbps:.2f}",
            f"{row.stream_bytes:,}",
            f"{row.ratio:.0f} x",
            f"{row.encode_speed:.0f} x",
            f"{row.decode_speed:.0f} x",
        )
    table.caption = "Speeds: multiples of real time. Beside each .sc is its decoded .wav: listen."
    Console().print(table)


def _is_pipe(inputs: list[Path]) -> bool:
    if Path("-") not in inputs:
        return False
    if len(inputs) > 1:
        raise SettingsError("- (a pipe) must be the only input")
    return True


def _only(inputs: list[Path]) -> Path:
    if len(inputs) > 1 or inputs[0].is_dir():
        raise SettingsError("-o - (a pipe) takes one input file")
    return inputs[0]


def _pipe_target(output: str | None, stdout: Any, force: bool) -> Any:
    """Where a pipe's result goes: to a pipe too, if no file is named."""
    if output is not None and output != "-":
        if Path(output).exists() and not force:
            raise OutputError(f"{output} exists; add --force to replace it, or name another with -o")
        return output
    if stdout.isatty():
        raise SettingsError("the result would be written to the screen; name a file with -o, or pipe it on")
    return stdout


def _run(planned: list[Any], do: Any, **options: Any) -> None:
    """Do the jobs with progress shown, tell what became of each, and exit accordingly."""
    skipped = sum(job.done for job in planned)
    if skipped:
        _messages.print(f"{skipped} done before, skipped (--force does them again)")
    todo = [job for job in planned if not job.done]
    failed = damaged = stream_bytes = 0
    duration_s = 0.0
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=_messages,
        transient=True,
    ) as progress:
        whole = progress.add_task("all files", total=len(todo), visible=len(todo) > 1)
        tasks: dict[Path, Any] = {}

        def show(job: Any, done: float, total: float | None) -> None:
            if job.source not in tasks:
                tasks[job.source] = progress.add_task(job.source.name, total=total)
            progress.update(tasks[job.source], completed=done, total=total)

        for outcome in do(todo, progress=show, **options):
            if outcome.job.source in tasks:
                progress.remove_task(tasks.pop(outcome.job.source))
            progress.advance(whole)
            if outcome.error is not None:
                failed += 1
                _messages.print(
                    f"[red]{escape(outcome.job.source.name)}:[/red] {escape(outcome.error)}", soft_wrap=True
                )
                continue
            _tell_result(outcome.job.source, outcome.job.target, outcome.result)
            damaged += bool(outcome.result.damage)
            duration_s += outcome.result.duration_s
            stream_bytes += outcome.result.stream_bytes
    if len(todo) > 1:
        average = stream_bytes * 8 / 1000 / duration_s if duration_s else 0.0
        total = f"{duration_s:.0f} s, {stream_bytes:,} bytes, {average:.2f} kbit/s"
        _messages.print(f"{len(todo) - failed} of {len(todo)} files: {total}")
    if failed == len(todo) and failed:
        raise typer.Exit(2)
    if failed or damaged:
        raise typer.Exit(1)


def _tell_only_result(source: Path, target: Path, result: Any) -> None:
    _tell_result(source, target, result)
    if result.damage:
        raise typer.Exit(1)


def _tell_result(source: Path, target: Path, result: Any) -> None:
    for sentence in result.damage:
        _messages.print(f"[yellow]{escape(source.name)}: {escape(sentence)}[/yellow]", soft_wrap=True)
    size = f" in {result.stream_bytes:,} bytes of .sc, {result.kbps:.2f} kbit/s" if result.stream_bytes else ""
    facts = f"{result.duration_s:.1f} s{size}, {result.speed:.0f} x real time"
    _messages.print(f"{escape(str(source))} -> {escape(str(target))}: {facts}", soft_wrap=True)
