"""Damaged and forged files, and what may become of them. For test_fuzz.py and benchmarks/fuzz.py.

A case is a whole number: it seeds a generator that takes a good file, damages it, and half of the time forges the
checksums so that what lies behind them is reached. Reading it must then end in

    refused     an error of brevox.errors
    flagged     a decode that says what was lost
    same        what the good file holds, as if nothing had happened
    accepted    something else, which only a forged file (or version 1, which has no checksums) may come to

within a second of the processor's time and 200 MB and ten times the file of memory. Cases run in a process of their
own: one that is killed by a case, or does not come back, is a finding, and the next goes on.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import random
import struct
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brevox.audio import AudioWriter
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import Codec
from brevox.codec.sc2 import Chunk, StreamHeader
from brevox.codec.sc2_writer import ScWriter
from brevox.codec.stream import CodedStream
from brevox.codec.transcode import decode_file, encode_file
from brevox.errors import BrevoxError
from fake_pipe import Pipe
from tiny_model import tiny_model

MOST_SECONDS = 1.0
MOST_BYTES = 200 << 20
MOST_TIMES_THE_FILE = 10

_NO_ANSWER_S = 120.0
_ADDRESS_SPACE = 12 << 30
_LONGEST_DECODE_FRAMES = 2000


@dataclass
class Report:
    """What became of many cases.

    findings: case and what was wrong with it.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    most_bytes: int = 0

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        worst = f"slowest {self.slowest_s * 1000:.0f} ms, most memory {self.most_bytes / 2**20:.1f} MiB"
        findings = "".join(f"\n  case {case}: {what}" for case, what in self.findings)
        return f"{sum(self.outcomes.values())} cases: {counts}; {worst}; {len(self.findings)} findings{findings}"


def fuzz(kind: str, cases: Iterable[int]) -> Report:
    """Run cases of `sc` or `bvx` files, or of `faults`."""
    report, left = Report(), list(cases)
    context = multiprocessing.get_context("spawn")
    while left:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run_all, args=(kind, left, theirs), daemon=True)
        process.start()
        theirs.close()
        done = 0
        try:
            while done < len(left) and ours.poll(_NO_ANSWER_S):
                outcome, seconds, size, finding = ours.recv()
                report.outcomes[outcome] += 1
                report.slowest_s = max(report.slowest_s, seconds)
                report.most_bytes = max(report.most_bytes, size)
                if finding:
                    report.findings.append((left[done], finding))
                done += 1
        except EOFError:
            process.join()
        if done < len(left):
            died = process.exitcode is not None
            report.findings.append((left[done], f"crash, exit code {process.exitcode}" if died else "no answer"))
            report.outcomes["crash" if died else "hang"] += 1
            done += 1
        process.kill()
        process.join()
        left = left[done:]
    return report


def _run_all(kind: str, cases: list[int], results: Any) -> None:
    _limit_address_space()
    with tempfile.TemporaryDirectory() as folder:
        subject = {"sc": _Streams, "bvx": _Models, "faults": _Faults}[kind](Path(folder))
        for case in cases:
            results.send(_measured(subject, case))


def _measured(subject: _Streams | _Models | _Faults, case: int) -> tuple[str, float, int, str | None]:
    """Outcome, seconds, bytes and a finding, if it is one."""
    size, run = subject.prepare(case)
    memory_before = _forget_peak_memory()
    begin = time.process_time()
    finding = None
    try:
        outcome = run()
    except Exception:
        outcome, finding = "raised", traceback.format_exc()
    seconds = time.process_time() - begin
    grown = max(0, _peak_memory() - memory_before)
    if outcome == "wrong":
        finding = "other contents than the good file's, and not a word about it"
    elif seconds > MOST_SECONDS:
        finding = finding or f"took {seconds:.1f} s"
    elif grown > MOST_BYTES + MOST_TIMES_THE_FILE * size:
        finding = finding or f"took {grown / 2**20:.0f} MiB for a file of {size} bytes"
    return outcome, seconds, grown, finding


