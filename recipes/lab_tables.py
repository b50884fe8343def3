"""Tables and curves of docs/experiments/lab.md, of the runs of docs/experiments/lab-*.yaml.

    python recipes/lab_tables.py runs -o docs/experiments/lab [--index-errors index-errors.csv]

RUNS holds lab-energy/, lab-som/, lab-discriminators/ and lab-repulsion/, as `brevox train` leaves them; what is not
there or not finished is left out. Runs that differ by their seed alone are one line: the mean, then the values.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from brevox.output import atomic_output
from brevox.pictures import colour, to_png
from brevox.training.logs import Curve, read_log
from brevox.training.recipe import load_recipe

Logs = tuple[dict[str, Curve], dict[str, Curve]]
EXPERIMENTS = ("lab-energy", "lab-som", "lab-discriminators", "lab-repulsion")


def finished(folder: Path) -> dict[str, list[Logs]]:
    """Logs of training and validation of each finished run, by the name without seed."""
    runs: dict[str, list[Logs]] = defaultdict(list)
    for run in sorted(folder.glob("*-[0-9]")):
        if not (run / "valid.csv").exists():
            continue
        train, valid = read_log(run / "train.csv"), read_log(run / "valid.csv")
        if max(curve.steps[-1] for curve in valid.values()) >= load_recipe(run / "recipe.yaml").run.steps:
            runs[run.name[:-2]].append((train, valid))
    return runs


def told(values: Sequence[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ({', '.join(f'{value:.{digits}f}' for value in values)})"


def last(name: str) -> Callable[[Logs], float | None]:
    return lambda logs: logs[1][name].last if name in logs[1] else None


def at_books(metric: str, place: int) -> Callable[[Logs], float | None]:
    """The last value at the fewest (0) or the most (-1) books that were validated."""

    def value(logs: Logs) -> float | None:
        counts = sorted(int(name.partition("@")[2]) for name in logs[1] if name.startswith(f"{metric}@"))
        return logs[1][f"{metric}@{counts[place]}"].last if counts else None

    return value


def tail(name: str) -> Callable[[Logs], float | None]:
    """The mean of the last quarter of training."""
    return lambda logs: (
        float(logs[0][name].values[-max(1, len(logs[0][name].values) // 4) :].mean()) if name in logs[0] else None
    )


def least(name: str) -> Callable[[Logs], float | None]:
    return lambda logs: float(logs[0][name].values.min()) if name in logs[0] else None


COLUMNS: dict[str, tuple[Callable[[Logs], float | None], int]] = {
    "PESQ-WB, 1 book": (at_books("pesq_wb", 0), 3),
    "PESQ-WB, all": (at_books("pesq_wb", -1), 3),
    "ESTOI, all": (at_books("estoi", -1), 3),
    "mel, 1 book": (at_books("mel", 0), 3),
    "mel, all": (at_books("mel", -1), 3),
    "first book: codes used": (last("used/0"), 0),
    "its perplexity": (last("perplexity/0"), 0),
}
JUDGED: dict[str, tuple[Callable[[Logs], float | None], int]] = {
    "discriminator's loss": (tail("discriminator"), 3),
    "gap |D(x) - D(x^)|": (tail("judgement_gap"), 3),
    "least gap": (least("judgement_gap"), 3),
}


def table(runs: dict[str, list[Logs]], columns: dict[str, tuple[Callable[[Logs], float | None], int]]) -> str:
    lines = ["| run | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, several in runs.items():
        cells = []
        for value_of, digits in columns.values():
            values = [value for logs in several if (value := value_of(logs)) is not None]
            cells.append(told(values, digits) if values else "-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def curves(experiments: dict[str, dict[str, list[Logs]]], quantities: Sequence[str]) -> Figure:
    """A row an experiment, a column a quantity of training, a colour a run, a line a seed."""
    figure = Figure(figsize=(6 * len(quantities), 3.4 * len(experiments)), layout="constrained")
    panels = figure.subplots(len(experiments), len(quantities), squeeze=False)
    for row, (experiment, runs) in zip(panels, experiments.items(), strict=True):
        for axes, quantity in zip(row, quantities, strict=True):
            for place, (name, several) in enumerate(runs.items()):
                for seed, (train, _) in enumerate(several):
                    if quantity in train:
                        curve, label = train[quantity], name if seed == 0 else None
                        axes.plot(curve.steps, curve.values, color=colour(place), linewidth=0.9, label=label)
            axes.set(title=f"{experiment}: {quantity}", xlabel="step", yscale="log")
            axes.grid(alpha=0.3)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=8)
            else:
                axes.set_visible(False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--index-errors", type=Path, help="what `brevox lab index-errors -o` wrote")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    found = {name: runs for name in EXPERIMENTS if (runs := finished(arguments.runs / name))}
    text = ""
    for name, runs in found.items():
        judged = name in ("lab-discriminators", "lab-repulsion")
        text += f"**{name}**\n\n" + table(runs, COLUMNS | (JUDGED if judged else {})) + "\n"
        with atomic_output(arguments.output / f"{name}.csv") as part, part.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("run", "seed", "log", "step", "name", "value"))
            for run, several in runs.items():
                for seed, logs in enumerate(several):
                    for log, all_curves in zip(("train", "valid"), logs, strict=True):
                        for quantity, curve in all_curves.items():
                            for step, value in zip(curve.steps, curve.values, strict=True):
                                writer.writerow((run, seed, log, step, quantity, f"{value:.6g}"))
    if arguments.index_errors:
        grouped: dict[str, list[dict[str, str]]] = defaultdict(list)
        with arguments.index_errors.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                grouped[row["run"][:-2]].append(row)
        names = [name for name in next(iter(grouped.values()))[0] if name not in ("run", "codes")]
        text += "| run | " + " | ".join(name.replace("_", " ") for name in names) + " |\n"
        text += "|---" * (len(names) + 1) + "|\n"
        for run, rows in grouped.items():
            cells = [told([float(row[name]) for row in rows], 0 if name == "used" else 3) for name in names]
            text += f"| {run} | " + " | ".join(cells) + " |\n"
    print(text)
    if found:
        with atomic_output(arguments.output / "curves.png") as part:
            part.write_bytes(to_png(curves(found, ("mel", "judgement_gap")), dpi=80))


if __name__ == "__main__":
    main()
