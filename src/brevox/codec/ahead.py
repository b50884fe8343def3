"""Reading ahead: the next blocks are decoded while the networks work on the last ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

_POLL_S = 0.1


class ReadAhead(Generic[T]):
    """Iterates over `items` in a thread of its own, at most `most` items ahead.

    A context manager: on leaving it the thread has ended, so that what it reads from may be closed. What
    `items` raises is raised where the item would have come.
    """

    def __init__(self, items: Iterable[T], most: int = 4) -> None:
        self._items = items
        self._ready: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(most)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> ReadAhead[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while True:
            more, item = self._ready.get()
            if more:
                yield item  # type: ignore[misc]
            elif isinstance(item, BaseException):
                raise item
            else:
                return

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._put(True, item):
                    return
        except BaseException as error:  # whatever it is, it belongs to the one who waits
            self._put(False, error)
        else:
            self._put(False, None)

    def _put(self, more: bool, item: T | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._ready.put((more, item), timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False
