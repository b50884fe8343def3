"""brevox synth: banks of DX7 voices, their notes, and what networks learn from them (the extra `analysis`)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from brevox.cli.extras import extra
from brevox.cli.reasons import tell_reasons
from brevox.errors import SettingsError

app = typer.Typer(help="Sounds of a DX7: voices, notes, and the sounds between them.", no_args_is_help=True)

Banks = Annotated[list[Path], typer.Argument(help="Banks (.syx, .dx7), or folders of them.", show_default=False)]
Voices = Annotated[
    str | None, typer.Option("--voices", help="Which, counted over all banks: 1,5-8.", show_default="all")
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes.", show_default="one a core")]
MidiNote = Annotated[int, typer.Option("--note", "-n", min=0, max=127, help="MIDI note number.")]
Velocity = Annotated[int, typer.Option("--velocity", min=1, max=127, help="How hard the key is hit.")]

Run = Annotated[Path, typer.Argument(help="A run of brevox train, or a checkpoint.", show_default=False)]
Sound = Annotated[Path, typer.Argument(help="A recording, or a bank (.syx, .dx7).", show_default=False)]
Number = Annotated[int, typer.Option("--number", min=1, help="Of the voice in the bank.")]
Rounds = Annotated[int, typer.Option("--rounds", min=0, help="Of Griffin-Lim.")]

_messages = Console(stderr=True, highlight=False)


@app.command()
def banks(
    paths: Banks,
    voices: Voices = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the voices as .syx, or bare as .dx7.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a voice, with all parameters.")] = False,
) -> None:
    """List the voices of banks, tell what is wrong in them, and write them back."""
    from brevox.synth.banks import Bank, write_bank
    from brevox.synth.files import find_voices
    from brevox.synth.voice import PARAMETERS

    found, notes = find_voices(paths)
    tell_reasons(_messages, "note:", notes)
    chosen = _chosen(voices, len(found))
    for index in chosen:
        place, voice = found[index], found[index].voice
        if as_json:
            values = {parameter.name: voice[parameter.name] for parameter in PARAMETERS}
            print(json.dumps({"file": str(place.path), "number": place.number, "name": voice.name, **values}))
        else:
            facts = f"{place.path.name} {place.number:3}  algorithm {voice['algorithm'] + 1:2}"
            print(f"{index + 1:4}  {voice.name:10}  {facts}")
    if output is not None:
        write_bank(output, Bank([found[index].voice for index in chosen]))
        _messages.print(escape(f"{output}: {len(chosen)} voices"), soft_wrap=True)


@app.command()
def render(
    paths: Banks,
    voices: Voices = None,
    notes: Annotated[list[int] | None, typer.Option("--note", "-n", help="MIDI note numbers; 60 by default.")] = None,
    velocities: Annotated[list[int] | None, typer.Option("--velocity", help="1-127; 100 by default.")] = None,
    hold: Annotated[float, typer.Option("--hold", min=0.0, help="Seconds until the key is let go.")] = 3.0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, max=600.0, help="Length.")] = 4.0,
    rate: Annotated[int, typer.Option("--rate", min=8000, max=192_000, help="Hz.")] = 44_100,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("notes"),
    suffix: Annotated[str, typer.Option("--format", "-f", help="wav, flac, mp3, m4a, ogg or opus.")] = "wav",
    jobs: Jobs = None,
) -> None:
    """Play notes of voices into audio files."""
    from brevox.synth.files import Playing, Task, find_voices, play

    found, told = find_voices(paths)
    tell_reasons(_messages, "note:", told)
    wanted = [(note, velocity) for note in notes or [60] for velocity in velocities or [100]]
    if any(not 0 <= note <= 127 or not 1 <= velocity <= 127 for note, velocity in wanted):
        raise SettingsError("notes are 0 to 127, velocities 1 to 127")
    tasks = [Task(found[index], *pair) for index in _chosen(voices, len(found)) for pair in wanted]
    output.mkdir(parents=True, exist_ok=True)
    playing = Playing(output, hold, seconds, rate, f".{suffix.lower().lstrip('.')}")
    began = time.monotonic()
    with _bar("notes") as bar:
        shown = bar.add_task("", total=len(tasks))
        done = list(play(tasks, playing, jobs, lambda count: bar.update(shown, completed=count)))
    elapsed_s = time.monotonic() - began
    loud = [(path.name, f"turned down by a factor of {peak:.2f}") for path, peak in done if peak > 1]
    tell_reasons(_messages, "note:", loud)
    speed = f"{len(done) * seconds:,.0f} s of sound in {elapsed_s:.1f} s"
    _messages.print(escape(f"{output}: {len(done)} files, {speed}"), soft_wrap=True)
    if len(done) < len(tasks):
        raise typer.Exit(1)


@app.command("notes")
def notes_file(
    paths: Annotated[list[Path], typer.Argument(help="Banks (.syx, .dx7), or folders of them.", show_default=False)],
    recordings: Annotated[
        bool, typer.Option("--recordings", help="The folder holds recordings of notes, not banks.")
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HDF5 file.")] = Path("notes.h5"),
    each: Annotated[int, typer.Option("--each", min=1, help="Notes of each voice that is trained on.")] = 10,
    pitches: Annotated[
        list[int] | None,
        typer.Option("--note", "-n", min=0, max=127, help="MIDI notes to draw from.", show_default="36 to 84"),
    ] = None,
    bands: Annotated[int, typer.Option("--bands", min=0, help="Of mel; 0: all bins of the spectrum.")] = 257,
    hop: Annotated[int, typer.Option("--hop", min=16, max=1024, help="Samples between frames, of 22,050 Hz.")] = 256,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of notes, changes and splits.")] = 0,
    jobs: Jobs = None,
) -> None:
    """Render notes of banks, with small changes to their voices, as spectrograms for training."""
    with extra("train"):
        from brevox.data.notes import NOTES, plan_notes, plan_recordings, write_notes
        from brevox.synth.files import find_voices
        from brevox.synth.spectrogram import FrontEnd

    front = FrontEnd(bands=bands, hop=hop, frames=88_576 // hop + 1)
    if recordings:
        planned = plan_recordings(paths[0], seed)
    else:
        found, told = find_voices(paths)
        tell_reasons(_messages, "note:", told)
        planned = plan_notes([place.voice for place in found], each, seed, notes=pitches or NOTES)
    with _bar("notes") as bar:
        task = bar.add_task("", total=len(planned))
        failed = write_notes(planned, output, front, jobs, lambda done, _: bar.update(task, completed=done))
    tell_reasons(_messages, "left out", failed)
    counts = ", ".join(f"{sum(n.split == s for n in planned)} {s}" for s in ("train", "valid", "test"))
    _messages.print(escape(f"{output}: {counts}"), soft_wrap=True)


@app.command("layers")
def layer_table(
    recipe: Annotated[Path, typer.Argument(help="Such as recipes/dx7-vae.yaml.", show_default=False)],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes of it.", show_default=False)] = None,
    bands: Annotated[int, typer.Option("--bands", min=0, help="Of the pictures; 0: all bins.")] = 257,
    frames: Annotated[int, typer.Option("--frames", min=1, help="Of the pictures.")] = 347,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures.")] = 1,
) -> None:
    """Print the layers of a recipe's encoder and decoder: what each makes, and its parameters."""
    with extra("train"):
        import torch

        from brevox.nets.layers import layers
        from brevox.nets.sounds import build_sounds
        from brevox.synth.spectrogram import FrontEnd
        from brevox.training.recipe import load_recipe

    model = build_sounds(load_recipe(recipe, overrides or []).model, FrontEnd(bands=bands, frames=frames))
    picture = torch.zeros(batch, model.front.rows, frames)
    for name, network, given in (
        ("encoder", model.encoder, picture),
        ("decoder", model.decoder, torch.zeros(batch, model.latent)),
    ):
        rows = layers(network, given)
        for row in rows:
            print(f"{name}.{row.name:12}  {row.kind:16}  {list(row.shape)!s:22}  {row.parameters:>10,}")
        print(f"{name}: {sum(row.parameters for row in rows):,} parameters")


