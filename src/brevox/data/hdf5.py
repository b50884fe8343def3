"""HDF5 files that datasets read from, in several processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py


class Hdf5Reader:
    """A file that is opened when it is asked for, by each process on its own.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, h5py.File] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def _file(self) -> h5py.File:
        # HDF5 does not survive a fork: a worker process opens the file anew.
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), h5py.File(self.path, "r")
        return self._opened[1]
