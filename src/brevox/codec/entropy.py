"""Entropy coding of code columns: what each code costs given its neighbours, and the bytes for it.

A code's context is its column, the class of the code before it in time (same column), and the class of the code
above it (same frame, the column before). Classes are few, so that the tables stay small; they and the
frequencies are integers that come with the model, so that coding is exact on every machine. Channels and
chunks do not depend on each other. `brevox.codec.entropy_fit` makes the tables; docs/format.md describes them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.codec.rangecoder import TOTAL, TOTAL_BITS, RangeDecoder, range_encode
from brevox.errors import ModelFileError, StreamError

MOST_COLUMNS = 255
MOST_CLASSES = 256


@dataclass(frozen=True)
class ColumnTables:
    """The statistics of one column of codes.

    past_class: class of each code of this column, as the code before in time. uint8, Shape [symbols].
    above_class: class of each code of the column before, as the code above; all 0 and of Shape [1] in
        the first column. uint8, Shape [symbols of the column before].
    frequencies: of each code in each context, at least 1, adding up to `TOTAL` over the codes. int64,
        Shape [past classes, above classes, symbols].
    """

    past_class: NDArray[np.uint8]
    above_class: NDArray[np.uint8]
    frequencies: NDArray[np.int64]


class EntropyModel:
    """Codes columns with given tables.

    Args:
        tables: of each column.

    Raises:
        ModelFileError: the tables do not fit together; says where.
    """

    def __init__(self, tables: Sequence[ColumnTables]) -> None:
        if not 1 <= len(tables) <= MOST_COLUMNS:
            raise ModelFileError(f"entropy tables are for 1..{MOST_COLUMNS} columns, not {len(tables)}")
        for column, table in enumerate(tables):
            above_size = tables[column - 1].frequencies.shape[-1] if column else 1
            problem = _problem(table, above_size)
            if problem:
                raise ModelFileError(f"the entropy tables of column {column} are damaged: {problem}")
        self._tables = tuple(tables)
        #: Number of different codes in each column.
        self.sizes = tuple(table.frequencies.shape[-1] for table in tables)
        # Per column, context after context, "frequencies of all codes below": [contexts, symbols + 1].
        self._cumulative = [_cumulative(table.frequencies) for table in tables]
        self._rows: list[list[array[int]] | None] = [None] * len(tables)
        self._bits: list[NDArray[np.float32] | None] = [None] * len(tables)

    @classmethod
    def uniform(cls, sizes: Sequence[int]) -> EntropyModel:
        """A model that takes every code for equally likely. Sizes of 1..65536."""
        tables = []
        for column, size in enumerate(sizes):
            frequencies = np.full(size, TOTAL // size, dtype=np.int64)
            frequencies[: TOTAL % size] += 1
            above_size = sizes[column - 1] if column else 1
            tables.append(
                ColumnTables(np.zeros(size, np.uint8), np.zeros(above_size, np.uint8), frequencies[None, None, :])
            )
        return cls(tables)

    @classmethod
    def from_tables(cls, arrays: Mapping[str, NDArray[Any]]) -> EntropyModel:
        """The model that `to_tables` gave.

        Raises:
            ModelFileError: an array is missing, is too many, or has a shape, type or value it cannot have.
        """
        columns = sum(name.startswith("frequencies_") for name in arrays)
        tables = []
        for column in range(columns):
            frequencies = _array(arrays, f"frequencies_{column}", np.uint16, 3).astype(np.int64) + 1
            past_class = _array(arrays, f"past_class_{column}", np.uint8, 1)
            above_class = _array(arrays, f"above_class_{column}", np.uint8, 1)
            tables.append(ColumnTables(past_class, above_class, frequencies))
        if len(arrays) != 3 * columns:
            raise ModelFileError("the entropy tables are damaged: there are arrays of unknown names")
        return cls(tables)

    def to_tables(self) -> dict[str, NDArray[Any]]:
        """Plain arrays to store.

        Returns:
            For each column `c`: `past_class_c` and `above_class_c` as in `ColumnTables`, and `frequencies_c`,
            uint16, one less than in `ColumnTables`.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for column, table in enumerate(self._tables):
            arrays[f"past_class_{column}"] = table.past_class
            arrays[f"above_class_{column}"] = table.above_class
            arrays[f"frequencies_{column}"] = (table.frequencies - 1).astype(np.uint16)
        return arrays

    def bits_of(
        self,
        column: int,
        codes: NDArray[np.integer],
        past: NDArray[np.integer] | None,
        above: NDArray[np.integer] | None,
    ) -> NDArray[np.float32]:
        """What codes of a column would take, given their neighbours.

        Args:
            column: counted from 0.
            codes: Shape: any.
            past: the codes before in time, Shape: any that goes with `codes`'; None for a chunk's first frame.
            above: the codes of the column before, Shape: any that goes with `codes`'; None for column 0.

        Returns:
            Shape: that of the three together.
        """
        table = self._tables[column]
        past_class = 0 if past is None else table.past_class[past]
        above_class = 0 if above is None else table.above_class[above]
        found: NDArray[np.float32] = self._all_bits(column)[past_class, above_class, codes]
        return found

    def bits_of_each(
        self, column: int, past: NDArray[np.integer] | None, above: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """What each code of a column would take, given its neighbours.

        Args:
            column: counted from 0.
            past: the codes before in time, Shape: any that goes with `above`'s; None for a chunk's first frame.
            above: the codes of the column before; of column 0 zeros. Shape: any.

        Returns:
            Shape: [..., symbols].
        """
        table = self._tables[column]
        past_class = 0 if past is None else table.past_class[past]
        each: NDArray[np.float32] = self._all_bits(column)[past_class, table.above_class[above]]
        return each

    def bits_of_next(
        self, column: int, codes: NDArray[np.integer], above: NDArray[np.integer] | None
    ) -> NDArray[np.float32]:
        """What codes of a column would take after each code that might come before them.

        Args:
            column: counted from 0.
            codes: Shape [n].
            above: the codes of the column before, Shape [n]; None for column 0.

        Returns:
            Shape: [n, symbols].
        """
        table = self._tables[column]
        above_class = 0 if above is None else table.above_class[above]
        after_class = np.ascontiguousarray(self._all_bits(column)[:, above_class, codes].T)
        each: NDArray[np.float32] = after_class[:, table.past_class]
        return each

    def _all_bits(self, column: int) -> NDArray[np.float32]:
        """Of a column's codes in each context. Shape: that of its frequencies."""
        bits = self._bits[column]
        if bits is None:
            bits = (TOTAL_BITS - np.log2(self._tables[column].frequencies)).astype(np.float32)
            self._bits[column] = bits
        return bits

    def encode(self, codes: NDArray[np.integer]) -> bytes:
        """Encode one chunk.

        Args:
            codes: Shape [columns, frames], or [channels, columns, frames] for channels one after another in one
                payload. Fewer columns than the model's mean its first ones.

        Returns:
            The payload; none for no codes.

        Raises:
            ValueError: the codes have another shape, or one is too high for its column.
        """
        starts: list[int] = []
        frequencies: list[int] = []
        for channel in self._channels(codes):
            for column, cells in enumerate(self._cells(channel)):
                flat = self._cumulative[column].ravel()
                start = flat[cells]
                starts += start.tolist()
                frequencies += (flat[cells + 1] - start).tolist()
        return range_encode(starts, frequencies)

    def decode(
        self, payload: bytes, columns: int, frames: int, channels: int | None = None, exact: bool = False
    ) -> NDArray[np.uint16]:
        """Decode one chunk. Any payload gives some codes: behind its end are zeros.

        Args:
            payload: of `encode`.
            columns: that were encoded.
            frames: that were encoded.
            channels: that were encoded; None if there was no such dimension.
            exact: whether to check that `encode` gives this very payload for these codes. It tells of surplus bytes,
                but not of missing ones: what is left of a payload is a payload, of other codes.

        Returns:
            Shape [columns, frames] or [channels, columns, frames].

        Raises:
            StreamError: only if `exact`: it does not give it.
            ValueError: the model has fewer columns.
        """
        if not 0 <= columns <= len(self.sizes):
            raise ValueError(f"the model has {len(self.sizes)} columns, not {columns}")
        decoder = RangeDecoder(payload)
        codes = np.zeros((1 if channels is None else channels, columns, frames), dtype=np.uint16)
        for channel in codes:
            above = np.zeros(frames, dtype=np.uint16)
            for column in range(columns):
                above = channel[column] = self._decode_column(decoder, column, above)
        result = codes[0] if channels is None else codes
        if exact and self.encode(result) != payload:
            raise StreamError("the codes of this .sc file are damaged, or were made with another model")
        return result

    def cost_bits(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """What each column of codes takes in `encode`, in bits: the payload has their sum, and a byte or two.

        Args:
            codes: as in `encode`.

        Returns:
            Shape [columns].
        """
        channels = self._channels(codes)
        bits = np.zeros(channels.shape[1])
        for channel in channels:
            for column, cells in enumerate(self._cells(channel)):
                flat = self._cumulative[column].ravel()
                frequencies = (flat[cells + 1] - flat[cells]).astype(np.float64)
                bits[column] += (TOTAL_BITS - np.log2(frequencies)).sum()
        return bits

    def _channels(self, codes: NDArray[np.integer]) -> NDArray[np.integer]:
        """Checked codes, Shape [channels, columns, frames]."""
        channels = codes[None] if codes.ndim == 2 else codes
        if channels.ndim != 3 or channels.dtype.kind not in "iu" or channels.shape[1] > len(self.sizes):
            raise ValueError(
                f"codes must be integers of shape [columns, frames] with at most {len(self.sizes)} columns"
            )
        sizes = np.array(self.sizes[: channels.shape[1]])[:, None]
        if ((channels < 0) | (channels >= sizes)).any():
            raise ValueError("a code is too high for its column")
        return channels

    def _cells(self, channel: NDArray[np.integer]) -> list[NDArray[np.int64]]:
        """Where each code stands in its column's flattened cumulative table. Each of Shape [frames]."""
        cells = []
        above = np.zeros(channel.shape[1], dtype=np.int64)
        for column, codes in enumerate(channel.astype(np.int64)):
            table = self._tables[column]
            past = np.zeros(len(codes), dtype=np.int64)
            past[1:] = table.past_class[codes[:-1]]
            context = past * table.frequencies.shape[1] + table.above_class[above]
            cells.append(context * (self.sizes[column] + 1) + codes)
            above = codes
        return cells

    def _decode_column(self, decoder: RangeDecoder, column: int, above: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """The next column's codes. Shape [frames] in and out."""
        table = self._tables[column]
        above_classes = table.frequencies.shape[1]
        first_row = (table.past_class.astype(np.int64) * above_classes).tolist()
        rows = self._decoding_rows(column)
        symbol = decoder.symbol
        codes: list[int] = []
        row_of_past = 0
        for above_class in table.above_class[above].tolist():
            code = symbol(rows[row_of_past + above_class])
            codes.append(code)
            row_of_past = first_row[code]
        return np.array(codes, dtype=np.uint16)

    def _decoding_rows(self, column: int) -> list[array[int]]:
        """The cumulative table for Python's bisection, far faster on an `array` than on NumPy's."""
        rows = self._rows[column]
        if rows is None:
            rows = self._rows[column] = [array("I", row.tobytes()) for row in self._cumulative[column]]
        return rows


def _cumulative(frequencies: NDArray[np.int64]) -> NDArray[np.uintc]:
    symbols = frequencies.shape[-1]
    table = np.zeros((frequencies.size // symbols, symbols + 1), dtype=np.uintc)
    np.cumsum(frequencies.reshape(-1, symbols), axis=1, out=table[:, 1:])
    return table


def _array(arrays: Mapping[str, NDArray[Any]], name: str, dtype: type[np.generic], dimensions: int) -> NDArray[Any]:
    found = arrays.get(name)
    if found is None or found.dtype != dtype or found.ndim != dimensions or not found.size:
        raise ModelFileError(f"the entropy tables are damaged: {name} is missing or has another type or shape")
    return found


def _problem(table: ColumnTables, above_size: int) -> str:
    """What is wrong with a column's tables, whose column before has `above_size` codes; empty if nothing is."""
    past_classes, above_classes, symbols = table.frequencies.shape
    if max(past_classes, above_classes) > MOST_CLASSES or symbols > TOTAL:
        return "they are too large"
    if len(table.past_class) != symbols or len(table.above_class) != above_size:
        return "the classes are of another number of codes"
    if table.past_class.max() >= past_classes or table.above_class.max() >= above_classes:
        return "there is no table for one of the classes"
    if table.frequencies.min() < 1 or (table.frequencies.sum(axis=-1) != TOTAL).any():
        return f"the frequencies do not add up to {TOTAL}"
    return ""
