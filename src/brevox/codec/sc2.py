"""The `.sc` file, version 2: how header, chunk, index and trailer stand in the file as bytes. See docs/format.md.

Knows nothing of models or entropy coding: a chunk's payload is bytes. Nor of files: `sc2_writer` and `sc2_reader`
write and read them. The pieces come in the order that they have in a file.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any, NoReturn

from brevox.codec.signature import MAGIC_V2, MODEL_ID_BYTES
from brevox.errors import StreamError

#: The version of the format, as `sniff` tells it and the header says it.
VERSION = 2
MOST_CHANNELS = 8
HIGHEST_RATE_HZ = 768_000
MOST_NAME_BYTES = 255
MOST_TAG_BYTES = 1 << 20
MOST_FRAMES = (1 << 32) - 1
#: The most samples per channel that header and trailer may tell.
MOST_SAMPLES = 1 << 62

# version, channels, chunk_frames, sample_rate, model_rate_hz, hop, gain, num_samples, model id, bytes of name, of tags
_FIXED = struct.Struct("<8sBBHIIIfQ16sHI")
_SAMPLES_AT = struct.calcsize("<8sBBHIIIf")
_CHUNK = struct.Struct("<4sIIHB")  # sync, first_frame, bytes of payload, frames, columns
_INDEX = struct.Struct("<4sI")  # sync, bytes of entries
_TRAILER = struct.Struct("<QIIQ")  # num_samples, frames, chunks, offset of the index
_CRC = struct.Struct("<I")

#: How both chunks and index begin.
SYNC = b"\xf5SC"
_CHUNK_SYNC = SYNC + b"\xc3"
_INDEX_SYNC = SYNC + b"\x3c"  # all bits of the last byte differ
_END_MAGIC = b"\x89SCend\r\n"
_UNKNOWN = (1 << 64) - 1

#: Bytes of a header without name, tags and CRC: what `header_size` wants to see.
HEADER_FIXED_BYTES = _FIXED.size
#: Bytes of an index before its entries: what `index_size` wants to see.
INDEX_HEAD_BYTES = _INDEX.size
#: Bytes of a trailer.
TRAILER_BYTES = _TRAILER.size + _CRC.size + len(_END_MAGIC)
#: What follows the last chunk, but for the index's entries.
END_BYTES = _INDEX.size + _CRC.size + TRAILER_BYTES

_MOST_BYTES_A_CODE = 2
_SPARE_PAYLOAD_BYTES = 1024


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

    @classmethod
    def from_bytes(cls, data: bytes) -> StreamHeader:
        """The header that stands in the file like this.

        Args:
            data: as many bytes as `header_size` says; fewer where the file ends.

        Raises:
            StreamError: the header is cut short, damaged, or of a later version.
        """
        size = header_size(data)
        if len(data) < size:
            raise StreamError(f"this .sc file is cut short inside its header, after {len(data)} bytes")
        if not crc_fits(data):
            raise StreamError("the header of this .sc file is damaged: its checksum does not fit")
        _, _, channels, chunk_frames, rate, model_rate, hop, gain, samples, model_id, name_bytes, _ = (
            _FIXED.unpack_from(data)
        )
        name, tags = data[_FIXED.size : _FIXED.size + name_bytes], data[_FIXED.size + name_bytes : -_CRC.size]
        header = cls(
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
        return header

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


def header_size(fixed: bytes) -> int:
    """What the header that begins with these bytes takes in the file.

    Raises:
        StreamError: there are fewer than `HEADER_FIXED_BYTES`, or no version 2 header begins like this.
    """
    if len(fixed) < _FIXED.size:
        raise StreamError(f"this .sc file is cut short inside its header, after {len(fixed)} bytes")
    _, version, *_, name_bytes, tag_bytes = _FIXED.unpack_from(fixed)
    if version != VERSION:
        raise StreamError(f"this .sc file is of version {version}: get a newer Brevox, or the file is damaged")
    if name_bytes > MOST_NAME_BYTES or tag_bytes > MOST_TAG_BYTES:
        raise StreamError("the header of this .sc file is damaged")
    return _FIXED.size + name_bytes + tag_bytes + _CRC.size


def forget_num_samples(header: bytes) -> bytes:
    """These bytes of a header with "unknown" as number of samples and, but for the CRC, not a byte else changed."""
    data = bytearray(header[: -_CRC.size])
    struct.pack_into("<Q", data, _SAMPLES_AT, _UNKNOWN)
    return _with_crc(bytes(data))


def tags_to_bytes(tags: dict[str, Any]) -> bytes:
    """The tags as they stand in the header.

    Raises:
        StreamError: they are not JSON.
    """
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
        return chunk_head_bytes(len(self.levels)) + len(self.payload) + _CRC.size

    def to_bytes(self) -> bytes:
        """The chunk as it stands in the file; its fields must be in range, see `chunk_fits`."""
        start = _CHUNK.pack(_CHUNK_SYNC, self.first_frame, len(self.payload), self.frames, self.columns)
        return _with_crc(start + _levels(len(self.levels)).pack(*self.levels) + self.payload)

    @classmethod
    def from_bytes(cls, data: bytes, channels: int) -> Chunk:
        """The chunk that stands in the file like this: as many bytes as `chunk_size` says, of which the CRC fits."""
        _, first_frame, _, frames, columns = _CHUNK.unpack_from(data)
        levels = _levels(channels).unpack_from(data, _CHUNK.size)
        return cls(first_frame, frames, columns, levels, data[chunk_head_bytes(channels) : -_CRC.size])


@dataclass(frozen=True)
class DamagedChunk:
    """Frames that are lost. `frames` may be 0: something is wrong here, but no sound is missing."""

    first_frame: int
    frames: int
    reason: str


def chunk_head_bytes(channels: int) -> int:
    """Bytes of a chunk before its payload: what `chunk_size` wants to see."""
    return _CHUNK.size + _levels(channels).size


def chunk_size(head: bytes, header: StreamHeader) -> int:
    """What the chunk that begins with these bytes takes in the file; 0 if no chunk begins like this."""
    head_bytes = chunk_head_bytes(header.channels)
    if len(head) < head_bytes or not head.startswith(_CHUNK_SYNC):
        return 0
    _, first_frame, payload_bytes, frames, columns = _CHUNK.unpack_from(head)
    if not chunk_fits(header, first_frame, payload_bytes, frames, columns):
        return 0
    return head_bytes + payload_bytes + _CRC.size


def chunk_fits(header: StreamHeader, first_frame: int, payload_bytes: int, frames: int, columns: int) -> bool:
    """Whether a chunk can be like this. Keeps a lying size from making the reader read on and on."""
    if not (0 <= first_frame <= MOST_FRAMES - frames and 1 <= frames <= header.chunk_frames and 0 <= columns <= 255):
        return False
    codes = header.channels * columns * frames
    return payload_bytes <= (_MOST_BYTES_A_CODE * codes + _SPARE_PAYLOAD_BYTES if codes else 0)


def _levels(channels: int) -> struct.Struct:
    return struct.Struct(f"<{channels}H")


def index_to_bytes(entries: list[tuple[int, int]]) -> bytes:
    """The index as it stands in the file: offset and first frame of each chunk.

    Of both, what they are beyond those of the entry before, as two LEB128 integers.
    """
    data = bytearray()
    last_offset = last_frame = 0
    for offset, frame in entries:
        for number in (offset - last_offset, frame - last_frame):
            while number > 0x7F:
                data.append(number & 0x7F | 0x80)
                number >>= 7
            data.append(number)
        last_offset, last_frame = offset, frame
    return _with_crc(_INDEX.pack(_INDEX_SYNC, len(data)) + bytes(data))


def index_size(head: bytes, offset: int) -> int:
    """What the index that begins with these bytes, at `offset` of the file, takes; 0 if no index begins like this."""
    if len(head) < _INDEX.size or not head.startswith(_INDEX_SYNC):
        return 0
    entry_bytes = _INDEX.unpack_from(head)[1]
    if entry_bytes > offset:  # an entry is shorter than its chunk
        return 0
    return _INDEX.size + entry_bytes + _CRC.size


def index_from_bytes(data: bytes, count: int) -> list[tuple[int, int]] | None:
    """Entries of a whole index of `count` chunks; None if it is not one."""
    if not data.startswith(_INDEX_SYNC) or len(data) < _INDEX.size + _CRC.size or not crc_fits(data):
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


@dataclass(frozen=True)
class Trailer:
    """What a file says at its end.

    num_samples: of the source, per channel.
    frames: of the stream.
    chunks: of the stream, and so of the index.
    index_offset: where in the file the index begins.
    """

    num_samples: int
    frames: int
    chunks: int
    index_offset: int

    def to_bytes(self) -> bytes:
        """The trailer as it stands in the file."""
        return _with_crc(_TRAILER.pack(self.num_samples, self.frames, self.chunks, self.index_offset)) + _END_MAGIC

    @classmethod
    def from_bytes(cls, data: bytes) -> Trailer | None:
        """The trailer that stands in the file like this; None if this is not a whole one."""
        body = data[: -len(_END_MAGIC)]
        if len(data) != TRAILER_BYTES or not data.endswith(_END_MAGIC) or not crc_fits(body):
            return None
        trailer = cls(*_TRAILER.unpack(body[: -_CRC.size]))
        return trailer if trailer.num_samples <= MOST_SAMPLES else None


def _with_crc(data: bytes) -> bytes:
    return data + _CRC.pack(zlib.crc32(data))


def crc_fits(data: bytes) -> bool:
    """Whether the last four bytes are the CRC32 of those before."""
    return zlib.crc32(data[: -_CRC.size]) == _CRC.unpack(data[-_CRC.size :])[0]
