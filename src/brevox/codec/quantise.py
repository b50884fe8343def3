"""Residual vector quantisation with given codebooks, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantise(
    latent: NDArray[np.float32], codebooks: NDArray[np.float32], keys: NDArray[np.float32] | None = None
) -> NDArray[np.uint16]:
    """Find the codes of each frame, book after book, each on what the books before it left over.

    Args:
        latent: Shape [latent, frames].
        codebooks: Shape [books, codes, latent].
        keys: a row for each code, Shape [books, codes, latent + 1]: the code is chosen whose row has the largest
            product with (vector, 1). By default they choose the nearest entry.

    Returns:
        Shape [books, frames].
    """
    keys = nearest_keys(codebooks) if keys is None else keys
    rest = latent.T.copy()
    codes = np.empty((len(codebooks), len(rest)), dtype=np.uint16)
    for book, entries in enumerate(codebooks):
        scores = rest @ keys[book, :, :-1].T + keys[book, :, -1]
        codes[book] = scores.argmax(axis=1)
        rest -= entries[codes[book]]
    return codes


def nearest_keys(codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keys that choose the nearest entry: half of |v - e|^2 is |e|^2 / 2 - v e plus what all entries have in common."""
    return np.concatenate([codebooks, -(codebooks**2).sum(axis=2, keepdims=True) / 2], axis=2)


def dequantise(codes: NDArray[np.uint16], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add up the entries that `codes`, Shape [books, frames], name; fewer books than there are will do.

    Returns:
        Shape [latent, frames].
    """
    total = np.zeros((codes.shape[1], codebooks.shape[2]), dtype=np.float32)
    for book, indices in enumerate(codes):
        total += codebooks[book][indices]
    return np.ascontiguousarray(total.T)
