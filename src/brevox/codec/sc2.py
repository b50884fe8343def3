"""The `.sc` file, version 2: header, chunks, index and trailer. See docs/format.md.

Knows nothing of models or entropy coding: a chunk's payload is bytes. Written and read in one pass, so pipes
will do; where the file can seek, the index makes any chunk one step away. What a checksum does not
vouch for is not trusted: lost chunks come out as `DamagedChunk`, and what follows is found again by
its sync marker.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, NoReturn

from brevox.codec.reading import read_up_to
from brevox.codec.signature import MAGIC_V2, MODEL_ID_BYTES, SNIFF_BYTES, sniff
from brevox.errors import StreamError

VERSION = 2
MOST_CHANNELS = 8
HIGHEST_RATE_HZ = 768_000
MOST_NAME_BYTES = 255
MOST_TAG_BYTES = 1 << 20
MOST_FRAMES = (1 << 32) - 1
MOST_SAMPLES = 1 << 62

# version, channels, chunk_frames, sample_rate, model_rate_hz, hop, gain, num_samples, model id, bytes of name, of tags
_FIXED = struct.Struct("<8sBBHIIIfQ16sHI")
_SAMPLES_AT = struct.calcsize("<8sBBHIIIf")
_CHUNK = struct.Struct("<4sIIHB")  # sync, first_frame, bytes of payload, frames, columns
_INDEX = struct.Struct("<4sI")  # sync, bytes of entries
_TRAILER = struct.Struct("<QIIQ")  # num_samples, frames, chunks, offset of the index
_CRC = struct.Struct("<I")

_SYNC = b"\xf5SC"
_CHUNK_SYNC = _SYNC + b"\xc3"
_INDEX_SYNC = _SYNC + b"\x3c"  # all bits of the last byte differ
_END_MAGIC = b"\x89SCend\r\n"
_TRAILER_BYTES = _TRAILER.size + _CRC.size + len(_END_MAGIC)
_UNKNOWN = (1 << 64) - 1

_SCAN_BYTES = 4096
_MOST_BYTES_A_CODE = 2
_SPARE_PAYLOAD_BYTES = 1024
_MOST_CHECKS = 4
_SPARE_CHECKED_BYTES = 1 << 26


@dataclass(frozen=True)
class StreamHeader:
    """What a file says once, at its beginning.

    model_id: 16 bytes that tell which model made the codes.
    model_name: for people, at most 255 bytes of UTF-8.
    sample_rate: of the source, Hz.
    channels: of the source, 1..8.
    num_samples: of the source, per channel; None = unknown when the header was written, the trailer tells.
    model_rate_hz: the rate at which the model works, Hz.
    hop: samples at `model_rate_hz` a frame.
    gain: the factor that the encoder applied to the source; the file keeps 32 bits of it.
    chunk_frames: the most frames a chunk has, 1..65535.
    tags: a JSON object of at most 1 MiB: strings (`title`, `artist` ...) and `chapters`, a list.
    """

    model_id: bytes
    model_name: str
    sample_rate: int
    channels: int
    num_samples: int | None
    model_rate_hz: int
    hop: int
    gain: float = 1.0
    chunk_frames: int = 512
    tags: dict[str, Any] = field(default_factory=dict)

    def frames_of(self, num_samples: int) -> int:
        """Frames that cover this many samples of the source."""
        return -(-num_samples * self.model_rate_hz // (self.sample_rate * self.hop))

    def to_bytes(self) -> bytes:
        """The header as it stands in the file.

        Raises:
            StreamError: a field is out of its range.
        """
        name, tags = self.model_name.encode("utf-8", "replace"), tags_to_bytes(self.tags)
        if len(name) > MOST_NAME_BYTES or len(tags) > MOST_TAG_BYTES:
            raise StreamError("a .sc file has room for 255 bytes of model name and 1 MiB of tags; shorten them")
        self._check_ranges()
        samples = _UNKNOWN if self.num_samples is None else self.num_samples
        fixed = _FIXED.pack(
            MAGIC_V2,
            VERSION,
            self.channels,
            self.chunk_frames,
            self.sample_rate,
            self.model_rate_hz,
            self.hop,
            self.gain,
            samples,
            self.model_id,
            len(name),
            len(tags),
        )
        return _with_crc(fixed + name + tags)

    def _check_ranges(self) -> None:
        fits = {
            "model id": len(self.model_id) == MODEL_ID_BYTES,
            "sample rate": 1 <= self.sample_rate <= HIGHEST_RATE_HZ,
            "number of channels": 1 <= self.channels <= MOST_CHANNELS,
            "number of samples": self.num_samples is None or 0 <= self.num_samples <= MOST_SAMPLES,
            "model's sample rate": 1 <= self.model_rate_hz <= HIGHEST_RATE_HZ,
            "hop": 1 <= self.hop < 1 << 32,
            "gain": 1e-37 < self.gain < 1e38,
            "chunk length": 1 <= self.chunk_frames <= 65535,
        }
        for name, fit in fits.items():
            if not fit:
                raise StreamError(f"the header of a .sc file cannot be like this: its {name} is out of range")


@dataclass(frozen=True)
class Chunk:
    """Some frames of every channel.

    first_frame: counted from the stream's beginning.
    frames: at least 1.
    columns: code columns kept; 0 = digital silence, without payload.
    levels: the source's level in this chunk, a code of `brevox.codec.level` per channel.
    payload: the entropy-coded codes, at most 2 bytes a code and 1 KiB.
    """

    first_frame: int
    frames: int
    columns: int
    levels: tuple[int, ...]
    payload: bytes

    @property
    def end_frame(self) -> int:
        """The first frame after the chunk."""
        return self.first_frame + self.frames

    @property
    def file_bytes(self) -> int:
        """What the chunk takes in the file; the index takes about 4 bytes more."""
        return _chunk_bytes(len(self.levels), len(self.payload))


@dataclass(frozen=True)
class DamagedChunk:
    """Frames that are lost. `frames` may be 0: something is wrong here, but no sound is missing."""

    first_frame: int
    frames: int
    reason: str


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
        if not _is_sound(self.header, chunk.first_frame, len(chunk.payload), chunk.frames, chunk.columns):
            raise ValueError("a chunk has 1..chunk_frames frames, 0..255 columns and at most 2 bytes a code and 1 KiB")
        if len(chunk.levels) != self.header.channels or not all(0 <= level <= 65535 for level in chunk.levels):
            raise ValueError("a chunk has one level of 0..65535 per channel")
        start = _CHUNK.pack(_CHUNK_SYNC, chunk.first_frame, len(chunk.payload), chunk.frames, chunk.columns)
        self._entries.append((self._size, chunk.first_frame))
        self._write(_with_crc(start + _levels(len(chunk.levels)).pack(*chunk.levels) + chunk.payload))
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
        offset, entries = self._size, _index_to_bytes(self._entries)
        self._write(_with_crc(_INDEX.pack(_INDEX_SYNC, len(entries)) + entries))
        trailer = _TRAILER.pack(num_samples, self.next_frame, len(self._entries), offset)
        self._write(_with_crc(trailer) + _END_MAGIC)

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
        _forget_num_samples(file, reader.header_bytes)
        file.truncate(size)
        file.seek(size)
        yield _ResumedWriter(file, replace(reader.header, num_samples=None), size, entries, next_frame)


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
            at = block.find(_SYNC)
            if at >= 0:
                return position + at
            position += max(1, len(block) - len(_SYNC) + 1)
        return None

    def _chunk_at(self, position: int) -> Chunk | None:
        levels = _levels(self.header.channels)
        start = self._window.get(position, _CHUNK.size + levels.size)
        if len(start) < _CHUNK.size + levels.size or not start.startswith(_CHUNK_SYNC):
            return None
        _, first_frame, payload_bytes, frames, columns = _CHUNK.unpack_from(start)
        if not _is_sound(self.header, first_frame, payload_bytes, frames, columns):
            return None
        data = self._checked_bytes(position, _chunk_bytes(self.header.channels, payload_bytes))
        if data is None:
            return None
        payload = data[len(start) : -_CRC.size]
        return Chunk(first_frame, frames, columns, levels.unpack_from(start, _CHUNK.size), payload)

    def _index_end(self, position: int) -> int:
        """Where the index that begins at `position` ends; 0 if there is no whole index."""
        start = self._window.get(position, _INDEX.size)
        if len(start) < _INDEX.size or not start.startswith(_INDEX_SYNC):
            return 0
        entry_bytes = _INDEX.unpack(start)[1]
        if entry_bytes > position:  # an entry is shorter than its chunk
            return 0
        size = _INDEX.size + entry_bytes + _CRC.size
        return position + size if self._checked_bytes(position, size) is not None else 0

    def _checked_bytes(self, position: int, size: int) -> bytes | None:
        """These bytes, if they end with their CRC32.

        A file made of nothing but sync markers would have us check all of it at every one of them; so no
        more is checked than a few times what lies behind.
        """
        if self._checked > _MOST_CHECKS * position + _SPARE_CHECKED_BYTES:
            return None
        data = self._window.get(position, size)
        self._checked += len(data)
        return data if len(data) == size and _crc_fits(data) else None

    def _read_end(self, size: int) -> None:
        """Learn from trailer and index."""
        trailer = _trailer_from_bytes(self._window.get(size - _TRAILER_BYTES, _TRAILER_BYTES))
        if trailer is None:
            self.truncated, self.reason = True, "the file's end is missing or damaged"
            return
        self._take(trailer)
        _, _, count, offset = trailer
        index_end = size - _TRAILER_BYTES
        data = self._window.get(offset, index_end - offset) if self.header_bytes <= offset < index_end else b""
        entries = _index_from_bytes(data, count)
        if entries is None or (entries and entries[-1][0] >= offset):
            self.reason = "the file's index is damaged"
        else:
            self._entries = entries

    def _take(self, trailer: tuple[int, int, int, int]) -> None:
        num_samples, self.num_frames, _, _ = trailer
        self.num_samples = num_samples if self.header.num_samples is None else self.header.num_samples

    def _finish(self, begin: int, position: int, next_frame: int) -> Iterator[DamagedChunk]:
        """Settle what the end tells: chunks ended at `begin`, the index or the file's end is at `position`."""
        index_end = self._index_end(position)
        if self.num_frames is None:
            at = index_end or position - _TRAILER_BYTES
            trailer = _trailer_from_bytes(self._window.get(at, _TRAILER_BYTES))
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
        done = min(position - _TRAILER_BYTES, self.end - _TRAILER_BYTES) - self._start
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
    fixed = window.get(0, _FIXED.size)
    if len(fixed) < _FIXED.size:
        raise StreamError(f"this .sc file is cut short inside its header, after {len(fixed)} bytes")
    _, version, channels, chunk_frames, rate, model_rate, hop, gain, samples, model_id, name_bytes, tag_bytes = (
        _FIXED.unpack(fixed)
    )
    if version != VERSION:
        raise StreamError(f"this .sc file is of version {version}: get a newer Brevox, or the file is damaged")
    size = _FIXED.size + name_bytes + tag_bytes + _CRC.size
    if name_bytes > MOST_NAME_BYTES or tag_bytes > MOST_TAG_BYTES:
        raise StreamError("the header of this .sc file is damaged")
    data = window.get(0, size)
    if len(data) < size:
        raise StreamError(f"this .sc file is cut short inside its header, after {len(data)} bytes")
    if not _crc_fits(data):
        raise StreamError("the header of this .sc file is damaged: its checksum does not fit")
    name, tags = data[_FIXED.size : _FIXED.size + name_bytes], data[_FIXED.size + name_bytes : -_CRC.size]
    header = StreamHeader(
        model_id=model_id,
        model_name=name.decode("utf-8", "replace"),
        sample_rate=rate,
        channels=channels,
        num_samples=None if samples == _UNKNOWN else samples,
        model_rate_hz=model_rate,
        hop=hop,
        gain=gain,
        chunk_frames=chunk_frames,
        tags=_tags_from_bytes(tags),
    )
    header._check_ranges()
    return header, size


