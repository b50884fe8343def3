"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brevox.errors import OutputError


@contextmanager
def atomic_output(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    If the block raises (Ctrl-C included), the temporary file is removed and `path` is untouched.
    A process that is killed outright leaves at most a hidden `.NAME.*.part` file.

    Args:
        path: the final file. Its folder must exist.

    Yields:
        The temporary file's path; it exists, is empty, and keeps the final suffix.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"cannot write {path}: a folder of that name exists")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error, path)}") from error
    part = Path(name)
    try:
        yield part
        _set_default_permissions(part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error, path)}") from error
    finally:
        part.unlink(missing_ok=True)


def _reason(error: OSError, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the folder {path.parent} does not exist; create it first"
    return error.strerror or str(error)


def _set_default_permissions(part: Path) -> None:
    # mkstemp makes files private; the final file should look like any other the user writes.
    umask = os.umask(0)
    os.umask(umask)
    part.chmod(0o666 & ~umask)
