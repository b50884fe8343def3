"""Waveform and spectrogram of some seconds, one above the other, with the place that is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

_WINDOW_S = 0.032
_HOP_S = 0.005
_RANGE_DB = 75.0
_TOP_HZ = 8000
_WAVE_SHARE = 0.34
_KEY_STEP_S = 1.0
# Dark blue over red to yellow: even steps in lightness, and told apart by the colour-blind.
_STOPS = np.array([[0, 10, 14, 34], [0.25, 62, 32, 116], [0.5, 176, 54, 104], [0.72, 244, 136, 52], [1, 252, 246, 178]])


def outline(audio: NDArray[np.float32], columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest sample in each of `columns` equal pieces. Shape of audio: [samples]."""
    edges = np.linspace(0, len(audio), columns + 1).astype(int)[:-1]
    edges = np.minimum(edges, max(0, len(audio) - 1))
    return np.minimum.reduceat(audio, edges), np.maximum.reduceat(audio, edges)


def spectrogram(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Levels from 0 (`_RANGE_DB` below the loudest) to 1, one column every 5 ms.

    Returns:
        Shape [bins, columns], high frequencies first.
    """
    size, hop = max(16, int(_WINDOW_S * sample_rate)), max(1, int(_HOP_S * sample_rate))
    pieces = np.lib.stride_tricks.sliding_window_view(np.pad(audio, size // 2), size)[::hop]
    bins = np.abs(np.fft.rfft(pieces * np.hanning(size).astype(np.float32), axis=1))
    bins = bins[:, : int(_TOP_HZ * size / sample_rate) + 1]
    level_db = 20 * np.log10(bins / max(float(bins.max()), 1e-6) + 1e-9)
    return np.clip(level_db.T[::-1] / _RANGE_DB + 1, 0, 1).astype(np.float32)


def coloured(levels: NDArray[np.float32]) -> QImage:
    """Levels from 0 to 1 as a picture."""
    channels = [np.interp(levels, _STOPS[:, 0], _STOPS[:, index]) for index in (1, 2, 3)]
    pixels = np.ascontiguousarray(np.stack(channels, axis=-1).astype(np.uint8))
    height, width = levels.shape
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class SoundView(QWidget):
    """Shows some seconds of sound. A click, or an arrow key, asks to go there (`chosen`, in seconds)."""

    chosen = pyqtSignal(float)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._audio: NDArray[np.float32] | None = None
        self._rate = 1
        self._start_s = 0.0
        self._peak = 1.0
        self._head_s: float | None = None
        self._pixmap: QPixmap | None = None
        self.name = name
        self.active = False
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(72)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def has_sound(self) -> bool:
        return self._audio is not None

    @property
    def seconds(self) -> float:
        """How long what is shown is."""
        return 0.0 if self._audio is None else len(self._audio) / self._rate

    def show_sound(
        self, audio: NDArray[np.float32] | None, rate: int = 1, start_s: float = 0.0, peak: float | None = None
    ) -> None:
        """Show other sound.

        Args:
            audio: Shape [channels, samples]; None for none.
            start_s: the time at its left edge.
            peak: what fills the waveform's height; by default its own peak.
        """
        empty = audio is None or audio.shape[1] == 0
        self._audio = None if empty or audio is None else np.ascontiguousarray(audio.mean(axis=0))
        self._rate, self._start_s, self._pixmap = rate, start_s, None
        own = 0.0 if self._audio is None else float(np.abs(self._audio).max())
        self._peak = max(1e-4, own if peak is None else peak)
        self.update()

    def redraw(self) -> None:
        """Colours have changed."""
        self._pixmap = None
        self.update()

    def set_head(self, seconds: float | None) -> None:
        """Mark the place that is heard."""
        self._head_s = seconds
        self.update()

    def set_active(self, active: bool) -> None:
        """Whether this is what is heard."""
        self.active = active
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = self.palette()
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.base())
        painter.drawRoundedRect(frame, 4, 4)
        if self._audio is not None:
            if self._pixmap is None:
                self._pixmap = self._drawn()
            painter.drawPixmap(QPointF(2, 2), self._pixmap)
        if self._head_s is not None and self.seconds:
            x = 2 + (self.width() - 4) * min(1.0, max(0.0, (self._head_s - self._start_s) / self.seconds))
            painter.setPen(QPen(QColor("white"), 3))
            painter.drawLine(QPointF(x, 2), QPointF(x, self.height() - 2))
            painter.setPen(QPen(colours.highlight().color(), 1.5))
            painter.drawLine(QPointF(x, 2), QPointF(x, self.height() - 2))
        marked = self.active or self.hasFocus()
        painter.setPen(QPen((colours.highlight() if marked else colours.mid()).color(), 2 if self.active else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 4, 4)
        text = self.name
        box = painter.fontMetrics().boundingRect(text).adjusted(-6, -3, 6, 3)
        box.moveTo(8, 7)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.highlight() if self.active else colours.window())
        painter.drawRoundedRect(QRectF(box), 4, 4)
        painter.setPen((colours.highlightedText() if self.active else colours.windowText()).color())
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _drawn(self) -> QPixmap:
        assert self._audio is not None
        scale = self.devicePixelRatioF()
        width, height = max(2, round((self.width() - 4) * scale)), max(4, round((self.height() - 4) * scale))
        wave = max(2, round(height * _WAVE_SHARE))
        pixmap = QPixmap(width, height)
        pixmap.fill(self.palette().base().color())
        painter = QPainter(pixmap)
        low, high = outline(self._audio, width)
        painter.setPen(self.palette().highlight().color())
        middle, reach = wave / 2, wave / 2 * 0.92 / self._peak
        for x in range(width):
            top, bottom = middle - float(high[x]) * reach, middle - float(low[x]) * reach
            painter.drawLine(x, round(top), x, round(bottom))
        levels = spectrogram(self._audio, self._rate)
        target = QRectF(0, wave, width, height - wave)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, coloured(levels))
        painter.end()
        pixmap.setDevicePixelRatio(scale)
        return pixmap

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._pixmap = None
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and self.seconds:
            share = (event.position().x() - 2) / max(1, self.width() - 4)
            self.chosen.emit(self._start_s + self.seconds * min(1.0, max(0.0, share)))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        steps = {Qt.Key.Key_Left: -_KEY_STEP_S, Qt.Key.Key_Right: _KEY_STEP_S}
        if event is not None and event.key() in steps and self.seconds:
            self.chosen.emit(max(0.0, (self._head_s or self._start_s) + steps[Qt.Key(event.key())]))
            return
        super().keyPressEvent(event)
