"""brevox data tokenize. It needs the extra `tokens`, and with --ray the extra `ray`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from brevox.cli.coding import Model
from brevox.cli.extras import extra
from brevox.cli.reasons import tell_reasons
from brevox.errors import SettingsError

if TYPE_CHECKING:
    from brevox.data.tokenise import Tokenised

_messages = Console(stderr=True, highlight=False)


def tokenize(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="A manifest (tab-separated: path, speaker, split), or folders of recordings."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the Parquet files.")] = Path("tokens"),
    model: Model = None,
    books: Annotated[
        int | None, typer.Option("--books", min=1, help="Codes a frame; all that the model has by default.")
    ] = None,
    per_part: Annotated[
        int | None,
        typer.Option("--per-part", min=1, help="Recordings in a file; a 16th of all by default, at most 200."),
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one a core by default.")] = None,
    ray: Annotated[
        bool, typer.Option("--ray", help="On a Ray cluster: that of RAY_ADDRESS, or one started on this machine.")
    ] = False,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="On the Ray cluster at this address.", show_default=False)
    ] = None,
) -> None:
    """Turn recordings into tokens (codes) for language models, as Parquet. Given again, it does what is missing."""
    with extra("tokens"):
        from brevox.codec.models import find_model
        from brevox.data.layouts import read_layouts
        from brevox.data.prepare import manifest_sources
        from brevox.data.tokenise import ATTEMPTS, tokenise
        from brevox.processes import LocalProcesses, Workers

    workers: Workers = LocalProcesses(jobs, ATTEMPTS)
    if ray or ray_address:
        if jobs:
            raise SettingsError("--jobs counts processes of this machine; leave it out with --ray")
        with extra("ray"):
            from brevox.cluster import RayCluster
        workers = RayCluster(ray_address, ATTEMPTS)
    as_folders = len(inputs) > 1 or inputs[0].is_dir()
    sources = read_layouts(inputs)[0] if as_folders else manifest_sources(inputs[0])
    with Progress(
        TextColumn("recordings"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=_messages,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=len(sources))
        result = tokenise(
            sources,
            output,
            find_model(model),
            books=books,
            per_part=per_part,
            workers=workers,
            progress=lambda done, _: bar.update(task, completed=int(done)),
        )
    _tell(output, result)
    if result.lost or result.failed:
        raise typer.Exit(1)


def _tell(folder: Path, result: Tokenised) -> None:
    tell_reasons(_messages, "no tokens of", result.failed)
    tell_reasons(_messages, "damaged, but used:", result.damaged)
    if result.lost:
        _messages.print(
            f"[red]not made, as their process was killed each time: {escape(', '.join(result.lost))}.[/red] "
            "Fewer at a time (--jobs 1) need less memory; the same command tries again",
            soft_wrap=True,
        )
    kbps = result.stored_bytes * 8 / 1000 / result.seconds if result.seconds else 0.0
    facts = f"{result.recordings:,} recordings, {result.seconds / 3600:.2f} h, {result.tokens:,} tokens"
    if not result.new_parts and not result.lost:
        speed = "nothing to do, all was done before"
    else:
        speed = f"{result.new_seconds / result.elapsed_s:.0f} x real time"
    _messages.print(escape(f"{folder}: {facts}, {kbps:.2f} kbit/s of Parquet; {speed}"), soft_wrap=True)
