"""Does the rows of a queue, several at a time, and tells how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from brevox.background import Background, Event, Task
from brevox.gui.rows import Row, State
from brevox.gui.studio import answer_of
from brevox.gui.words import trouble
from brevox.gui.work import Answer, Worker

_POLL_MS = 50
_TICK_EVERY = 5
_MOST_PROCESSES = 4  # each needs 250 MB


class Runner(QObject):
    """The queue's processes.

    Signals:
        changed: a row has moved on.
        ticked: share of the whole that is done, 0 to 1, and the seconds left (negative while that is unknown).
        ended: nothing is left to do.
    """

    changed = pyqtSignal(object)
    ticked = pyqtSignal(float, float)
    ended = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        count = min(_MOST_PROCESSES, max(1, (os.cpu_count() or 2) // 2))
        self._background: Background[Any, Answer] = Background(Worker, count)
        self._rows: dict[Task[Any, Answer], Row] = {}
        self._batch: list[Row] = []
        self._started: dict[Row, float] = {}
        self._began = 0.0
        self._polls = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        return self._timer.isActive()

    @property
    def batch(self) -> list[Row]:
        """The rows of this run, done or not."""
        return self._batch

    def start(self, rows: Iterable[tuple[Row, Any]]) -> None:
        """Do rows, each with its request."""
        if not self.running:
            self._batch, self._began = [], time.monotonic()
        for row, request in rows:
            row.state, row.done, row.left_s, row.sentence, row.needs = State.WAITING, 0.0, None, "", None
            row.after = None
            row.task = self._background.submit(request)
            self._rows[row.task] = row
            self._batch.append(row)
            self.changed.emit(row)
        self._timer.start()

    def cancel(self, row: Row | None = None) -> None:
        """Give up a row, or all."""
        if row is None:
            self._background.stop_all()
        elif row.task is not None:
            self._background.stop(row.task)

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._timer.stop()
        self._background.close()

    def _poll(self) -> None:
        for event in self._background.poll():
            row = self._rows.get(event.task)
            if row is not None:
                self._take(row, event)
                self.changed.emit(row)
        self._polls += 1
        if self._polls % _TICK_EVERY == 0 or not self._background.busy:
            self.ticked.emit(*self._progress())
        if not self._background.busy:
            self._timer.stop()
            self._rows.clear()
            self.ended.emit()

    def _take(self, row: Row, event: Event[Any, Answer]) -> None:
        now = time.monotonic()
        if event.kind == "started":
            row.state = State.WORKING
            self._started[row] = now
            return
        if event.kind == "progress":
            total = event.task.total or row.length_s
            if total and event.task.done:
                row.done = min(1.0, event.task.done / total)
                passed_s = now - self._started.get(row, now)
                row.left_s = passed_s * (1 - row.done) / row.done
            return
        row.task = None
        row.left_s = None
        self._started.pop(row, None)
        if event.kind == "stopped":
            row.state, row.done = State.STOPPED, 0.0
            return
        answer = answer_of(event)
        if answer.error is not None:
            row.state, row.needs, row.done = State.FAILED, answer.needs, 0.0
            row.sentence = trouble(row.source, answer.error, answer.needs)
            return
        result = row.result = answer.value
        row.state, row.done, row.length_s = State.DONE, 1.0, result.duration_s
        row.sentence = "; ".join(result.damage)
        row.kbps = result.kbps if result.stream_bytes else row.kbps
        if row.target is not None and row.target.exists():
            row.after = row.target.stat().st_size

    def _progress(self) -> tuple[float, float]:
        """Share that is done, and seconds left; files whose length is unknown count as the others' average."""
        batch = [row for row in self._batch if row.state is not State.STOPPED]
        known = [row.length_s for row in batch if row.length_s]
        usual = sum(known) / len(known) if known else 1.0
        whole = done = 0.0
        for row in batch:
            length = row.length_s or usual
            whole += length
            done += length * (row.done if row.state in (State.WAITING, State.WORKING) else 1.0)
        share = done / whole if whole else 1.0
        passed_s = time.monotonic() - self._began
        left_s = passed_s * (1 - share) / share if share > 0.01 and passed_s > 2 else -1.0
        return share, left_s
