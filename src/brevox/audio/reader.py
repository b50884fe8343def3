"""Any audio file, read block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, cast

import av
import numpy as np
from numpy.typing import NDArray

from brevox.audio.convert import MOST_CHANNELS, FrameConverter
from brevox.audio.decode import FrameDecoder
from brevox.audio.guarded import GuardedFile, is_seekable
from brevox.audio.ogg import OGG_MAGIC, ends_within_a_page
from brevox.audio.source import open_source
from brevox.audio.tags import Chapter, close_chapters, recording_tags
from brevox.errors import AudioFileError

# Formats without a header: nothing but the file's suffix tells them.
_HEADERLESS = {".g722": "g722", ".gsm": "gsm", ".sln": "sln"}

# Formats that state their length to the sample (if they hold plain samples), or nearly so.
_EXACT_LENGTH = {"wav", "w64", "flac", "aiff", "au", "caf"}
_NEAR_LENGTH = {"mov,mp4,m4a,3gp,3g2,mj2", "ogg"}


# Far beyond what any floating-point recording means; not numbers (NaN) compare as beyond it too.
_LOUDEST = 1e6


class AudioReader:
    """An open audio file: what it says about itself, and its samples, once, from start to end.

    Everything ffmpeg decodes is read, the (main) audio track of a video too. Encoder delay and padding
    are left out as far as the file tells them: exactly for WAV, FLAC, Opus, AAC in M4A, and MP3 with a
    LAME header. Not exact: MP3 without that header and raw AAC keep delay and padding (up to 0.15 s);
    an MP3 from a pipe keeps the padding at its end; Vorbis shorter than an Ogg page (about a second) may
    end a block (a few ms) too early or too late. Where damaged pieces are left out, what follows moves up.

    Args:
        source: a path, or an open binary file, which may be a pipe. An M4A or MP4 from a pipe is first
            copied to a temporary file, since its index may come last.

    Attributes:
        name: the file's name, for messages.
        sample_rate: Hz.
        channels: 1 to 64.
        duration_s: what the file states or ffmpeg estimates, good for a progress bar; None if unknown.
        codec_name: ffmpeg's name, such as `mp3float`.
        format_name: ffmpeg's name, such as `wav`.
        bit_rate: bit/s; None if unknown.
        tags: title, artist, ... with lower-case keys.
        chapters: in order of time.
        bad_samples: how many values were not numbers (NaN, infinite, beyond 1e6) and were read as 0, so far.
        damaged: None, or a sentence about what is missing; final when all blocks are read.

    Raises:
        AudioFileError: the file is missing, not readable, empty, no audio, or nothing in it can be decoded.

    Example:
        >>> with AudioReader("talk.m4a") as reader:  # doctest: +SKIP
        ...     for block in reader.blocks(reader.sample_rate):
        ...         print(block.shape)
    """

    def __init__(self, source: str | os.PathLike[str] | BinaryIO) -> None:
        self.bad_samples = 0
        self.damaged: str | None = None
        self._container: av.container.InputContainer | None = None
        self._source = open_source(source)
        self.name = self._source.name
        try:
            self._open()
        except OSError as error:
            self.close()
            raise self._unreadable(error) from error
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        file, head = self._source.file, self._source.head
        self._cut_page = head.startswith(OGG_MAGIC) and is_seekable(file) and ends_within_a_page(file)
        guarded = GuardedFile(file, b"" if is_seekable(file) else head)
        try:
            self._container = container = av.open(
                cast(BinaryIO, guarded), "r", format=_HEADERLESS.get(self._source.suffix), metadata_errors="replace"
            )
        except av.FFmpegError as error:
            guarded.check()
            why = "is no audio file, or is damaged at its start"
            if head[4:8] == b"ftyp":
                why = "is cut short: its index, which comes last, is missing"
            raise AudioFileError(f"{self.name} {why}") from error
        guarded.check()

        self._stream = self._audio_track(container)
        context = self._stream.codec_context
        if context.name == "flac":  # plays damage as noise unless told to look at the checksums
            context.options = {"err_detect": "crccheck+explode"}
        self.codec_name = context.name
        self.format_name = container.format.name
        self.duration_s = self._stated_duration(container)
        self.bit_rate = self._stream.bit_rate or container.bit_rate or None
        self.tags = recording_tags(container.metadata, self._stream.metadata)
        self.chapters = close_chapters(map(_chapter, container.chapters()), self.duration_s)

        # Rate and channels are the first frame's: a header may be wrong about them (HE-AAC).
        self._decoder = FrameDecoder(container, self._stream, guarded, open_ended=_is_open_ended(head))
        self._frames = self._decoder.frames()
        self._first = next(self._frames, None)
        if self._first is not None:
            self.sample_rate, self.channels = self._first[0].rate, self._first[0].layout.nb_channels
            return
        self.sample_rate, self.channels = context.sample_rate, context.channels
        if not (self.sample_rate and self.channels) or self._decoder.bad_packets or self._missing_s(0):
            raise AudioFileError(f"{self.name} is damaged or cut short: no sound in it can be decoded")

    def _audio_track(self, container: av.container.InputContainer) -> av.AudioStream:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            kinds = " and ".join(sorted({stream.type for stream in container.streams}))
            raise AudioFileError(f"{self.name} has no audio track" + (f" (only {kinds})" if kinds else ""))
        if stream.codec_context is None:
            raise AudioFileError(f"{self.name} is encoded, or protected, in a way that cannot be decoded")
        if stream.codec_context.channels > MOST_CHANNELS:
            channels = stream.codec_context.channels
            raise AudioFileError(f"{self.name} has {channels} channels; {MOST_CHANNELS} are the most that can be read")
        return stream

    def _stated_duration(self, container: av.container.InputContainer) -> float | None:
        if self._stream.duration is not None and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return None if container.duration is None else container.duration / av.time_base

    def skip_to(self, seconds: float) -> float:
        """Go on at about `seconds` from the start, before any block was taken; says where that is.

        As near as the container can be searched: within a packet in most files. A pipe is not searched: it stays at 0.
        `damaged` is of no use from here on, as what was skipped counts as missing.
        """
        unit = self._stream.time_base
        if self._container is None or unit is None or not is_seekable(self._source.file):
            return 0.0
        start = self._stream.start_time or 0
        try:
            self._container.seek(start + int(seconds / unit), stream=self._stream)
        except (av.FFmpegError, OSError):  # a file that cannot be searched is read from its beginning
            return 0.0
        self._frames = self._decoder.frames()
        self._first = next(self._frames, None)
        if self._first is None or self._first[0].pts is None:
            return seconds
        frame = self._first[0]
        return max(0.0, float(((frame.pts or 0) - start) * (frame.time_base or unit)))

    def blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        """The samples that are left, at the file's own rate. Full scale is 1; floating-point files may exceed it.

        Args:
            block_samples: 1 or more.

        Yields:
            Shape: [channels, block_samples]; the last block may be shorter, and is never empty.

        Raises:
            AudioFileError: the disk or the pipe fails. (Damaged audio is left out, and told in `damaged`.)
        """
        if block_samples < 1:
            raise ValueError(f"a block needs 1 sample or more, not {block_samples}")
        pieces: list[NDArray[np.float32]] = []
        ready = 0
        for piece in self._pieces():
            pieces.append(piece)
            ready += piece.shape[1]
            if ready < block_samples:
                continue
            joined = np.concatenate(pieces, axis=1)
            whole = ready - ready % block_samples
            for start in range(0, whole, block_samples):
                yield joined[:, start : start + block_samples].copy()
            pieces, ready = [joined[:, whole:]], ready - whole
        if ready:
            yield np.concatenate(pieces, axis=1)

    def _pieces(self) -> Iterator[NDArray[np.float32]]:
        """Samples in the pieces they are decoded in. Shape: [channels, any]."""
        converter = FrameConverter(self.sample_rate, self.channels)
        samples = 0
        while (decoded := self._next_frame()) is not None:
            frame, padding = decoded
            piece = converter.push(frame)
            piece = self._numbers_only(piece[:, : piece.shape[1] - padding])
            samples += piece.shape[1]
            yield piece
        yield converter.finish()
        self.damaged = self._damage(samples)

    def _next_frame(self) -> tuple[av.AudioFrame, int] | None:
        first, self._first = self._first, None
        try:
            return first or next(self._frames, None)
        except OSError as error:
            raise self._unreadable(error) from error

    def _numbers_only(self, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        bad = ~(np.abs(piece) < _LOUDEST)
        if not bad.any():
            return piece
        self.bad_samples += int(bad.sum())
        return np.where(bad, np.float32(0), piece)

    def _damage(self, samples: int) -> str | None:
        missing_s = self._missing_s(samples)
        if missing_s:
            return f"{self.name} is damaged or cut short: {missing_s:.2f} of its {self.duration_s:.2f} s are missing"
        if self._cut_page:
            return f"{self.name} is cut short: its end is missing"
        count = self._decoder.bad_packets
        if count:
            return f"{self.name} is damaged or cut short: {count} piece{'s' * (count > 1)} of it missing or incomplete"
        return None

    def _missing_s(self, samples: int) -> float:
        """How much sound the file promised beyond the `samples` that were decoded; 0 if it only guessed."""
        if self.format_name in _EXACT_LENGTH and self.codec_name.startswith(("pcm_", "flac")):
            tolerance_s = 0.005
        elif self.format_name in _NEAR_LENGTH or (self.format_name == "mp3" and self._stream.start_time):
            tolerance_s = 0.1  # (an MP3 starts later than 0 only if it has a LAME header, and then it knows)
        else:
            return 0.0
        missing_s = (self.duration_s or 0.0) - samples / self.sample_rate
        return missing_s if missing_s > tolerance_s else 0.0

    def _unreadable(self, error: OSError) -> AudioFileError:
        return AudioFileError(f"cannot read {self.name}: {error.strerror or error}")

    def close(self) -> None:
        """Close the file (an open file that was given stays open). Twice does no harm."""
        if self._container is not None:
            self._container.close()
        self._source.close()

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _chapter(entry: av.container.core.Chapter) -> Chapter:
    unit = entry["time_base"] or 0
    return Chapter(float(entry["start"] * unit), float(entry["end"] * unit), entry["metadata"].get("title", ""))


def _is_open_ended(head: bytes) -> bool:
    """Whether this is a WAV file from a pipe, whose header was written before its length was known."""
    return head[:4] == b"RIFF" and any(b"data" + size in head for size in (b"\xff\xff\xff\xff", bytes(4)))
