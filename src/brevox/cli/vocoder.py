"""brevox vocoder: speech to the features of Codec 2's kind and back, and tables of vectors."""

from __future__ import annotations

from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brevox.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_messages = Console(stderr=True, highlight=False)

Vectors = Annotated[Path, typer.Argument(help="float32 numbers without a header, rows of --columns.")]
Columns = Annotated[int, typer.Option("--columns", "-k", min=1, help="Numbers in a row of the file.")]
First = Annotated[
    int | None, typer.Option("--first", min=1, help="Only so many columns of each row count.", show_default="all")
]


def analyse(
    recording: Annotated[Path, typer.Argument(help="Any recording, or 16-bit .raw at 8 kHz.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Beginning of the files' names.", show_default="the recording's"),
    ] = None,
) -> None:
    """Write the features of speech: STEM_b.f32 (22 columns), STEM_y.f32 (79) and STEM.model (Codec 2's records)."""
    from brevox.vocoder.analysis import analyse as analyse_speech
    from brevox.vocoder.envelope import envelope, mel_features
    from brevox.vocoder.feature_files import write_features, write_model
    from brevox.vocoder.speech_files import read_speech

    stem = output or recording.with_suffix("")
    harmonics = analyse_speech(read_speech(recording))
    b, y, model = (stem.with_name(stem.name + end) for end in ("_b.f32", "_y.f32", ".model"))
    write_features(b, mel_features(harmonics))
    write_features(y, envelope(harmonics))
    write_model(model, harmonics)
    voiced = 100 * harmonics.voiced.mean() if len(harmonics) else 0.0
    facts = f"{len(harmonics):,} frames of 10 ms, {voiced:.0f} % with a voice"
    _messages.print(escape(f"{b}, {y}, {model}: {facts}"), soft_wrap=True)


def synth(
    output: Annotated[Path, typer.Option("--output", "-o", help="The recording to write; .raw is 16 bits at 8 kHz.")],
    b: Annotated[Path | None, typer.Option("--b", help="22 columns: envelope, pitch, voicing.")] = None,
    y: Annotated[Path | None, typer.Option("--y", help="79 columns: a better envelope; pitch is that of --b.")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Records of Codec 2's model.")] = None,
    phase0: Annotated[bool, typer.Option("--phase0", help="Make phases, though --model has some.")] = False,
) -> None:
    """Make speech of features; phases that no file holds are those of a filter of least phase."""
    from brevox.vocoder.envelope import B_COLUMNS, Y_COLUMNS
    from brevox.vocoder.feature_files import read_features, read_model
    from brevox.vocoder.resynthesis import from_features, with_phase0
    from brevox.vocoder.speech_files import write_speech
    from brevox.vocoder.synthesis import synthesise

    if (b is None) == (model is None):
        raise SettingsError("speech is made of --b, or of --b and --y, or of --model: name one of them")
    if model is not None and y is not None:
        raise SettingsError("--y is an envelope for the pitch in --b; --model has both already")
    if phase0 and model is None:
        raise SettingsError("--phase0 is for --model: features hold no phases anyway")
    if model is not None:
        harmonics = read_model(model)
        audio = with_phase0(harmonics) if phase0 else synthesise(harmonics)
    elif b is not None:
        audio = from_features(read_features(b, B_COLUMNS), None if y is None else read_features(y, Y_COLUMNS))
    write_speech(output, audio)


def vq_train(
    vectors: Vectors,
    columns: Columns,
    entries: Annotated[str, typer.Option("--entries", "-n", help="Of each table: 4096 or 4096,4096.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Beginning of the tables' names: STEM1.f32 ...")],
    first: First = None,
    stop: Annotated[float, typer.Option("--stop", help="Ends when a round gains less than this share.")] = 1e-3,
) -> None:
    """Train tables by LBG; each further one learns what those before it leave."""
    from brevox.vocoder.feature_files import read_features, write_features
    from brevox.vocoder.stages import train_stages

    sizes = _sizes(entries)
    rows = _first(read_features(vectors, columns), first)
    with _messages.status("training ...") as status:
        trained = train_stages(
            rows,
            sizes,
            stop=stop,
            progress=lambda stage, size, variance: status.update(
                f"table {stage + 1} of {len(sizes)}: {size} entries, variance {variance:.4g}"
            ),
        )
    table = Table("table", "entries", "bits", "variance", box=None)
    for number, stage in enumerate(trained, 1):
        path = output.with_name(f"{output.name}{number}.f32")
        write_features(path, stage.table)
        bits = f"{log2(len(stage.table)):.4g}"
        table.add_row(escape(str(path)), str(len(stage.table)), bits, f"{stage.variance:.6g}")
    Console().print(table)


def vq_search(
    vectors: Vectors,
    columns: Columns,
    tables: Annotated[list[Path], typer.Option("--table", "-t", help="A table; once for each, in their order.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The same rows, quantised.")],
    first: First = None,
    mbest: Annotated[int, typer.Option("--mbest", "-m", min=1, help="Combinations kept after each table.")] = 5,
    indices: Annotated[Path | None, typer.Option("--indices", help="Also write int32 indices.")] = None,
) -> None:
    """Quantise vectors by trained tables; columns beyond --first stay as they are."""
    from brevox.vocoder.feature_files import read_features, write_features, write_indices
    from brevox.vocoder.stages import decode, search, usage

    rows = read_features(vectors, columns)
    part = _first(rows, first)
    read = [read_features(path, part.shape[1]) for path in tables]
    with _messages.status("searching ...") as status:
        found = search(part, read, mbest, progress=lambda share: status.update(f"searching ... {share:.0%}"))
    quantised = decode(found, read)
    variance = float(((part - quantised) ** 2).mean(dtype=float)) if len(part) else 0.0
    rows[:, : part.shape[1]] = quantised
    write_features(output, rows)
    if indices is not None:
        write_indices(indices, found)
    shown = Table("table", "entries", "used", "most used", box=None)
    for path, counts in zip(tables, usage(found, read), strict=True):
        most = f"{counts.max() / max(1, counts.sum()):.1%}"
        shown.add_row(escape(str(path)), str(len(counts)), str(int((counts > 0).sum())), most)
    Console().print(shown)
    bits = sum(log2(len(table)) for table in read)
    _messages.print(f"{len(part):,} vectors, {bits:.4g} bits each, variance {variance:.6g}", soft_wrap=True)


def _sizes(entries: str) -> list[int]:
    try:
        return [int(size) for size in entries.split(",")]
    except ValueError:
        raise SettingsError(f"--entries are whole numbers, such as 4096,4096, not {entries!r}") from None


def _first(rows: NDArray[np.float32], first: int | None) -> NDArray[np.float32]:
    if first is not None and first > rows.shape[1]:
        raise SettingsError(f"--first {first} is more than the {rows.shape[1]} columns of --columns")
    return rows[:, :first]
