import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden import MODEL_ID, golden_codes

from brevox.codec.sc1 import read_v1, write_v1
from brevox.codec.signature import MAGIC_V1, MAGIC_V2, sniff
from brevox.errors import StreamError
from fake_pipe import Pipe

GOLDEN = Path(__file__).parent / "golden"


def v1_bytes(codes: np.ndarray, bits: int) -> bytes:
    file = io.BytesIO()
    write_v1(file, MODEL_ID, codes, bits)
    return file.getvalue()


def test_hand_computed_bytes():
    codes = np.array([[1, 2], [1023, 512], [0, 5]])  # 3 books, 2 frames
    # Frame 0: 0000000001 1111111111 0000000000, frame 1: 0000000010 1000000000 0000000101, then 4 bits of padding.
    body = "0000000001" + "1111111111" + "0000000000" + "0000000010" + "1000000000" + "0000000101" + "0000"
    header = bytes.fromhex("12121212 00000002 03 0a") + MODEL_ID + b"\0"
    assert len(header) == 27
    expected = header + int(body, 2).to_bytes(8, "big")
    assert v1_bytes(codes, 10) == expected
    model_id, read = read_v1(expected)
    assert model_id == MODEL_ID
    assert read.dtype == np.uint16
    assert (read == codes).all()


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 50), st.integers(1, 16), st.integers(0, 2**32))
def test_round_trip_and_bit_order(books, frames, bits, seed):
    codes = np.random.default_rng(seed).integers(0, 1 << bits, (books, frames))
    data = v1_bytes(codes, bits)
    text = "".join(format(code, f"0{bits}b") for code in codes.T.ravel())
    assert data[27:] == bytes(int(text[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(text), 8))
    for source in (data, io.BytesIO(data), Pipe(data)):
        assert (read_v1(source)[1] == codes).all()


def test_long_files_are_read_in_blocks_like_short_ones():
    codes = np.random.default_rng(0).integers(0, 1 << 11, (3, 5001))
    assert (read_v1(v1_bytes(codes, 11))[1] == codes).all()


def test_golden_file():
    model_id, codes = read_v1((GOLDEN / "v1.sc").read_bytes())
    assert model_id == MODEL_ID
    assert (codes == golden_codes()[0]).all()


def test_truncated_at_every_byte():
    data = v1_bytes(golden_codes()[0], 5)
    for length in range(len(data)):
        with pytest.raises(StreamError):
            read_v1(data[:length])


def test_oversized():
    with pytest.raises(StreamError, match="goes on"):
        read_v1(v1_bytes(golden_codes()[0], 5) + b"\0")


@pytest.mark.parametrize("at, value", [(8, 0), (9, 0), (9, 17), (9, 255), (26, 1), (4, 0xFF), (8, 0xFF)])
def test_lying_header(at, value):
    data = bytearray(v1_bytes(golden_codes()[0], 5))
    data[at] = value
    tracemalloc.start()
    with pytest.raises(StreamError):
        read_v1(io.BytesIO(bytes(data)))
    assert tracemalloc.get_traced_memory()[1] < 1 << 21
    tracemalloc.stop()


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60), st.booleans())
def test_anything_else_is_a_stream_error_or_codes(data, with_magic):
    data = MAGIC_V1 + data if with_magic else data
    try:
        _, codes = read_v1(data)
    except StreamError:
        return
    assert codes.ndim == 2


@pytest.mark.parametrize(
    "model_id, codes, bits",
    [
        (b"short", np.zeros((1, 1), int), 8),
        (MODEL_ID, np.zeros((0, 1), int), 8),
        (MODEL_ID, np.zeros((256, 1), int), 8),
        (MODEL_ID, np.zeros(3, int), 8),
        (MODEL_ID, np.zeros((1, 1)), 8),
        (MODEL_ID, np.zeros((1, 1), int), 0),
        (MODEL_ID, np.zeros((1, 1), int), 17),
        (MODEL_ID, np.full((1, 1), 256), 8),
        (MODEL_ID, np.full((1, 1), -1), 8),
    ],
)
def test_what_version_1_cannot_hold(model_id, codes, bits):
    with pytest.raises(ValueError):
        write_v1(io.BytesIO(), model_id, codes, bits)


# Telling files apart.


def test_sniff():
    assert sniff(MAGIC_V1 + b"more") == 1
    assert sniff(MAGIC_V2 + b"more") == 2


@pytest.mark.parametrize(
    "first_bytes, hint",
    [
        (b"", "empty"),
        (MAGIC_V2[:5], "cut short"),
        (MAGIC_V1[:3], "cut short"),
        (MAGIC_V2.replace(b"\r\n", b"\n") + b"....", "line ends"),
        (MAGIC_V2.replace(b"\n", b"\r\n") + b"....", "line ends"),
        (MAGIC_V2.replace(b"\r\n\x1a\n", b"\r\n\x1a\r\n") + b"....", "line ends"),
        (bytes(byte & 0x7F for byte in MAGIC_V2), "above 127"),
        (MAGIC_V2.decode("latin-1").encode("utf-8"), "above 127"),
        (MAGIC_V2.decode("utf-8", "replace").encode("utf-8"), "above 127"),
        (b"RIFF\0\0\0\0WAVE", "WAV"),
        (b"ID3\4\0\0\0\0", "MP3"),
        (b"\0\0\0 ftypM4A ", "M4A"),
        (b"PK\3\4....", "bvx"),
        (b"hello world", "68 65 6c 6c"),
    ],
)
def test_sniff_says_what_it_is_instead(first_bytes, hint):
    with pytest.raises(StreamError, match=r"not a \.sc file") as caught:
        sniff(first_bytes)
    assert hint in str(caught.value)


def test_each_reader_names_the_other_version():
    with pytest.raises(StreamError, match="version 2"):
        read_v1(MAGIC_V2 + bytes(100))
