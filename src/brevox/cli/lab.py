"""brevox lab: what the parts of seed 004 do, in pictures, sound and numbers. It needs the extra `analysis`."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brevox.cli.extras import extra
from brevox.errors import OutputError

app = typer.Typer(help="Try out self-organising maps, and hear what codes know.", no_args_is_help=True)

Corpus = Annotated[Path | None, typer.Option("--corpus", help="That of the training by default.")]
Picture = Annotated[Path, typer.Option("--output", "-o", help="The PNG file.")]

_messages = Console(stderr=True, highlight=False)


@app.command("som-demo")
def som_demo(
    output: Picture = Path("som.png"),
    codes: Annotated[int, typer.Option("--codes", min=4, max=4096, help="Of each codebook.")] = 400,
    steps: Annotated[int, typer.Option("--steps", min=10, help="Of 512 patches.")] = 800,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all draws.")] = 0,
) -> None:
    """Two maps and a plain codebook of pieces of photographs, as pictures."""
    with extra("analysis"):
        from brevox.analysis import som_demo as demo

    with _messages.status("...") as status:
        books = demo.som_demo(
            codes, steps=steps, seed=seed, progress=lambda name, share: status.update(f"{name}: {share:.0%}")
        )
    _write_picture(output, demo.draw(books))
    table = Table("codebook", "topographic error", "distance of neighbours / of all pairs", "error")
    for book in books:
        table.add_row(book.name, f"{book.topographic_error:.3f}", f"{book.neighbour_distance:.3f}", f"{book.error:.4f}")
    Console().print(table)


@app.command("map")
def code_map(
    run: Annotated[Path, typer.Argument(help="A run of a codec, or a checkpoint.", show_default=False)],
    output: Picture = Path("map.png"),
    corpus: Corpus = None,
) -> None:
    """A picture of the first codebook's map: what is used, what lies beside what, and how each code sounds."""
    with extra("analysis"):
        from brevox.analysis import code_map as maps
        from brevox.training.checkpoint import LAST

    found = maps.code_map(run / LAST if run.is_dir() else run, corpus)
    _write_picture(output, maps.draw(found))


@app.command("sample")
def sample(
    model: Annotated[str, typer.Argument(help="A .bvx file or a known model's name.", show_default=False)],
    recordings: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders whose codes are counted.", show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the sounds.")] = Path("samples"),
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Of each.")] = 5.0,
    books: Annotated[int | None, typer.Option("--books", min=1, help="Of the model.", show_default="all")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draws.")] = 0,
) -> None:
    """Hear random codes, and codes drawn as they come in recordings: one by one, and by which follows which."""
    with extra("analysis"):
        from brevox.analysis import code_sampling
        from brevox.audio import AudioWriter
        from brevox.audio.source import AUDIO_SUFFIXES
        from brevox.codec.batch import files_below
        from brevox.codec.models import load
        from brevox.data.prepare import read_speech

    codec = load(model)
    books = codec.check_rate(None, codec.books if books is None else books)[1]
    sizes = codec.entropy.sizes[: codec.side_columns + books]
    files = [
        file for path in recordings or [] for file in (files_below(path, AUDIO_SUFFIXES) if path.is_dir() else [path])
    ]
    counts = None
    if files:
        sequences = []
        with _messages.status("...") as status:
            for done, file in enumerate(files):
                status.update(f"{done} of {len(files)} recordings")
                sequences += code_sampling.recording_codes(codec, read_speech(file, codec.sample_rate), books)
        counts = code_sampling.count_codes(sequences, sizes)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {output}: {error.strerror or error}") from error
    for kind in code_sampling.KINDS if counts else ("random",):
        frames = max(1, round(seconds * codec.frame_rate_hz))
        codes = code_sampling.draw_codes(kind, frames, sizes, counts, seed)
        with AudioWriter(output / f"{kind}.wav", codec.sample_rate, 1) as writer:
            writer.write(code_sampling.sound_of(codec, codes)[None])
        _messages.print(f"wrote {escape(str(output / kind))}.wav", soft_wrap=True)


@app.command("index-errors")
def index_errors(
    runs: Annotated[list[Path], typer.Argument(help="Runs of codecs, or checkpoints.", show_default=False)],
    corpus: Corpus = None,
    chance: Annotated[float, typer.Option("--chance", help="That a code is wrong.")] = 0.1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A CSV file too.")] = None,
) -> None:
    """What codes that arrive one off do to the sound, and codes that are anything; used codes and order of the map."""
    with extra("analysis"):
        from brevox.evaluation.index_errors import index_errors as measure
        from brevox.output import atomic_output
        from brevox.training.checkpoint import LAST

    with _messages.status("..."):
        found = [measure(run / LAST if run.is_dir() else run, corpus, chance) for run in runs]
    table = Table()
    columns = list(asdict(found[0]))
    for column in columns:
        table.add_column(column.replace("_", " "))
    for one in found:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in asdict(one).values()))
    Console().print(table)
    if output is not None:
        with atomic_output(output) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(asdict(one) for one in found)


def _write_picture(path: Path, figure: object) -> None:
    from brevox.output import atomic_output
    from brevox.pictures import to_png

    with atomic_output(path) as part:
        part.write_bytes(to_png(figure))  # type: ignore[arg-type]
    _messages.print(f"wrote {escape(str(path))}", soft_wrap=True)
