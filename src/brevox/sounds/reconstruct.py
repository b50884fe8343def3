"""A sound through the VAE and back, as in seed 002's notebook: one picture, and sounds by two kinds of phase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.output import atomic_output
from brevox.pictures import to_png
from brevox.sounds.instrument import Instrument
from brevox.synth.files import write_sound

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Reconstruction:
    """A sound and what came back.

    Args:
        original, decoded: pictures, Shape [rows, frames].
        squared: mean squared difference of the pictures.
        absolute_db: mean absolute difference of levels.
        heard_db: the same of the sounds: between the original's levels and those of the sound with random phases.
    """

    original: Array
    decoded: Array
    squared: float
    absolute_db: float
    heard_db: float


def reconstruct(instrument: Instrument, sound: Array, folder: Path, rounds: int = 60) -> Reconstruction:
    """Send a sound through, and write what came of it.

    Writes `original.wav`, `griffin-lim.wav` (random phases), `original-phase.wav` (what phases the original had:
    optimistic) and `reconstruction.png` into the folder.

    Args:
        instrument: the model.
        sound: Shape [samples].
        folder: is made if missing.
        rounds: of Griffin-Lim.
    """
    front = instrument.front
    sound = front.fitted(sound)
    original = front.picture(sound)
    decoded = instrument.decode(instrument.encode(original[None]))[0]
    off = decoded - original
    folder.mkdir(parents=True, exist_ok=True)
    plain, knowing = instrument.sound(decoded, None, rounds), instrument.sound(decoded, sound, rounds)
    for name, heard in (("original", sound), ("griffin-lim", plain), ("original-phase", knowing)):
        write_sound(folder / f"{name}.wav", heard, front.sample_rate)
    scale = (front.high_db - front.low_db) / 2
    heard_db = float(np.abs(front.picture(plain) - original).mean() * scale)
    result = Reconstruction(original, decoded, float((off**2).mean()), float(np.abs(off).mean() * scale), heard_db)
    with atomic_output(folder / "reconstruction.png") as part:
        part.write_bytes(to_png(picture(instrument, result)))
    return result


def picture(instrument: Instrument, result: Reconstruction) -> Figure:
    """Original and reconstruction: magnitudes in bands, normalised levels and magnitudes in bins."""
    front = instrument.front
    figure = Figure(figsize=(9, 9), layout="constrained")
    axes = figure.subplots(3, 2)
    seconds = front.frames * front.hop / front.sample_rate
    rows = "mel band" if front.bands else "bin"
    for column, (title, levels) in enumerate((("original", result.original), ("reconstruction", result.decoded))):
        linear = 10 ** (np.clip(front.denormalised(levels), front.floor_db, front.high_db) / 20)
        bins = front.magnitude(levels)
        top = 10 ** (float(front.denormalised(result.original).max()) / 20)
        draw(axes[0][column], linear, seconds, rows, f"{title}: magnitude", 0.0, top)
        draw(axes[1][column], levels, seconds, rows, f"{title}: level, normalised", -1.0, 1.0)
        draw(axes[2][column], bins, seconds, "bin", f"{title}: magnitude in bins", 0.0, top)
    return figure


def draw(
    axes: Axes, values: NDArray[np.floating], seconds: float, rows: str, title: str, low: float, high: float
) -> Any:
    """One picture of levels over time. Shape: [rows, frames]."""
    shown = axes.imshow(
        values,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=low,
        vmax=high,
        extent=(0.0, seconds, 0.0, float(len(values))),
        interpolation="nearest",
    )
    axes.set(title=title, xlabel="s", ylabel=rows)
    axes.figure.colorbar(shown, ax=axes)
    return shown
