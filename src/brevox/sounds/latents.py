"""What the dimensions of a latent do: how they go together, and what each changes in the sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.data.notes import NotesFile
from brevox.errors import SettingsError
from brevox.nets.bottlenecks.entanglement import entanglement, rank_correlations
from brevox.output import atomic_output, write_json
from brevox.pictures import to_png
from brevox.sounds.instrument import Instrument

Array = NDArray[np.float32]

_PASS = 64  # notes at a time
_REACH = 2.0  # standard deviations
_POINTS = 5  # pictures of a traversal


@dataclass(frozen=True)
class Latents:
    """The latents of notes.

    Args:
        values: Shape [notes, dims].
        entanglement: mean |Spearman| of two different dimensions.
        spread: standard deviation of each, Shape [dims].
        effects_db: what going over the reach of each changes, root mean square, Shape [dims].
    """

    values: Array
    entanglement: float
    spread: Array
    effects_db: Array


def encode_notes(instrument: Instrument, file: NotesFile, split: str) -> Array:
    """The latents of all notes of a split. Shape: [notes, latent].

    Raises:
        DataError: there are none.
        SettingsError: the file has pictures of another front end than the model.
    """
    check_front(instrument, file)
    ours, theirs = instrument.front, file.front
    numbers = file.of_split(split)
    parts = []
    for start in range(0, len(numbers), _PASS):
        levels = [theirs.denormalised(file.picture(int(number))) for number in numbers[start : start + _PASS]]
        parts.append(instrument.encode(ours.normalised(np.stack(levels))))
    return np.concatenate(parts)


def check_front(instrument: Instrument, file: NotesFile) -> None:
    """Raise a SettingsError if a file has pictures of another size or rate than the model."""
    ours, theirs = (
        (front.sample_rate, front.window, front.hop, front.bands, front.frames)
        for front in (instrument.front, file.front)
    )
    if ours != theirs:
        raise SettingsError(
            f"{file.path} has pictures of another kind than the model was trained on; "
            f"make them with brevox synth notes --hop {ours[2]} --bands {ours[3]}"
        )


def look_at_latents(
    instrument: Instrument, file: NotesFile, folder: Path, split: str = "valid", shown: int = 6
) -> Latents:
    """Measure the latents of a split, and write `latents.json`, `correlations.png` and `traversals.png`.

    Args:
        instrument: the model.
        file: of notes.
        folder: is made if missing.
        split: which notes.
        shown: dimensions of which traversals are drawn: those that change sounds most.
    """
    values = encode_notes(instrument, file, split)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    base = instrument.decode(centre[None])[0]
    half_range = (instrument.front.high_db - instrument.front.low_db) / 2
    effects = np.zeros(len(spread), dtype=np.float32)
    moves = np.diag(_REACH * spread).astype(np.float32)
    for start in range(0, len(spread), _PASS):
        part = slice(start, start + _PASS)
        off = instrument.decode(centre + moves[part]) - instrument.decode(centre - moves[part])
        effects[part] = np.sqrt((off**2).mean(axis=(1, 2))) * half_range
    result = Latents(values, entanglement(values), spread, effects)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "split": split,
        "notes": len(values),
        "entanglement": result.entanglement,
        "by_chance": float(np.sqrt(2 / (np.pi * len(values)))),
        "spread": spread.tolist(),
        "effects_db": effects.tolist(),
    }
    write_json(folder / "latents.json", facts)
    figures = {"correlations": correlations_picture(result)}
    figures["traversals"] = traversals_picture(instrument, result, centre, base, shown)
    for name, figure in figures.items():
        with atomic_output(folder / f"{name}.png") as part_path:
            part_path.write_bytes(to_png(figure))
    return result


def correlations_picture(result: Latents) -> Figure:
    """|Spearman| of every two dimensions, those that change sounds most first; and how much each does."""
    order = np.argsort(-result.effects_db)
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = left.imshow(np.abs(rank_correlations(result.values[:, order])), cmap="magma", vmin=0, vmax=1)
    figure.colorbar(shown, ax=left)
    left.set(title=f"|rank correlation|, mean {result.entanglement:.3f}", xlabel="dimension, strongest first")
    right.bar(range(len(order)), result.effects_db[order], width=1.0)
    right.set(
        title=f"what {_REACH:g} standard deviations up and down change",
        xlabel="dimension, strongest first",
        ylabel="dB, root mean square",
    )
    return figure


def traversals_picture(instrument: Instrument, result: Latents, centre: Array, base: Array, shown: int) -> Figure:
    """From the mean sound up and down along single dimensions."""
    strongest = np.argsort(-result.effects_db)[:shown]
    points = np.linspace(-_REACH, _REACH, _POINTS)
    figure = Figure(figsize=(10, 1.7 * len(strongest)), layout="constrained")
    grid = figure.subplots(len(strongest), _POINTS, squeeze=False)
    for axes, dimension in zip(grid, strongest, strict=True):
        for place, point in zip(axes, points, strict=True):
            latent = centre.copy()
            latent[dimension] += point * result.spread[dimension]
            decoded = base if point == 0 else instrument.decode(latent[None])[0]
            place.imshow(decoded, origin="lower", aspect="auto", cmap="magma", vmin=-1, vmax=1)
            place.set(xticks=[], yticks=[])
            place.set_xlabel(f"{point:+g}", fontsize=8)
        axes[0].set_ylabel(f"{dimension}")
    return figure
