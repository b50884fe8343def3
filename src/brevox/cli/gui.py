"""brevox gui. It needs the extra `gui`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from brevox.cli.extras import extra


def gui(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, .sc files and folders to begin with.", show_default=False)
    ] = None,
) -> None:
    """Open the application: listen, encode and decode in a window."""
    with extra("gui"):
        from brevox.gui.app import run

    raise typer.Exit(run([str(path) for path in files or []]))
