"""Ctrl-C and SIGTERM end a training after the step it is in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Whether training is asked to stop."""

    is_set = False


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM finish the step; a second one interrupts at once."""
    stop = Stop()

    def request(number: int, _: object) -> None:
        stop.is_set = True
        signal.signal(number, before[number])

    before = {int(number): signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals(_: int = 0) -> None:
    """For worker processes: cluster schedulers signal all of a job; when to stop is for the main one to say."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
