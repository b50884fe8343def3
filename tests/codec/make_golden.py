"""Writes the golden files: `python tests/codec/make_golden.py`.

They hold what `.sc` files and entropy tables looked like when the formats were settled; the tests read them and expect
the codes below. A file that is there is never overwritten: delete it only if the format was meant to change.

    v1.sc           `CODES`, first channel, in 5 bits
    tables.npz      entropy tables for sizes (8, 16, 16)
    payload.bin     `CODES`, two channels, coded with them
    v2.sc           a mono file of three chunks (1, 3 and 0 columns); docs/format.md explains it byte by byte
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.codec.entropy import ColumnTables, EntropyModel
from brevox.codec.rangecoder import TOTAL
from brevox.codec.sc1 import write_v1
from brevox.codec.sc2 import Chunk, StreamHeader
from brevox.codec.sc2_writer import ScWriter

GOLDEN = Path(__file__).parent / "golden"
SIZES = (8, 16, 16)
MODEL_ID = bytes(range(16))
HEADER = StreamHeader(
    model_id=MODEL_ID,
    model_name="tiny",
    sample_rate=44100,
    channels=1,
    num_samples=None,
    model_rate_hz=16000,
    hop=320,
    gain=0.5,
    chunk_frames=8,
    tags={"title": "Grüß Gott"},
)
NUM_SAMPLES = 15000


def golden_codes() -> NDArray[np.uint16]:
    """Codes by a formula that needs no generator. Shape [2, 3, 40]."""
    channel, column, frame = np.ogrid[:2, :3, :40]
    numbers = (frame * frame // 3 + 5 * column * frame + 7 * channel + column) % 23
    return (numbers % np.array(SIZES)[:, None]).astype(np.uint16)


def golden_model() -> EntropyModel:
    """Tables by a formula: a code's frequency falls with its distance from one that the context points at."""
    tables = []
    for column, size in enumerate(SIZES):
        above_size = SIZES[column - 1] if column else 1
        past_classes, above_classes = 4, 2 if column else 1
        past, above, code = np.ogrid[:past_classes, :above_classes, :size]
        weights = 2000 // (1 + (code - 3 * past - above) % size)
        frequencies = np.maximum(1, weights * (TOTAL - size) // weights.sum(axis=-1, keepdims=True))
        frequencies[..., 0] += TOTAL - frequencies.sum(axis=-1)
        past_class = (np.arange(size) * past_classes // size).astype(np.uint8)
        above_class = (np.arange(above_size) % above_classes).astype(np.uint8)
        tables.append(ColumnTables(past_class, above_class, frequencies))
    return EntropyModel(tables)


def golden_chunks(model: EntropyModel) -> list[Chunk]:
    """A chunk of one column, one of three, a silent one."""
    codes = golden_codes()[0]
    return [
        Chunk(0, 8, 1, (35000,), model.encode(codes[:1, :8])),
        Chunk(8, 8, 3, (36000,), model.encode(codes[:, 8:16])),
        Chunk(16, 2, 0, (0,), b""),
    ]


def main() -> None:
    """Write the files that are missing."""
    GOLDEN.mkdir(exist_ok=True)
    model, codes = golden_model(), golden_codes()
    if not (GOLDEN / "v1.sc").exists():
        with (GOLDEN / "v1.sc").open("wb") as file:
            write_v1(file, MODEL_ID, codes[0], bits=5)
    if not (GOLDEN / "tables.npz").exists():
        np.savez_compressed(GOLDEN / "tables.npz", **model.to_tables())
    if not (GOLDEN / "payload.bin").exists():
        (GOLDEN / "payload.bin").write_bytes(model.encode(codes))
    if not (GOLDEN / "v2.sc").exists():
        with (GOLDEN / "v2.sc").open("wb") as file:
            writer = ScWriter(file, HEADER)
            for chunk in golden_chunks(model):
                writer.write(chunk)
            writer.close(NUM_SAMPLES)


if __name__ == "__main__":
    main()
