"""Reading bytes from files whose sizes are not to be believed."""

from __future__ import annotations

from typing import BinaryIO

_PIECE_BYTES = 1 << 18


def read_up_to(file: BinaryIO, count: int) -> bytes:
    """Read `count` bytes, fewer at the end of the file only.

    Piece by piece: `file.read(count)` would reserve the memory before it knows that the file is that long.
    """
    pieces: list[bytes] = []
    while count > 0 and (piece := file.read(min(count, _PIECE_BYTES))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
