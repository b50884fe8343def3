"""Recordings to `.sc` files and back, block by block: memory does not grow with length."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from brevox.audio import AudioReader, AudioWriter, Chapter, Resampler, output_length
from brevox.audio.live import LiveReader
from brevox.codec.ahead import ReadAhead
from brevox.codec.codec import Codec, CodeChunk
from brevox.codec.models import load
from brevox.codec.recording import FileLike, Recording, is_file, resampled
from brevox.codec.sc1 import write_v1
from brevox.codec.sc2 import END_BYTES, HIGHEST_RATE_HZ, MOST_TAG_BYTES, Chunk, StreamHeader, tags_to_bytes
from brevox.codec.sc2_writer import ScWriter
from brevox.codec.stream import CodedStream
from brevox.errors import OutputError, SettingsError, StreamError
from brevox.output import atomic_output

#: Called with the seconds of the recording that are done, and all of them (None while that is unknown).
Progress = Callable[[float, float | None], None]

_LATEST_CHAPTER_S = 1e9


@dataclass(frozen=True)
class Transcoded:
    """What became of one file.

    duration_s: of the recording.
    stream_bytes: of the `.sc` file.
    elapsed_s: what it took.
    damage: what was wrong with the input, where it could be used all the same.
    """

    duration_s: float
    stream_bytes: int
    elapsed_s: float
    damage: tuple[str, ...] = ()

    @property
    def kbps(self) -> float:
        """Size of the whole `.sc` file over the duration of the recording, in kbit/s."""
        return self.stream_bytes * 8 / 1000 / self.duration_s if self.duration_s else 0.0

    @property
    def speed(self) -> float:
        """Seconds of sound a second."""
        return self.duration_s / self.elapsed_s if self.elapsed_s else 0.0


def encode_file(
    source: FileLike,
    target: FileLike,
    kbps: float | None = None,
    *,
    books: int | None = None,
    stereo: bool = False,
    version: int = 2,
    codec: Codec | None = None,
    progress: Progress | None = None,
    live_s: float | None = None,
) -> Transcoded:
    """Encode a recording.

    Args:
        source: any audio file, or a stream of one.
        target: the `.sc` file, which appears whole or not at all, or a stream.
        kbps: most kbit/s of all channels together; 3 by default.
        books: or the number of codebooks.
        stereo: keep the first two channels; else all are averaged.
        version: of the `.sc` format. Version 1 keeps neither tags, nor level, nor the exact length and rate.
        codec: `brevox.load()` by default.
        progress: called now and then.
        live_s: the source is a pipe of WAV that is still being recorded; of so many seconds each, chunks are written
            as soon as their sound is there. Its level is told by the first second.

    Raises:
        AudioFileError: the source cannot be read.
        OutputError: the target cannot be written.
        SettingsError: an option does not fit.
    """
    started = time.monotonic()
    if version not in (1, 2):
        raise SettingsError(f"there is no .sc version {version}; choose 1 or 2")
    if version == 1 and stereo:
        raise SettingsError(".sc version 1 has one channel only; leave stereo out, or use version 2")
    codec = codec or load()
    codec.check_rate(kbps, books)
    live_frames = None if live_s is None else _live_frames(codec, live_s, version)
    if version == 1 and books is None:
        # All frames of a version 1 file have as many books: what the rate pays for without entropy coding.
        columns = int((3.0 if kbps is None else kbps) / _version_1_kbps(codec))
        books = min(codec.books, max(1, columns - codec.side_columns))
        kbps = None
    with ExitStack() as stack:
        # First: that it cannot be written should not be told only after all the listening.
        file = stack.enter_context(_open_target(target))
        hear = None if progress is None else partial(progress, 0.0, None)  # whoever wants to stop may do so there
        recording = stack.enter_context(Recording(source, codec, stereo=stereo, hear=hear, live_frames=live_frames))
        reader, channels = recording.reader, recording.channels
        tags, left_out = _to_tags(reader)
        header = StreamHeader(
            model_id=codec.id,
            model_name=codec.name,
            sample_rate=reader.sample_rate,
            channels=channels,
            num_samples=None,
            model_rate_hz=codec.sample_rate,
            hop=codec.hop,
            gain=recording.gain,
            chunk_frames=codec.chunk_frames,
            tags=tags,
        )
        around_bits = 8 * (len(header.to_bytes()) + END_BYTES)
        coded = codec.encode_windows(recording.windows, kbps, books=books, spent_bits=around_bits)
        chunks = _told(coded, codec, reader.duration_s, progress)
        if version == 1:
            count = books or 1
            pieces = [c.codes[0] if c.codes.size else codec.encode_silence(c.frames, count) for c in chunks]
            codes = np.concatenate([np.zeros((codec.side_columns + count, 0), np.uint16), *pieces], axis=1)
            write_v1(file, codec.id, codes, _code_bits(codec))
        else:
            writer = ScWriter(file, header)
            for chunk in chunks:
                payload = codec.entropy.encode(chunk.codes) if chunk.codes.size else b""
                writer.write(Chunk(chunk.first_frame, chunk.frames, chunk.codes.shape[1], chunk.levels, payload))
                if live_frames is not None:
                    file.flush()
            writer.close(recording.samples)
        damage = (*recording.damage, *left_out)
    return Transcoded(recording.duration_s, file.written, time.monotonic() - started, damage)


def decode_file(
    source: FileLike,
    target: FileLike,
    *,
    codec: Codec | None = None,
    sample_rate: int | None = None,
    bit_rate: int | None = None,
    stream_format: str = "wav",
    progress: Progress | None = None,
) -> Transcoded:
    """Decode a `.sc` file.

    Args:
        source: a `.sc` file of either version, or a stream of one.
        target: an audio file, whose suffix names the format, or a stream.
        codec: by default the known model that the file names.
        sample_rate: of the output, Hz; by default the original's.
        bit_rate: of a lossy output format, bit/s.
        stream_format: of a stream: wav, flac, mp3, m4a, ogg or opus.
        progress: called now and then.

    Returns:
        With `damage` told if parts of the file were lost and are now silence.

    Raises:
        StreamError: not a `.sc` file, or so damaged that no sound is left.
        WrongModelError: it needs another model.
        OutputError: the target cannot be written.
        SettingsError: an option does not fit.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        file = stack.enter_context(_open_source(source))
        stream = CodedStream(file, codec)
        header, codec = stream.header, stream.codec
        rate = header.sample_rate if sample_rate is None else sample_rate
        if not 1 <= rate <= HIGHEST_RATE_HZ:
            raise SettingsError(f"a sample rate must be 1 to {HIGHEST_RATE_HZ} Hz, not {rate}")
        tags, chapters = _from_tags(header.tags)
        as_stream = {} if isinstance(target, (str, os.PathLike)) else {"format": stream_format}
        writer = stack.enter_context(
            AudioWriter(target, rate, header.channels, tags=tags, chapters=chapters, bit_rate=bit_rate, **as_stream)
        )
        chunks: Iterable[CodeChunk] = stream.chunks()
        if is_file(source):
            chunks = stack.enter_context(ReadAhead(chunks))
        decoded = codec.decode_chunks(chunks, header.channels, header.gain)
        blocks = resampled(decoded, Resampler(codec.sample_rate, rate, header.channels))
        # More than a frame stays behind: a stream may tell only at its end how much of the last one is sound.
        margin = 2 * codec.hop * rate // codec.sample_rate + 1
        tail = np.zeros((header.channels, 0), dtype=np.float32)
        written = 0
        for block in blocks:
            tail = np.concatenate([tail, block], axis=1)
            ready = max(0, tail.shape[1] - margin)
            writer.write(tail[:, :ready])
            tail, written = tail[:, ready:], written + ready
            if progress is not None:
                samples = stream.num_samples
                progress(written / rate, None if samples is None else samples / header.sample_rate)
        if stream.num_samples is not None:
            wanted = output_length(stream.num_samples, header.sample_rate, rate)
            # Rounding between two rates may leave the end some samples short, but no more than the margin.
            short = min(max(0, wanted - written - tail.shape[1]), margin)
            tail = np.pad(tail, ((0, 0), (0, short)))[:, : max(0, wanted - written)]
        writer.write(tail)
        written += tail.shape[1]
        if not written and stream.damage:
            raise StreamError(f"no sound is left in it: {stream.damage[0]}")
        size = file.seek(0, io.SEEK_END) if file.seekable() else 0
    return Transcoded(written / rate, size, time.monotonic() - started, tuple(stream.damage))


