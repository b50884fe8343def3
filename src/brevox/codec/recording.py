"""A recording on its way to the codec: mixed, resampled, its level heard, cut into windows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from brevox.audio import AudioReader, Resampler
from brevox.audio.live import LiveReader
from brevox.audio.loudness import LoudnessMeter
from brevox.codec.ahead import ReadAhead
from brevox.codec.codec import Codec
from brevox.codec.live import live_windows
from brevox.codec.window import Window
from brevox.errors import SettingsError

#: A file's path, or an open binary file such as a pipe.
FileLike = str | os.PathLike[str] | BinaryIO

_BLOCK_S = 2.0
#: How much of a recording tells its level: of a file, 20 MB a channel of memory; of a pipe, what one would wait for.
_SURVEY_S = 300.0
_PIPE_SURVEY_S = 30.0
_LIVE_SURVEY_S = 1.0


class Recording:
    """An audio file, opened to be encoded; a context manager. It is read as `windows` are taken, and only once.

    Args:
        source: any audio file, or a stream of one.
        codec: what it is for.
        stereo: keep the first two channels; else all are averaged.
        live_frames: as many frames go on at once, without waiting for what follows; for a pipe and a model that can.
        hear: called again and again while its level is heard, which takes a second or two. What it raises ends that.

    Attributes:
        reader: tells rate, tags and duration.
        channels: 1 or 2.
        gain: brings it to the level of training, see `LoudnessMeter`; by the first five minutes of a file.
        windows: for `Codec.encode_windows`.

    Raises:
        AudioFileError: it cannot be read.
        SettingsError: it is to be live, but is a file, or the model looks ahead.
    """

    def __init__(
        self,
        source: FileLike,
        codec: Codec,
        *,
        stereo: bool = False,
        hear: Callable[[], None] | None = None,
        live_frames: int | None = None,
    ) -> None:
        with ExitStack() as stack:
            self.reader: AudioReader | LiveReader
            if live_frames is None:
                self.reader = stack.enter_context(AudioReader(source))
            elif isinstance(source, (str, os.PathLike)):
                raise SettingsError(f"{source} is a file; only what comes from a pipe is live")
            else:
                codec.stream()  # or it is told at once that the model cannot
                self.reader = stack.enter_context(LiveReader(source))
            self.channels = min(2, self.reader.channels) if stereo else 1
            self._blocks = _CountedBlocks(_mixed(self.reader, self.channels))
            resampler = Resampler(self.reader.sample_rate, codec.sample_rate, self.channels)
            survey_s = _SURVEY_S if is_file(source) else _PIPE_SURVEY_S if live_frames is None else _LIVE_SURVEY_S
            self.gain, blocks = _survey(resampled(self._blocks, resampler), codec.sample_rate, survey_s, hear)
            self.windows: Iterator[Window]
            if live_frames is None:
                self.windows = codec.windows(blocks, self.channels, self.gain)
            else:
                self.windows = live_windows(codec, blocks, self.channels, self.gain, live_frames)
            if is_file(source):
                self.windows = iter(stack.enter_context(ReadAhead(self.windows)))
            self._open = stack.pop_all()

    @property
    def samples(self) -> int:
        """Of each channel at the source's rate, as far as read: all of them once the windows have ended."""
        return self._blocks.samples

    @property
    def duration_s(self) -> float:
        """As far as read."""
        return self.samples / self.reader.sample_rate

    @property
    def damage(self) -> tuple[str, ...]:
        """What was wrong with it, as far as read, a sentence each."""
        bad = self.reader.bad_samples
        bad_samples = f"{bad} of its samples are no sensible numbers; they are now silence" if bad else ""
        return tuple(filter(None, [self.reader.damaged, bad_samples]))

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def is_file(source: FileLike) -> bool:
    """Whether a thread may read ahead: on Ctrl-C nobody could wait for one that waits for a pipe."""
    return isinstance(source, (str, os.PathLike)) and Path(source).is_file()


def resampled(blocks: Iterable[NDArray[np.float32]], resampler: Resampler) -> Iterator[NDArray[np.float32]]:
    """Blocks on their way, at another rate."""
    for block in blocks:
        yield resampler.push(block)
    yield resampler.finish()


class _CountedBlocks:
    """Blocks on their way, with their samples counted."""

    def __init__(self, blocks: Iterable[NDArray[np.float32]]) -> None:
        self._blocks, self.samples = blocks, 0

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for block in self._blocks:
            self.samples += block.shape[1]
            yield block


def _mixed(reader: AudioReader | LiveReader, channels: int) -> Iterator[NDArray[np.float32]]:
    for block in reader.blocks(max(1, round(_BLOCK_S * reader.sample_rate))):
        yield block.mean(axis=0, keepdims=True) if channels == 1 else block[:channels]


def _survey(
    blocks: Iterable[NDArray[np.float32]], sample_rate: int, seconds: float, hear: Callable[[], None] | None
) -> tuple[float, Iterator[NDArray[np.float32]]]:
    """Hear how loud the first seconds are; returns the gain, and all blocks, those included."""
    blocks = iter(blocks)
    meter = LoudnessMeter(sample_rate)
    heard: deque[NDArray[np.float32]] = deque()
    left = seconds * sample_rate
    for block in blocks:
        heard.append(block)
        if hear is not None:
            hear()
        meter.push(block.mean(axis=0))
        left -= block.shape[1]
        if left <= 0:
            break

    def replay() -> Iterator[NDArray[np.float32]]:
        while heard:
            yield heard.popleft()
        yield from blocks

    return meter.gain(), replay()
