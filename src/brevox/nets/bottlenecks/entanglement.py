"""Whether the dimensions of a latent go together, or each its own way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rank_correlations(latents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Spearman's correlation of every two dimensions. Shape: [points, dims] to [dims, dims]."""
    ranks = latents.argsort(axis=0).argsort(axis=0).astype(np.float64)
    ranks -= ranks.mean(axis=0)
    ranks /= np.sqrt((ranks**2).sum(axis=0)) + 1e-12
    return np.asarray(ranks.T @ ranks)


def entanglement(latents: NDArray[np.floating]) -> float:
    """The mean of |Spearman's correlation| of two different dimensions (seed 002): 0 is none. Shape: [points, dims].

    Independent dimensions give about sqrt(2 / (pi * points)).
    """
    dims = latents.shape[1]
    if len(latents) < 2 or dims < 2:
        return 0.0
    correlations = np.abs(rank_correlations(latents))
    return float((correlations.sum() - np.trace(correlations)) / (dims * (dims - 1)))
