"""Audio files, written block by block, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
from numpy.typing import NDArray

from brevox.audio.guarded import GuardedFile, is_seekable
from brevox.audio.resample import Resampler
from brevox.audio.tags import Chapter, vorbis_chapters
from brevox.errors import OutputError, SettingsError
from brevox.output import atomic_output


@dataclass(frozen=True)
class _Format:
    """How ffmpeg writes one kind of file."""

    container: str
    codec: str
    sample_format: str = "fltp"
    rates: tuple[int, ...] = ()  # none: any
    most_channels: int = 64
    bit_rate: int = 0  # a channel, unless the caller says otherwise; 0: lossless
    needs_seek: bool = False


_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS = _Format("ogg", "libopus", "flt", (8000, 12000, 16000, 24000, 48000), bit_rate=48_000)
_FORMATS = {
    "wav": _Format("wav", "pcm_s16le", "s16"),
    "flac": _Format("flac", "flac", "s16", most_channels=8),
    "mp3": _Format("mp3", "libmp3lame", rates=_MP3_RATES, most_channels=2, bit_rate=64_000),
    "m4a": _Format(
        "ipod", "aac", rates=(*_MP3_RATES, 64000, 88200, 96000), most_channels=8, bit_rate=64_000, needs_seek=True
    ),
    "ogg": _OPUS,
    "opus": _OPUS,
}

#: The file formats that can be written, by suffix (without the dot).
WRITABLE_FORMATS = tuple(_FORMATS)

# For AAC, layouts of full-range loudspeakers: ffmpeg's usual 5.1 and 7.1 would low-pass one channel as a subwoofer's.
_AAC_LAYOUTS = {3: "3.0", 4: "quad", 5: "5.0", 6: "hexagonal", 7: "7.0", 8: "octagonal"}

_PIECE = 1 << 16  # samples handed to the encoder at once


class AudioWriter:
    """Writes a recording as WAV or FLAC (16 bits), MP3, M4A (AAC), or Ogg Opus, by the suffix of its path.

    To be used in a `with` statement: the file appears under its name when the block ends well, and not at
    all if it raises. A pipe gets its bytes as they come.

    What comes back through `AudioReader`: WAV and FLAC exactly the samples that were written, rounded to 16
    bits. MP3, M4A and Ogg: as many samples as were written, in their place, delay and padding trimmed. Not exact:
    - A rate the encoder does not take (MP3, M4A, Ogg) becomes the next higher one that it does, or its highest.
    - Ogg Opus always plays at 48 kHz, whatever was written.
    - An empty recording becomes one sample of silence in MP3, M4A and Ogg, which cannot hold none;
      MP3 holds at least 47 samples.
    - MP3 written to a pipe has no LAME header, so its delay and padding stay.

    Channels: MP3 takes 2, FLAC and M4A 8, the others 64. Three and more are stored as independent channels,
    in their order.

    Tags and chapters go where the format has room for them: WAV keeps the common tags (title, artist, album, date,
    comment, genre, ...) and no chapters; MP3 all of both; M4A the common tags, and chapters without gaps from 0 s on;
    FLAC and Ogg all tags, and the starts of chapters.

    Args:
        target: a path whose suffix tells the format, or a buffered binary file or pipe with `format`.
        sample_rate: Hz, of what is written.
        channels: 1 or more.
        tags: title, artist, ...
        chapters: in order of time.
        bit_rate: bit/s, of all channels together; by default 64 kbit/s a channel for MP3 and M4A, 48 for Opus.
        format: one of `WRITABLE_FORMATS`, in place of the suffix.

    Raises:
        SettingsError: the format cannot be written, or not so many channels or not that bit rate in it.
        OutputError: the file or pipe cannot be written to: no such folder, disk full.

    Example:
        >>> with AudioWriter("talk.mp3", 16000, 1, tags={"title": "Talk"}) as writer:  # doctest: +SKIP
        ...     writer.write(np.zeros((1, 16000), dtype=np.float32))
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        sample_rate: int,
        channels: int,
        *,
        tags: Mapping[str, str] | None = None,
        chapters: Iterable[Chapter] | None = None,
        bit_rate: int | None = None,
        format: str | None = None,
    ) -> None:
        self._path = Path(target) if isinstance(target, (str, os.PathLike)) else None
        self._pipe = target if not isinstance(target, (str, os.PathLike)) else None
        self.name = str(getattr(target, "name", "the output") if self._path is None else self._path)
        self.format = format or (self._path.suffix.lower().lstrip(".") if self._path else "")
        if self.format not in _FORMATS:
            raise SettingsError(
                f"cannot write {self.name} as {f'.{self.format}' if self.format else 'a file without a suffix'}; "
                f"the formats that can be written are {', '.join(_FORMATS)}"
            )
        self._format = _FORMATS[self.format]
        if sample_rate < 1:
            raise SettingsError(f"a sample rate must be 1 Hz or more, not {sample_rate}")
        if not 1 <= channels <= self._format.most_channels:
            raise SettingsError(
                f"{self.format} holds 1 to {self._format.most_channels} channels, not {channels}; "
                "write wav, or fewer channels"
            )
        if self._format.needs_seek and self._pipe is not None and not is_seekable(self._pipe):
            raise SettingsError(
                f"{self.format} cannot be written to a pipe; write wav, flac, mp3 or ogg to it, or a file"
            )
        self.sample_rate = sample_rate
        self.channels = channels
        self.file_rate = _nearest_rate(sample_rate, self._format.rates)
        self._tags = dict(tags or {})
        self._chapters = list(chapters or ())
        self._bit_rate = bit_rate if bit_rate is not None else self._format.bit_rate * channels
        self._written = 0

    def __enter__(self) -> AudioWriter:
        self._guarded: GuardedFile | None = None
        self._container: av.container.OutputContainer | None = None
        self._output: AbstractContextManager[Path] | None = None
        self._file: BinaryIO | None = self._pipe
        try:
            with self._telling():
                if self._path is not None:
                    self._output = atomic_output(self._path)
                    self._file = cast(BinaryIO, self._output.__enter__().open("wb"))
                self._begin()
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._abandon()
            return
        try:
            with self._telling():
                self._finish()
        except BaseException:
            self._abandon()
            raise
        if self._output is not None:
            self._output.__exit__(None, None, None)

    def write(self, block: NDArray[np.floating]) -> None:
        """Add samples, full scale 1; what exceeds it is clipped, what is no number becomes 0.

        Args:
            block: Shape: [channels, any].

        Raises:
            OutputError: the disk is full, the pipe was closed at its other end.
        """
        block = np.asarray(block, dtype=np.float32)
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"a block of shape [{self.channels}, samples] was expected, not {list(block.shape)}")
        block = np.clip(np.nan_to_num(block, posinf=1, neginf=-1), -1, 1)
        with self._telling():
            self._encode(self._resampler.push(block))

    def _begin(self) -> None:
        assert self._file is not None
        self._guarded = GuardedFile(self._file)
        form = self._format
        options = {"wav": {"rf64": "auto"}, "ipod": {"movie_timescale": str(self.file_rate)}}
        container = self._container = av.open(
            cast(BinaryIO, self._guarded),
            "w",
            format=form.container,
            container_options=options.get(form.container, {}),
            metadata_errors="replace",
        )
        self._layout = self._layout_name()
        self._resampler = Resampler(self.sample_rate, self.file_rate, self.channels)
        container.metadata.update({str(key): str(value) for key, value in self._tags.items()})
        if form.container in ("flac", "ogg"):
            container.metadata.update(vorbis_chapters(self._chapters))
        elif form.container != "wav":
            container.set_chapters([_chapter_entry(i, chapter) for i, chapter in enumerate(self._chapters)])
        try:
            stream = container.add_stream(form.codec, rate=self.file_rate, layout=self._layout)
            self._stream = cast(av.AudioStream, stream)
            self._stream.codec_context.format = form.sample_format
            if form.bit_rate:
                self._stream.bit_rate = self._bit_rate
            if form.codec == "libopus" and self.channels > 2:
                self._stream.options["mapping_family"] = "255"
            container.start_encoding()
        except av.ArgumentError as error:
            raise SettingsError(
                f"cannot write {self.name}: {self.format} takes no {self._bit_rate} bit/s at {self.file_rate} Hz "
                f"(channels: {self.channels}); choose another bit rate"
            ) from error

    def _layout_name(self) -> str:
        if self.channels <= 2:
            return ("mono", "stereo")[self.channels - 1]
        if self._format.codec == "aac":
            return _AAC_LAYOUTS[self.channels]
        return f"{self.channels} channels"

    def _encode(self, samples: NDArray[np.float32]) -> None:
        assert self._container is not None
        for start in range(0, samples.shape[1], _PIECE):
            packed = np.ascontiguousarray(samples[:, start : start + _PIECE].T).reshape(1, -1)
            sample_format = "flt"
            if self._format.sample_format == "s16":
                packed = np.clip(np.rint(packed * 32768), -32768, 32767).astype(np.int16)
                sample_format = "s16"
            frame = av.AudioFrame.from_ndarray(packed, format=sample_format, layout=self._layout)
            frame.sample_rate = self.file_rate
            frame.time_base = Fraction(1, self.file_rate)
            frame.pts = self._written
            self._written += frame.samples
            self._container.mux(self._stream.encode(frame))

    def _finish(self) -> None:
        assert self._container is not None and self._file is not None
        self._encode(self._resampler.finish())
        if not self._written and self._format.bit_rate:
            self._encode(np.zeros((self.channels, 1), dtype=np.float32))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.flush()
        if self._path is not None:
            self._file.close()

    def _abandon(self) -> None:
        with suppress(Exception):
            if self._container is not None:
                self._container.close()
        with suppress(Exception):
            if self._path is not None and self._file is not None:
                self._file.close()
        if self._output is not None:
            # Not the true exception: an OSError of the caller's is not the output's.
            self._output.__exit__(_Abandoned, _Abandoned(), None)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what PyAV and the system raise into errors that name the file."""
        try:
            try:
                yield
            finally:
                if self._guarded is not None:
                    self._guarded.check()
        except OSError as error:
            raise OutputError(f"cannot write {self.name}: {error.strerror or error}") from error
        except av.FFmpegError as error:
            raise OutputError(
                f"cannot write {self.name}: the {self.format} encoder failed ({error.strerror})"
            ) from error


class _Abandoned(Exception):
    """Tells `atomic_output` to leave no file."""


def _nearest_rate(rate: int, rates: tuple[int, ...]) -> int:
    """The lowest of `rates` that loses nothing of `rate`, else the highest."""
    if not rates:
        return rate
    return min((r for r in rates if r >= rate), default=max(rates))


def _chapter_entry(number: int, chapter: Chapter) -> av.container.core.Chapter:
    return {
        "id": number,
        "start": round(chapter.start_s * 1000),
        "end": round(max(chapter.start_s, chapter.end_s) * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": chapter.title},
    }