def _told(
    chunks: Iterable[CodeChunk], codec: Codec, duration_s: float | None, progress: Progress | None
) -> Iterator[CodeChunk]:
    """Chunks on their way, with progress told."""
    for chunk in chunks:
        yield chunk
        if progress is not None:
            done_s = (chunk.first_frame + chunk.frames) / codec.frame_rate_hz
            progress(done_s if duration_s is None else min(done_s, duration_s), duration_s)


def _code_bits(codec: Codec) -> int:
    return max(int(size - 1).bit_length() for size in codec.entropy.sizes)


def _version_1_kbps(codec: Codec) -> float:
    """Of one column of codes."""
    return _code_bits(codec) * codec.frame_rate_hz / 1000


def _live_frames(codec: Codec, live_s: float, version: int) -> int:
    """Frames of a chunk of so many seconds."""
    if version != 2:
        raise SettingsError("a .sc file of version 1 tells its length first, so it cannot be live; use version 2")
    frames = round(live_s * codec.frame_rate_hz)
    if not 1 <= frames <= codec.chunk_frames:
        least, most = 1000 / codec.frame_rate_hz, 1000 * codec.chunk_frames / codec.frame_rate_hz
        raise SettingsError(f"live chunks of the model {codec.name} have {least:.0f} to {most:.0f} ms")
    return frames


