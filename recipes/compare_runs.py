"""A Markdown table of finished runs: speed of training, quality on the validation speakers, use of the codes.

    python recipes/compare_runs.py runs/training-kit/* [--books 6] [-o table.md] [--curves curves.png]

Quality is that of the last validation, with so many books; by default half of them. Speed is the
median over the run.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections import defaultdict
from pathlib import Path

from brevox.errors import BrevoxError, DataError
from brevox.output import atomic_output
from brevox.training.recipe import load_recipe

Curves = dict[str, dict[int, float]]


def read(path: Path) -> Curves:
    """Value by name and step."""
    curves: Curves = defaultdict(dict)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for step, name, value in csv.reader(file):
                curves[name][int(step)] = float(value)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no log of a training: {error}") from error
    return curves


def last(curve: dict[int, float]) -> float:
    return curve[max(curve)]


def row(run: Path, books: int | None) -> list[str]:
    train, valid = read(run / "train.csv"), read(run / "valid.csv")
    recipe = load_recipe(run / "recipe.yaml")
    choices = sorted(int(name.partition("@")[2]) for name in valid if name.startswith("mel@"))
    shown = books if books is not None else choices[-2] if len(choices) > 1 else choices[-1]
    if shown not in choices:
        raise DataError(f"{run} was not validated with {shown} books, but with {', '.join(map(str, choices))}")
    speed = statistics.median(train["speed_x_real_time"].values())
    audio_s = recipe.data.batch * recipe.data.crop_s * recipe.optimiser.accumulate
    used = [round(last(valid[name])) for name in sorted(valid, key=_number) if name.startswith("used/")]
    efficiency = [last(valid[name]) for name in valid if name.startswith("efficiency/")]
    bits = math.log2(recipe.model["bottleneck"].get("codes", 1024))
    book_kbps = bits * recipe.model["sample_rate"] / recipe.model["hop"] / 1000
    return [
        run.name,
        str(max(train["total"])),
        f"{speed / audio_s:.2f}",
        f"{speed:.1f}",
        f"{shown} ({shown * book_kbps:.2f} kbit/s)",
        *(f"{last(valid[f'{name}@{shown}']):.3f}" if f"{name}@{shown}" in valid else "-" for name in METRICS),
        f"{used[0]}, {statistics.median(used):.0f}, {min(used)}",
        f"{statistics.mean(efficiency):.2f}",
    ]


METRICS = ("mel", "pesq_wb", "estoi")
COLUMNS = ("run", "steps", "steps/s", "audio s/s", "books", *METRICS, "codes used: first, median, least", "efficiency")


def _number(name: str) -> int:
    tail = name.rpartition("/")[2]
    return int(tail) if tail.isdigit() else -1


def draw(runs: list[Path], path: Path) -> None:
    """Curves of the losses and of quality, a line a run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 4.5), constrained_layout=True)
    for run in runs:
        train, valid = read(run / "train.csv"), read(run / "valid.csv")
        axes[0].plot(train["mel"].keys(), train["mel"].values(), linewidth=0.8, label=run.name)
        for axis, metric in ((axes[1], "pesq_wb"), (axes[2], "estoi")):
            names = sorted((n for n in valid if n.startswith(f"{metric}@")), key=lambda n: int(n.split("@")[1]))
            axis.plot(
                [int(n.split("@")[1]) for n in names], [last(valid[n]) for n in names], marker=".", label=run.name
            )
    axes[0].set(title="mel loss in training", xlabel="step", yscale="log")
    axes[1].set(title="PESQ-WB at the end, validation speakers", xlabel="books")
    axes[2].set(title="ESTOI at the end, validation speakers", xlabel="books")
    for axis in axes:
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--books", type=int)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--curves", type=Path, help="a picture; needs matplotlib")
    arguments = parser.parse_args()
    try:
        rows = [COLUMNS, ["---"] * len(COLUMNS), *(row(run, arguments.books) for run in arguments.runs)]
    except BrevoxError as error:
        parser.error(str(error))
    table = "".join("| " + " | ".join(cells) + " |\n" for cells in rows)
    print(table, end="")
    if arguments.output:
        with atomic_output(arguments.output) as part:
            part.write_text(table, encoding="utf-8")
    if arguments.curves:
        draw(arguments.runs, arguments.curves)


if __name__ == "__main__":
    main()
