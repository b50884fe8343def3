"""From what a user names to an open file that may well be audio."""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from brevox.audio.guarded import is_seekable
from brevox.errors import AudioFileError

#: Endings of the files that are taken for recordings in a folder.
AUDIO_SUFFIXES = frozenset(
    {
        *(".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".webm", ".wma", ".aiff", ".aif", ".caf"),
        *(".g722", ".amr", ".mka", ".mp4", ".mov"),
    }
)

_HEAD_BYTES = 4096
_TEXT_BYTES = bytes({*range(0x20, 0x100), *b"\t\n\f\r\x1b"})
_BEYOND_ASCII = bytes(range(0x80, 0x100))


@dataclass
class AudioSource:
    """An open file and what is known about it before it is decoded.

    Attributes:
        file: to be read from where it stands.
        name: for messages.
        suffix: lower-case, with its dot; "" for a pipe without a name.
        head: the first bytes; `file` stands behind them if it is a pipe, before them if not.
        owned: whether `close` closes `file`.
    """

    file: BinaryIO
    name: str
    suffix: str
    head: bytes = b""
    owned: bool = False

    def close(self) -> None:
        if self.owned:
            self.file.close()


def open_source(source: str | os.PathLike[str] | BinaryIO) -> AudioSource:
    """Open a path, or take an open file; refuse what needs no decoder to be seen to be no audio.

    Raises:
        AudioFileError: missing, a folder, not readable, empty, a text.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        found = AudioSource(_open_path(path), str(path), path.suffix.lower(), owned=True)
    else:
        name = str(getattr(source, "name", "the input"))
        found = AudioSource(source, name, Path(name).suffix.lower())
    try:
        _look_at_head(found)
    except OSError as error:
        found.close()
        raise AudioFileError(f"cannot read {found.name}: {error.strerror or error}") from error
    except BaseException:
        found.close()
        raise
    return found


def _open_path(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise AudioFileError(f"{path} is a folder; name an audio file in it")
        return path.open("rb")
    except FileNotFoundError as error:
        raise AudioFileError(f"there is no file {path}") from error
    except PermissionError as error:
        raise AudioFileError(f"there is no permission to read {path}") from error
    except (OSError, ValueError) as error:
        raise AudioFileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _look_at_head(source: AudioSource) -> None:
    head = _read_up_to(source.file, _HEAD_BYTES)
    if not head:
        raise AudioFileError(f"{source.name} is empty (0 bytes)")
    if _is_text(head):
        raise AudioFileError(f"{source.name} is a text, not an audio file")
    source.head = head
    if is_seekable(source.file):
        source.file.seek(-len(head), os.SEEK_CUR)
    elif head[4:8] == b"ftyp":
        _spool(source)


def _read_up_to(file: BinaryIO, count: int) -> bytes:
    """`count` bytes, or all that come before the end: a pipe may give them in small pieces."""
    data = b""
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data


def _is_text(head: bytes) -> bool:
    """Whether these bytes are letters of any alphabet.

    ffmpeg would open a text as subtitles, as a playlist (and then the files and addresses it names), or as noise.
    (Half a second of silence in G.722, on the other hand, has no control characters either.)
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if head.translate(None, _TEXT_BYTES):
        return False
    if 2 * len(head.translate(None, _BEYOND_ASCII)) > len(head):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # which may end within a letter
    except UnicodeDecodeError:
        return False
    return True


def _spool(source: AudioSource) -> None:
    # An MP4 may have its index at the end, where a pipe cannot go and come back from.
    file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (close() closes it)
    source.file, piped, source.owned = file, source.file, True
    file.write(source.head)
    shutil.copyfileobj(piped, file)
    file.seek(0)
