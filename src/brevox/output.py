"""Output files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brevox.errors import OutputError

_KEPT_LETTERS = 20


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
        OutputError: the folder is missing or not writable, the disk is full, or `path` is a device or pipe.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: a folder of that name exists")
        if path.exists() and not path.is_file():
            # Renaming would put a file in the place of the device or pipe.
            raise OutputError(f"cannot write {path}: it is no ordinary file")
        # Only part of the name: with the additions, a long one would exceed what file systems allow.
        prefix, suffix = f".{path.stem[:_KEPT_LETTERS]}.", f".part{path.suffix[:_KEPT_LETTERS]}"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
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


def expect_folder(path: Path) -> None:
    """To be asked before long work of which `path` is to be the result.

    Raises:
        OutputError: the folder that it is to be in does not exist.
    """
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: {_no_folder(path)}")


def write_json(path: Path, facts: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic_output(path) as part:
        part.write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")


def _reason(error: OSError, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return _no_folder(path)
    return error.strerror or str(error)


def _no_folder(path: Path) -> str:
    return f"the folder {path.parent} does not exist; create it first"


def _set_default_permissions(part: Path) -> None:
    # mkstemp makes files private; the final file should look like any other the user writes.
    umask = os.umask(0)
    os.umask(umask)
    part.chmod(0o666 & ~umask)
