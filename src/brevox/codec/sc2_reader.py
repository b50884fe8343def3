"""Reading a `.sc` file of version 2, in one pass, so a pipe will do; where it can seek, from any chunk on.

What a checksum does not vouch for is not trusted: lost chunks come out as `DamagedChunk`, and what follows is found
again by its sync marker. What the bytes are is told in `sc2`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from brevox.codec.reading import read_up_to
from brevox.codec.sc2 import (
    HEADER_FIXED_BYTES,
    INDEX_HEAD_BYTES,
    SYNC,
    TRAILER_BYTES,
    VERSION,
    Chunk,
    DamagedChunk,
    StreamHeader,
    Trailer,
    chunk_head_bytes,
    chunk_size,
    crc_fits,
    header_size,
    index_from_bytes,
    index_size,
)
from brevox.codec.signature import SNIFF_BYTES, sniff
from brevox.errors import StreamError

_SCAN_BYTES = 4096
_MOST_CHECKS = 4
_SPARE_CHECKED_BYTES = 1 << 26


class ScReader:
    """Reads a file from its beginning to its end or, where it can seek, from any frame on.

    Args:
        file: open for reading in binary, at its beginning; a pipe will do. Never closed here.
        head: the file's first bytes, where the caller has already read some of them.

    Raises:
        StreamError: not a version 2 file, or its header is damaged.
    """

    def __init__(self, file: BinaryIO, head: bytes = b"") -> None:
        self._window: _Window | _SeekableWindow = _SeekableWindow(file) if _can_seek(file) else _Window(file, head)
        self.header, self.header_bytes = _read_header(self._window)
        #: Samples of the source, per channel; None as long as neither header nor trailer told.
        self.num_samples = self.header.num_samples
        #: Frames of the stream; None as long as the trailer did not tell.
        self.num_frames: int | None = None
        #: True once it is known that the file's end is missing or damaged.
        self.truncated = False
        #: What is wrong with the file's end, if anything is.
        self.reason: str | None = None
        #: Where in the file the chunk begins that `chunks` gave last.
        self.offset = self.header_bytes
        self._entries: list[tuple[int, int]] = []
        self._checked = 0
        if isinstance(self._window, _SeekableWindow):
            self._read_end(self._window.end)

    def chunks(self, start_frame: int = 0) -> Iterator[Chunk | DamagedChunk]:
        """Chunk after chunk without gaps, from the one that holds `start_frame` on; what is lost is a `DamagedChunk`.

        When the iterator ends, `num_samples`, `num_frames`, `truncated` and `reason` are settled. A pipe can be
        read only once.
        """
        position, next_frame = self._nearest_entry(start_frame)
        self._checked = _MOST_CHECKS * position
        while True:
            begin = position
            position, chunk = self._find(begin)
            if chunk is None:
                break
            if chunk.first_frame < next_frame:
                yield DamagedChunk(next_frame, 0, f"the chunk at byte {position} repeats frames that were there before")
            else:
                expected = max(next_frame, start_frame)
                lost = chunk.first_frame - expected
                if lost > 0 or (lost == 0 and position > begin):
                    yield DamagedChunk(expected, lost, _what_is_wrong(begin, position))
                next_frame = chunk.end_frame
                if next_frame > start_frame:
                    self.offset = position
                    yield chunk
            position += chunk.file_bytes
        yield from self._finish(begin, position, max(next_frame, start_frame))

    def _nearest_entry(self, frame: int) -> tuple[int, int]:
        """Offset and first frame of the last chunk in the index that begins no later than `frame`."""
        before = [entry for entry in self._entries if entry[1] <= frame]
        return before[-1] if before else (self.header_bytes, 0)

    def _find(self, position: int) -> tuple[int, Chunk | None]:
        """The first whole chunk from `position` on and where it begins; or None and where the chunks end."""
        while True:
            chunk = self._chunk_at(position)
            if chunk is not None or self._index_end(position):
                return position, chunk
            found = self._next_sync(position + 1)
            if found is None:
                return self._window.end, None
            position = found

    def _next_sync(self, position: int) -> int | None:
        while block := self._window.get(position, _SCAN_BYTES):
            at = block.find(SYNC)
            if at >= 0:
                return position + at
            position += max(1, len(block) - len(SYNC) + 1)
        return None

    def _chunk_at(self, position: int) -> Chunk | None:
        size = chunk_size(self._window.get(position, chunk_head_bytes(self.header.channels)), self.header)
        data = self._checked_bytes(position, size) if size else None
        return None if data is None else Chunk.from_bytes(data, self.header.channels)

    def _index_end(self, position: int) -> int:
        """Where the index that begins at `position` ends; 0 if there is no whole index."""
        size = index_size(self._window.get(position, INDEX_HEAD_BYTES), position)
        return position + size if size and self._checked_bytes(position, size) is not None else 0

    def _checked_bytes(self, position: int, size: int) -> bytes | None:
        """These bytes, if they end with their CRC32.

        A file made of nothing but sync markers would have us check all of it at every one of them; so no
        more is checked than a few times what lies behind.
        """
        if self._checked > _MOST_CHECKS * position + _SPARE_CHECKED_BYTES:
            return None
        data = self._window.get(position, size)
        self._checked += len(data)
        return data if len(data) == size and crc_fits(data) else None

    def _read_end(self, size: int) -> None:
        """Learn from trailer and index."""
        trailer = Trailer.from_bytes(self._window.get(size - TRAILER_BYTES, TRAILER_BYTES))
        if trailer is None:
            self.truncated, self.reason = True, "the file's end is missing or damaged"
            return
        self._take(trailer)
        offset, index_end = trailer.index_offset, size - TRAILER_BYTES
        data = self._window.get(offset, index_end - offset) if self.header_bytes <= offset < index_end else b""
        entries = index_from_bytes(data, trailer.chunks)
        if entries is None or (entries and entries[-1][0] >= offset):
            self.reason = "the file's index is damaged"
        else:
            self._entries = entries

    def _take(self, trailer: Trailer) -> None:
        self.num_frames = trailer.frames
        self.num_samples = trailer.num_samples if self.header.num_samples is None else self.header.num_samples

    def _finish(self, begin: int, position: int, next_frame: int) -> Iterator[DamagedChunk]:
        """Settle what the end tells: chunks ended at `begin`, the index or the file's end is at `position`."""
        index_end = self._index_end(position)
        if self.num_frames is None:
            at = index_end or position - TRAILER_BYTES
            trailer = Trailer.from_bytes(self._window.get(at, TRAILER_BYTES))
            if trailer is not None:
                self._take(trailer)
        num_frames, self.truncated, self.reason = self.num_frames, False, None
        if num_frames is None:
            self.truncated, self.reason = True, "the file's end is missing or damaged"
            num_frames = 0 if self.num_samples is None else self.header.frames_of(self.num_samples)
        elif not index_end:
            self.reason = "the file's index is damaged"
        lost = max(0, num_frames - next_frame)
        if lost or (index_end and position > begin):
            yield DamagedChunk(next_frame, lost, _what_is_wrong(begin, position))


