"""Normalising flows: invertible maps of a latent whose change of volume is known (Rezende & Mohamed 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from brevox.registry import Registry

#: A flow maps [batch, latent] to the same, and to the logarithm of its change of volume, [batch].
FLOWS = Registry("flow")


@FLOWS.register("planar")
class PlanarFlow(nn.Module):
    """Layers z + u tanh(w.z + b), u kept where the layer can be inverted (the paper's appendix A.1).

    Args:
        latent: dimensions.
        layers: how many.
    """

    def __init__(self, latent: int, layers: int = 8) -> None:
        super().__init__()
        weight = torch.randn(layers, latent) / latent**0.5
        self.weight = nn.Parameter(weight)
        # Begins as the identity: softplus of this is 1, so that nothing of it is kept.
        self.scale = nn.Parameter(math.log(math.e - 1) * weight / weight.square().sum(dim=1, keepdim=True))
        self.bias = nn.Parameter(torch.zeros(layers))

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        volume = latent.new_zeros(len(latent))
        for scale, weight, bias in zip(self.scale, self.weight, self.bias, strict=True):
            along = weight @ scale
            # w.u >= -1 is what makes it invertible.
            kept = scale + (nn.functional.softplus(along) - 1 - along) * weight / (weight @ weight + 1e-8)
            bent = torch.tanh(latent @ weight + bias)
            volume = volume + torch.log((1 + (1 - bent**2) * (weight @ kept)).abs() + 1e-8)
            latent = latent + kept * bent[:, None]
        return latent, volume


@FLOWS.register("realnvp")
class RealNvpFlow(nn.Module):
    """Affine couplings: half of the dimensions say how the other half is scaled and moved (Dinh et al. 2017).

    Args:
        latent: dimensions.
        layers: couplings; the halves take turns.
        hidden: width of the network in each.
    """

    def __init__(self, latent: int, layers: int = 4, hidden: int = 256) -> None:
        super().__init__()
        half = latent // 2
        sizes = [(half, latent - half) if layer % 2 else (latent - half, half) for layer in range(layers)]
        self.networks = nn.ModuleList(_Coupling(told, moved, hidden) for told, moved in sizes)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        volume = latent.new_zeros(len(latent))
        for network in self.networks:
            latent, change = network(latent)
            volume = volume + change
        return latent, volume


class _Coupling(nn.Module):
    """The first `told` dimensions say how the others are scaled and moved, which then come first."""

    def __init__(self, told: int, moved: int, hidden: int) -> None:
        super().__init__()
        self.sizes = [told, moved]
        self.enter, self.leave = nn.Linear(told, hidden), nn.Linear(hidden, 2 * moved)
        nn.init.zeros_(self.leave.weight)  # begins as the identity
        nn.init.zeros_(self.leave.bias)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        fixed, changed = latent.split(self.sizes, dim=1)
        scale, shift = self.leave(torch.relu(self.enter(fixed))).chunk(2, dim=1)
        scale = torch.tanh(scale)  # keeps exponentials in bounds
        return torch.cat([changed * scale.exp() + shift, fixed], dim=1), scale.sum(dim=1)
