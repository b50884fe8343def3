"""The command line."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130


def main() -> None:
    """Run `brevox`. What a user can mend is told in a sentence, with exit status 2."""
    # NumPy's matrix products here are small; threads that wait for the next one spin, and the networks need the cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console
    from rich.markup import escape

    from brevox.cli.app import app
    from brevox.errors import BrevoxError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names and titles may have letters that the screen has not
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    errors = Console(stderr=True, highlight=False)
    try:
        app()
    except BrevoxError as error:
        errors.print(f"[red]brevox:[/red] {escape(str(error))}", soft_wrap=True)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read our output has had enough; that is no error of ours to talk about.
        sys.stderr.close()
        sys.exit(1)
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # Typer makes it of a Ctrl-C, and says nothing
            errors.print("stopped; nothing half-done was left behind")
        raise


def _terminate(number: int, frame: FrameType | None) -> None:
    """End in good order: half-done files are removed on the way out."""
    sys.exit(128 + number)
