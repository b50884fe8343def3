"""A binary file as PyAV should see it."""

from __future__ import annotations

import os
from typing import BinaryIO


class GuardedFile:
    """A binary file without a name, from which no exception gets lost in C.

    ffmpeg takes a name's suffix for a hint, and so "recognises" any text called `.mp3`; without a
    name it goes by the content. And it calls `read` and `write` from C, where a Ctrl-C would be
    printed and forgotten, and a half-read recording pass for a whole one. Here the file seems to end
    (or to swallow what is written) and `check` raises what happened.

    Args:
        file: a buffered binary file or pipe.
        head: bytes that were already read from a pipe, to be read again.
    """

    def __init__(self, file: BinaryIO, head: bytes = b"") -> None:
        self._file = file
        self._head = head
        self._written = False
        self._error: BaseException | None = None

    def check(self) -> None:
        """Raise what a call from C ran into. To be called after every call into PyAV."""
        if self._error is not None:
            raise self._error

    def seekable(self) -> bool:
        return not self._head and is_seekable(self._file)

    def read(self, count: int) -> bytes:
        if self._error is not None:  # ffmpeg tries again after an end; a pipe might make it wait for ever
            return b""
        try:
            if self._head:
                data, self._head = self._head[:count], self._head[count:]
                return data
            return self._file.read(count)
        except BaseException as error:
            self._error = self._error or error
            return b""

    def write(self, data: bytes) -> int:
        self._written = True
        try:
            if self._error is None:
                self._file.write(data)
        except BaseException as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except BaseException as error:
            # A damaged file may send ffmpeg anywhere; but before a seek, a buffer may have to be written.
            if self._written or not isinstance(error, OSError):
                self._error = self._error or error
            return -1

    def tell(self) -> int:
        return self._file.tell()


def is_seekable(file: BinaryIO) -> bool:
    """Whether one can go back in `file`: not in a pipe."""
    seekable = getattr(file, "seekable", None)
    return bool(seekable and seekable())
