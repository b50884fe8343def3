"""An analysis as one page that works from disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

import brevox
from brevox.analysis.analyse import Analysis, Made, told
from brevox.output import atomic_output
from brevox.pictures import data_uri

_KINDS = {".png": "image/png", ".gif": "image/gif"}


def write_page(folder: Path, analysis: Analysis, split: str, command: str) -> Path:
    """Write `index.html` with all pictures in it, and links to the files beside it.

    Args:
        folder: that `analyse` wrote to.
        analysis: what it made.
        split: of the corpora.
        command: by which it was made.

    Returns:
        The page's path.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("brevox.analysis"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    sections = [("All runs together", _entries(folder, [made for made in analysis.made if not made.run]))]
    sections += [(run, _entries(folder, [made for made in analysis.made if made.run == run])) for run in analysis.runs]
    page = environment.get_template("analysis.html").render(
        sections=[section for section in sections if section[1]],
        runs=analysis.runs,
        left_out=analysis.reasons,
        empty=analysis.empty,
        split=split,
        command=command,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
        version=brevox.__version__,
    )
    path = folder / "index.html"
    with atomic_output(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _entries(folder: Path, made: Sequence[Made]) -> list[dict[str, Any]]:
    return [
        {
            "evaluation": one.evaluation,
            "id": f"{one.run or 'all'}-{one.evaluation.name}",
            "pictures": [
                data_uri(_KINDS[path.suffix], path.read_bytes()) for path in one.paths if path.suffix in _KINDS
            ],
            "facts": {name: told(value) for name, value in one.facts.items()},
            "files": [(path.name, Path(os.path.relpath(path, folder)).as_posix()) for path in one.paths],
        }
        for one in made
    ]
