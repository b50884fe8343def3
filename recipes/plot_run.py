"""Draw a run's curves: training losses, and quality on the validation speakers by number of books.

pip install matplotlib
python recipes/plot_run.py runs/speech-16k -o curves.png

Or any values that runs have logged, of several of them side by side:

python recipes/plot_run.py runs/vocoder-* --values squared_db2 sd_db2 -o curves.png
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def read(path: Path) -> dict[str, tuple[list[int], list[float]]]:
    curves: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    with path.open(newline="", encoding="utf-8") as file:
        for step, name, value in csv.reader(file):
            curves[name][0].append(int(step))
            curves[name][1].append(float(value))
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--values", nargs="+", help="of train.csv and valid.csv, a panel each")
    parser.add_argument("-o", "--output", type=Path, default=Path("curves.png"))
    arguments = parser.parse_args()
    if arguments.values:
        draw(arguments.run, arguments.values).savefig(arguments.output, dpi=110)
    else:
        draw_codec(arguments.run[0]).savefig(arguments.output, dpi=110)


def draw(runs: list[Path], values: list[str]) -> Figure:
    """A panel for each value, a line for each run that logged it."""
    figure, axes = plt.subplots(1, len(values), figsize=(5.5 * len(values), 4), layout="constrained", squeeze=False)
    for axis, value in zip(axes[0], values, strict=True):
        for run in runs:
            for kind in ("train", "valid"):
                curves = read(run / f"{kind}.csv")
                if value in curves:
                    axis.plot(*curves[value], label=run.name, linewidth=0.8 if kind == "train" else 1.5)
        axis.set(title=value, yscale="log", xlabel="step")
        axis.legend()
    return figure


def draw_codec(run: Path) -> Figure:
    """Losses and quality of a codec."""
    train, valid = read(run / "train.csv"), read(run / "valid.csv")
    figure, axes = plt.subplots(2, 2, figsize=(11, 7), constrained_layout=True)
    for name in ("total", "mel", "stft", "complex_stft"):
        if name not in train:
            continue
        axes[0, 0].plot(*train[name], label=name, linewidth=0.8)
    axes[0, 0].set(title="training losses", yscale="log", xlabel="step")
    axes[0, 0].legend()
    for axis, metric in ((axes[0, 1], "pesq_wb"), (axes[1, 0], "estoi"), (axes[1, 1], "mel")):
        for name in sorted((n for n in valid if n.startswith(f"{metric}@")), key=lambda n: int(n.split("@")[1])):
            axis.plot(*valid[name], marker=".", label=f"{name.split('@')[1]} books")
        axis.set(title=f"{metric}, validation speakers", xlabel="step")
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


if __name__ == "__main__":
    main()
