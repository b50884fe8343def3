"""Residual layers of VQ-VAEs on features of speech (van den Oord et al. 2017; seed 003)."""

from __future__ import annotations

from torch import Tensor, nn


class ResidualStack(nn.Module):
    """Layers that add ReLU, convolution of 3, ReLU, convolution of 1 to what they get; a ReLU at the end.

    Args:
        width: channels.
        layers: each with weights of its own.

    Shape: [batch, width, frames], also what is returned.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_layer(width) for _ in range(layers))

    def forward(self, values: Tensor) -> Tensor:
        for layer in self.layers:
            values = values + layer(values)
        return values.relu()


def _layer(width: int) -> nn.Sequential:
    wide, narrow = nn.Conv1d(width, width, 3, padding=1, bias=False), nn.Conv1d(width, width, 1, bias=False)
    # Not in place: what came in is added to what comes out.
    return nn.Sequential(nn.ReLU(), wide, nn.ReLU(), narrow)
