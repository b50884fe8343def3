"""A latent drawn from the normal distribution that the encoder describes (Kingma & Welling 2014), or a flow of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from brevox.nets.bottlenecks.flows import FLOWS
from brevox.nets.parts import BOTTLENECKS

# Of the log variance, so that exponentials stay finite however wrong an encoder begins.
_MOST = 10.0


class Drawn(NamedTuple):
    """A batch of latents.

    mean, log_variance: what the encoder describes, Shape [batch, latent].
    before: what was drawn, Shape [batch, latent].
    latent: that after the flow, if there is one, Shape [batch, latent].
    volume: logarithm of the flow's change of volume, Shape [batch].
    """

    mean: Tensor
    log_variance: Tensor
    before: Tensor
    latent: Tensor
    volume: Tensor


@BOTTLENECKS.register("gaussian")
class GaussianBottleneck(nn.Module):
    """Draws in training; in use the mean itself is what is decoded.

    Args:
        latent: dimensions.
        flow: a section naming a flow (`planar`, `realnvp`), or none.
        noise: whether to draw at all; without, it is a plain autoencoder, or a Wasserstein one with the loss `mmd`.
    """

    def __init__(self, latent: int, flow: Mapping[str, Any] | None = None, noise: bool = True) -> None:
        super().__init__()
        self.flow = FLOWS.build(flow, latent=latent) if flow else None
        self.noise = noise

    def forward(self, described: Tensor) -> Drawn:
        """Shape: [batch, 2, latent]."""
        mean, log_variance = described.float().unbind(dim=1)
        log_variance = log_variance.clamp(-_MOST, _MOST)
        drawn = mean
        if self.training and self.noise:
            drawn = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        latent, volume = (drawn, drawn.new_zeros(len(drawn))) if self.flow is None else self.flow(drawn)
        return Drawn(mean, log_variance, drawn, latent, volume)
