"""Carry the figures of a bench over to where they are told: tables of documents, a model's description, the model.

    python recipes/model_figures.py docs/report/results.json README.md --model src/brevox/assets/speech-16k.bvx \
      --card docs/models/speech-16k/README.md --description docs/models/speech-16k/description.json

Of the documents, rows of tables that begin with `| brevox RATE |` or `| **Brevox**, `--kbps RATE` ... |` are written
anew, with as many columns as they have; the rest is left as it is. The model keeps its id: files it made stay readable.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from brevox.codec.bvx import read_model, write_model
from brevox.output import atomic_output

_ROW = re.compile(r"^\| (?:brevox|\*\*Brevox\*\*, `--kbps) ([\d.]+)`?[^|]*\|.*$", re.MULTILINE)
#: Means of these, and how they are written.
_COLUMNS = {"pesq_wb": "{:.2f}", "estoi": "{:.2f}", "distillmos": "{:.2f}", "wer": "{:.0f} %", "speaker": "{:.2f}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--description", type=Path, required=True)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("documents", type=Path, nargs="*")
    arguments = parser.parse_args()
    measured = rates(json.loads(arguments.results.read_text(encoding="utf-8")))
    for path in (arguments.card, *arguments.documents):
        write(path, _ROW.sub(lambda row: written_row(row, measured), path.read_text(encoding="utf-8")))
    description = json.loads(arguments.description.read_text(encoding="utf-8"))
    description["metrics"] = {f"{rate:g} kbit/s": sentence(row) for rate, row in measured.items()}
    write(arguments.description, json.dumps(description, indent=1, ensure_ascii=False) + "\n")
    model = read_model(arguments.model)
    info = {**model.info, **description}
    write_model(arguments.model, dataclasses.replace(model, info=info, card=arguments.card.read_text(encoding="utf-8")))


def rates(results: dict[str, Any]) -> dict[float, dict[str, Any]]:
    """The built-in model's rows of a bench, by the rate asked for, the highest first."""
    rows = [row for row in results["summary"] if row["condition"]["codec"] == "brevox"]
    return {row["condition"]["kbps"]: row for row in sorted(rows, key=lambda row: -row["condition"]["kbps"])}


def written_row(found: re.Match[str], measured: dict[float, dict[str, Any]]) -> str:
    """A row of a table with new figures; as it was, if its rate was not measured."""
    old = found.group(0)
    row = measured.get(float(found.group(1)))
    if row is None:
        return old
    cells = [cell.strip() for cell in old.strip("|").split("|")]
    cells[1] = f"{row['file_kbps']:.2f}"
    for place, (name, form) in enumerate(list(_COLUMNS.items())[: len(cells) - 2], 2):
        mean = row["means"][name]
        interval = f" ({mean['low']:.2f} to {mean['high']:.2f})" if "(" in cells[place] else ""
        cells[place] = form.format(mean["value"]) + interval
    return "| " + " | ".join(cells) + " |"


def sentence(row: dict[str, Any]) -> str:
    """What a model says of itself, as `brevox.codec.card` reads it."""
    pesq, estoi, words = (row["means"][name]["value"] for name in ("pesq_wb", "estoi", "wer"))
    return (
        f"{row['file_kbps']:.2f} kbit/s of file, PESQ-WB {pesq:.2f}, ESTOI {estoi:.2f}, {words:.0f} % of words misheard"
    )


def write(path: Path, text: str) -> None:
    with atomic_output(path) as part:
        part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
