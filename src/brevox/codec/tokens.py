"""A recording as one table of whole numbers, as language models want it, and from such a table back to sound.

A `.sc` file keeps chunks that may be silent, and a bit rate that may change between them. Tokens are simpler: every
frame has one code of each book, silence included.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.codec.codec import Codec, CodeChunk, Codes
from brevox.codec.pitch_columns import columns_to_pitch, pitch_to_columns
from brevox.codec.recording import Recording
from brevox.errors import SettingsError


@dataclass(frozen=True)
class Tokens:
    """All codes of a recording of one channel.

    codes: uint16, Shape [books, frames].
    pitch: uint16, Shape [frames]; None if the model sends none.
    samples: at the model's rate; the last frame may be longer. None for all that the frames hold.
    gain: by which the recording was multiplied before coding; 1 decodes to the level of training.
    levels: of each chunk of 512 frames, see brevox.codec.level; 0 for digital silence. None where the level of the
        original is not known, as in what a language model made.
    damage: what was wrong with the recording, where it could be used all the same.
    """

    codes: NDArray[np.uint16]
    pitch: NDArray[np.uint16] | None
    samples: int | None = None
    gain: float = 1.0
    levels: NDArray[np.uint16] | None = None
    damage: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        return int(self.codes.shape[1])


def tokenise_file(
    path: str | os.PathLike[str],
    codec: Codec,
    *,
    books: int | None = None,
    progress: Callable[[float, float | None], None] | None = None,
) -> Tokens:
    """The codes of a recording, its channels averaged: those that `encode_file` puts into a `.sc`.

    Where a chunk is digital silence, which a `.sc` has no codes for, they are `Codec.encode_silence`. Memory grows
    with the codes only.

    Args:
        path: any audio file.
        codec: the model.
        books: how many; all by default.
        progress: called with the seconds done, and all of them if known.

    Raises:
        AudioFileError: it cannot be read.
        SettingsError: the model has fewer books.
    """
    books = codec.books if books is None else books
    pieces = [np.zeros((codec.side_columns + books, 0), dtype=np.uint16)]
    levels: list[int] = []
    samples = 0
    with Recording(path, codec) as recording:
        for window in recording.windows:
            (chunk,) = codec.encode_windows([window], books=books)
            pieces.append(chunk.codes[0] if chunk.codes.shape[1] else codec.encode_silence(chunk.frames, books))
            levels += window.levels
            samples += window.samples
            if progress is not None:
                progress(samples / codec.sample_rate, recording.reader.duration_s)
        columns = np.concatenate(pieces, axis=1)
        return Tokens(
            codes=columns[codec.side_columns :],
            pitch=columns_to_pitch(columns[: codec.side_columns]) if codec.sends_pitch else None,
            samples=samples,
            gain=recording.gain,
            levels=np.array(levels, dtype=np.uint16),
            damage=recording.damage,
        )


def to_codes(tokens: Tokens, codec: Codec) -> Codes:
    """What `Codec.decode` takes. Of a recording's tokens it makes the very sound that its codes make.

    Args:
        tokens: may be of fewer books than the model has.
        codec: the model that made them.

    Raises:
        SettingsError: shapes, sizes or levels do not fit each other or the model.
    """
    columns = _columns(tokens, codec)
    frames = tokens.frames
    firsts = range(0, frames, codec.chunk_frames)
    levels: Iterable[tuple[int, ...]] = [()] * len(firsts)
    if tokens.levels is not None:
        if len(tokens.levels) != len(firsts):
            raise SettingsError(
                f"{frames} frames have {len(firsts)} levels, one for {codec.chunk_frames} frames, "
                f"not {len(tokens.levels)}"
            )
        levels = [(int(level),) for level in tokens.levels]
    chunks = []
    for first, level in zip(firsts, levels, strict=True):
        piece = columns[:, first : first + codec.chunk_frames]
        codes = piece[:0] if level == (0,) else piece
        chunks.append(CodeChunk(first, piece.shape[1], codes[None], level))
    samples = frames * codec.hop if tokens.samples is None else tokens.samples
    return Codes(codec.id, 1, samples, tokens.gain, chunks)


def _columns(tokens: Tokens, codec: Codec) -> NDArray[np.uint16]:
    """Pitch and books as one array, checked. Shape: [columns, frames]."""
    codes, pitch = np.asarray(tokens.codes), tokens.pitch
    if codes.ndim != 2 or not 1 <= len(codes) <= codec.books:
        raise SettingsError(
            f"codes must have the shape [books, frames] with 1 to {codec.books} books, not {codes.shape}"
        )
    pitches = codes.shape[1] * codec.side_columns
    if (pitch is not None) != codec.sends_pitch or (pitch is not None and np.shape(pitch) != (pitches,)):
        wanted = f"{pitches} pitch codes for {codes.shape[1]} frames" if codec.sends_pitch else "no pitch"
        raise SettingsError(f"the model {codec.name} wants {wanted}")
    columns = codes if pitch is None else np.concatenate([pitch_to_columns(pitch, codec.side_columns), codes])
    sizes = np.array(codec.entropy.sizes[: len(columns)])[:, None]
    if columns.dtype.kind not in "iu" or (columns < 0).any() or (columns >= sizes).any():
        raise SettingsError(f"these codes are not whole numbers within the codebooks of the model {codec.name}")
    return columns.astype(np.uint16)
