"""Writing a `.sc` file of version 2, in one pass, or going on with one. What the bytes are is told in `sc2`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from brevox.codec.sc2 import MOST_SAMPLES, Chunk, StreamHeader, Trailer, chunk_fits, forget_num_samples, index_to_bytes
from brevox.codec.sc2_reader import ScReader
from brevox.errors import StreamError


class ScWriter:
    """Writes a file in one pass: the header at once, then `write` for each chunk, then `close`.

    Until `close`, the file is a truncated one, whole but for its end: what is left of a recording that is cut.

    Args:
        file: open for writing in binary; a pipe will do. Never closed here.
        header: see `StreamHeader`.

    Raises:
        StreamError: a field of the header is out of its range.
    """

    def __init__(self, file: BinaryIO, header: StreamHeader) -> None:
        self._file, self.header = file, header
        #: The first frame of the next chunk.
        self.next_frame = 0
        self._size = 0
        self._entries: list[tuple[int, int]] = []
        self._write(header.to_bytes())

    def write(self, chunk: Chunk) -> None:
        """Append a chunk; it begins where the last one ended.

        Raises:
            ValueError: a field of the chunk is out of its range or does not fit the header.
        """
        if chunk.first_frame != self.next_frame:
            raise ValueError(f"the next chunk begins at frame {self.next_frame}, not {chunk.first_frame}")
        if not chunk_fits(self.header, chunk.first_frame, len(chunk.payload), chunk.frames, chunk.columns):
            raise ValueError("a chunk has 1..chunk_frames frames, 0..255 columns and at most 2 bytes a code and 1 KiB")
        if len(chunk.levels) != self.header.channels or not all(0 <= level <= 65535 for level in chunk.levels):
            raise ValueError("a chunk has one level of 0..65535 per channel")
        data = chunk.to_bytes()
        self._entries.append((self._size, chunk.first_frame))
        self._write(data)
        self.next_frame = chunk.end_frame

    def close(self, num_samples: int | None = None) -> None:
        """Write index and trailer.

        Args:
            num_samples: of the source, per channel. Not needed where the header tells.

        Raises:
            ValueError: nobody tells the number of samples, or the header tells another.
        """
        known = self.header.num_samples
        num_samples = known if num_samples is None else num_samples
        if num_samples is None or not 0 <= num_samples <= MOST_SAMPLES or known not in (None, num_samples):
            raise ValueError(f"a file of {known} samples by its header cannot end with {num_samples}")
        trailer = Trailer(num_samples, self.next_frame, len(self._entries), index_offset=self._size)
        self._write(index_to_bytes(self._entries))
        self._write(trailer.to_bytes())

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)


class _ResumedWriter(ScWriter):
    """Goes on behind chunks that are already there."""

    def __init__(
        self, file: BinaryIO, header: StreamHeader, size: int, entries: list[tuple[int, int]], next_frame: int
    ) -> None:
        self._file, self.header, self.next_frame = file, header, next_frame
        self._size, self._entries = size, entries


@contextmanager
def open_for_append(path: str | os.PathLike[str]) -> Iterator[ScWriter]:
    """Open a file, whole or cut short, to go on after its last whole chunk.

    Index and trailer are dropped and the header's number of samples becomes unknown. Changes the file in place:
    until the writer's `close` it is a truncated file.

    Raises:
        StreamError: the file is not there, not writable, not a version 2 file, or its header is damaged.
    """
    try:
        file = open(path, "r+b")  # noqa: SIM115, PTH123
    except OSError as error:
        raise StreamError(f"cannot append to {path}: {error.strerror or error}") from error
    with file:
        reader = ScReader(file)
        size, next_frame = reader.header_bytes, 0
        entries: list[tuple[int, int]] = []
        for chunk in reader.chunks():
            if isinstance(chunk, Chunk):
                entries.append((reader.offset, chunk.first_frame))
                size, next_frame = reader.offset + chunk.file_bytes, chunk.end_frame
        file.seek(0)
        header = forget_num_samples(file.read(reader.header_bytes))
        file.seek(0)
        file.write(header)
        file.flush()
        file.truncate(size)
        file.seek(size)
        yield _ResumedWriter(file, replace(reader.header, num_samples=None), size, entries, next_frame)
