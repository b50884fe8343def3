"""The baseline: k-means on the features that the encoder saw (Hsu et al. 2021 begin HuBERT with it)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brevox.analysis.contingency import Contingency, count_pairs
from brevox.analysis.labels import frame_phones, phone_names
from brevox.analysis.observed import Observation, Observed
from brevox.errors import DataError


def features_of(utterance: Observed) -> NDArray[np.float32]:
    """The features of an utterance, one row for each frame of codes. Shape: [frames, in_dims].

    Raises:
        DataError: there are none.
    """
    if utterance.features is None or not len(utterance.features):
        raise DataError(f"{utterance.name} has no features, which k-means would need")
    return pooled(utterance.features, utterance.frames)


def pooled(features: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """The mean of features within each frame of codes. Shape: [feature_frames, in_dims] to [frames, in_dims]."""
    a_frame = max(1, round(len(features) / frames))
    edges = np.arange(frames + 1) * a_frame
    # The last frame of codes may reach beyond the features; it takes the last of them.
    starts = np.minimum(edges[:-1], len(features) - 1)
    ends = np.minimum(np.maximum(edges[1:], starts + 1), len(features))
    sums = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features, axis=0, dtype=np.float64)])
    return ((sums[ends] - sums[starts]) / (ends - starts)[:, None]).astype(np.float32)


def kmeans_contingencies(
    observation: Observation, learned: NDArray[np.float32], seeds: Sequence[int]
) -> list[Contingency]:
    """Put the frames of all aligned utterances into as many clusters as there are codes, once for each seed.

    Every feature is brought to a standard deviation of 1 first, or the loudness alone would decide.

    Args:
        observation: what is scored.
        learned: frames that the clusters are found on. Those of the model's training make it fair: a thousand clusters
            found on the frames that they are scored on have learned some of these by heart. Shape: [frames, in_dims].
        seeds: of k-means.

    Raises:
        DataError: there are no alignments or no features, or fewer frames than codes.
    """
    from sklearn.cluster import MiniBatchKMeans

    utterances = observation.aligned
    frames = np.concatenate([features_of(one) for one in utterances])
    phones = phone_names(observation)
    spoken = np.concatenate([frame_phones(one, observation.frame_s, phones) for one in utterances])
    if len(learned) < observation.size:
        raise DataError(f"{len(learned)} frames are too few for k-means with {observation.size} clusters")
    mean, deviation = learned.mean(axis=0), np.maximum(learned.std(axis=0), 1e-6)
    tables = []
    for seed in seeds:
        found = MiniBatchKMeans(observation.size, batch_size=4096, n_init=3, random_state=seed)
        clusters = found.fit((learned - mean) / deviation).predict((frames - mean) / deviation)
        counts = count_pairs(clusters.astype(np.int64), spoken, (observation.size, len(phones)))
        heard = np.flatnonzero(counts.sum(axis=0))
        tables.append(Contingency(tuple(phones[place] for place in heard), counts[:, heard]))
    return tables
