"""Quantiser dropout: one model for all bit rates (SoundStream, Zeghidour et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_books(batch: int, books: int, dropout: float, device: torch.device) -> Tensor:
    """How many of its `books` each item of a batch keeps.

    Args:
        batch: items.
        books: of the quantiser.
        dropout: share of the items that keep only the first n books, n uniform in 1..books.
        device: of the result.

    Returns:
        Shape [batch].
    """
    every = torch.full((batch,), books, device=device)
    if dropout == 0:
        return every
    few = torch.randint(1, books + 1, (batch,), device=device)
    return torch.where(torch.rand(batch, device=device) < dropout, few, every)
