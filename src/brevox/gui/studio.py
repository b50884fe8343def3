"""Small requests that should be answered at once, whatever the queue does: looks, cards, previews, blocks to hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, QTimer

from brevox.background import Background, Event, Task
from brevox.gui.words import fault, translate
from brevox.gui.work import Answer, Worker

_POLL_MS = 30

Done = Callable[[Answer], None]


class Studio(QObject):
    """One process of its own beside the queue's."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background: Background[Any, Answer] = Background(Worker)
        self._done: dict[Task[Any, Answer], Done] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    def ask(self, request: Any, done: Done, urgent: bool = False) -> Task[Any, Answer]:
        """Have a request done; `done` is called with the answer, unless it is given up."""
        task = self._background.submit(request, first=urgent)
        self._done[task] = done
        self._timer.start()
        return task

    def give_up(self, task: Task[Any, Answer] | None) -> None:
        """Nobody waits for this any more."""
        if task is not None:
            self._done.pop(task, None)
            self._background.stop(task)

    def close(self) -> None:
        self._timer.stop()
        self._done.clear()
        self._background.close()

    def _poll(self) -> None:
        for event in self._background.poll():
            if event.kind not in ("started", "progress"):
                done = self._done.pop(event.task, None)
                if done is not None:
                    done(answer_of(event))
        if not self._background.busy:
            self._timer.stop()


def answer_of(event: Event[Any, Answer]) -> Answer:
    """What a task came to, as a sentence where it came to nothing."""
    if event.kind == "result" and isinstance(event.result, Answer):
        return event.result
    if event.kind == "failed":
        return Answer(error=fault(str(event.result)))
    return Answer(error=translate("studio", "the process that did this ended unexpectedly; try again"))
