"""Residual vector quantisation with given codebooks, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: Ways of coding a frame that are kept from book to book, and entries that each of them tries in the next.
KEPT, TRIED = 2, 2


def quantise(
    latent: NDArray[np.float32], codebooks: NDArray[np.float32], keys: NDArray[np.float32] | None = None
) -> NDArray[np.uint16]:
    """The last of `quantisations`: codes of all books. Shape [books, frames]."""
    *_, codes = quantisations(latent, codebooks, keys)
    return codes


def quantisations(
    latent: NDArray[np.float32], codebooks: NDArray[np.float32], keys: NDArray[np.float32] | None = None
) -> Iterator[NDArray[np.uint16]]:
    """Find the codes of each frame, for one book, for two, ... and for all.

    Each book codes what the books before it left over. What is nearest at once need not lead to what is nearest in the
    end: several ways are gone at once (the M-best search of Chan, Gupta and Gersho 1992), so that the first codes may
    depend on how many books there are.

    Args:
        latent: Shape [latent, frames].
        codebooks: Shape [books, codes, latent].
        keys: a row for each code, Shape [books, codes, latent + 1]: the code is chosen whose row has the largest
            product with (vector, 1), one way only. Without them the entries nearest in the end are chosen.

    Yields:
        Shape [1, frames], then [2, frames] ...
    """
    if keys is None:
        yield from _nearest(latent, codebooks)
        return
    rest = latent.T.copy()
    codes = np.empty((len(codebooks), len(rest)), dtype=np.uint16)
    for book, entries in enumerate(codebooks):
        scores = rest @ keys[book, :, :-1].T + keys[book, :, -1]
        codes[book] = scores.argmax(axis=1)
        rest -= entries[codes[book]]
        yield codes[: book + 1].copy()


def _nearest(latent: NDArray[np.float32], codebooks: NDArray[np.float32]) -> Iterator[NDArray[np.uint16]]:
    frames = latent.shape[1]
    left = np.ascontiguousarray(latent.T)[:, None]
    spent = np.zeros((frames, 1), dtype=np.float32)
    paths = np.zeros((frames, 1, 0), dtype=np.int64)
    for entries in codebooks:
        spent, left, paths = best_ways(left, spent, paths, entries)
        yield np.ascontiguousarray(paths[:, 0].T.astype(np.uint16))


def best_ways(
    left: NDArray[np.float32],
    spent: NDArray[np.float32],
    paths: NDArray[np.int64],
    entries: NDArray[np.float32],
    prices: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Go on by one book.

    Args:
        left: what each way leaves over, Shape [frames, ways, latent].
        spent: half of its squared length and the prices, less what all ways have in common. Shape [frames, ways].
        paths: codes so far, Shape [frames, ways, books].
        entries: of the book, Shape [codes, latent].
        prices: to be added for each code, Shape [frames, ways, codes]; none by default.

    Returns:
        `spent`, `left` and `paths` of the best ways to go on, the best first, at most `KEPT`.
    """
    frames, ways, width = left.shape
    tried = min(TRIED, len(entries))
    costs = left.reshape(frames * ways, width) @ -entries.T
    costs += np.einsum("ij,ij->i", entries, entries) / 2
    if prices is not None:
        costs += prices.reshape(costs.shape)
    rows = np.arange(frames * ways)
    tries = np.empty((frames * ways, tried), dtype=np.int64)
    found = np.empty((frames * ways, tried), dtype=np.float32)
    for attempt in range(tried):  # several times faster than a sort
        tries[:, attempt] = best = costs.argmin(axis=1)
        found[:, attempt] = costs[rows, best]
        costs[rows, best] = np.inf
    total = (spent[:, :, None] + found.reshape(frames, ways, tried)).reshape(frames, ways * tried)
    order = total.argsort(axis=1, kind="stable")[:, :KEPT]
    origin, each = order // tried, np.arange(frames)[:, None]
    chosen = np.take_along_axis(tries.reshape(frames, ways * tried), order, axis=1)
    return (
        np.take_along_axis(total, order, axis=1),
        left[each, origin] - entries[chosen],
        np.concatenate([paths[each, origin], chosen[:, :, None]], axis=2),
    )


def dequantise(codes: NDArray[np.uint16], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add up the entries that `codes`, Shape [books, frames], name; fewer books than there are will do.

    Returns:
        Shape [latent, frames].
    """
    total = np.zeros((codes.shape[1], codebooks.shape[2]), dtype=np.float32)
    for book, indices in enumerate(codes):
        total += codebooks[book][indices]
    return np.ascontiguousarray(total.T)
