"""Residual vector quantisation with given codebooks, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantise(latent: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Find the codes of each frame, book after book, each on what the books before it left over.

    Args:
        latent: Shape [latent, frames].
        codebooks: Shape [books, codes, latent].

    Returns:
        Shape [books, frames].
    """
    rest = latent.T.copy()
    codes = np.empty((len(codebooks), len(rest)), dtype=np.uint16)
    for book, entries in enumerate(codebooks):
        distance = (entries**2).sum(axis=1) - 2 * (rest @ entries.T)
        codes[book] = distance.argmin(axis=1)
        rest -= entries[codes[book]]
    return codes


def dequantise(codes: NDArray[np.uint16], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add up the entries that `codes`, Shape [books, frames], name; fewer books than there are will do.

    Returns:
        Shape [latent, frames].
    """
    total = np.zeros((codes.shape[1], codebooks.shape[2]), dtype=np.float32)
    for book, indices in enumerate(codes):
        total += codebooks[book][indices]
    return np.ascontiguousarray(total.T)
