"""How fast a recipe trains, and on what it spends its time.

    python benchmarks/train_speed.py recipes/speech-16k.yaml --corpus corpus [--steps 30] [--profile] [OVERRIDE ...]

Prints steps and seconds of audio per second, the median over groups of five steps, the first left out. To compare two
versions of the code, run both in turn: PYTHONPATH=OTHER/src python benchmarks/train_speed.py ...
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import statistics
import tempfile
from contextlib import nullcontext
from pathlib import Path

import torch

from brevox.training.recipe import load_recipe
from brevox.training.trainer import Trainer

GROUP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--corpus", type=Path, default=Path("corpus"))
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--profile", action="store_true", help="list the operators that take longest")
    arguments = parser.parse_intermixed_args()
    quiet = ["run.valid_clips=1", "run.valid_clip_s=1", f"run.log_every={GROUP}", f"run.steps={arguments.steps}"]
    recipe = load_recipe(arguments.recipe, [f"data.corpus={arguments.corpus}", *quiet, *arguments.overrides])
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(recipe, Path(folder))
        with torch.profiler.profile() if arguments.profile else nullcontext() as profile:
            trainer.run()
        with (Path(folder) / "train.csv").open(newline="") as file:
            speeds = [float(value) for _, name, value in csv.reader(file) if name == "speed_x_real_time"]
    audio = statistics.median(speeds[1:])
    a_step = recipe.data.batch * recipe.data.crop_s * recipe.optimiser.accumulate
    print(f"{platform.machine()}, {os.cpu_count()} cores, {trainer.fabric.device}, torch {torch.__version__}")
    print(f"{recipe.name}: {audio / a_step:.2f} steps/s, {audio:.1f} s of audio a second; at best {max(speeds):.1f}")
    if profile is not None:
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=40))


if __name__ == "__main__":
    main()
