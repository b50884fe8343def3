"""Sound out of the loudspeakers, fed from a track."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from brevox.gui.tracks import Track

try:
    from PyQt6.QtMultimedia import QAudioFormat, QAudioSink, QMediaDevices
except ImportError:  # some Linux packages of PyQt6 leave it out, or its libraries are missing
    QMediaDevices = None  # type: ignore[assignment,misc]

_BUFFER_S = 0.12  # what a change of side takes to be heard; less would stutter on a busy machine
_FEED_MS = 15
_RATE_WITHOUT_DEVICE = 48_000


class Sink(Protocol):
    """Something that plays samples."""

    rate: int

    def free_frames(self) -> int:
        """How many it has room for."""
        ...

    def unplayed_frames(self) -> int:
        """How many it has taken and not played yet."""
        ...

    def write(self, frames: NDArray[np.float32]) -> None:
        """Take frames, Shape [frames, 2]."""
        ...

    def hold(self) -> None:
        """Stop for a while; what was taken is kept."""
        ...

    def go_on(self) -> None: ...

    def close(self) -> None: ...


class DeviceSink:
    """The system's audio device, at the rate it prefers."""

    def __init__(self) -> None:
        device = QMediaDevices.defaultAudioOutput()
        form = device.preferredFormat()
        form.setSampleFormat(QAudioFormat.SampleFormat.Int16)
        form.setChannelCount(2)
        if not device.isFormatSupported(form):
            form = device.preferredFormat()
        self.rate = form.sampleRate()
        self._form = form
        self._sink = QAudioSink(device, form)
        self._sink.setBufferSize(int(_BUFFER_S * self.rate) * form.bytesPerFrame())
        self._pipe = self._sink.start()
        if self._pipe is None:
            raise OSError("the audio device does not open")

    def free_frames(self) -> int:
        return self._sink.bytesFree() // self._form.bytesPerFrame()

    def unplayed_frames(self) -> int:
        return max(0, self._sink.bufferSize() - self._sink.bytesFree()) // self._form.bytesPerFrame()

    def write(self, frames: NDArray[np.float32]) -> None:
        if self._pipe is not None:
            self._pipe.write(_as_bytes(frames, self._form))

    def hold(self) -> None:
        self._sink.suspend()

    def go_on(self) -> None:
        self._sink.resume()

    def close(self) -> None:
        self._pipe = None
        self._sink.stop()


def open_device() -> Sink | None:
    """The audio device, or None if there is none that works."""
    if QMediaDevices is None or QMediaDevices.defaultAudioOutput().isNull():
        return None
    try:
        return DeviceSink()
    except OSError:
        return None


class Player(QObject):
    """Plays one track at a time.

    Args:
        open_sink: opens the audio device, each time that playing begins.

    Signals:
        moved: the second of the track that is heard.
        changed: playing began or paused.
        silent: there is no audio device to play on.
    """

    moved = pyqtSignal(float)
    changed = pyqtSignal(bool)
    silent = pyqtSignal()

    def __init__(self, open_sink: Callable[[], Sink | None] = open_device, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_sink = open_sink
        self._sink: Sink | None = None
        self.track: Track | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_FEED_MS)
        self._timer.timeout.connect(self._feed)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def rate(self) -> int:
        """At which tracks should be, Hz."""
        if QMediaDevices is None or self._open_sink is not open_device:
            return _RATE_WITHOUT_DEVICE
        device = QMediaDevices.defaultAudioOutput()
        return _RATE_WITHOUT_DEVICE if device.isNull() else device.preferredFormat().sampleRate()

    def set_track(self, track: Track | None) -> None:
        """Change what is played; it goes on playing if it did."""
        self.track = track
        if track is None:
            self.pause()
            self._close()

    def play(self) -> bool:
        """Begin or go on; False if it cannot."""
        if self.track is None:
            return False
        if self._sink is None:
            self._sink = self._open_sink()
        else:
            self._sink.go_on()
        if self._sink is None or self._sink.rate != self.track.rate:
            self._close()
            self.silent.emit()
            return False
        self._timer.start()
        self.changed.emit(True)
        return True

    def pause(self) -> None:
        """Stop for a while."""
        if self.playing:
            self._timer.stop()
            if self._sink is not None:
                self._sink.hold()
            self.changed.emit(False)

    def seek(self, seconds: float) -> None:
        if self.track is not None:
            self.track.seek(seconds)
            self.moved.emit(seconds)

    def _feed(self) -> None:
        if self._sink is None or self.track is None:
            return
        free = self._sink.free_frames()
        if free > 0 and not self.track.ended:
            self._sink.write(self.track.read(free))
        unplayed = self._sink.unplayed_frames()
        self.moved.emit(max(0.0, self.track.position_s - unplayed / self.track.rate))
        if self.track.ended and not unplayed:
            self.pause()
            self._close()
            self.seek(0.0)

    def _close(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def _as_bytes(frames: NDArray[np.float32], form: QAudioFormat) -> bytes:
    channels = form.channelCount()
    if channels == 1:
        frames = frames.mean(axis=1, keepdims=True)
    elif channels > 2:  # surround: the others stay silent
        frames = np.pad(frames, ((0, 0), (0, channels - 2)))
    frames = np.clip(frames, -1, 1)
    kind = form.sampleFormat()
    if kind == QAudioFormat.SampleFormat.Float:
        return frames.astype(np.float32).tobytes()
    if kind == QAudioFormat.SampleFormat.Int32:
        return (frames.astype(np.float64) * (2**31 - 1)).astype(np.int32).tobytes()
    if kind == QAudioFormat.SampleFormat.UInt8:
        return (frames * 127 + 128).astype(np.uint8).tobytes()
    return (frames * 32767).astype(np.int16).tobytes()
