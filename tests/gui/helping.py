"""What tests of the window share beside fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import AudioWriter
from brevox.gui.rows import Row
from brevox.gui.window import MainWindow

WAIT_MS = 30_000


class FakeSink:
    """Plays at once whatever it is given, and keeps it."""

    rate = 48_000

    def __init__(self) -> None:
        self.played: list[NDArray[np.float32]] = []
        self.room = 720
        self.closed = self.held = False

    def free_frames(self) -> int:
        return self.room

    def unplayed_frames(self) -> int:
        return 0

    def write(self, frames: NDArray[np.float32]) -> None:
        self.played.append(frames)

    def hold(self) -> None:
        self.held = True

    def go_on(self) -> None:
        self.held = False

    def close(self) -> None:
        self.closed = True


def write_tone(path: Path, seconds: float, rate: int = 16_000, channels: int = 1) -> Path:
    """A recording of a voice-like buzz."""
    time = np.arange(rate) / rate
    second = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12)) * 0.1
    with AudioWriter(path, rate, channels) as writer:
        for begin in range(0, round(seconds * rate), rate):
            piece = second[: round(seconds * rate) - begin].astype(np.float32)
            writer.write(np.tile(piece, (channels, 1)))
    return path


def choose(qtbot, window: MainWindow, model: Path) -> None:
    """Choose a model and wait until it was read."""
    window.model.choose(model)
    wait_for(qtbot, lambda: window.model.card is not None or window.model.error is not None)


def add(qtbot, window: MainWindow, *paths: Path) -> list[Row]:
    """Add files and wait until they were looked at; returns the rows of the queue that is shown."""
    before = sum(len(queue.rows) for queue in window.queues.values())
    window.add(paths)
    wait_for(qtbot, lambda: sum(len(queue.rows) for queue in window.queues.values()) > before)
    wait_for(qtbot, lambda: not window._looking)
    return window.queue.rows


def finish(qtbot, window: MainWindow) -> None:
    """Wait until the queue has ended."""
    wait_for(qtbot, lambda: not window.runner.running)


def wait_for(qtbot, true: Callable[[], bool]) -> None:
    qtbot.waitUntil(true, timeout=WAIT_MS)