@app.command()
def reconstruct(
    run: Run,
    sound: Sound,
    number: Number = 1,
    note: MidiNote = 60,
    velocity: Velocity = 100,
    rounds: Rounds = 60,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("reconstruction"),
) -> None:
    """Send a sound through a trained model and back: a picture, and sounds by two kinds of phase."""
    with extra("analysis"):
        from brevox.sounds.instrument import find_sound, load_instrument
        from brevox.sounds.reconstruct import reconstruct as through

    instrument = load_instrument(run)
    audio, _ = find_sound(sound, instrument.front, note, velocity, number)
    result = through(instrument, audio, output, rounds)
    facts = f"off by {result.absolute_db:.2f} dB in the picture, {result.heard_db:.2f} dB in the sound"
    _messages.print(escape(f"{output}: {facts}, on the mean over all levels"), soft_wrap=True)


@app.command()
def morph(
    run: Run,
    first: Sound,
    last: Sound,
    numbers: Annotated[
        tuple[int, int], typer.Option("--numbers", help="Of the voices in their banks.", metavar="A B")
    ] = (1, 1),
    steps: Annotated[int, typer.Option("--steps", min=2, max=100, help="Sounds, both ends among them.")] = 7,
    note: MidiNote = 60,
    velocity: Velocity = 100,
    rounds: Rounds = 60,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("morph"),
) -> None:
    """Go from one sound to another along the line of latents; between two voices, along that of parameters too."""
    with extra("analysis"):
        from brevox.sounds.instrument import find_sound, load_instrument
        from brevox.sounds.morph import latent_morph, parameter_morph, through_model, write_morph

    instrument = load_instrument(run)
    one, voice = find_sound(first, instrument.front, note, velocity, numbers[0])
    other, other_voice = find_sound(last, instrument.front, note, velocity, numbers[1])
    rows = {"latent": latent_morph(instrument, one, other, steps)}
    if voice is not None and other_voice is not None:
        rendered = parameter_morph(instrument, voice, other_voice, steps, note, velocity)
        rows |= {"parameters": rendered, "parameters-decoded": through_model(instrument, rendered)}
    write_morph(instrument, rows, output, rounds)
    for name, row in rows.items():
        path = row.path
        facts = f"path {path.length_db:.1f} dB, direct {path.direct_db:.1f} dB, detour {path.detour:.2f}"
        print(f"{name:20} {facts}, largest step {path.largest:.2f} x the mean")
    _messages.print(escape(f"wrote {output}"), soft_wrap=True)


