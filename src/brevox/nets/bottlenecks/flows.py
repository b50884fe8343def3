"""Normalising flows: invertible maps of a latent whose change of volume is known (Rezende & Mohamed 2015)."""

from __future__ import annotations

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
        self.scale = nn.Parameter(0.01 * torch.randn(layers, latent))
        self.weight = nn.Parameter(0.01 * torch.randn(layers, latent))
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
        self.half = latent // 2
        self.sizes = [
            (self.half, latent - self.half) if i % 2 else (latent - self.half, self.half) for i in range(layers)
        ]
        self.networks = nn.ModuleList(
            nn.Sequential(nn.Linear(told, hidden), nn.ReLU(), nn.Linear(hidden, 2 * moved))
            for told, moved in self.sizes
        )
        for network in self.networks:
            last = network[-1]
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)  # begins as the identity
            nn.init.zeros_(last.bias)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        volume = latent.new_zeros(len(latent))
        for network, (told, moved) in zip(self.networks, self.sizes, strict=True):
            fixed, changed = latent.split([told, moved], dim=1)
            scale, shift = network(fixed).chunk(2, dim=1)
            scale = torch.tanh(scale)  # keeps exponentials in bounds
            volume = volume + scale.sum(dim=1)
            latent = torch.cat([changed * scale.exp() + shift, fixed], dim=1)
        return latent, volume
