"""Work in processes of its own while a window goes on answering: nothing here waits.

Unlike `brevox.processes`, which is called and yields results, this is asked now and then (`poll`), takes further items
at any time, stops a single one, and outlives a process that dies.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Generic, TypeVar

from brevox.processes import Start

Item = TypeVar("Item")
Result = TypeVar("Result")

_GRACE_S = 0.7
_REPORT_S = 0.1
_NICENESS = 5


class Stopped(BaseException):
    """Raised in a worker's report when its item is to be given up. Not an `Exception`, so that nothing swallows it."""


@dataclass(eq=False)
class Task(Generic[Item, Result]):
    """An item on its way. `done` and `total` are what the worker reported last."""

    item: Item
    done: float = 0.0
    total: float | None = None
    state: str = "waiting"  # then: running, and one of the kinds of Event that end it


@dataclass(frozen=True)
class Event(Generic[Item, Result]):
    """What happened to a task.

    kind: started, progress; or, at its end: result, stopped, died (its process was killed or crashed), or failed (the
        worker raised: `result` is then a traceback).
    """

    task: Task[Item, Result]
    kind: str
    result: Any = None


@dataclass(eq=False)
class _Process(Generic[Item, Result]):
    process: Any
    connection: Connection
    stop: Any
    task: Task[Item, Result] | None = None
    told_at: float | None = None
    killed: bool = field(default=False)


class Background(Generic[Item, Result]):
    """Processes that do items, started when there is something to do.

    Args:
        start: makes the worker in each process; see `brevox.processes.Start`.
        count: processes at a time.
    """

    def __init__(self, start: Start[Item, Result], count: int = 1) -> None:
        self._start, self._count = start, max(1, count)
        self._threads = max(1, (os.cpu_count() or 1) // self._count)
        self._waiting: deque[Task[Item, Result]] = deque()
        self._processes: list[_Process[Item, Result]] = []
        self._stopped: list[Task[Item, Result]] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything that has not ended, or whose end was not told."""
        return bool(self._waiting or self._stopped or any(one.task for one in self._processes))

    def submit(self, item: Item, first: bool = False) -> Task[Item, Result]:
        """Have an item done, after all others or (`first`) before all that wait."""
        task: Task[Item, Result] = Task(item)
        if first:
            self._waiting.appendleft(task)
        else:
            self._waiting.append(task)
        return task

    def stop(self, task: Task[Item, Result]) -> None:
        """Give a task up. It is told as stopped once nothing is left of it, within a second or so."""
        if task in self._waiting:
            self._waiting.remove(task)
            self._stopped.append(task)
        for one in self._processes:
            if one.task is task and one.told_at is None:
                one.stop.set()
                one.told_at = time.monotonic()

    def stop_all(self) -> None:
        """Give everything up."""
        for task in [*self._waiting, *(one.task for one in self._processes if one.task)]:
            self.stop(task)

    def poll(self) -> list[Event[Item, Result]]:
        """What happened since the last call; hands out what waits. To be called often."""
        events: list[Event[Item, Result]] = []
        for task in self._stopped:
            events.append(_ended(task, "stopped"))
        self._stopped = []
        for one in list(self._processes):
            events += self._hear(one)
            self._hasten(one)
        events += self._hand_out()
        return events

    def close(self) -> None:
        """End all processes, whatever they do; half-done files are removed by them on the way out."""
        self._waiting.clear()
        for one in self._processes:
            one.stop.set()
            _terminate(one.process)
        for one in self._processes:
            one.process.join(_GRACE_S)
            if one.process.is_alive():
                one.process.kill()
                one.process.join()
            one.connection.close()
        self._processes = []

    def _hand_out(self) -> Iterator[Event[Item, Result]]:
        free = [one for one in self._processes if one.task is None]
        while self._waiting and (free or len(self._processes) < self._count):
            one = free.pop() if free else self._open()
            task = self._waiting.popleft()
            one.stop.clear()
            try:
                one.connection.send(task.item)
            except OSError:  # it died while it had nothing to do
                self._waiting.appendleft(task)
                self._drop(one)
                continue
            one.task, one.told_at, one.killed = task, None, False
            task.state = "running"
            yield Event(task, "started")

    def _open(self) -> _Process[Item, Result]:
        # Spawned, not forked: the networks' runtime and the window have threads of their own.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        stop = context.Event()
        process = context.Process(target=_serve, args=(self._start, self._threads, theirs, stop), daemon=True)
        process.start()
        theirs.close()
        one: _Process[Item, Result] = _Process(process, ours, stop)
        self._processes.append(one)
        return one

    def _hear(self, one: _Process[Item, Result]) -> Iterator[Event[Item, Result]]:
        try:
            while one.connection.poll():
                kind, value = one.connection.recv()
                task = one.task
                if task is None:
                    continue
                if kind == "progress":
                    task.done, task.total = value
                    yield Event(task, "progress")
                    continue
                one.task = None
                yield _ended(task, kind, value)
        except (EOFError, OSError):
            if one.task is not None:
                yield _ended(one.task, "stopped" if one.told_at is not None else "died")
            self._drop(one)

    def _hasten(self, one: _Process[Item, Result]) -> None:
        """A process that does not hear that it is to stop is ended, at first so that it can still clean up."""
        if one.task is None or one.told_at is None:
            return
        waited_s = time.monotonic() - one.told_at
        if waited_s > 3 * _GRACE_S:
            one.process.kill()
        elif waited_s > _GRACE_S and not one.killed:
            one.killed = True
            _terminate(one.process)

    def _drop(self, one: _Process[Item, Result]) -> None:
        self._processes.remove(one)
        one.connection.close()
        one.process.join(0)


def _ended(task: Task[Item, Result], kind: str, value: Any = None) -> Event[Item, Result]:
    task.state = kind
    return Event(task, kind, value)


def _terminate(process: Any) -> None:
    if process.is_alive():
        process.terminate()


def _serve(start: Start[Any, Any], threads: int, connection: Connection, stop: Any) -> None:
    """What a process does: items, one after the other, until there is nobody left to work for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the window to hear
    signal.signal(signal.SIGTERM, _exit_in_order)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # the window comes first
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    worker = None
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        told_at = 0.0

        def report(done: float, total: float | None) -> None:
            nonlocal told_at
            if stop.is_set():
                raise Stopped
            now = time.monotonic()
            if now - told_at >= _REPORT_S:
                told_at = now
                connection.send(("progress", (done, total)))

        try:
            if worker is None:
                worker = start(threads)
            report(0.0, None)
            answer = ("result", worker(item, report))
        except Stopped:
            answer = ("stopped", None)
        except Exception:
            answer = ("failed", traceback.format_exc())
        try:
            connection.send(answer)
        except (BrokenPipeError, OSError):
            return


def _exit_in_order(number: int, frame: FrameType | None) -> None:
    """Unwind, so that half-done files are removed on the way out."""
    raise SystemExit(1)


def _end_with_parent(stop: Any) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stop.set()
        time.sleep(3.0)
        os._exit(1)
