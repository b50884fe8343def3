"""The same work on many items in several processes, which end with Ctrl-C, and when their parent ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from queue import Empty
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: A worker calls it now and then with how much of its item is done, and all of it if known.
Report = Callable[[float, float | None], None]
#: Does one item.
Worker = Callable[[Item, Report], Result]
#: Makes a worker, given the threads it may use (None: all cores). Called once in each process; is pickled on its way.
Start = Callable[[int | None], Worker[Item, Result]]

_POLL_S = 0.1
_GRACE_S = 3.0


class Workers(Protocol):
    """Who does the work: `LocalProcesses`, or `brevox.cluster.RayCluster`."""

    def run(
        self,
        items: list[Item],
        start: Start[Item, Result],
        progress: Callable[[Item, float, float | None], None] | None = None,
    ) -> Iterator[tuple[Item, Result | None]]:
        """Do all items; yields each with its result as they end, or with None if its process was killed."""
        ...


class LocalProcesses:
    """Processes of this machine.

    Args:
        count: how many at a time; by default one a core. With one, the work is done in the caller's process.
        attempts: how often to do an item whose process is killed; later attempts come last, one item at a time, so
            that there is more memory, and that only the item at fault is given up.
    """

    def __init__(self, count: int | None = None, attempts: int = 1) -> None:
        self.count = count or os.cpu_count() or 1
        self.attempts = attempts

    def run(
        self,
        items: list[Item],
        start: Start[Item, Result],
        progress: Callable[[Item, float, float | None], None] | None = None,
    ) -> Iterator[tuple[Item, Result | None]]:
        """See `Workers.run`."""
        count = min(self.count, len(items))
        if count <= 1:
            worker = start(None)
            for item in items:
                yield item, worker(item, no_report if progress is None else partial(progress, item))
            return
        waiting = deque(items)
        for _ in range(self.attempts):
            lost: deque[Item] = deque()
            while waiting:
                lost += yield from _until_one_is_killed(waiting, count, start, progress)
            waiting, count = lost, 1
        for item in waiting:
            yield item, None


def _until_one_is_killed(
    waiting: deque[Item],
    count: int,
    start: Start[Item, Result],
    progress: Callable[[Item, float, float | None], None] | None,
) -> Generator[tuple[Item, Result], None, list[Item]]:
    """Take items from `waiting` until all are done, or a process is killed; returns those that were then at work."""
    # Spawned, not forked: the networks' runtime has threads of its own, and Windows knows nothing else.
    context = multiprocessing.get_context("spawn")
    reports, stop = context.Queue(), context.Event()
    threads = max(1, (os.cpu_count() or 1) // count)
    started: list[Item] = []
    pending: dict[Future[Result], Item] = {}
    lost: list[Item] = []
    with ProcessPoolExecutor(count, context, _start, (start, threads, reports, stop)) as pool:
        try:
            while pending or (waiting and not lost):
                # No more than can be at work: what waits in a pool that breaks is lost with it.
                while waiting and not lost and len(pending) < count:
                    started.append(waiting.popleft())
                    try:
                        pending[pool.submit(_run, len(started) - 1, started[-1])] = started[-1]
                    except BrokenProcessPool:
                        lost.append(started[-1])
                finished, _ = wait(pending, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                for index, done, total in _drain(reports):
                    if progress is not None:
                        progress(started[index], done, total)
                for future in finished:
                    item = pending.pop(future)
                    try:
                        result = future.result()
                    except BrokenProcessPool:  # killed from outside, most likely for want of memory
                        lost.append(item)
                    else:
                        yield item, result
        except BaseException:  # Ctrl-C above all; the processes end at their next report
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return lost


_worker: Worker[Any, Any]
_reports: Any
_stop: Any


def _start(start: Start[Any, Any], threads: int, reports: Any, stop: Any) -> None:
    global _worker, _reports, _stop  # what a pool's process keeps between its tasks
    # A terminal's Ctrl-C reaches all processes; what it means is for the first one to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reports, _stop = reports, stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = start(threads)


def _end_with_parent() -> None:
    """A process whose parent was killed has nobody left to work for; it would wait for more for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _stop.set()
        time.sleep(_GRACE_S)  # in which the file at hand is given up, and what there is of it removed
        os._exit(1)


def _run(index: int, item: Any) -> Any:
    def report(done: float, total: float | None) -> None:
        _give_up_if_told()
        _reports.put((index, done, total))

    _give_up_if_told()
    return _worker(item, report)


def _give_up_if_told() -> None:
    if _stop.is_set():
        raise KeyboardInterrupt


def no_report(done: float, total: float | None) -> None:
    """A `Report` that nobody hears."""


def _drain(reports: Any) -> Iterator[tuple[int, float, float | None]]:
    while True:
        try:
            yield reports.get_nowait()
        except Empty:
            return
