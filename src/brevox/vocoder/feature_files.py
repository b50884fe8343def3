"""Feature files as the seed's tools write them: little-endian float32 without a header, or records of Codec 2."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.errors import DataError
from brevox.output import atomic_output
from brevox.vocoder.harmonics import HIGHEST_HZ, LOWEST_HZ, MOST_HARMONICS, Harmonics, possible_pitch

_RECORD_HARMONICS = 160

#: `struct MODEL` of Codec 2, as `c2sim --modelout` writes it: entry 0 of amplitudes and phases is not used.
_RECORD = np.dtype(
    [
        ("wo", "<f4"),
        ("count", "<i4"),
        ("amplitudes", "<f4", _RECORD_HARMONICS + 1),
        ("phases", "<f4", _RECORD_HARMONICS + 1),
        ("voiced", "<i4"),
    ]
)


def read_features(path: str | os.PathLike[str], columns: int) -> NDArray[np.float32]:
    """A file of rows of numbers.

    Args:
        path: the file.
        columns: numbers in a row.

    Returns:
        Shape: [rows, columns].

    Raises:
        DataError: there is no such file, its size is no multiple of the row's, or it holds NaN or infinity.
    """
    data = _read(path)
    if len(data) % (4 * columns):
        raise DataError(
            f"{path} has {len(data):,} bytes, which is no multiple of {columns} columns of 4 bytes; is it another "
            f"kind of file, or cut short?"
        )
    rows = np.frombuffer(data, "<f4").reshape(-1, columns).astype(np.float32)
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise DataError(f"{path} holds {rows[row, column]} in row {row}, column {column}; all must be numbers")
    return rows


def write_features(path: str | os.PathLike[str], rows: NDArray[np.floating]) -> None:
    """Write rows of numbers. Shape: [rows, columns].

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_output(path) as part:
        part.write_bytes(np.asarray(rows).astype("<f4").tobytes())


def write_indices(path: str | os.PathLike[str], indices: NDArray[np.integer]) -> None:
    """Write indices of tables as little-endian int32. Shape: [rows, tables].

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_output(path) as part:
        part.write_bytes(np.asarray(indices).astype("<i4").tobytes())


def read_model(path: str | os.PathLike[str]) -> Harmonics:
    """Records of Codec 2's model, 1,300 bytes each.

    Raises:
        DataError: there is no such file, or it holds no such records.
    """
    data = _read(path)
    if len(data) % _RECORD.itemsize:
        raise DataError(
            f"{path} has {len(data):,} bytes, which is no multiple of {_RECORD.itemsize:,}: it is no file of model "
            "records (c2sim --modelout), or cut short"
        )
    records = np.frombuffer(data, _RECORD)
    wo = records["wo"]
    if not possible_pitch(wo).all():
        raise DataError(f"{path} has a pitch outside of {LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz: it holds no model records")
    counts = np.minimum(np.floor(np.pi / wo.astype(np.float64)), MOST_HARMONICS)
    present = np.arange(1, MOST_HARMONICS + 1) <= counts[:, None]
    amplitudes, phases = (
        np.where(present, records[name][:, 1 : MOST_HARMONICS + 1], 0).astype(np.float32)
        for name in ("amplitudes", "phases")
    )
    if not (np.isfinite(amplitudes).all() and np.isfinite(phases).all() and (amplitudes >= 0).all()):
        raise DataError(f"{path} holds amplitudes or phases that are none (NaN, infinite or negative)")
    return Harmonics(wo.astype(np.float32), records["voiced"] != 0, amplitudes, phases)


def write_model(path: str | os.PathLike[str], harmonics: Harmonics) -> None:
    """Write harmonics as records of Codec 2's model.

    Raises:
        OutputError: it cannot be written.
    """
    records = np.zeros(len(harmonics), _RECORD)
    records["wo"], records["voiced"] = harmonics.wo, harmonics.voiced
    records["count"] = np.floor(np.pi / harmonics.wo.astype(np.float64))
    records["amplitudes"][:, 1 : MOST_HARMONICS + 1] = harmonics.amplitudes
    records["phases"][:, 1 : MOST_HARMONICS + 1] = harmonics.phases
    with atomic_output(path) as part:
        part.write_bytes(records.tobytes())


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
