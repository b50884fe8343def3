"""The grid of a self-organising map (Kohonen 1982; Irie, Csordas and Schmidhuber 2023, arXiv 2302.07950; seed 004)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError

KERNELS = ("soft", "hard")


class Neighbourhood(nn.Module):
    """Codes on a grid, as near to a square as their number allows, and how far a vector pulls its code's neighbours.

    Codes lie along a snake, left to right and back, so that a code's number one off is a neighbour on the grid too.

    Args:
        codes: of the book.
        kernel: `soft`, exp(-d^2 / (2 r^2)) with d the distance on the grid, or `hard`, 1 within r and 0 beyond.
        radius, last_radius: r at the first step and from `shrink_steps` on, in steps of the grid; between them it
            shrinks by the same factor in each step. Below 1, `hard` moves nothing but the code itself.
        shrink_steps: see there.

    Raises:
        SettingsError: no such kernel, or the radii do not shrink.
    """

    places: Tensor
    distances: Tensor

    def __init__(
        self, codes: int, kernel: str = "soft", radius: float = 4.0, last_radius: float = 0.5, shrink_steps: int = 2000
    ) -> None:
        super().__init__()
        if kernel not in KERNELS:
            raise SettingsError(f"the map's kernel is one of {', '.join(KERNELS)}, not {kernel!r}")
        if not 0 < last_radius <= radius or shrink_steps < 1:
            raise SettingsError(
                f"a map's radius must shrink, to above 0, in 1 step or more; not from {radius} to {last_radius} in "
                f"{shrink_steps}"
            )
        self.kernel, self.first, self.last, self.shrink_steps = kernel, radius, last_radius, shrink_steps
        self.register_buffer("places", snake(codes), persistent=False)
        self.register_buffer("distances", torch.cdist(self.places.float(), self.places.float()), persistent=False)

    def radius(self, step: int) -> float:
        """How far neighbours are pulled at a step of training, counted from 1."""
        share = min(1.0, (step - 1) / self.shrink_steps)
        return float(self.first * (self.last / self.first) ** share)

    def weights(self, step: int) -> Tensor:
        """How much a vector of one code (row) pulls each other (column). Shape: [codes, codes]; 1 on the diagonal."""
        radius = self.radius(step)
        if self.kernel == "hard":
            return (self.distances <= radius).float()
        return torch.exp(-self.distances.square() / (2 * radius**2))

    def spread(self, counts: Tensor, sums: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Let neighbours have their share: of how many vectors chose each code, Shape [codes], and of their sums."""
        weights = self.weights(step)
        return counts @ weights, weights.T @ sums


def snake(codes: int) -> Tensor:
    """Row and column of each code on a near-square grid, every second row from right to left. Shape: [codes, 2]."""
    columns = math.ceil(math.sqrt(codes))
    number = torch.arange(codes)
    row, column = number // columns, number % columns
    return torch.stack([row, torch.where(row % 2 == 1, columns - 1 - column, column)], dim=1)


def topographic_error(vectors: Tensor, entries: Tensor, places: Tensor) -> float:
    """Share of the vectors whose two nearest codes do not touch on the grid, diagonally neither (Kiviluoto 1996).

    Args:
        vectors: one or more, Shape [vectors, width].
        entries: of the book, two or more, Shape [codes, width].
        places: Shape [codes, 2].
    """
    nearest = torch.cdist(vectors, entries).topk(2, largest=False).indices
    apart = (places[nearest[:, 0]] - places[nearest[:, 1]]).abs().amax(dim=1)
    return (apart > 1).double().mean().item()


def neighbour_distance(entries: Tensor, places: Tensor) -> float:
    """Mean distance of entries that lie side by side, over that of all pairs: 1 if the grid means nothing."""
    apart = (places[:, None] - places[None]).abs().sum(dim=2)
    distance = torch.cdist(entries, entries)
    return (distance[apart == 1].mean() / distance[apart > 0].mean()).item()
