"""How well codebooks are used, for logs."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class CodeStatistics(NamedTuple):
    """Of each book, Shape [books] each.

    used: share of the codes that occur.
    perplexity: 2 to the entropy: how many codes, all equally frequent, would carry as much.
    efficiency: bits that a code carries (its entropy) over bits that it takes (log2 of the size).
    """

    used: Tensor
    perplexity: Tensor
    efficiency: Tensor


def code_statistics(codes: Tensor, size: int) -> CodeStatistics:
    """Count how often codes occur.

    Args:
        codes: Shape [batch, books, frames], at least one frame in all.
        size: codes of each book, at least 2.
    """
    rows = codes.transpose(0, 1).flatten(start_dim=1)
    counts = torch.zeros(len(rows), size, dtype=torch.float64, device=codes.device)
    counts.scatter_add_(1, rows.long(), torch.ones_like(rows, dtype=torch.float64))
    nats = torch.special.entr(counts / rows.shape[1]).sum(dim=1)
    return CodeStatistics((counts > 0).double().mean(dim=1), nats.exp(), nats / math.log(size))
