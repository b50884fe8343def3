"""A `.sc` file of either version as chunks of codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from brevox.codec.codec import CHUNK_FRAMES, Codec, CodeChunk
from brevox.codec.models import find_model_by_id, open_model
from brevox.codec.reading import read_up_to
from brevox.codec.sc1 import read_v1
from brevox.codec.sc2 import Chunk, DamagedChunk, StreamHeader
from brevox.codec.sc2_reader import ScReader
from brevox.codec.signature import SNIFF_BYTES, sniff
from brevox.errors import StreamError, WrongModelError

_LONGEST_LOSS_S = 24 * 3600


class CodedStream:
    """A `.sc` file, opened, with the codec it needs.

    Args:
        file: open for reading in binary, at its beginning; a pipe will do.
        codec: to decode with; by default the known model that the file names.
        threads: CPU threads of a codec that is looked up.

    Raises:
        StreamError: not a `.sc` file, or its header is damaged.
        WrongModelError: it needs another model than `codec`, or none that is known.
    """

    def __init__(self, file: BinaryIO, codec: Codec | None = None, threads: int | None = None) -> None:
        head = read_up_to(file, SNIFF_BYTES)
        self.version = sniff(head)
        self._reader: ScReader | None = None
        if self.version == 2:
            self._reader = ScReader(file, head)
            self.header = self._reader.header
            self.codec = _fitting_codec(codec, self.header.model_id, self.header.model_name, threads)
        else:
            model_id, self._codes = read_v1(head + file.read())
            self.codec = _fitting_codec(codec, model_id, "", threads)
            self.header = self._version_1_header(model_id)
        if (self.header.model_rate_hz, self.header.hop) != (self.codec.sample_rate, self.codec.hop):
            raise StreamError(f"this .sc file is damaged: its rates are not those of the model {self.codec.name}")
        if self.header.chunk_frames > CHUNK_FRAMES:
            raise StreamError(
                f"this .sc file has chunks of more than {CHUNK_FRAMES} frames, which Brevox does not read"
            )
        #: What was lost so far, one sentence a place.
        self.damage: list[str] = []

    @property
    def num_samples(self) -> int | None:
        """Samples of the source, per channel; None as long as a pipe has not told."""
        return self.header.num_samples if self._reader is None else self._reader.num_samples

    def chunks(self, start_frame: int = 0) -> Iterator[CodeChunk]:
        """Chunks in order, from the one that holds `start_frame` on, which must be 0 for a pipe.

        What is damaged comes as silence of the right length, and is told in `damage`.
        """
        if self._reader is None:
            yield from self._version_1_chunks(self._codes, start_frame)
            return
        for chunk in self._reader.chunks(start_frame):
            if isinstance(chunk, DamagedChunk):
                yield from self._silence(chunk)
            else:
                yield self._decoded(chunk)
        if self._reader.truncated:
            self.damage.append(self._reader.reason or "the file's end is missing")

    def _decoded(self, chunk: Chunk) -> CodeChunk:
        channels = self.header.channels
        side = self.codec.side_columns
        if chunk.columns > side + self.codec.books or 0 < chunk.columns <= side:
            raise StreamError(f"this .sc file has {chunk.columns} code columns; {self.codec.name} cannot have made it")
        if chunk.columns == 0:
            codes = np.zeros((channels, 0, chunk.frames), dtype=np.uint16)
        else:
            codes = self.codec.entropy.decode(chunk.payload, chunk.columns, chunk.frames, channels)
        return CodeChunk(chunk.first_frame, chunk.frames, codes, chunk.levels)

    def _silence(self, lost: DamagedChunk) -> Iterator[CodeChunk]:
        seconds = lost.frames / self.codec.frame_rate_hz
        if seconds > _LONGEST_LOSS_S:
            raise StreamError(f"this .sc file is damaged: {seconds / 3600:.0f} hours are missing")
        begin_s = lost.first_frame / self.codec.frame_rate_hz
        self.damage.append(f"{seconds:.1f} s from {begin_s:.1f} s on are silence: {lost.reason}")
        for first in range(lost.first_frame, lost.first_frame + lost.frames, self.codec.chunk_frames):
            frames = min(self.codec.chunk_frames, lost.first_frame + lost.frames - first)
            empty = np.zeros((self.header.channels, 0, frames), dtype=np.uint16)
            yield CodeChunk(first, frames, empty, (0,) * self.header.channels)

    def _version_1_header(self, model_id: bytes) -> StreamHeader:
        """Version 1 tells neither rate, nor level, nor the exact length: what the model has stands for them."""
        sizes = np.array(self.codec.entropy.sizes[: len(self._codes)])
        if len(self._codes) > len(self.codec.entropy.sizes) or (self._codes >= sizes[:, None]).any():
            raise StreamError(f"this .sc file holds codes that the model {self.codec.name} does not have")
        return StreamHeader(
            model_id=model_id,
            model_name=self.codec.name,
            sample_rate=self.codec.sample_rate,
            channels=1,
            num_samples=self._codes.shape[1] * self.codec.hop,
            model_rate_hz=self.codec.sample_rate,
            hop=self.codec.hop,
            chunk_frames=self.codec.chunk_frames,
        )

    def _version_1_chunks(self, codes: NDArray[np.uint16], start_frame: int) -> Iterator[CodeChunk]:
        size = self.codec.chunk_frames
        for first in range(start_frame // size * size, codes.shape[1], size):
            piece = codes[:, first : first + size]
            yield CodeChunk(first, piece.shape[1], piece[None], ())


def _fitting_codec(codec: Codec | None, model_id: bytes, name: str, threads: int | None) -> Codec:
    if codec is None:
        return open_model(find_model_by_id(model_id, name), threads)
    if codec.id != model_id:
        called = f"{name!r} " if name else ""
        raise WrongModelError(
            f"this file needs the model {called}(id {model_id.hex()}), not {codec.name!r} (id {codec.id.hex()}); "
            "name the right one with --model, or leave --model out"
        )
    return codec
