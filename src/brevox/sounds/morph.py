"""From one sound to another along a straight line: of latents, or of a voice's parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.data.notes import render_note
from brevox.output import atomic_output
from brevox.pictures import to_png
from brevox.sounds.instrument import Instrument
from brevox.sounds.smoothness import Smoothness, smoothness
from brevox.synth.files import write_sound
from brevox.synth.variation import between
from brevox.synth.voice import Voice

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Morph:
    """A row of sounds.

    Args:
        pictures: Shape [steps, rows, frames].
        path: how smooth the row is.
        sounds: where they are known, Shape [samples] each; else Griffin-Lim makes them of the pictures.
    """

    pictures: Array
    path: Smoothness
    sounds: list[Array] | None = None


def latent_morph(instrument: Instrument, first: Array, last: Array, steps: int) -> Morph:
    """Along the line of latents.

    Args:
        instrument: the model.
        first, last: sounds, Shape [samples].
        steps: sounds in the row, both ends among them.
    """
    front = instrument.front
    one, other = instrument.encode(np.stack([front.picture(first), front.picture(last)]))
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return _measured(instrument, instrument.decode((1 - shares) * one + shares * other))


def parameter_morph(instrument: Instrument, first: Voice, last: Voice, steps: int, note: int, velocity: int) -> Morph:
    """Along the line of parameters, every voice on it rendered."""
    sounds = [render_note(voice, note, velocity, instrument.front) for voice in between(first, last, steps)]
    measured = _measured(instrument, np.stack([instrument.front.picture(sound) for sound in sounds]))
    return replace(measured, sounds=sounds)


def through_model(instrument: Instrument, morph: Morph) -> Morph:
    """The same row encoded and decoded: what the model blurs in one row, it blurs in the other."""
    return _measured(instrument, instrument.decode(instrument.encode(morph.pictures)))


def write_morph(instrument: Instrument, rows: dict[str, Morph], folder: Path, rounds: int = 60) -> None:
    """Write `NAME-01.wav` ... of each row, and all pictures in `morph.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, morph in rows.items():
        sounds = morph.sounds or [instrument.sound(shown, rounds=rounds) for shown in morph.pictures]
        for number, sound in enumerate(sounds, 1):
            write_sound(folder / f"{name}-{number:02}.wav", sound, instrument.front.sample_rate)
    with atomic_output(folder / "morph.png") as part:
        part.write_bytes(to_png(picture(rows)))


def picture(rows: dict[str, Morph]) -> Figure:
    """Each row's sounds side by side, and the size of the steps between them."""
    steps = max(len(morph.pictures) for morph in rows.values())
    figure = Figure(figsize=(1.5 * steps + 1, 2.4 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), steps, squeeze=False)
    for axes, (name, morph) in zip(grid, rows.items(), strict=True):
        for number, shown in enumerate(morph.pictures):
            axes[number].imshow(shown, origin="lower", aspect="auto", cmap="magma", vmin=-1, vmax=1)
            axes[number].set(xticks=[], yticks=[])
            if number:
                axes[number].set_xlabel(f"{morph.path.steps_db[number - 1]:.1f} dB", fontsize=8)
        axes[0].set_ylabel(name)
        axes[0].set_title(
            f"detour {morph.path.detour:.2f}, largest step {morph.path.largest:.1f}", loc="left", fontsize=9
        )
    return figure


def _measured(instrument: Instrument, pictures: Array) -> Morph:
    return Morph(pictures, smoothness(instrument.front.denormalised(np.clip(pictures, -1, 1))))
