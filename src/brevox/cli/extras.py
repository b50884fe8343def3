"""Packages that only some commands need, and that are installed as extras."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from brevox.errors import SettingsError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports in the block that fail tell which extra to install.

    Raises:
        SettingsError: a package is missing, or a library of the system that it stands on.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"this command needs the package {error.name}: install the extra with pip install 'brevox[{name}]', "
            f"in a clone of Brevox pip install '.[{name}]'"
        ) from error
    except ImportError as error:  # such as: libEGL.so.1: cannot open shared object file
        raise SettingsError(f"what this command needs does not load, the system lacks a part of it: {error}") from error
