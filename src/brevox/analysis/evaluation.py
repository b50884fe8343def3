"""What an evaluation is: something to compute, to draw, to tell in numbers, and a sentence on how to read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from matplotlib.figure import Figure

Subject = TypeVar("Subject")
Result = TypeVar("Result")


def _no_files(result: Any) -> dict[str, bytes]:
    return {}


def _all(result: Any) -> Any:
    return result


@dataclass(frozen=True)
class Evaluation(Generic[Subject, Result]):
    """One way to look at a run, or at several runs together.

    Args:
        name: short; its files are called so.
        title: for people.
        read: how to read the picture, for people who see it for the first time.
        compute: takes a `Run`, or a list of them if `together`. Raises a BrevoxError with the reason where it cannot.
        draw: makes the picture of what was computed.
        facts: the few numbers of it that are worth telling at once, by what they are.
        files: what else to write, by what the file's name has after the evaluation's.
        numbers: what of the result goes to the JSON file: all of it, if the other files do not hold the most.
        together: whether it looks at all runs at once.
    """

    name: str
    title: str
    read: str
    compute: Callable[[Subject], Result]
    draw: Callable[[Result], Figure]
    facts: Callable[[Result], dict[str, float | str]]
    files: Callable[[Result], dict[str, bytes]] = _no_files
    numbers: Callable[[Result], Any] = _all
    together: bool = False


def csv_bytes(head: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    """A table as the bytes of a CSV file; numbers with six digits."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(head)
    table.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return text.getvalue().encode()


def plain(value: Any) -> Any:
    """Results in types that JSON has: arrays become lists, what is no number (NaN) becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