# ---- .sc files


class _Streams:
    """Cases of .sc files: read to their codes, and some of them decoded to sound."""

    def __init__(self, folder: Path) -> None:

        self.codec = Codec(tiny_model(), threads=1)
        self.files = [*self._good_files()]
        self.contents = [self._read(io.BytesIO(file)) for file in self.files]
        for file in self.files:
            self._decode(io.BytesIO(file))

    def _good_files(self) -> Iterable[bytes]:

        generator = np.random.default_rng(0)
        sound = np.concatenate([0.1 * generator.standard_normal((2, 30_000)), np.zeros((2, 170_000))], axis=1)
        wav = io.BytesIO()
        with AudioWriter(wav, 16_000, 2, format="wav", tags={"title": "Fuzz", "artist": "Nobody"}) as writer:
            writer.write(sound)
        for options in ({}, {"stereo": True}, {"version": 1, "books": 2}):
            wav.seek(0)
            target = io.BytesIO()
            encode_file(wav, target, codec=self.codec, **options)
            yield target.getvalue()
        yield self._of_short_chunks(channels=1, num_samples=None)
        yield self._of_short_chunks(channels=3, num_samples=6 * 16 * 320)

    def _of_short_chunks(self, channels: int, num_samples: int | None) -> bytes:
        generator = np.random.default_rng(channels)
        header = StreamHeader(
            model_id=self.codec.id,
            model_name=self.codec.name,
            sample_rate=16_000,
            channels=channels,
            num_samples=num_samples,
            model_rate_hz=16_000,
            hop=320,
            chunk_frames=16,
            tags={"chapters": [{"start_s": 0.0, "end_s": 1.5, "title": "One"}]},
        )
        target = io.BytesIO()
        writer = ScWriter(target, header)
        for number, columns in enumerate((4, 3, 0, 2, 4, 4)):
            sizes = np.array(self.codec.entropy.sizes[:columns], dtype=np.int64)[:, None]
            codes = generator.integers(0, sizes, (channels, columns, 16))
            payload = self.codec.entropy.encode(codes)
            writer.write(Chunk(16 * number, 16, columns, (30_000,) * channels, payload))
        writer.close(6 * 16 * 320)
        return target.getvalue()

    def prepare(self, case: int) -> tuple[int, Callable[[], str]]:
        generator = random.Random(case)
        number = generator.randrange(len(self.files))
        good = self.files[number]
        forged = generator.random() < 0.5
        if forged:
            data = forge_stream(mutate(good, generator, most=3), generator)
        else:
            spared = 150 if generator.random() < 0.7 else 0  # a damaged header ends it at once
            data = good[:spared] + mutate(good[spared:], generator)
        source: Any = Pipe(data) if generator.random() < 0.5 else io.BytesIO(data)
        # Silence is decoded for as long as a forged file says, so only where it does not say much.
        decodes = generator.random() < 0.15

        def run() -> str:
            try:
                contents, damage = self._read(source)
                if decodes and sum(frames for frames, _, _ in contents[1]) <= _LONGEST_DECODE_FRAMES:
                    self._decode(io.BytesIO(data))
            except BrevoxError:
                return "refused"
            if damage:
                return "flagged"
            if (contents, damage) == self.contents[number]:
                return "same"
            return "accepted" if forged or number == 2 else "wrong"

        return len(data), run

    def _read(self, source: Any) -> tuple[tuple[int | None, list[tuple[int, tuple[int, ...], bytes]]], list[str]]:
        stream = CodedStream(source, self.codec)
        chunks = [(chunk.frames, chunk.levels, chunk.codes.tobytes()) for chunk in stream.chunks()]
        return (stream.num_samples, chunks), stream.damage

    def _decode(self, source: Any) -> None:
        decode_file(source, _Nowhere(), codec=self.codec)


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def forge_stream(data: bytes, generator: random.Random) -> bytes:
    """Put something extreme into a field now and then, and give every part of a version 2 file its checksum."""
    changed = bytearray(data)
    if changed[:4] != b"\x89SC2":
        return data
    parts = [(0, 58 + int.from_bytes(changed[52:54], "little") + int.from_bytes(changed[54:58], "little"))]
    fields = [(9, 1), (10, 2), (12, 4), (16, 4), (20, 4), (24, 4), (28, 8), (52, 2), (54, 4)]
    at = changed.find(b"\xf5SC", parts[0][1])
    while at >= 0:
        payload = int.from_bytes(changed[at + 8 : at + 12], "little")
        if changed[at + 3 : at + 4] == b"\xc3":
            parts.append((at, at + 15 + 2 * changed[9] + payload))
            fields += [(at + 4, 4), (at + 8, 4), (at + 12, 2), (at + 14, 1), (at + 15, 2)]
        else:
            parts.append((at, at + 8 + int.from_bytes(changed[at + 4 : at + 8], "little")))
            fields += [(at + 4, 4), (at + 8, 1), (at + 9, 1)]
        at = changed.find(b"\xf5SC", at + 4)
    trailer = changed.rfind(b"\x89SCend\r\n") - 28
    if trailer > 0:
        parts.append((trailer, trailer + 24))
        fields += [(trailer, 8), (trailer + 8, 4), (trailer + 12, 4), (trailer + 16, 8)]
    if generator.random() < 0.5:
        place, width = generator.choice(fields)
        changed[place : place + width] = _extreme(width, generator)
    for begin, end in parts:
        if end + 4 <= len(changed):
            changed[end : end + 4] = struct.pack("<I", zlib.crc32(changed[begin:end]))
    return bytes(changed)


