"""The end of an Ogg file, of which ffmpeg drops an incomplete page without a word."""

from __future__ import annotations

import os
from typing import BinaryIO

OGG_MAGIC = b"OggS"

_HEADER_BYTES = 27
_MOST_PAGE_BYTES = _HEADER_BYTES + 255 + 255 * 255


def ends_within_a_page(file: BinaryIO) -> bool:
    """Whether an Ogg file (RFC 3533) is cut short in the middle of its last page.

    Args:
        file: seekable; stands where it stood before.
    """
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _MOST_PAGE_BYTES))
    tail = file.read(_MOST_PAGE_BYTES)
    file.seek(here)
    start = tail.rfind(OGG_MAGIC)
    if start < 0:
        return False
    page = tail[start:]
    if len(page) < _HEADER_BYTES:
        return True
    segments = page[_HEADER_BYTES - 1]
    return len(page) < _HEADER_BYTES + segments + sum(page[_HEADER_BYTES:][:segments])
