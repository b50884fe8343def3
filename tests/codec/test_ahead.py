"""Reading ahead changes nothing but the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from brevox.codec.ahead import ReadAhead


@pytest.mark.parametrize("items", [[], [1], list(range(100))])
def test_gives_all_items_in_order(items: list[int]) -> None:
    with ReadAhead(items, most=3) as ahead:
        assert list(ahead) == items


def test_an_error_comes_where_its_item_would_have() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("here")

    seen = []
    with ReadAhead(broken()) as ahead, pytest.raises(KeyError, match="here"):
        for item in ahead:
            seen.append(item)
    assert seen == [1]


def test_leaving_early_ends_the_thread_and_it_never_ran_far_ahead() -> None:
    given = []

    def endless() -> Iterator[int]:
        for n in count():
            given.append(n)
            yield n

    threads = threading.active_count()
    with ReadAhead(endless(), most=4) as ahead:
        for item in ahead:
            if item == 10:
                break
    assert threading.active_count() == threads
    assert len(given) <= 10 + 4 + 3
