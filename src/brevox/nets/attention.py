"""Self-attention over the frames around each frame."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError


class LocalAttention(nn.Module):
    """Each frame looks at those around it (Vaswani et al. 2017), with a learned bias by distance (Raffel et al. 2020).

    Args:
        width: channels in and out.
        heads: that look for different things; a divisor of `width`.
        reach: frames seen to either side, so that a recording can be coded in blocks.
        layer_scale: initial weight of the branch.

    Raises:
        SettingsError: so many heads cannot share such a width.

    Shape: [batch, width, frames] to the same.
    """

    def __init__(self, width: int, heads: int = 4, reach: int = 12, layer_scale: float = 0.1) -> None:
        super().__init__()
        if width % heads:
            raise SettingsError(f"{heads} heads of attention cannot share {width} channels: take a multiple")
        self.heads, self.reach = heads, reach
        self.norm = nn.LayerNorm(width)
        self.look = nn.Linear(width, 3 * width)
        self.bring = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(heads, 2 * reach + 1))
        self.scale = nn.Parameter(torch.full((width,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        seen = self.look(self.norm(x.transpose(1, 2))).unflatten(2, (3, self.heads, -1))
        query, key, value = seen.unbind(dim=2)
        fit = (query[..., None, :] * self._around(key)).sum(dim=4) / math.sqrt(query.shape[3]) + self.bias
        weights = fit.softmax(dim=3).to(value.dtype)
        heard = (weights[..., None] * self._around(value)).sum(dim=3).flatten(2)
        return x + (self.bring(heard) * self.scale).transpose(1, 2)

    def _around(self, each: Tensor) -> Tensor:
        """What lies around each frame; zeros beyond the ends. Shape: [batch, frames, heads, n] to
        [batch, frames, heads, 2 * reach + 1, n]."""
        padded = nn.functional.pad(each, (0, 0, 0, 0, self.reach, self.reach))
        shifted = [padded[:, shift : shift - 2 * self.reach or None] for shift in range(2 * self.reach + 1)]
        return torch.stack(shifted, dim=3)