@app.command()
def latents(
    run: Run,
    file: Annotated[Path, typer.Argument(help="Notes: an HDF5 file of brevox synth notes.", show_default=False)],
    split: Annotated[str, typer.Option("--split", help="train, valid or test.")] = "valid",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("latents"),
) -> None:
    """Show how the dimensions of a latent go together, and what each changes in the sound."""
    with extra("analysis"):
        from brevox.data.notes import NotesFile
        from brevox.sounds.instrument import load_instrument
        from brevox.sounds.latents import look_at_latents

    result = look_at_latents(load_instrument(run), NotesFile(file), output, split)
    acting = int((result.effects_db > 1.0).sum())
    _messages.print(
        escape(
            f"{output}: entanglement {result.entanglement:.3f}, {acting} of {len(result.effects_db)} dimensions "
            "change sounds by more than 1 dB"
        ),
        soft_wrap=True,
    )


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Runs of brevox train, or checkpoints.", show_default=False)],
    file: Annotated[Path, typer.Option("--notes", help="The HDF5 file that they learned from.")] = Path("notes.h5"),
    split: Annotated[str, typer.Option("--split", help="test or valid.")] = "test",
    components: Annotated[
        bool, typer.Option("--components/--no-components", help="Compare with principal components.")
    ] = True,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="Of voices to morph between.")] = 20,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="All figures, JSON.")] = None,
) -> None:
    """Measure trained models on voices that they never heard: reconstruction, morphs, guesses."""
    with extra("analysis"):
        from brevox.data.notes import NotesFile
        from brevox.sounds.evaluate import evaluate_sounds
        from brevox.sounds.instrument import load_instrument

    from brevox.output import write_json

    heard, facts = NotesFile(file), {}
    with _messages.status("...") as status:
        for index, run in enumerate(runs):
            # Those of the first serve all: they are of the notes alone.
            facts[str(run)] = evaluate_sounds(
                load_instrument(run),
                heard,
                split,
                components=components and index == 0,
                pairs=pairs,
                progress=lambda told: status.update(escape(told)),
            )
    print(json.dumps(facts, indent=1))
    if output is not None:
        write_json(output, facts)


@app.command()
def guess(
    run: Run,
    sound: Sound,
    number: Number = 1,
    note: MidiNote = 60,
    velocity: Velocity = 100,
    output: Annotated[Path, typer.Option("--output", "-o", help="The voice, .syx.")] = Path("guess.syx"),
) -> None:
    """Guess the voice that plays a sound: sound in, .syx out."""
    with extra("analysis"):
        from brevox.sounds.guess import guess_voice
        from brevox.sounds.instrument import find_sound, load_instrument
        from brevox.synth.banks import Bank, write_bank

    instrument = load_instrument(run)
    audio, _ = find_sound(sound, instrument.front, note, velocity, number)
    made = guess_voice(instrument, audio, note, velocity, sound.stem)
    write_bank(output, Bank([made.voice]))
    told = f"plays {made.off_db:.1f} dB beside the sound (root mean square)"
    _messages.print(escape(f"{output}: {told}"), soft_wrap=True)


def _chosen(wanted: str | None, count: int) -> list[int]:
    """`1,5-8` as indices from 0."""
    if wanted is None:
        return list(range(count))
    chosen: list[int] = []
    try:
        for part in wanted.split(","):
            first, _, last = part.partition("-")
            chosen += range(int(first) - 1, int(last or first))
    except ValueError:
        raise SettingsError(f"--voices takes numbers such as 1,5-8, not {wanted!r}") from None
    if not chosen or min(chosen) < 0 or max(chosen) >= count:
        raise SettingsError(f"there are voices 1 to {count}; --voices asks for {wanted}")
    return chosen


def _bar(what: str) -> Progress:
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=_messages,
        transient=True,
    )