def _forget_num_samples(file: BinaryIO, header_bytes: int) -> None:
    """Put "unknown" into the header, in place and without a byte else changed."""
    file.seek(0)
    data = bytearray(file.read(header_bytes - _CRC.size))
    struct.pack_into("<Q", data, _SAMPLES_AT, _UNKNOWN)
    file.seek(0)
    file.write(_with_crc(bytes(data)))
    file.flush()


def tags_to_bytes(tags: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(tags, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StreamError(f"the tags cannot be written into a .sc file: {error}") from error
    return text.encode("utf-8", "replace") if tags else b""


def _tags_from_bytes(data: bytes) -> dict[str, Any]:
    try:
        tags = json.loads(data.decode("utf-8"), parse_constant=_refuse) if data else {}
    except (ValueError, RecursionError) as error:
        raise StreamError(f"the header of this .sc file is damaged: its tags are not JSON ({error})") from error
    if not isinstance(tags, dict):
        raise StreamError("the header of this .sc file is damaged: its tags are not a JSON object")
    return tags


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def _is_sound(header: StreamHeader, first_frame: int, payload_bytes: int, frames: int, columns: int) -> bool:
    """Whether a chunk can be like this. Keeps a lying size from making the reader read on and on."""
    if not (0 <= first_frame <= MOST_FRAMES - frames and 1 <= frames <= header.chunk_frames and 0 <= columns <= 255):
        return False
    codes = header.channels * columns * frames
    return payload_bytes <= (_MOST_BYTES_A_CODE * codes + _SPARE_PAYLOAD_BYTES if codes else 0)


def _chunk_bytes(channels: int, payload_bytes: int) -> int:
    return _CHUNK.size + 2 * channels + payload_bytes + _CRC.size


def _levels(channels: int) -> struct.Struct:
    return struct.Struct(f"<{channels}H")


def _what_is_wrong(begin: int, end: int) -> str:
    if end > begin:
        return f"bytes {begin}..{end - 1} of the file are damaged or cut short"
    return f"chunks are missing before byte {end} of the file"


def _index_to_bytes(entries: list[tuple[int, int]]) -> bytes:
    """Each entry's (offset, first frame), less that of the entry before, as two LEB128 integers."""
    data = bytearray()
    last_offset = last_frame = 0
    for offset, frame in entries:
        for number in (offset - last_offset, frame - last_frame):
            while number > 0x7F:
                data.append(number & 0x7F | 0x80)
                number >>= 7
            data.append(number)
        last_offset, last_frame = offset, frame
    return bytes(data)


def _index_from_bytes(data: bytes, count: int) -> list[tuple[int, int]] | None:
    """Entries of a whole index of `count` chunks; None if it is not one."""
    if not data.startswith(_INDEX_SYNC) or len(data) < _INDEX.size + _CRC.size or not _crc_fits(data):
        return None
    numbers: list[int] = []
    number = shift = 0
    for byte in data[_INDEX.size : -_CRC.size]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
        elif shift > 63:
            return None
    if len(numbers) != 2 * count or shift:
        return None
    entries: list[tuple[int, int]] = []
    offset = frame = 0
    for offset_step, frame_step in zip(numbers[::2], numbers[1::2], strict=True):
        offset, frame = offset + offset_step, frame + frame_step
        entries.append((offset, frame))
    return entries


def _trailer_from_bytes(data: bytes) -> tuple[int, int, int, int] | None:
    """num_samples, frames, chunks and the index's offset; None if this is not a whole trailer."""
    body = data[: -len(_END_MAGIC)]
    if len(data) != _TRAILER_BYTES or not data.endswith(_END_MAGIC) or not _crc_fits(body):
        return None
    num_samples, frames, chunks, offset = _TRAILER.unpack(body[: -_CRC.size])
    return (num_samples, frames, chunks, offset) if num_samples <= MOST_SAMPLES else None


def _with_crc(data: bytes) -> bytes:
    return data + _CRC.pack(zlib.crc32(data))


def _crc_fits(data: bytes) -> bool:
    """Whether the last four bytes are the CRC32 of those before."""
    return zlib.crc32(data[: -_CRC.size]) == _CRC.unpack(data[-_CRC.size :])[0]
