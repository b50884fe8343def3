"""How fast a recipe trains, and on what it spends its time.

    python benchmarks/train_speed.py recipes/speech-16k.yaml [--corpus corpus] [--steps 30] [--profile] [OVERRIDE ...]

What `brevox speed --training` measures, with changes to the recipe, other data, and a profile. To compare two versions
of the code, run both in turn: PYTHONPATH=OTHER/src python benchmarks/train_speed.py ...
"""

from __future__ import annotations

import argparse
import os
import platform
from contextlib import nullcontext
from pathlib import Path

import torch

from brevox.evaluation.training_speed import training_speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--corpus", type=Path, help="noise by default")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--profile", action="store_true", help="list the operators that take longest")
    arguments = parser.parse_intermixed_args()
    with torch.profiler.profile() if arguments.profile else nullcontext() as profile:
        measured = training_speed(arguments.recipe, arguments.overrides, corpus=arguments.corpus, steps=arguments.steps)
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    print(measured)
    if profile is not None:
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=40))


if __name__ == "__main__":
    main()
