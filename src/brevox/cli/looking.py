"""brevox info and models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def info(
    files: Annotated[list[Path], typer.Argument(help=".sc files, .bvx models or recordings.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
) -> None:
    """Show what is in a file."""
    from brevox.codec.describe import describe_file

    for path in files:
        facts = describe_file(path)
        if as_json:
            print(json.dumps({"file": str(path), **facts}, ensure_ascii=False, default=str))
            continue
        table = Table(title=escape(str(path)), title_justify="left", show_header=False, box=None)
        for name, value in facts.items():
            table.add_row(f"[bold]{escape(str(name))}[/bold]", escape(str(value)))
        Console().print(table)


def models() -> None:
    """List the models that are found without being named."""
    from brevox.codec.bvx import read_model
    from brevox.codec.models import known_models, models_folder

    table = Table(title=f"Models; put more into {models_folder()}", title_justify="left")
    for heading in ("name", "id", "kbit/s", "licence", "file"):
        table.add_column(heading, overflow="fold")
    for path in known_models():
        info = read_model(path).info
        table.add_row(*(escape(str(info.get(key, ""))) for key in ("name", "id", "kbps", "licence")), escape(str(path)))
    Console().print(table)
