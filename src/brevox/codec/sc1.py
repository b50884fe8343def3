"""The `.sc` file, version 1: a header and every code in the same number of bits. See docs/format.md.

Knows nothing of models: it stores whole numbers and a model's id.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from brevox.codec.reading import read_up_to
from brevox.codec.signature import MAGIC_V1, MODEL_ID_BYTES, sniff
from brevox.errors import StreamError

_HEADER = struct.Struct(">4sIBB16sB")  # magic, frames, books, bits, model id, 0
_MOST_BITS = 16
_BLOCK_FRAMES = 1024  # a multiple of 8, so that every block but the last fills whole bytes


def write_v1(file: BinaryIO, model_id: bytes, codes: NDArray[np.integer], bits: int) -> None:
    """Write a whole version 1 file.

    Args:
        file: open for writing in binary; a pipe will do.
        model_id: 16 bytes.
        codes: Shape [books, frames], 1..255 books, fewer than 2**32 frames.
        bits: of each code, 1..16.

    Raises:
        ValueError: an argument is out of these ranges, or a code does not fit into `bits`.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.dtype.kind not in "iu":
        raise ValueError("codes must be integers of shape [books, frames]")
    books, frames = codes.shape
    if len(model_id) != MODEL_ID_BYTES or not 1 <= books <= 255 or frames >= 1 << 32 or not 1 <= bits <= _MOST_BITS:
        raise ValueError("version 1 holds a 16-byte model id, 1..255 books, fewer than 2**32 frames, 1..16 bits")
    if codes.size and (codes.min() < 0 or codes.max() >= 1 << bits):
        raise ValueError(f"a code does not fit into {bits} bits")
    file.write(_HEADER.pack(MAGIC_V1, frames, books, bits, model_id, 0))
    for first in range(0, frames, _BLOCK_FRAMES):
        file.write(_pack(codes[:, first : first + _BLOCK_FRAMES], bits))


def read_v1(source: bytes | BinaryIO) -> tuple[bytes, NDArray[np.uint16]]:
    """Read a whole version 1 file.

    Args:
        source: the file's bytes, or the file, open for reading in binary at its beginning; a pipe will do.

    Returns:
        The model id, 16 bytes, and the codes, Shape [books, frames].

    Raises:
        StreamError: not a version 1 file, cut short, longer than its header says, or the header makes no sense.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    header = read_up_to(file, _HEADER.size)
    if sniff(header) != 1:
        raise StreamError("this is not a version 1 .sc file: it is of version 2")
    if len(header) < _HEADER.size:
        raise StreamError(f"this .sc file is cut short inside its header, after {len(header)} bytes")
    _, frames, books, bits, model_id, padding = _HEADER.unpack(header)
    if books == 0 or not 1 <= bits <= _MOST_BITS or padding != 0:
        raise StreamError(f"the header of this .sc file is damaged: it tells of {books} books of {bits} bits")
    size = (frames * books * bits + 7) // 8
    body = read_up_to(file, size + 1)
    if len(body) < size:
        raise StreamError(
            f"this .sc file is cut short, or its header is damaged: its {frames} frames need {size} bytes, "
            f"{len(body)} are there"
        )
    if len(body) > size:
        raise StreamError("this .sc file is damaged: it goes on after the last frame that its header tells of")
    codes = np.empty((books, frames), dtype=np.uint16)
    for first in range(0, frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, frames)
        span = slice(first * books * bits // 8, (last * books * bits + 7) // 8)
        codes[:, first:last] = _unpack(body[span], books, last - first, bits)
    return model_id, codes


def _pack(codes: NDArray[np.integer], bits: int) -> bytes:
    """The lowest bits of each code, frame after frame, most significant bit first. Shape [books, frames]."""
    words = np.ascontiguousarray(codes.T, dtype=">u2")
    spread = np.unpackbits(words.view(np.uint8)).reshape(-1, 16)
    return np.packbits(spread[:, 16 - bits :]).tobytes()


def _unpack(packed: bytes, books: int, frames: int, bits: int) -> NDArray[np.uint16]:
    """Undo `_pack`. Shape [books, frames]."""
    single = np.unpackbits(np.frombuffer(packed, np.uint8), count=frames * books * bits)
    spread = np.zeros((frames * books, 16), dtype=np.uint8)
    spread[:, 16 - bits :] = single.reshape(-1, bits)
    return np.packbits(spread).view(">u2").reshape(frames, books).T.astype(np.uint16)
