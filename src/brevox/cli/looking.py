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

    console = Console(highlight=False)
    for path in known_models():
        info = read_model(path).info
        facts = ", ".join(str(info[key]) + unit for key, unit in (("kbps", " kbit/s"), ("licence", "")) if key in info)
        console.print(f"[bold]{escape(str(info['name']))}[/bold]  {escape(facts)}", soft_wrap=True)
        console.print(f"  id {escape(str(info['id']))}\n  {escape(str(path))}", soft_wrap=True)
    console.print(f"Put more into {escape(str(models_folder()))}", soft_wrap=True)
