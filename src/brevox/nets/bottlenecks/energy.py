"""The energy transformer (Hoover et al. 2023, arXiv 2302.07253) as a bottleneck, or before one (seed 004)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.feature_maps import check_numbers
from brevox.nets.parts import BOTTLENECKS

_START = 0.02


class EnergyTransformer(nn.Module):
    """Frames fall down an energy: x <- x - step * dE/dg with g = LayerNorm(x), the same E again and again.

    E(g) = attention + memory:

        attention  -1/beta sum_heads sum_c log sum_b exp(beta K_b . Q_c)      K = W_K g, Q = W_Q g, |b - c| <= window
        memory     -1/2 sum_b sum_m relu(xi_m . g_b)^2                        a modern Hopfield network

    LayerNorm is the gradient of a convex function, so that a small step never raises E. One that was too large, and
    would, is not taken: the energy never rises, whatever the weights. Unlike the paper a frame attends to itself too
    (a lone frame has no other), and to no more than `window` frames around it. E sees the future: not for streaming.

    Args:
        width: channels.
        iterations: steps down; 0 leaves x as it is.
        step: their size.
        heads, head_width: of the attention.
        memories: of the Hopfield network.
        window: frames to either side that attention reaches.

    Shape: [batch, width, frames] to the same.
    """

    def __init__(
        self, width: int, iterations: int, step: float, heads: int, head_width: int, memories: int, window: int
    ) -> None:
        super().__init__()
        self.iterations, self.step, self.window = iterations, step, window
        self.beta = head_width**-0.5
        self.norm = nn.LayerNorm(width)
        # Small at first, as the authors have it: larger ones pull all frames into a few valleys before anything is
        # learned (17 of 256 codes were left in use).
        self.keys = nn.Parameter(_START * torch.randn(heads, head_width, width))
        self.queries = nn.Parameter(_START * torch.randn(heads, head_width, width))
        self.memories = nn.Parameter(_START * torch.randn(memories, width))

    def forward(self, x: Tensor) -> Tensor:
        # Half precision is too coarse to tell whether an energy rose.
        with torch.autocast(x.device.type, enabled=False):
            hidden = x.float().transpose(1, 2)
            if self.iterations:
                energy, slope = self.descent(self.norm(hidden))
            for _ in range(self.iterations):
                there = hidden - self.step * slope
                energy_there, slope_there = self.descent(self.norm(there))
                falls = (energy_there <= energy)[:, None, None]
                hidden = torch.where(falls, there, hidden)
                slope = torch.where(falls, slope_there, slope)
                energy = torch.where(falls[:, 0, 0], energy_there, energy)
        return hidden.transpose(1, 2)

    def energy(self, x: Tensor) -> Tensor:
        """E of each item. Shape: [batch, width, frames] to [batch]."""
        return self.descent(self.norm(x.float().transpose(1, 2)))[0]

    def descent(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """E, Shape [batch], and dE/dg, for g of the Shape [batch, frames, width]."""
        # Products of two matrices at a time: they are what exporters know.
        keys, queries = (g[:, None] @ weight.transpose(1, 2) for weight in (self.keys, self.queries))
        scores = self.beta * (queries @ keys.transpose(2, 3))  # [batch, heads, querying, queried]
        place = torch.arange(g.shape[1], device=g.device)
        far = (place[:, None] - place[None]).abs() > self.window
        scores = scores.masked_fill(far, float("-inf"))
        attention = -scores.logsumexp(dim=3).sum(dim=(1, 2)) / self.beta
        shares = scores.softmax(dim=3)
        slope = -((shares @ keys) @ self.queries + (shares.transpose(2, 3) @ queries) @ self.keys).sum(dim=1)
        recalled = (g @ self.memories.T).relu()
        memory = -recalled.square().sum(dim=(1, 2)) / 2
        return attention + memory, slope - recalled @ self.memories


@BOTTLENECKS.register("energy")
class EnergyBottleneck(nn.Module):
    """An energy transformer, and behind it another bottleneck or none.

    Without one the latent stays as many real numbers as it was: there are no codes, hence **no bit rate**, and nothing
    can be exported. Such a model tells what the energy does to an autoencoder, not what a codec would be.

    Args:
        latent: channels.
        then: a section that names the bottleneck behind it, or nothing.
        iterations, step, heads, head_width, memories, window: see `EnergyTransformer`.

    Raises:
        SettingsError: a number is out of its range.
    """

    def __init__(
        self,
        latent: int,
        then: Mapping[str, Any] | None = None,
        iterations: int = 6,
        step: float = 0.1,
        heads: int = 4,
        head_width: int = 32,
        memories: int = 256,
        window: int = 16,
    ) -> None:
        super().__init__()
        check_numbers("heads, head_width and memories", [heads, head_width, memories])
        check_numbers("iterations and window", [iterations, window], least=0)
        if not step > 0:
            raise SettingsError(f"the energy's step must be above 0, not {step}")
        self.before = EnergyTransformer(latent, iterations, step, heads, head_width, memories, window)
        self.then = None if then is None else BOTTLENECKS.build(then, latent=latent)
        self.books = 0 if self.then is None else self.then.books
        self.codes = 0 if self.then is None else self.then.codes

    def forward(self, latent: Tensor, books: Tensor | None = None) -> Quantised:
        """As `ResidualVQ.forward`; of `codes` there are none without a bottleneck behind."""
        settled = self.before(latent)
        if self.then is not None:
            quantised: Quantised = self.then(settled, books)
            return quantised
        batch, _, frames = latent.shape
        return Quantised(settled, torch.zeros(batch, 0, frames, dtype=torch.long), settled.new_zeros(()))

    def exported(self) -> dict[str, Tensor]:
        """What `brevox.codec.quantise` works with: see the bottleneck behind.

        Raises:
            SettingsError: there is none.
        """
        books: dict[str, Tensor] = self._then().exported()
        return books

    def decode(self, codes: Tensor) -> Tensor:
        """Codes to the latent, as the bottleneck behind does it."""
        latent: Tensor = self._then().decode(codes)
        return latent

    def _then(self) -> Any:
        if self.then is None:
            raise SettingsError("an energy transformer alone makes no codes: give it a bottleneck behind it (then:)")
        return self.then
