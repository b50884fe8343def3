"""Tokens as Parquet files: one row a recording, in the manifest's order.

    path, speaker, split    string          as in the manifest
    seconds, samples        double, int64   of the recording, samples at the model's rate
    frames                  int64
    codes                   list<list<int16>>   [books][frames]; int32 if a codebook has more than 32,768 codes
    pitch                   list<int16>     [frames]; null if the model sends none
    gain, levels            double, list<int32>     to decode at the original's loudness, see brevox.codec.tokens
    damage                  string          what was wrong with a recording that could be used all the same
    error                   string          why there are no codes; then all from `seconds` on is null

The schema's metadata has an entry `brevox`: JSON with the model's id, name and sizes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import brevox
from brevox.codec.codec import Codec
from brevox.codec.tokens import Tokens
from brevox.data.prepare import Source, utf8_name
from brevox.errors import DataError

METADATA_KEY = b"brevox"
PARTS = "part-*.parquet"

_MOST_INT16 = 1 << 15


@dataclass(frozen=True)
class Row:
    """A recording of the manifest: its tokens, or the reason why it has none."""

    source: Source
    tokens: Tokens | None
    error: str | None = None


def describe(codec: Codec, books: int) -> dict[str, Any]:
    """What a reader must know of the codes, for the schema's metadata."""
    sizes = codec.entropy.sizes
    return {
        "model": codec.name,
        "model_id": codec.id.hex(),
        "books": books,
        "codes": sizes[-1],
        "pitch_codes": sizes[0] if codec.sends_pitch else 0,
        "frame_rate_hz": codec.frame_rate_hz,
        "sample_rate": codec.sample_rate,
        "brevox": brevox.__version__,
    }


def to_parquet(rows: list[Row], description: dict[str, Any]) -> bytes:
    """A whole file, compressed with zstd.

    Args:
        rows: in order.
        description: from `describe`.
    """
    number = pa.int16() if max(description["codes"], description["pitch_codes"]) <= _MOST_INT16 else pa.int32()
    tokens = [row.tokens for row in rows]
    rate = description["sample_rate"]
    columns = {
        "path": pa.array([utf8_name(str(row.source.path)) for row in rows], pa.string()),
        "speaker": pa.array([utf8_name(row.source.speaker) for row in rows], pa.string()),
        "split": pa.array([row.source.split for row in rows], pa.string()),
        "seconds": pa.array([None if t is None else t.samples / rate for t in tokens], pa.float64()),
        "samples": pa.array([None if t is None else t.samples for t in tokens], pa.int64()),
        "frames": pa.array([None if t is None else t.frames for t in tokens], pa.int64()),
        "codes": _lists_of_lists([None if t is None else t.codes for t in tokens], number),
        "pitch": _lists([None if t is None else t.pitch for t in tokens], number),
        "gain": pa.array([None if t is None else t.gain for t in tokens], pa.float64()),
        "levels": _lists([None if t is None else t.levels for t in tokens], pa.int32()),
        "damage": pa.array([None if t is None else "; ".join(t.damage) or None for t in tokens], pa.string()),
        "error": pa.array([row.error for row in rows], pa.string()),
    }
    table = pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(description)})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def read_tokens(folder: Path) -> Iterator[Row]:
    """All recordings of a folder made by `brevox data tokenize`, in the manifest's order.

    Raises:
        DataError: there are none, or a file is no such file.
    """
    parts = sorted(folder.glob(PARTS))
    if not parts:
        raise DataError(f"there are no tokens in {folder}; make some with brevox data tokenize")
    for part in parts:
        try:
            table = pq.read_table(part)
            for row in table.to_batches():
                yield from map(_to_row, *(row.column(name) for name in _COLUMNS))
        except (OSError, pa.ArrowException, KeyError) as error:
            raise DataError(f"{part} cannot be read as tokens: {error}") from error


_COLUMNS = ("path", "speaker", "split", "samples", "codes", "pitch", "gain", "levels", "damage", "error")


def _to_row(path: Any, speaker: Any, split: Any, samples: Any, codes: Any, *rest: Any) -> Row:
    pitch, gain, levels, damage, error = rest
    source = Source(Path(path.as_py()), speaker.as_py(), split.as_py())
    if not codes.is_valid:
        return Row(source, None, error.as_py())
    tokens = Tokens(
        codes=np.stack([_numbers(book) for book in codes.values]),
        pitch=_numbers(pitch) if pitch.is_valid else None,
        samples=samples.as_py(),
        gain=gain.as_py(),
        levels=_numbers(levels),
        damage=(damage.as_py(),) if damage.is_valid else (),
    )
    return Row(source, tokens)


def _numbers(numbers: Any) -> NDArray[np.uint16]:
    """Of a list's scalar. Shape: [its length]."""
    result: NDArray[np.uint16] = numbers.values.to_numpy(zero_copy_only=False).astype(np.uint16)
    return result


def _lists(arrays: list[NDArray[np.uint16] | None], number: pa.DataType) -> pa.Array:
    """A column of lists, null for None; without a Python object for every number."""
    lengths = [0 if array is None else len(array) for array in arrays]
    values = np.concatenate([np.zeros(0, np.uint16), *(array for array in arrays if array is not None)])
    return _cut(pa.array(values.astype(number.to_pandas_dtype()), number), lengths, [a is None for a in arrays])


def _lists_of_lists(arrays: list[NDArray[np.uint16] | None], number: pa.DataType) -> pa.Array:
    inner = _lists([book for array in arrays if array is not None for book in array], number)
    lengths = [0 if array is None else len(array) for array in arrays]
    return _cut(inner, lengths, [array is None for array in arrays])


def _cut(values: pa.Array, lengths: list[int], missing: list[bool]) -> pa.Array:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(missing, pa.bool_()))