def _to_tags(reader: AudioReader | LiveReader) -> tuple[dict[str, Any], list[str]]:
    """Tags and chapters for the stream, and a sentence about those it has no room for, if any."""
    tags: dict[str, Any] = dict(reader.tags)
    if reader.chapters:
        tags["chapters"] = [{"start_s": c.start_s, "end_s": c.end_s, "title": c.title} for c in reader.chapters]
    left_out = []
    while len(tags_to_bytes(tags)) > MOST_TAG_BYTES:
        left_out.append(max(tags, key=lambda name: len(tags_to_bytes({name: tags[name]}))))
        del tags[left_out[-1]]
    return tags, [f"too long for a .sc file and left out: the tag {', '.join(left_out)}"] if left_out else []


def _from_tags(tags: dict[str, Any]) -> tuple[dict[str, str], list[Chapter]]:
    """Tags and chapters of a stranger's file: what is not as we write it is left out."""
    texts = {key: value for key, value in tags.items() if isinstance(value, str)}
    chapters = []
    listed = tags.get("chapters")
    for entry in listed if isinstance(listed, list) else []:
        try:
            chapter = Chapter(float(entry["start_s"]), float(entry["end_s"]), str(entry.get("title", "")))
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
            continue
        if 0 <= chapter.start_s <= chapter.end_s <= _LATEST_CHAPTER_S:
            chapters.append(chapter)
    return texts, chapters


class _CountedOutput:
    """A binary file that counts what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.written = file, 0

    def write(self, data: bytes) -> int:
        self.written += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def _open_target(target: FileLike) -> Iterator[Any]:
    if not isinstance(target, (str, os.PathLike)):
        try:
            yield _CountedOutput(target)
            target.flush()
        except OSError as error:
            raise OutputError(f"cannot write the output: {error.strerror or error}") from error
        return
    with atomic_output(target) as part, part.open("wb") as file:
        yield _CountedOutput(file)


@contextmanager
def _open_source(source: FileLike) -> Iterator[BinaryIO]:
    if not isinstance(source, (str, os.PathLike)):
        yield source
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115 - closed below, so that only opening is guarded
    except OSError as error:
        raise StreamError(f"cannot read {source}: {error.strerror or error}") from error
    with file:
        yield file
