"""The scores of a model's codes beside those of k-means on what its encoder saw, and of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.analysis.clustering import Scores, clustering_scores
from brevox.analysis.contingency import contingency
from brevox.analysis.kmeans import features_of, kmeans_contingencies
from brevox.analysis.observed import Observation
from brevox.errors import DataError

#: Drawings of k-means, and of chance.
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Agreement:
    """Scores of one run.

    Args:
        run: its name.
        split: of the corpus.
        size: codes that there are.
        used: codes that occur in frames with a phone.
        phones: different ones.
        frames: with a phone.
        scores: of the model's codes.
        baseline: of k-means with as many clusters, one for each seed; empty if there is no baseline.
        baseline_split: of the corpus, on which these clusters were found.
        chance: of the model's codes, shuffled over all frames, one for each seed.
        no_baseline: why there is none.
    """

    run: str
    split: str
    size: int
    used: int
    phones: int
    frames: int
    scores: Scores
    baseline: tuple[Scores, ...]
    chance: tuple[Scores, ...]
    baseline_split: str
    no_baseline: str = ""


def agreement(observation: Observation, learned: NDArray[np.float32] | None = None) -> Agreement:
    """Score the codes of all aligned utterances, and those of k-means on their features.

    Args:
        observation: what is scored.
        learned: what k-means finds its clusters on, frames that the model was trained on; by default what is scored,
            which favours k-means where it has many clusters. Shape: [frames, in_dims].

    Raises:
        DataError: there is no alignment.
    """
    table = contingency(observation)
    reason = ""
    try:
        frames = np.concatenate([features_of(one) for one in observation.aligned]) if learned is None else learned
        baseline = [clustering_scores(each.counts) for each in kmeans_contingencies(observation, frames, SEEDS)]
    except DataError as error:
        baseline, reason = [], str(error)
    return Agreement(
        observation.name,
        observation.split,
        observation.size,
        len(table.used),
        len(table.phones),
        table.frames,
        clustering_scores(table.counts),
        tuple(baseline),
        tuple(clustering_scores(_shuffled(table.counts, seed)) for seed in SEEDS),
        observation.split if learned is None else "train",
        reason,
    )


def _shuffled(counts: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The table of the same codes and phones, put together by lot."""
    codes = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    phones = np.repeat(np.arange(counts.shape[1]), counts.sum(axis=0))
    cells = np.random.default_rng(seed).permutation(codes) * counts.shape[1] + phones
    return np.bincount(cells, minlength=counts.size).reshape(counts.shape).astype(np.int64)


def mean_and_spread(scores: Sequence[Scores], name: str) -> tuple[float, float]:
    """Mean and standard deviation of one score; the latter is 0 for a single one."""
    values = [getattr(each, name) for each in scores]
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
