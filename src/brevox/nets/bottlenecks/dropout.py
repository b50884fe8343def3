"""Quantiser dropout: one model for all bit rates (SoundStream, Zeghidour et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor

from brevox.nets.bottlenecks.devices import device_count, share_of_this_device


def draw_books(batch: int, books: int, dropout: float, device: torch.device) -> Tensor:
    """How many of its `books` each item of a batch keeps. Devices that draw alike draw for the items of all.

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
    drawn = batch * device_count()
    few = torch.randint(1, books + 1, (drawn,), device=device)
    dropped = torch.rand(drawn, device=device) < dropout
    return torch.where(share_of_this_device(dropped), share_of_this_device(few), every)
