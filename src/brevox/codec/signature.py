"""How `.sc` files begin, and what else people take for one."""

from __future__ import annotations

from brevox.errors import StreamError

MAGIC_V1 = b"\x12\x12\x12\x12"
#: Breaks when a transfer strips the eighth bit, translates line ends either way, or stops at Ctrl-Z (as PNG's does).
MAGIC_V2 = b"\x89SC2\r\n\x1a\n"

#: The first bytes that `sniff` wants to see.
SNIFF_BYTES = 12

#: Bytes of the model id in both versions.
MODEL_ID_BYTES = 16

_LINE_ENDS = "a transfer in text mode has changed its line ends; copy it again in binary mode"
_EIGHTH_BIT = "a transfer in text mode has changed its bytes above 127; copy it again in binary mode"
_DAMAGED_MAGICS = {
    b"\x89SC2\n": _LINE_ENDS,
    b"\x89SC2\r\n\x1a\r\n": _LINE_ENDS,
    b"\x89SC2\r\r\n": _LINE_ENDS,
    b"\x89SC2\r\x1a": _LINE_ENDS,
    b"\x09SC2": _EIGHTH_BIT,
    b"\xc2\x89SC2": _EIGHTH_BIT,
    b"\xef\xbf\xbdSC2": _EIGHTH_BIT,
    b"?SC2": _EIGHTH_BIT,
}
_OTHER_FORMATS = {
    b"RIFF": "a WAV file",
    b"RF64": "a WAV file",
    b"ID3": "an MP3 file",
    b"\xff\xfb": "an MP3 file",
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"PK\x03\x04": "a zip file; if it is a .bvx model, give it as the model",
}


def sniff(first_bytes: bytes) -> int:
    """Tell the version of a `.sc` file.

    Args:
        first_bytes: the file's beginning, `SNIFF_BYTES` of it if it has them.

    Returns:
        1 or 2.

    Raises:
        StreamError: it is not a `.sc` file; says what it seems to be instead.
    """
    if first_bytes.startswith(MAGIC_V2):
        return 2
    if first_bytes.startswith(MAGIC_V1):
        return 1
    raise StreamError(f"this is not a .sc file: {_what_else(first_bytes)}")


def _what_else(first_bytes: bytes) -> str:
    if not first_bytes:
        return "it is empty"
    for magic in (MAGIC_V1, MAGIC_V2):
        if magic.startswith(first_bytes):
            return "it is cut short after its first bytes"
    for beginning, advice in _DAMAGED_MAGICS.items():
        if first_bytes.startswith(beginning):
            return f"it was one, but {advice}"
    for beginning, name in _OTHER_FORMATS.items():
        if first_bytes.startswith(beginning):
            return f"it looks like {name}"
    if first_bytes[4:8] == b"ftyp":
        return "it looks like an M4A or MP4 file"
    return "it begins with " + first_bytes[:8].hex(" ")