# ---- .bvx files


class _Models:
    """Cases of .bvx files: read, made a codec of, and used on a moment of sound."""

    def __init__(self, folder: Path) -> None:

        self.path = folder / "model.bvx"
        write_model(self.path, tiny_model())
        self.good = self.path.read_bytes()
        self.contents = self._use()

    def prepare(self, case: int) -> tuple[int, Callable[[], str]]:
        generator = random.Random(case)
        forged = generator.random() < 0.7
        data = forge_model(self.good, generator) if forged else mutate(self.good, generator)
        self.path.write_bytes(data)

        def run() -> str:
            try:
                contents = self._use()
            except BrevoxError:
                return "refused"
            if contents == self.contents:
                return "same"
            return "accepted" if forged else "wrong"

        return len(data), run

    def _use(self) -> tuple[Any, ...]:

        model = read_model(self.path)
        codec = Codec(model, threads=1)
        codec.decode(codec.encode(0.1 * np.random.default_rng(0).standard_normal((1, 2000))))
        tables = [(name, table.tobytes()) for name, table in sorted(model.entropy.items())]
        return model.encoder, model.decoder, model.codebooks.tobytes(), tables, dict(model.info), model.card


def forge_model(good: bytes, generator: random.Random) -> bytes:
    """Change one member, so that all checksums fit."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    name = generator.choice([*members, "entropy.npz", "encoder.onnx", "decoder.onnx", "model.json"])
    if name.endswith(".npz") and generator.random() < 0.8:
        with zipfile.ZipFile(io.BytesIO(members[name])) as archive:
            arrays = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        array = generator.choice([*arrays])
        kind = generator.randrange(3)  # damage anywhere, or in the header's 128 bytes, or a header that lies
        head = len(arrays[array]) if kind == 0 else 128
        changed = _strange_npy_header(generator) if kind == 2 else mutate(arrays[array][:head], generator, most=3)
        arrays[array] = changed + arrays[array][head:]
        members[name] = _zipped(arrays, generator)
    elif name == "model.json" and generator.random() < 0.7:
        info = json.loads(members[name])
        strange = [None, -1, 0, 1, 2**31, 10**400, 1e308, 0.5, True, "", "x" * 10_000, "\ud800", [], {}, [[]] * 9]
        info[generator.choice([*info])] = generator.choice(strange)
        members[name] = json.dumps(info).encode()
    else:
        members[name] = mutate(members[name], generator, most=3)
    return _zipped(members, generator)


def _strange_npy_header(generator: random.Random) -> bytes:
    types = ["'<f2'", "'<f8'", "'|O'", "'<U999999999'", "'V0'", "','", "[('a', '<f4')]", "[]", "None", "'<u2' * 9"]
    shapes = ["()", "(-1,)", "(3, 16, -4)", f"({2**62}, 4)", f"(1{'0' * 400},)", f"(0, {2**63})", "(1.5,)", "9", "(1,"]
    header = f"{{'descr': {generator.choice(types)}, 'fortran_order': False, 'shape': {generator.choice(shapes)}, }}"
    text = generator.choice([header, header[::-1], "(" * 5000, "'", "{" + header]).encode()
    version = generator.choice([b"\1\0", b"\2\0", b"\3\0"])
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text


def _zipped(members: dict[str, bytes], generator: random.Random) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", generator.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    data = bytearray(target.getvalue())
    if generator.random() < 0.2:  # an entry of the directory lies: flags, method, checksum or sizes
        entry = data.find(b"PK\1\2", data.find(b"PK\1\2") + generator.randrange(len(members)) * 46)
        place, width = generator.choice([(8, 2), (10, 2), (10, 2), (16, 4), (20, 4), (24, 4), (42, 4)])
        method = struct.pack("<H", generator.choice([0, 8, 9, 12, 14, 93, 99]))
        data[entry + place : entry + place + width] = method if place == 10 else _extreme(width, generator)
    return bytes(data)


# ---- what is to be found


class _Faults:
    """Cases with a fault each, but for the last: what a fuzzer has to notice."""

    names = ("crash", "dawdle", "hoard", "trip", "lie", "behave")

    def __init__(self, folder: Path) -> None:
        pass

    def prepare(self, case: int) -> tuple[int, Callable[[], str]]:
        return 1000, getattr(self, self.names[case])

    def crash(self) -> str:
        os._exit(11)

    def dawdle(self) -> str:
        end = time.process_time() + 1.1 * MOST_SECONDS
        while time.process_time() < end:
            pass
        return "same"

    def hoard(self) -> str:
        return "same" if bytearray(MOST_BYTES + (1 << 24)) else ""

    def trip(self) -> str:
        raise KeyError("a bug")

    def lie(self) -> str:
        return "wrong"

    def behave(self) -> str:
        return "refused"


# ---- damage


def mutate(data: bytes, generator: random.Random, most: int = 6) -> bytes:
    """Change, drop, add, repeat or cut bytes in up to `most` places."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, most)):
        at, kind = generator.randrange(len(changed) + 1), generator.randrange(10)
        if kind <= 2 and at < len(changed):
            changed[at] ^= 1 << generator.randrange(8)
        elif kind == 3 and at < len(changed):
            changed[at] = generator.randrange(256)
        elif kind <= 5:
            width = generator.choice([1, 2, 4, 8])
            changed[at : at + width] = _extreme(width, generator)
        elif kind == 6:
            del changed[at : at + generator.choice([1, 2, 4, 100, 1000])]
        elif kind == 7:
            changed[at:at] = generator.randbytes(generator.choice([1, 2, 4, 100]))
        elif kind == 8:
            begin = generator.randrange(len(changed) + 1)
            changed[at:at] = changed[begin : begin + generator.randint(1, 500)]
        elif generator.random() < 0.5:
            del changed[at:]
    return bytes(changed)


def _extreme(width: int, generator: random.Random) -> bytes:
    bits = 8 * width
    numbers = [0, 1, 2, 1 << (bits - 1), (1 << (bits - 1)) - 1, (1 << bits) - 1, generator.getrandbits(bits)]
    return generator.choice(numbers).to_bytes(width, "little")


# ---- memory


def _limit_address_space() -> None:
    """So that a finding does not take the machine with it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def _forget_peak_memory() -> int:
    """Bytes in use; from here on the peak is measured. Linux only, 0 elsewhere."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return _peak_memory()


def _peak_memory() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
