"""Where a model of units loses what phones are told by: AMI of k-means on what its encoder sees and on what it makes.

Usage: python benchmarks/units_kmeans.py RUN... [--split test]
If k-means on the encoder's output is as good as the codes, it is not the codebook that loses it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from brevox.analysis.clustering import clustering_scores
from brevox.analysis.contingency import contingency
from brevox.analysis.kmeans import features_of, kmeans_contingencies
from brevox.analysis.observe import observe
from brevox.analysis.observed import Observation
from brevox.audio.features import COEFFICIENTS

_SEEDS = (0, 1, 2)
_LEARNED_FROM = 300  # utterances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of brevox train, whose encoders see MFCCs")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    for run in options.runs:
        seen, learned = observe(run, options.split), observe(run, "train", utterances=_LEARNED_FROM)
        print(f"{run}: codes {clustering_scores(contingency(seen).counts).ami:.3f}")
        for name, dims in (("encoder's output", None), ("all it sees", 3 * COEFFICIENTS), ("13 MFCCs", COEFFICIENTS)):
            told = kmeans_ami(shown(seen, dims), shown(learned, dims))
            print(f"    k-means on {name}: {np.mean(told):.3f} ± {np.std(told, ddof=1):.3f} ({len(told)} seeds)")


def shown(observation: Observation, dims: int | None) -> Observation:
    """The same with other features: so many of what the encoder sees, or what it makes."""
    utterances = []
    for one in observation.spoken:
        features = one.latents if dims is None or one.features is None else one.features[:, :dims]
        utterances.append(replace(one, features=features))
    return replace(observation, utterances=tuple(utterances))


def kmeans_ami(seen: Observation, learned: Observation) -> list[float]:
    """Of each seed."""
    frames = np.concatenate([features_of(one) for one in learned.spoken])
    return [clustering_scores(table.counts).ami for table in kmeans_contingencies(seen, frames, _SEEDS)]


if __name__ == "__main__":
    main()
