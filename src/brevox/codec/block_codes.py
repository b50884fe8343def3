"""Blocks of speech (`brevox.vocoder.blocks`) as columns of codes, and back.

Column 0 is the pitch of a block's second kept frame, 1 how far the first's is from what lies between that and the block
before, 2 the voicing, 3 the levels; all others are books, tables one after the other for the envelopes. Envelopes are
coded as coefficients: what is left of them when the block before has told what it can.

Codes are chosen for what they cost as well as for what they are worth: least error + price * bits (Chou, Lookabaugh
and Gray 1989, "Entropy-constrained vector quantization"), over the `MBEST` combinations of entries that were cheapest
so far (see `brevox.vocoder.stages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.codec.entropy import EntropyModel
from brevox.errors import ModelFileError
from brevox.vocoder.blocks import KEPT, OCTAVES, VOICINGS, Blocks
from brevox.vocoder.envelope import Y_COLUMNS
from brevox.vocoder.postfilter import sharpen

PITCH_STEPS = 24  # an octave: what is finer is not heard
PITCHES = round(OCTAVES * PITCH_STEPS) + 1
FARTHEST_BEND = 8  # steps
BENDS = 2 * FARTHEST_BEND + 1
#: Columns before the books.
SIDE_COLUMNS = 4

MBEST = 8
#: What decoded envelopes get back of their peaks, against their mean over 2 kHz.
SHARPENING, SHARPENING_COLUMNS = 0.2, 41
#: An error counts fully in blocks as loud as speech at the level of training is, dB, and by less in fainter ones.
_LOUD_DB, _FADE_DB, _LEAST_WEIGHT = 56.0, 30.0, 0.1

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BlockTables:
    """What a model knows about speech, for columns 3 and on.

    Attributes:
        levels: of both kept frames, dB. Shape: [codes, 2].
        mean: of shapes, dB. Shape: [158].
        analysis: from shapes less the mean to coefficients, whose squared errors add up to what is heard.
            Shape: [158, latent].
        synthesis: and back. Shape: [latent, 158].
        predictor: from the coefficients of a block to what to expect of the next. Shape: [latent, latent].
        books: Shape: [books, codes, latent].
    """

    levels: Floats
    mean: Floats
    analysis: Floats
    synthesis: Floats
    predictor: Floats
    books: Floats

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], books: Floats) -> BlockTables:
        """Of what a model file holds.

        Raises:
            ModelFileError: an array is missing, or does not fit the others.
        """
        latent, width = books.shape[2], len(KEPT) * Y_COLUMNS
        levels = arrays.get("levels")
        shapes = {
            "levels": (len(levels) if levels is not None and levels.ndim else 0, len(KEPT)),
            "mean": (width,),
            "analysis": (width, latent),
            "synthesis": (latent, width),
            "predictor": (latent, latent),
        }
        for name, shape in shapes.items():
            array = arrays.get(name)
            if array is None or array.shape != shape or array.dtype != np.float16 or not np.isfinite(array).all():
                raise ModelFileError(f"the table {name} of a vocoder is missing or damaged; get the model again")
        return cls(**{name: arrays[name].astype(np.float32) for name in shapes}, books=books)

    def to_arrays(self) -> dict[str, NDArray[np.float16]]:
        """All but the books, as a model file holds them."""
        names = [field.name for field in fields(self) if field.name != "books"]
        return {name: getattr(self, name).astype(np.float16) for name in names}

    @property
    def sizes(self) -> list[int]:
        """Codes of each column."""
        return [PITCHES, BENDS, VOICINGS, len(self.levels)] + [self.books.shape[1]] * len(self.books)


@dataclass(frozen=True)
class Targets:
    """What is to be coded, of several stretches alike in length.

    side: codes of pitch, bend and voicing. Shape: [stretches, blocks, 3].
    levels: dB. Shape: [stretches, blocks, 2].
    coefficients: Shape: [stretches, blocks, latent].
    weights: of errors. Shape: [stretches, blocks].
    """

    side: NDArray[np.int64]
    levels: Floats
    coefficients: Floats
    weights: Floats


def to_targets(blocks: Blocks, tables: BlockTables) -> Targets:
    """Of one stretch."""
    shape = blocks.shape.reshape(len(blocks), -1)
    coefficients = (shape - tables.mean) @ tables.analysis
    return Targets(
        side_codes(blocks)[None],
        blocks.level[None].astype(np.float32),
        coefficients[None].astype(np.float32),
        weights_of(blocks)[None].astype(np.float32),
    )


def weights_of(blocks: Blocks) -> NDArray[np.float64]:
    """How much errors count in each block. Shape: [blocks]."""
    loudest = blocks.level.max(axis=1)
    return np.clip(10 ** ((loudest - _LOUD_DB) / _FADE_DB), _LEAST_WEIGHT, 1)


def side_codes(blocks: Blocks) -> NDArray[np.int64]:
    """Pitch, bend and voicing. Shape: [blocks, 3]."""
    steps = np.clip(np.rint(blocks.pitch * PITCH_STEPS), 0, PITCHES - 1).astype(np.int64)
    heard = blocks.voicing > 0
    # Without a voice the pitch stays what it was, which costs least; before the first voice it is that one's.
    last = np.maximum.accumulate(np.where(heard, np.arange(len(heard)), -1))
    pitch = steps[np.where(last < 0, int(heard.argmax()), last), 1] * heard.any()
    between = _between(pitch, heard)
    bend = np.where(heard, np.clip(steps[:, 0] - between, -FARTHEST_BEND, FARTHEST_BEND), 0)
    return np.stack([pitch, bend + FARTHEST_BEND, blocks.voicing], axis=1)


def _between(pitch: NDArray[np.int64], heard: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first kept frame's pitch as the second's and the block before let expect it. Shapes: [blocks]."""
    going_on = np.concatenate([[False], heard[:-1]])
    return np.where(going_on, (np.roll(pitch, 1) + pitch) // 2, pitch)


def choose_codes(targets: Targets, tables: BlockTables, entropy: EntropyModel, price: float) -> NDArray[np.uint16]:
    """The codes of least error and cost.

    Args:
        targets: of stretches that are coded from the beginning.
        tables: of the model.
        entropy: tells what codes cost.
        price: of a bit, in squared dB.

    Returns:
        Shape: [stretches, columns, blocks].
    """
    stretches, count, _ = targets.side.shape
    codes = np.zeros((stretches, len(tables.sizes), count), np.int64)
    codes[:, :3] = targets.side.transpose(0, 2, 1)
    decoded = np.zeros((stretches, tables.predictor.shape[0]), np.float32)
    energies = np.einsum("ijk,ijk->ij", tables.books, tables.books)
    turned = np.ascontiguousarray(tables.books.transpose(0, 2, 1))
    for t in range(count):
        past = codes[:, :, t - 1] if t else None
        weights = targets.weights[:, t, None]
        off = targets.levels[:, t, None] - tables.levels
        cost = weights * np.einsum("ijk,ijk->ij", off, off)
        cost += price * entropy.bits_of_each(3, None if past is None else past[:, 3], codes[:, 2, t])
        codes[:, 3, t] = cost.argmin(axis=1)
        expected = decoded @ tables.predictor
        wanted = targets.coefficients[:, t] - expected
        codes[:, SIDE_COLUMNS:, t], left = _cheapest(
            wanted, weights, price, codes[:, 3, t], past, entropy, tables, turned, energies
        )
        decoded = targets.coefficients[:, t] - left
    return codes.astype(np.uint16)


def _cheapest(
    wanted: Floats,
    weights: Floats,
    price: float,
    above: NDArray[np.int64],
    past: NDArray[np.int64] | None,
    entropy: EntropyModel,
    tables: BlockTables,
    turned: Floats,
    energies: Floats,
) -> tuple[NDArray[np.int64], Floats]:
    """Codes of all books for one block of each stretch, and what they leave of `wanted`.

    Shapes: [stretches, latent], [stretches, 1] and, of codes, [stretches] and [stretches, columns], to
    [stretches, books] and [stretches, latent].
    """
    stretches, latent = wanted.shape
    rows = np.arange(stretches)[:, None]
    left, paths = (
        wanted[:, None],
        above[:, None, None],
    )  # [stretches, kept, latent], [stretches, kept, books so far + 1]
    spent = np.zeros((stretches, 1), np.float32)  # errors are counted from here on, prices from the beginning
    for book, entries in enumerate(tables.books):
        column, kept = SIDE_COLUMNS + book, left.shape[1]
        before = None if past is None else past[:, column, None]
        cost = (left.reshape(-1, latent) @ turned[book]).reshape(stretches, kept, -1)
        cost *= -2
        cost += energies[book]
        cost *= weights[:, :, None]
        cost += price * entropy.bits_of_each(column, before, paths[:, :, -1])
        cost += spent[:, :, None]
        flat = cost.reshape(stretches, -1)
        count = 1 if book == len(tables.books) - 1 else MBEST
        best = flat.argmin(axis=1)[:, None] if count == 1 else np.argpartition(flat, count, axis=1)[:, :count]
        origin, entry = np.divmod(best, len(entries))
        left = left[rows, origin] - entries[entry]
        spent = flat[rows, best]
        paths = np.concatenate([paths[rows, origin], entry[:, :, None]], axis=2)
    return paths[:, 0, 1:], left[:, 0]


def to_blocks(codes: NDArray[np.integer], tables: BlockTables) -> Blocks:
    """What codes say. Of columns that are missing there is nothing to say: that is the mean, or no voice.

    Args:
        codes: of one stretch from its beginning. Shape: [columns, blocks].
        tables: of the model.
    """
    columns, count = codes.shape
    given = np.zeros((max(columns, SIDE_COLUMNS), count), np.int64)
    given[1] = FARTHEST_BEND
    given[:columns] = codes
    first = _between(given[0], given[2] > 0) + given[1] - FARTHEST_BEND
    pitch = np.stack([first, given[0]], axis=1) / PITCH_STEPS
    coefficients = coefficients_of(given[None, SIDE_COLUMNS:], tables)[0]
    shape = (tables.mean + coefficients @ tables.synthesis).reshape(count, len(KEPT), Y_COLUMNS)
    shape = sharpen(shape, SHARPENING, SHARPENING_COLUMNS)
    return Blocks(given[2], pitch, tables.levels[given[3]].astype(np.float64), shape)


def coefficients_of(codes: NDArray[np.integer], tables: BlockTables) -> NDArray[np.float64]:
    """Codes of books, Shape [stretches, books, blocks], to coefficients, Shape [stretches, blocks, latent]."""
    stretches, _, count = codes.shape
    total = np.zeros((stretches, count, tables.books.shape[2]))
    for book, chosen in enumerate(codes.transpose(1, 0, 2)):  # fewer codes than books will do
        total += tables.books[book][chosen]
    for t in range(1, count):
        total[:, t] += total[:, t - 1] @ tables.predictor
    return total
