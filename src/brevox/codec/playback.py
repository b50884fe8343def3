"""A `.sc` file decoded while it is listened to, from any place on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from brevox.codec.codec import Codec, CodeChunk
from brevox.codec.stream import CodedStream
from brevox.errors import StreamError


class Playback:
    """An open `.sc` file, to be heard; a context manager.

    Args:
        source: the file.
        codec: by default the known model that the file names.
        threads: CPU threads of a codec that is looked up.

    Attributes:
        codec: what decodes it.
        channels: 1 or more.
        sample_rate: of the blocks, Hz: the model's, whatever the original's was.

    Raises:
        StreamError: not a `.sc` file, or it cannot be read.
        WrongModelError: it needs another model than `codec`, or none that is known.
    """

    def __init__(self, source: str | os.PathLike[str], codec: Codec | None = None, threads: int | None = None) -> None:
        try:
            self._file = Path(source).open("rb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise StreamError(f"cannot read {source}: {error.strerror or error}") from error
        try:
            self._stream = CodedStream(self._file, codec, threads)
        except BaseException:
            self._file.close()
            raise
        self.codec = self._stream.codec
        self.channels = self._stream.header.channels
        self.sample_rate = self.codec.sample_rate

    @property
    def num_samples(self) -> int | None:
        """Of each channel, at `sample_rate`; None if the file's end, which tells, is missing."""
        samples = self._stream.num_samples
        return None if samples is None else -(-samples * self.sample_rate // self._stream.header.sample_rate)

    @property
    def damage(self) -> tuple[str, ...]:
        """What was lost so far, a sentence each; lost places are silent."""
        return tuple(dict.fromkeys(self._stream.damage))  # each time that they are passed they are told

    def blocks(self, start: int = 0) -> Iterator[NDArray[np.float32]]:
        """Decode from a sample on, block after block of at most a chunk (10 s).

        From 0 on the samples are those of `Codec.decode`. From elsewhere they sound the same, but pulses are counted
        from the chunk before, so that they may come earlier or later by less than a pitch period.

        Yields:
            Shape [channels, samples]; ends where the recording ends.
        """
        # The chunk before is decoded as well: it is what the network sees to the left, and what levels glide from.
        wanted = max(0, start // self.codec.hop - self.codec.chunk_frames)
        chunks = _Placed(self._stream.chunks(wanted))
        end = self.num_samples
        position: int | None = None
        for block in self.codec.decode_chunks(chunks, self.channels, self._stream.header.gain):
            if position is None:
                position = chunks.first_frame * self.codec.hop
            piece = block[:, max(0, start - position) : None if end is None else max(0, end - position)]
            if piece.shape[1]:
                yield piece
            position += block.shape[1]

    def close(self) -> None:
        """Close the file. Twice does no harm."""
        self._file.close()

    def __enter__(self) -> Playback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Placed:
    """Chunks on their way, with the frame remembered that the first of them begins at."""

    def __init__(self, chunks: Iterable[CodeChunk]) -> None:
        self._chunks, self.first_frame = chunks, 0

    def __iter__(self) -> Iterator[CodeChunk]:
        for number, chunk in enumerate(self._chunks):
            if number == 0:
                self.first_frame = chunk.first_frame
            yield chunk
