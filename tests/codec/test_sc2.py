import io
import json
import os
import random
import threading
import time
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden import HEADER, NUM_SAMPLES, golden_chunks, golden_codes

from brevox.codec.entropy import EntropyModel
from brevox.codec.sc2 import Chunk, DamagedChunk, StreamHeader
from brevox.codec.sc2_reader import ScReader
from brevox.codec.sc2_writer import ScWriter, open_for_append
from brevox.codec.signature import MAGIC_V1, MAGIC_V2
from brevox.errors import StreamError
from fake_pipe import Pipe

GOLDEN = Path(__file__).parent / "golden"
DOCUMENT = Path(__file__).parents[2] / "docs" / "format.md"
TRAILER_BYTES = 36


SOURCES = [io.BytesIO, Pipe]


def random_header(seed: int = 0, **changes) -> StreamHeader:
    return replace(StreamHeader(bytes(range(16)), "model", 16000, 1, None, 16000, 320, chunk_frames=32), **changes)


def random_chunks(header: StreamHeader, count: int, seed: int = 0) -> list[Chunk]:
    generator = random.Random(seed)
    chunks, frame = [], 0
    for number in range(count):
        frames = header.chunk_frames if number < count - 1 else generator.randint(1, header.chunk_frames)
        columns = generator.choice([0, 1, 13])
        payload = generator.randbytes(columns * frames // 2)
        levels = tuple(generator.randint(0, 65535) for _ in range(header.channels))
        chunks.append(Chunk(frame, frames, columns, levels, payload))
        frame += frames
    return chunks


def samples_of(header: StreamHeader, chunks: list[Chunk]) -> int:
    frames = chunks[-1].end_frame if chunks else 0
    return frames * header.hop * header.sample_rate // header.model_rate_hz


def file_of(header: StreamHeader, chunks: list[Chunk], close: bool = True) -> bytes:
    file = io.BytesIO()
    writer = ScWriter(file, header)
    for chunk in chunks:
        writer.write(chunk)
    if close:
        writer.close(samples_of(header, chunks) if header.num_samples is None else None)
    return file.getvalue()


def small_file(num_samples_known: bool = False, count: int = 5) -> tuple[bytes, list[Chunk]]:
    header = random_header(tags={"title": "A"})
    chunks = random_chunks(header, count)
    if num_samples_known:
        header = replace(header, num_samples=samples_of(header, chunks))
    return file_of(header, chunks), chunks


def read(data: bytes, source=io.BytesIO, start_frame: int = 0):
    reader = ScReader(source(data))
    return reader, list(reader.chunks(start_frame))


def has_no_gaps(items: list[Chunk | DamagedChunk], first: int = 0) -> bool:
    frame = first
    for item in items:
        if item.first_frame != frame:
            return False
        frame += item.frames
    return True


# Whole files.

texts = st.text(st.characters(codec="utf-8"), max_size=20)
headers = st.builds(
    StreamHeader,
    model_id=st.binary(min_size=16, max_size=16),
    model_name=texts,
    sample_rate=st.integers(1, 768_000),
    channels=st.integers(1, 8),
    num_samples=st.none() | st.integers(0, 1 << 62),
    model_rate_hz=st.integers(1, 768_000),
    hop=st.integers(1, (1 << 32) - 1),
    gain=st.floats(2**-20, 2**20, width=32),
    chunk_frames=st.integers(1, 65535),
    tags=st.dictionaries(texts, texts | st.lists(st.dictionaries(texts, texts | st.floats(0, 1e6)), max_size=3)),
)


@settings(deadline=None)
@given(headers, st.integers(0, 6), st.integers(0, 2**32), st.sampled_from(SOURCES))
def test_round_trip(header, count, seed, source):
    header = replace(header, chunk_frames=min(header.chunk_frames, 500))
    chunks = random_chunks(header, count, seed)
    num_samples = 12345 if header.num_samples is None else header.num_samples
    file = io.BytesIO()
    writer = ScWriter(file, header)
    for chunk in chunks:
        writer.write(chunk)
    writer.close(num_samples)
    reader, items = read(file.getvalue(), source)
    assert reader.header == header
    assert items == chunks
    assert (reader.truncated, reader.reason) == (False, None)
    assert reader.num_samples == num_samples
    assert reader.num_frames == (chunks[-1].end_frame if chunks else 0)


@pytest.mark.parametrize("source", SOURCES)
def test_when_the_number_of_samples_is_known(source):
    data, chunks = small_file()
    reader = ScReader(source(data))
    assert reader.num_samples == (None if source is Pipe else samples_of(reader.header, chunks))
    list(reader.chunks())
    assert reader.num_samples == samples_of(reader.header, chunks)
    reader = ScReader(source(small_file(num_samples_known=True)[0]))
    assert reader.num_samples == samples_of(reader.header, chunks)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("index", ["with index", "without index"])
def test_from_any_frame_on(source, index):
    data, chunks = small_file(count=7)
    if index == "without index":
        data = data[: -TRAILER_BYTES - 20]
    for frame in range(chunks[-1].end_frame + 40):
        _, items = read(data, source, frame)
        assert items == [chunk for chunk in chunks if chunk.end_frame > frame]


def test_one_reader_reads_again_and_anywhere():
    data, chunks = small_file()
    reader = ScReader(io.BytesIO(data))
    assert list(reader.chunks()) == list(reader.chunks()) == chunks
    assert list(reader.chunks(64)) == chunks[2:]


def test_seeking_reads_little():
    header = random_header()
    data = file_of(header, random_chunks(header, 2000))
    file = io.BytesIO(data)
    reader = ScReader(file)
    positions = []
    original = file.read
    file.read = lambda count: positions.append(count) or original(count)  # type: ignore[method-assign]
    assert next(reader.chunks(40_000)).first_frame == 40_000
    assert sum(positions) < 2000


def test_head_that_was_read_already():
    data, chunks = small_file()
    file = Pipe(data)
    head = file.read(12)
    assert list(ScReader(file, head).chunks()) == chunks


def test_a_chunk_comes_out_of_a_pipe_as_soon_as_it_went_in():
    header = random_header(channels=2)
    chunks = random_chunks(header, 3)
    end_out, end_in = os.pipe()
    with os.fdopen(end_in, "wb") as sender, os.fdopen(end_out, "rb") as receiver:
        writer = ScWriter(sender, header)
        sender.flush()
        items = ScReader(receiver).chunks()
        received = []

        def receive():
            received.append(next(items, None))

        for chunk in chunks:
            writer.write(chunk)
            sender.flush()
            thread = threading.Thread(target=receive, daemon=True)
            thread.start()
            thread.join(10)
            assert received[-1:] == [chunk]
        writer.close(100)
        sender.flush()
        receive()
        assert received[-1] is None


def test_overhead():
    """20 minutes at 3 kbit/s: at most 1 %."""
    header = random_header(chunk_frames=512, tags={"title": "An episode", "artist": "Somebody"})
    frames, payload_bytes = 20 * 60 * 50, 20 * 60 * 3000 // 8
    chunks = [
        Chunk(first, min(512, frames - first), 6, (40000,), bytes(payload_bytes * min(512, frames - first) // frames))
        for first in range(0, frames, 512)
    ]
    assert len(file_of(header, chunks)) <= 1.01 * payload_bytes
    assert Chunk(0, 1, 0, (0,), b"").file_bytes == 21


def test_golden_file_has_its_codes():
    with np.load(GOLDEN / "tables.npz", allow_pickle=False) as tables:
        model = EntropyModel.from_tables(dict(tables))
    reader, items = read((GOLDEN / "v2.sc").read_bytes())
    assert reader.header == HEADER
    assert reader.num_samples == NUM_SAMPLES
    assert items == golden_chunks(model)
    codes = golden_codes()[0]
    assert (model.decode(items[0].payload, 1, 8, exact=True) == codes[:1, :8]).all()
    assert (model.decode(items[1].payload, 3, 8, exact=True) == codes[:, 8:16]).all()
    assert items[2] == Chunk(16, 2, 0, (0,), b"")


# The document.


def code_block(kind: str) -> str:
    return DOCUMENT.read_text("utf-8").split(f"```{kind}\n", 1)[1].split("```", 1)[0]


def test_the_document_shows_the_golden_file():
    shown = "".join(line.split("|")[0].split(":", 1)[1] for line in code_block("hexdump").splitlines())
    assert bytes.fromhex(shown) == (GOLDEN / "v2.sc").read_bytes()


def test_the_document_s_reader_reads():
    """It is written from the document alone and shares no line with Brevox."""
    names: dict = {}
    exec(code_block("python"), names)
    with np.load(GOLDEN / "tables.npz", allow_pickle=False) as arrays:
        tables = dict(arrays)
    header, chunks = names["read_sc2"]((GOLDEN / "v2.sc").read_bytes(), tables)
    assert header["tags"] == HEADER.tags
    assert [levels for _, levels, _ in chunks] == [(35000,), (36000,), (0,)]
    codes = golden_codes()[0].tolist()
    assert [codes for _, _, codes in chunks] == [[[codes[0][:8]]], [[row[8:16] for row in codes]], [[]]]
    payload = names["decode_payload"]((GOLDEN / "payload.bin").read_bytes(), tables, 2, 3, 40)
    assert payload == golden_codes().tolist()
    model_id, v1 = names["read_sc1"]((GOLDEN / "v1.sc").read_bytes())
    assert (model_id, v1) == (HEADER.model_id, codes)


# Damage.


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("num_samples_known", [False, True])
def test_every_flipped_bit_is_noticed(source, num_samples_known):
    data, chunks = small_file(num_samples_known)
    frames = chunks[-1].end_frame
    header_bytes = ScReader(io.BytesIO(data)).header_bytes
    chunk_bytes = sum(chunk.file_bytes for chunk in chunks)
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        if at // 8 < header_bytes:
            with pytest.raises(StreamError):
                ScReader(source(bytes(changed)))
            continue
        reader, items = read(bytes(changed), source)
        assert has_no_gaps(items)
        assert items[-1].first_frame + items[-1].frames == frames
        damaged = [item for item in items if isinstance(item, DamagedChunk)]
        if at // 8 < header_bytes + chunk_bytes:
            # One chunk is lost, all others are whole.
            assert len(damaged) == 1
            assert [item for item in items if isinstance(item, Chunk)] == [
                chunk for chunk in chunks if chunk.first_frame != damaged[0].first_frame
            ]
            assert damaged[0].frames == next(c for c in chunks if c.first_frame == damaged[0].first_frame).frames
        else:
            assert items == chunks
            assert reader.reason
            assert reader.truncated == (at // 8 >= len(data) - TRAILER_BYTES)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("num_samples_known", [False, True])
def test_cut_at_every_byte(source, num_samples_known):
    data, chunks = small_file(num_samples_known)
    header_bytes = ScReader(io.BytesIO(data)).header_bytes
    ends = np.cumsum([header_bytes] + [chunk.file_bytes for chunk in chunks])
    for length in range(len(data)):
        if length < header_bytes:
            with pytest.raises(StreamError):
                ScReader(source(data[:length]))
            continue
        reader, items = read(data[:length], source)
        whole = int(np.searchsorted(ends, length, side="right")) - 1
        assert items[:whole] == chunks[:whole]
        assert reader.truncated
        assert reader.reason
        if num_samples_known and whole < len(chunks):
            (lost,) = items[whole:]
            assert isinstance(lost, DamagedChunk)
            assert lost.first_frame + lost.frames == chunks[-1].end_frame
        else:
            assert len(items) == whole


@pytest.mark.parametrize("source", SOURCES)
def test_chunks_cut_out_of_the_middle(source):
    data, chunks = small_file()
    begin = ScReader(io.BytesIO(data)).header_bytes + chunks[0].file_bytes
    end = begin + chunks[1].file_bytes + chunks[2].file_bytes
    _, items = read(data[:begin] + data[end:], source)
    assert items[0] == chunks[0]
    assert isinstance(items[1], DamagedChunk)
    assert (items[1].first_frame, items[1].frames) == (32, 64)
    assert items[2:] == chunks[3:]
    assert "missing" in items[1].reason


@pytest.mark.parametrize("source", SOURCES)
def test_bytes_put_in_cost_no_sound_but_are_noticed(source):
    data, chunks = small_file()
    at = ScReader(io.BytesIO(data)).header_bytes + chunks[0].file_bytes
    _, items = read(data[:at] + b"\xf5SC\xc3 and more" + data[at:], source)
    assert [item for item in items if isinstance(item, Chunk)] == chunks
    assert [(item.first_frame, item.frames) for item in items if isinstance(item, DamagedChunk)] == [(32, 0)]


@pytest.mark.parametrize("source", SOURCES)
def test_a_chunk_repeated_is_played_once(source):
    data, chunks = small_file()
    at = ScReader(io.BytesIO(data)).header_bytes
    _, items = read(data[:at] + data[at : at + chunks[0].file_bytes] + data[at:], source)
    assert [item for item in items if isinstance(item, Chunk)] == chunks
    assert [(item.first_frame, item.frames) for item in items if isinstance(item, DamagedChunk)] == [(32, 0)]


@pytest.mark.parametrize("start", range(0, 170, 3))
def test_from_any_frame_on_in_a_damaged_file(start):
    data, chunks = small_file()
    at = ScReader(io.BytesIO(data)).header_bytes + chunks[0].file_bytes + 5
    changed = data[:at] + b"!" + data[at + 1 :]
    for file in (changed, changed[:-30]):  # with and without index
        _, items = read(file, io.BytesIO, start)
        if not items:
            assert start >= chunks[-1].end_frame
            continue
        assert has_no_gaps(items, items[0].first_frame)
        assert items[0].first_frame <= start < items[0].first_frame + items[0].frames
        assert items[-1].first_frame + items[-1].frames == chunks[-1].end_frame


def test_bytes_after_the_end_do_no_harm():
    data, chunks = small_file()
    reader, items = read(data + b"\n\n")
    assert items == chunks
    assert not reader.truncated


def mutate(data: bytes, generator: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        at, kind = generator.randrange(len(changed) + 1), generator.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] = generator.choice([0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)])
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            del changed[at : at + generator.randint(1, 100)]
        elif kind == 3:
            changed[at:at] = generator.randbytes(generator.randint(1, 50))
        elif kind == 4:
            start = generator.randrange(len(changed) + 1)
            changed[at:at] = changed[start : start + generator.randint(1, 200)]
        elif kind == 5:
            changed[at : at + 4] = b"\xff\xff\xff\xff"
        else:
            changed[at : at + 4] = generator.choice([b"\xf5SC\xc3", b"\xf5SC\x3c", b"\x89SCend\r\n", MAGIC_V2])
    return bytes(changed)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("num_samples_known", [False, True])
def test_mutated_files(source, num_samples_known):
    """Whatever happens to a file: an error, or items without gaps; never long, never much memory."""
    data, chunks = small_file(num_samples_known)
    header_bytes = ScReader(io.BytesIO(data)).header_bytes
    generator = random.Random(1)
    tracemalloc.start()
    for _ in range(1500):
        # Mostly spare the header: its checksum would end it there.
        spared = header_bytes if generator.random() < 0.9 else 0
        changed = data[:spared] + mutate(data[spared:], generator)
        begin = time.perf_counter()
        try:
            reader = ScReader(source(changed))
            for item in reader.chunks(generator.choice([0, 0, 0, 50])):
                if isinstance(item, Chunk):
                    assert item in chunks
        except StreamError:
            continue
        items = list(ScReader(source(changed)).chunks())
        assert has_no_gaps(items)
        if data != changed and [item for item in items if isinstance(item, Chunk)] != chunks:
            assert reader.truncated or any(isinstance(item, DamagedChunk) for item in items)
        assert time.perf_counter() - begin < 1
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def forge_crc(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "little")


@pytest.mark.parametrize("source", SOURCES)
def test_lies_with_good_checksums(source):
    """Index, trailer and chunks that say impossible things, all with fitting checksums."""
    data, _ = small_file()
    generator = random.Random(2)
    body = data[: -TRAILER_BYTES - 19]
    for _ in range(500):
        entries = generator.randbytes(generator.randint(0, 30))
        index = forge_crc(b"\xf5SC\x3c" + len(entries).to_bytes(4, "little") + entries)
        numbers = [generator.choice([0, 1, 5, 10**6, 2**32 - 1, 2**63, 2**64 - 1, len(body)]) for _ in range(4)]
        sizes = (8, 4, 4, 8)
        trailer = forge_crc(
            b"".join((n % 256**size).to_bytes(size, "little") for n, size in zip(numbers, sizes, strict=True))
        )
        chunk = b"\xf5SC\xc3" + generator.randbytes(4) + (3).to_bytes(4, "little") + b"\x05\x00\x02\x00\x00abc"
        changed = body + forge_crc(chunk) + index + trailer + b"\x89SCend\r\n"
        reader = ScReader(source(changed))
        for start in (0, 40, 10**6):
            items = (
                list(reader.chunks(start)) if source is io.BytesIO else list(ScReader(source(changed)).chunks(start))
            )
            assert has_no_gaps(items, items[0].first_frame if items else 0)


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_but_sync_markers_does_not_hang(source):
    header = random_header(chunk_frames=65535, channels=8)
    start = header.to_bytes()
    for marker in (
        b"\xf5SC\xc3" + bytes(4) + (10**6).to_bytes(4, "little") + b"\xff\xff\xff",
        b"\xf5SC\x3c" + (10**5).to_bytes(4, "little"),
        b"\xf5SC",
    ):
        begin = time.perf_counter()
        reader, items = read(start + marker * (10**6 // len(marker)), source)
        assert not items
        assert reader.truncated
        assert time.perf_counter() - begin < 20


@pytest.mark.parametrize("source", SOURCES)
def test_a_lying_length_reserves_no_memory(source):
    header = random_header(chunk_frames=65535, channels=8)
    lie = b"\xf5SC\xc3" + bytes(4) + (250 * 10**6).to_bytes(4, "little") + b"\xff\xff\xff" + bytes(1000)
    data = header.to_bytes() + lie
    tracemalloc.start()
    read(data, source)
    assert tracemalloc.get_traced_memory()[1] < 1 << 21
    tracemalloc.stop()


# Headers.


@pytest.mark.parametrize(
    "changes",
    [
        {"model_id": b"short"},
        {"model_name": "n" * 256},
        {"sample_rate": 0},
        {"sample_rate": 768_001},
        {"channels": 0},
        {"channels": 9},
        {"num_samples": -1},
        {"num_samples": 1 << 63},
        {"model_rate_hz": 0},
        {"hop": 0},
        {"hop": 1 << 32},
        {"gain": 0.0},
        {"gain": float("nan")},
        {"gain": float("inf")},
        {"gain": -1.0},
        {"chunk_frames": 0},
        {"chunk_frames": 65536},
        {"tags": {"long": "x" * (1 << 20)}},
        {"tags": {"set": {1, 2}}},
        {"tags": {"number": float("nan")}},
    ],
)
def test_headers_that_cannot_be(changes):
    with pytest.raises(StreamError):
        ScWriter(io.BytesIO(), random_header(**changes))


def raw_header(tags: bytes = b"", at: int | None = None, value: bytes = b"") -> bytes:
    data = bytearray(random_header().to_bytes()[:-4])
    data[54:58] = len(tags).to_bytes(4, "little")
    data += tags
    if at is not None:
        data[at : at + len(value)] = value
    return forge_crc(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        raw_header(tags=b"[1]"),
        raw_header(tags=b"{"),
        raw_header(tags=b'{"a":NaN}'),
        raw_header(tags=b"\xff"),
        raw_header(tags=b"[" * 100_000),
        raw_header(at=9, value=b"\x00"),
        raw_header(at=9, value=b"\x09"),
        raw_header(at=10, value=b"\0\0"),
        raw_header(at=12, value=b"\0\0\0\0"),
        raw_header(at=12, value=b"\xff\xff\xff\xff"),
        raw_header(at=20, value=b"\0\0\0\0"),
        raw_header(at=24, value=b"\0\0\xc0\x7f"),  # NaN
        raw_header(at=28, value=b"\0\0\0\0\0\0\0\x80"),
        raw_header(at=52, value=b"\xff\xff"),
        raw_header(at=54, value=b"\xff\xff\xff\xff"),
    ],
)
@pytest.mark.parametrize("source", SOURCES)
def test_headers_that_say_nonsense(data, source):
    with pytest.raises(StreamError, match="header"):
        ScReader(source(data))


def test_newer_and_older_versions():
    with pytest.raises(StreamError, match="newer Brevox"):
        ScReader(io.BytesIO(raw_header(at=8, value=b"\x03")))
    with pytest.raises(StreamError, match="version 1"):
        ScReader(io.BytesIO(MAGIC_V1 + bytes(50)))


def test_tags_that_are_not_quite_text():
    """What PyAV makes of broken tags must not end an encode."""
    reader = ScReader(io.BytesIO(file_of(random_header(tags={"title": "a\udcffb"}), [])))
    assert reader.header.tags == {"title": "a?b"}


def test_frames_of_rounds_up():
    header = random_header(sample_rate=44100)
    assert [header.frames_of(samples) for samples in (0, 1, 882, 883)] == [0, 1, 1, 2]


# Writing.


@pytest.mark.parametrize(
    "changes",
    [
        {"first_frame": 1},
        {"frames": 0},
        {"frames": 33},
        {"columns": 256},
        {"columns": -1},
        {"columns": 0, "payload": b"x"},
        {"payload": bytes(4000)},
        {"levels": ()},
        {"levels": (1, 2)},
        {"levels": (65536,)},
    ],
)
def test_chunks_that_do_not_fit(changes):
    writer = ScWriter(io.BytesIO(), random_header())
    with pytest.raises(ValueError):
        writer.write(replace(Chunk(0, 32, 13, (5,), b"payload"), **changes))
    writer.write(Chunk(0, 32, 13, (5,), b"payload"))


@pytest.mark.parametrize("known, told", [(None, None), (5, 6), (None, -1), (None, 1 << 63)])
def test_ends_that_do_not_fit(known, told):
    with pytest.raises(ValueError):
        ScWriter(io.BytesIO(), random_header(num_samples=known)).close(told)


# Appending.


@pytest.mark.parametrize("num_samples_known", [False, True])
@pytest.mark.parametrize("cut", [0, 10, 40, 100, 400])
def test_append(tmp_path, num_samples_known, cut):
    header = random_header(tags={"title": "Recording"})
    chunks = random_chunks(header, 8)
    first, later = chunks[:4], chunks[4:]
    if num_samples_known:
        header = replace(header, num_samples=samples_of(header, first))
    path = tmp_path / "recording.sc"
    data = file_of(header, first)
    path.write_bytes(data[: len(data) - cut])
    with open_for_append(path) as writer:
        kept = [chunk for chunk in first if chunk.end_frame <= writer.next_frame]
        assert kept or cut == 400
        offset = writer.next_frame - later[0].first_frame
        later = [replace(chunk, first_frame=chunk.first_frame + offset) for chunk in later]
        for chunk in later:
            writer.write(chunk)
        writer.close(10**6)
    reader, items = read(path.read_bytes())
    assert items == kept + later
    assert reader.num_samples == 10**6
    assert (reader.truncated, reader.reason) == (False, None)
    assert list(reader.chunks(later[1].first_frame)) == later[1:]
    assert reader.header == replace(header, num_samples=None)


def test_append_keeps_foreign_json_as_it_is(tmp_path):
    path = tmp_path / "a.sc"
    path.write_bytes(raw_header(tags=json.dumps({"title": "ä"}, indent=3).encode()))
    with open_for_append(path) as writer:
        writer.write(Chunk(0, 1, 0, (0,), b""))
        writer.close(320)
    reader, items = read(path.read_bytes())
    assert reader.header.tags == {"title": "ä"}
    assert items == [Chunk(0, 1, 0, (0,), b"")]


def test_append_cut_short_leaves_a_truncated_file(tmp_path):
    data, chunks = small_file(num_samples_known=True)
    path = tmp_path / "a.sc"
    path.write_bytes(data)
    with pytest.raises(KeyboardInterrupt), open_for_append(path) as writer:
        writer.write(Chunk(writer.next_frame, 5, 0, (0,), b""))
        raise KeyboardInterrupt
    reader, items = read(path.read_bytes())
    assert items[:-1] == chunks
    assert reader.truncated


def test_append_after_damage(tmp_path):
    data, chunks = small_file()
    at = ScReader(io.BytesIO(data)).header_bytes + 30
    path = tmp_path / "a.sc"
    path.write_bytes(data[:at] + b"!!!" + data[at + 3 :])
    with open_for_append(path) as writer:
        new = Chunk(writer.next_frame, 5, 0, (0,), b"")
        writer.write(new)
        writer.close(1)
    _, items = read(path.read_bytes())
    assert isinstance(items[0], DamagedChunk)
    assert items[1:] == [*chunks[1:], new]
    assert read(path.read_bytes(), io.BytesIO, 100)[1] == [*chunks[3:], new]


def test_append_to_what_is_not_there_or_no_stream(tmp_path):
    with pytest.raises(StreamError, match="cannot append"):
        open_for_append(tmp_path / "none.sc").__enter__()
    (tmp_path / "a.sc").write_bytes(b"RIFF....")
    with pytest.raises(StreamError, match="WAV"):
        open_for_append(tmp_path / "a.sc").__enter__()