class _Window:
    """Bytes of a file that cannot seek, by position, kept as far as they may still be wanted."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._data = bytearray(head)
        self._start = 0

    @property
    def end(self) -> int:
        """Bytes read so far."""
        return self._start + len(self._data)

    def get(self, position: int, count: int) -> bytes:
        """Bytes from `position` on, fewer than `count` at the file's end only.

        Raises:
            ValueError: `position` lies so far back that the bytes are gone.
        """
        position, count = max(position, 0), count + min(position, 0)
        if position < self._start:
            raise ValueError("what came through a pipe can be read only once")
        self._data += read_up_to(self._file, position + count - self.end)
        # A trailer is looked for at the very end, when the end has been reached.
        done = min(position - TRAILER_BYTES, self.end - TRAILER_BYTES) - self._start
        if done > _SCAN_BYTES:
            del self._data[:done]
            self._start += done
        return bytes(self._data[position - self._start : position - self._start + count])


class _SeekableWindow:
    """Bytes of a file that can seek, by position."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.end = file.seek(0, os.SEEK_END)

    def get(self, position: int, count: int) -> bytes:
        """Bytes from `position` on, fewer than `count` at the file's end only."""
        position, count = max(position, 0), count + min(position, 0)
        self._file.seek(position)
        return read_up_to(self._file, count)


def _can_seek(file: BinaryIO) -> bool:
    # On Windows a pipe claims that it can (https://github.com/python/cpython/issues/86768).
    try:
        return file.seekable() and not stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
    except (OSError, AttributeError):  # not a file of the system's
        return file.seekable()


def _read_header(window: _Window | _SeekableWindow) -> tuple[StreamHeader, int]:
    """The header and its size in the file."""
    if sniff(window.get(0, SNIFF_BYTES)) != VERSION:
        raise StreamError("this is not a version 2 .sc file: it is of version 1")
    size = header_size(window.get(0, HEADER_FIXED_BYTES))
    return StreamHeader.from_bytes(window.get(0, size)), size


def _what_is_wrong(begin: int, end: int) -> str:
    if end > begin:
        return f"bytes {begin}..{end - 1} of the file are damaged or cut short"
    return f"chunks are missing before byte {end} of the file"
