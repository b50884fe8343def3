"""Recordings that something is wrong with, told without filling the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

_MOST_TOLD = 10


def tell_reasons(console: Console, kind: str, listed: Sequence[tuple[str | Path, str]]) -> None:
    """Print `KIND FILE: REASON` for the first ten, and how many more there are."""
    for path, reason in listed[:_MOST_TOLD]:
        console.print(f"[yellow]{kind} {escape(str(path))}: {escape(reason)}[/yellow]", soft_wrap=True)
    if len(listed) > _MOST_TOLD:
        console.print(f"[yellow]... and {len(listed) - _MOST_TOLD} more[/yellow]")
