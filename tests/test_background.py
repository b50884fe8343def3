"""Processes that are asked instead of waited for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brevox.background import Background, Event
from brevox.output import atomic_output
from brevox.processes import Report


class Worker:
    """Does what its item says."""

    def __init__(self, threads: int | None) -> None:
        self.threads = threads

    def __call__(self, item: tuple[str, str], report: Report) -> str:
        what, text = item
        if what == "echo":
            return text
        if what == "die":
            os._exit(1)
        if what == "raise":
            raise ValueError(text)
        with atomic_output(text):
            for done in range(1000):
                if what == "write":
                    report(done, 1000)
                time.sleep(0.02)
        return text


@pytest.fixture
def background() -> Iterator[Background]:
    made: Background = Background(Worker)
    yield made
    made.close()


def events(background: Background, until: Callable[[list[Event]], bool], most_s: float = 30.0) -> list[Event]:
    seen: list[Event] = []
    end = time.monotonic() + most_s
    while not until(seen):
        assert time.monotonic() < end, [event.kind for event in seen]
        seen += background.poll()
        time.sleep(0.01)
    return seen


def kinds(seen: list[Event]) -> list[str]:
    return [event.kind for event in seen if event.kind != "progress"]


def test_items_are_done_in_order_and_the_urgent_one_first(background) -> None:
    for text in "abc":
        background.submit(("echo", text))
    background.submit(("echo", "now"), first=True)
    seen = events(background, lambda seen: kinds(seen).count("result") == 4)
    assert [event.result for event in seen if event.kind == "result"] == ["now", "a", "b", "c"]
    assert not background.busy


def test_nothing_waits_for_it(background) -> None:
    longest = 0.0
    for text in "abc":
        background.submit(("echo", text))
    while background.busy:
        before = time.monotonic()
        background.poll()
        longest = max(longest, time.monotonic() - before)
        time.sleep(0.01)
    assert longest < 0.1


def test_what_raises_is_told_with_its_traceback_and_the_next_is_done(background) -> None:
    background.submit(("raise", "oh"))
    background.submit(("echo", "well"))
    seen = events(background, lambda seen: "result" in kinds(seen))
    assert "ValueError: oh" in next(event.result for event in seen if event.kind == "failed")


def test_a_process_that_dies_costs_its_item_only(background) -> None:
    background.submit(("die", ""))
    background.submit(("echo", "still here"))
    assert kinds(events(background, lambda seen: "result" in kinds(seen))) == ["started", "died", "started", "result"]


@pytest.mark.parametrize("what", ["write", "hang"])
def test_what_is_stopped_ends_within_two_seconds_and_leaves_nothing(background, tmp_path, what) -> None:
    task = background.submit((what, str(tmp_path / "out.txt")))
    waiting = background.submit(("echo", "never"))
    events(background, lambda _: any(tmp_path.iterdir()))
    before = time.monotonic()
    background.stop(waiting)
    background.stop(task)
    seen = events(background, lambda seen: kinds(seen).count("stopped") == 2)
    assert time.monotonic() - before < (1.0 if what == "write" else 2.0)  # "hang" reports nothing, and is ended
    assert not any(tmp_path.iterdir()) and task.state == waiting.state == "stopped"
    assert seen
    background.submit(("echo", "again"))
    assert kinds(events(background, lambda seen: "result" in kinds(seen)))[-1] == "result"


def test_closing_ends_what_is_at_work_and_leaves_nothing(tmp_path: Path) -> None:
    made: Background = Background(Worker)
    made.submit(("write", str(tmp_path / "out.txt")))
    events(made, lambda _: any(tmp_path.iterdir()))
    made.close()
    assert not any(tmp_path.iterdir())
