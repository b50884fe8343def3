"""What a step costs with all discriminators, with one of them at a time, and without: docs/experiments/lab.md.

    python benchmarks/discriminator_speed.py [--steps 20] [--rounds 3]

The three take turns; of each the median and the best group of five steps of all rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

import torch
from omegaconf import OmegaConf

from brevox.data.prepare import write_corpus
from brevox.data.synthetic import synthetic_clips
from brevox.evaluation.training_speed import training_speed

EXPERIMENTS = Path("docs/experiments/lab-discriminators.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    described = OmegaConf.to_container(OmegaConf.load(EXPERIMENTS))
    assert isinstance(described, dict)
    found = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        write_corpus(corpus, synthetic_clips("noise"))
        for _ in range(arguments.rounds):
            for name, own in described["runs"].items():
                recipe = EXPERIMENTS.parent / described["recipe"]
                overrides = [*described["overrides"], *own, f"run.steps={arguments.steps}", "run.log_every=5"]
                found[name].append(training_speed(recipe, overrides, corpus=corpus, steps=arguments.steps))
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    for name, measured in found.items():
        median = statistics.median(one.audio_s_per_s for one in measured)
        print(f"{name}: {median:.1f} s of audio a second, at best {max(one.best for one in measured):.1f}")


if __name__ == "__main__":
    main()
