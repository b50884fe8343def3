"""brevox vocoder: speech to the features of Codec 2's kind and back, and tables of vectors."""

from __future__ import annotations

from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brevox.cli.extras import extra
from brevox.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

app = typer.Typer(help="Features of a vocoder for radio, and tables of vectors.", no_args_is_help=True)
_messages = Console(stderr=True, highlight=False)

Checkpoint = Annotated[
    Path, typer.Argument(help="Of `brevox train`, task: vocoder; or a run's folder, whose best it is.")
]
FileB = Annotated[Path | None, typer.Option("--b", help="22 columns, where the network takes or makes them.")]
FileY = Annotated[Path | None, typer.Option("--y", help="79 columns, where the network takes or makes them.")]
NoiseVar = Annotated[
    float | None,
    typer.Option("--noise-var", min=0, help="Of the noise in the narrow place.", show_default="as in training"),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the noise.")]
Vectors = Annotated[Path, typer.Argument(help="float32 numbers without a header, rows of --columns.")]
Columns = Annotated[int, typer.Option("--columns", "-k", min=1, help="Numbers in a row of the file.")]
First = Annotated[
    int | None, typer.Option("--first", min=1, help="Only so many columns of each row count.", show_default="all")
]


@app.command("analyse")
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


@app.command("synth")
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


@app.command("vq-train")
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


@app.command("vq-search")
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


@app.command("apply")
def apply(
    checkpoint: Checkpoint,
    b: FileB = None,
    y: FileY = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="What the network makes.")] = None,
    write_latents: Annotated[
        Path | None, typer.Option("--write-latents", help="Its latents, to train tables on or to search.")
    ] = None,
    read_latents: Annotated[
        Path | None, typer.Option("--read-latents", help="Latents to go on with, such as vq-search wrote.")
    ] = None,
    noise_var: NoiseVar = None,
    seed: Seed = 0,
) -> None:
    """Send features through a trained network; tells the spectral distortion where the original is there."""
    with extra("train"):
        from brevox.training.vocoder_use import open_trained
    from brevox.vocoder.feature_files import read_features, write_features

    if read_latents is not None and (noise_var is not None or write_latents is not None):
        raise SettingsError("--read-latents puts latents in the place of the network's own: leave the other out")
    trained = open_trained(checkpoint, b, y, noise_var, seed)
    model = trained.model
    if write_latents is not None:
        write_features(write_latents, model.encode(trained.rows))
    if read_latents is not None:
        made = model.decode(read_features(read_latents, max(1, model.latent)), trained.rows)
    else:
        made = model.through(trained.rows)
    if output is not None:
        write_features(output, made)
    for which, scores in trained.report(made).items():
        text = f"{which}: spectral distortion {scores['sd_db2']:.3f} dB^2, {scores['sd_db']:.3f} dB in the mean"
        print(text)


@app.command("look")
def look(
    checkpoint: Checkpoint,
    b: FileB = None,
    y: FileY = None,
    frame: Annotated[int, typer.Option("--frame", min=0, help="The first to show.")] = 0,
    frames: Annotated[int, typer.Option("--frames", min=1, help="How many pictures to write.")] = 8,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of pictures, one a frame.", show_default="a window, if one opens"),
    ] = None,
    weighted: Annotated[bool, typer.Option("--weighted", help="Draw the weights of the loss in pictures.")] = False,
    noise_var: NoiseVar = None,
    seed: Seed = 0,
) -> None:
    """Look at frames one by one: original and what a network makes of it."""
    with extra("analysis"):
        from brevox.analysis.vocoder_frames import KEYS, can_open_windows, open_window, save_frames
        from brevox.training.vocoder_use import open_trained

    trained = open_trained(checkpoint, b, y, noise_var, seed)
    if output is None and can_open_windows():
        _messages.print(KEYS)
        open_window(trained, frame)
        return
    folder = output or Path("frames")
    written = save_frames(
        trained, range(frame, max(frame + 1, min(frame + frames, len(trained.rows)))), folder, weighted=weighted
    )
    _messages.print(escape(f"{folder}: {len(written)} pictures"), soft_wrap=True)


def _sizes(entries: str) -> list[int]:
    try:
        return [int(size) for size in entries.split(",")]
    except ValueError:
        raise SettingsError(f"--entries are whole numbers, such as 4096,4096, not {entries!r}") from None


def _first(rows: NDArray[np.float32], first: int | None) -> NDArray[np.float32]:
    if first is not None and first > rows.shape[1]:
        raise SettingsError(f"--first {first} is more than the {rows.shape[1]} columns of --columns")
    return rows[:, :first]
