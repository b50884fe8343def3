"""Sound that is still being recorded: WAV from a pipe, handed on as it arrives."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from brevox.audio.convert import MOST_CHANNELS
from brevox.audio.tags import Chapter
from brevox.errors import AudioFileError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
#: numpy type and full scale by WAV's kind and bits.
_KINDS = {(_PCM, 16): ("<i2", 1 << 15), (_PCM, 32): ("<i4", 1 << 31), (_FLOAT, 32): ("<f4", 1)}
_LONGEST_CHUNK = 1 << 20  # before the sound
_ENDLESS = 0x7FFF0000  # what recorders that do not know how long they will go on write is 0 or beyond this
_LOUDEST = 1e6


class LiveReader:
    """A recording whose end is not there yet; a context manager, read like `AudioReader`, but nothing is waited for.

    ffmpeg, with which other files are read, looks at more of a stream than a second of it before it gives the first
    sample; so this reads WAV alone, which `arecord`, `sox`, `ffmpeg -f wav` and all others can write.

    Args:
        source: a pipe, or another open binary file.

    Attributes:
        sample_rate: Hz.
        channels: 1 to 64.
        bad_samples: how many values were no sensible numbers and were read as 0, so far.
        tags, chapters, duration_s, damaged: none; as `AudioReader` has them.

    Raises:
        AudioFileError: no WAV, or one of a kind that is not read.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.tags: dict[str, str] = {}
        self.chapters: list[Chapter] = []
        self.duration_s: float | None = None
        self.damaged: str | None = None
        self.bad_samples = 0
        self._left = 0
        try:
            self._read_header()
        except OSError as error:
            raise AudioFileError(f"cannot read the pipe: {error.strerror or error}") from error

    def _read_header(self) -> None:
        head = self._exactly(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise AudioFileError("live sound must come as WAV, such as from arecord -t wav or ffmpeg ... -f wav -")
        kind: tuple[int, int] | None = None
        while True:
            name, size = struct.unpack("<4sI", self._exactly(8))
            if name == b"data":
                break
            if size > _LONGEST_CHUNK:
                raise AudioFileError("the header of the WAV in the pipe is damaged")
            body = self._exactly(size + size % 2)
            if name == b"fmt " and size >= 16:
                code, self.channels, self.sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
                if code == _EXTENSIBLE and size >= 26:
                    (code,) = struct.unpack_from("<H", body, 24)
                kind = code, bits
        if kind not in _KINDS or not 1 <= self.channels <= MOST_CHANNELS or not self.sample_rate:
            raise AudioFileError(
                "live sound must be WAV with 16 or 32 bit, or 32 bit floating point; "
                "such as from arecord -f S16_LE or ffmpeg ... -c:a pcm_s16le -f wav -"
            )
        self._type, self._scale = _KINDS[kind]
        self._left = size if 0 < size < _ENDLESS else 1 << 62

    def blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        """What has arrived, as soon as it has. Full scale is 1.

        Args:
            block_samples: the most of a block, 1 or more.

        Yields:
            Shape: [channels, samples], 1 or more samples.

        Raises:
            AudioFileError: the pipe fails.
        """
        sample_bytes = self.channels * np.dtype(self._type).itemsize
        # A buffered pipe's `read` would wait until it has all; `read1` gives what there is.
        read = getattr(self._source, "read1", self._source.read)
        rest = b""
        while self._left > 0:
            try:
                data = cast(bytes, read(min(block_samples * sample_bytes, self._left)))
            except OSError as error:
                raise AudioFileError(f"cannot read the pipe: {error.strerror or error}") from error
            if not data:
                break
            self._left -= len(data)
            rest += data
            whole = len(rest) // sample_bytes * sample_bytes
            values = np.frombuffer(rest[:whole], self._type).astype(np.float32) / np.float32(self._scale)
            rest = rest[whole:]
            bad = ~(np.abs(values) < _LOUDEST)
            if bad.any():
                self.bad_samples += int(bad.sum())
                values[bad] = 0
            if whole:
                yield np.ascontiguousarray(values.reshape(-1, self.channels).T)

    def __enter__(self) -> LiveReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count and (more := self._source.read(count - len(data))):
            data += more
        if len(data) < count:
            raise AudioFileError("the pipe ends before any sound; live sound must come as WAV")
        return data
