"""k-means in which some centres may be frozen: starts codebooks, and puts codes that fell out of use to use again."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def nearest(vectors: Tensor, entries: Tensor) -> Tensor:
    """Index of the nearest entry for each vector: the least |e|^2 - 2 v.e.

    Args:
        vectors: Shape [vectors, width].
        entries: Shape [codes, width].

    Returns:
        Shape [vectors].
    """
    # Half precision is too coarse to tell neighbouring codes apart.
    with torch.autocast(vectors.device.type, enabled=False):
        return torch.addmm(entries.square().sum(dim=1), vectors, entries.T, beta=1, alpha=-2).argmin(dim=1)


@torch.no_grad()
def frozen_kmeans(vectors: Tensor, entries: Tensor, frozen: Tensor, iterations: int = 10) -> Tensor:
    """Find new places for the entries that are not frozen.

    They start on distinct vectors drawn at random and are refined by Lloyd's iterations, among themselves and the
    frozen ones. One without vectors moves onto the vector that is represented worst, in the end too, so that all are
    used if there are enough distinct vectors.

    Args:
        vectors: Shape [vectors, width]. Repeated ones (digital silence) count as often as they are there in means,
            but once as places to go to.
        entries: Shape [codes, width].
        frozen: which entries stay, Shape [codes], bool.
        iterations: Lloyd's.

    Returns:
        The entries, Shape [codes, width]; the frozen ones to the bit.
    """
    entries = entries.clone()
    free = (~frozen).nonzero()[:, 0]
    if len(free) == 0 or len(vectors) == 0:
        return entries
    points, counts = vectors.unique(dim=0, return_counts=True)
    entries[free] = points[draw_rows(len(points), len(free), points.device)]
    for _ in range(iterations):
        index = nearest(points, entries)
        distance = _distance(points, entries, index)
        weights = points.new_zeros(len(entries)).index_add_(0, index, counts.to(points.dtype))
        sums = torch.zeros_like(entries).index_add_(0, index, points * counts[:, None])
        moved = free[weights[free] > 0]
        entries[moved] = sums[moved] / weights[moved, None]
        _reseed(entries, free[weights[free] == 0], points, distance)
    total = math.inf
    while True:
        index = nearest(points, entries)
        distance = _distance(points, entries, index)
        empty = free[torch.bincount(index, minlength=len(entries))[free] == 0]
        # Each round makes the error less, until the points run out (or differ by less than can be told apart).
        if len(empty) == 0 or distance.sum().item() >= total:
            return entries
        total = distance.sum().item()
        _reseed(entries, empty, points, distance)


def draw_rows(rows: int, count: int, device: torch.device) -> Tensor:
    """Indices of random rows, each once before any is drawn again. Shape: [count]."""
    return torch.randperm(rows, device=device).repeat(-(-count // rows))[:count]


def _distance(points: Tensor, entries: Tensor, index: Tensor) -> Tensor:
    """Squared distance to the chosen entry; exactly 0 on it, as |p|^2 - 2 p.e + |e|^2 would not be."""
    return (points - entries[index]).square().sum(dim=1)


def _reseed(entries: Tensor, empty: Tensor, points: Tensor, distance: Tensor) -> None:
    """Put empty entries onto the points farthest from theirs; onto none that an entry is on already."""
    farthest = distance.topk(min(len(empty), len(points)))
    worst = farthest.indices[farthest.values > 0]
    entries[empty[: len(worst)]] = points[worst]
