"""How several losses become one: fixed weights, weights by size, or weights by gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from brevox.registry import Registry

BALANCERS = Registry("balancer")


@dataclass(frozen=True)
class Term:
    """A loss on the decoded audio, and what the recipe weights it with."""

    value: Tensor
    weight: float


class Balancer:
    """Adds up losses by their weights alone.

    Args:
        mean: over all devices, of a number; so that all of them go the same way.
    """

    def __init__(self, mean: Callable[[Tensor], Tensor] = lambda number: number) -> None:
        self.mean = mean
        #: Running averages by name, and how many steps are in them; saved in checkpoints.
        self.state: dict[str, tuple[Tensor, int]] = {}

    def total(self, terms: Mapping[str, Term], decoded: Tensor) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Combine losses.

        Args:
            terms: by name.
            decoded: what they were computed of, part of their graph.

        Returns:
            A number to go backward from, and the factor that each loss's gradient came to be multiplied with.
        """
        factors = {name: self.factor(name, term, terms) for name, term in terms.items()}
        total = sum((factors[name] * term.value for name, term in terms.items()), decoded.new_zeros(()))
        return total, factors

    def factor(self, name: str, term: Term, terms: Mapping[str, Term]) -> Tensor | float:
        """What the loss is multiplied with."""
        return term.weight

    def _average(self, name: str, value: Tensor, decay: float) -> Tensor:
        """A running mean of `value`, the first steps of which count fully; the same on all devices."""
        total, steps = self.state.get(name, (torch.zeros_like(value), 0))
        total = decay * total + (1 - decay) * self.mean(value.detach())
        self.state[name] = total, steps + 1
        return total / (1 - decay ** (steps + 1))


@BALANCERS.register("none")
class FixedBalancer(Balancer):
    """The weights of the recipe."""


@BALANCERS.register("ema")
class SizeBalancer(Balancer):
    """Each loss over its running mean: lambda * l / <l> (seed 001). Weights then say shares, whatever the units.

    Args:
        decay: of the running mean.
    """

    def __init__(self, decay: float = 0.999, mean: Callable[[Tensor], Tensor] = lambda number: number) -> None:
        super().__init__(mean)
        self.decay = decay

    def factor(self, name: str, term: Term, terms: Mapping[str, Term]) -> Tensor | float:
        return term.weight / self._average(name, term.value.abs(), self.decay).clamp(min=1e-12)


@BALANCERS.register("gradient")
class GradientBalancer(Balancer):
    """Fixes the norm of the gradient that each loss has on the decoded audio (EnCodec, Defossez et al. 2022).

    The gradient is  norm * sum_i (weight_i / sum of weights) * g_i / <|g_i|>,  with |g| the mean over items of the
    batch of each one's norm, and <> a running mean.

    Args:
        norm: of the gradient if all losses agreed.
        decay: of the running means.
    """

    def __init__(
        self, norm: float = 1.0, decay: float = 0.999, mean: Callable[[Tensor], Tensor] = lambda number: number
    ) -> None:
        super().__init__(mean)
        self.norm, self.decay = norm, decay

    def total(self, terms: Mapping[str, Term], decoded: Tensor) -> tuple[Tensor, dict[str, Tensor | float]]:
        all_weights = sum(term.weight for term in terms.values())
        combined = torch.zeros_like(decoded)
        factors: dict[str, Tensor | float] = {}
        for name, term in terms.items():
            (gradient,) = torch.autograd.grad(term.value, decoded, retain_graph=True)
            size = self._average(name, gradient.flatten(1).norm(dim=1).mean(), self.decay)
            factors[name] = self.norm * term.weight / all_weights / size.clamp(min=1e-12)
            combined += factors[name] * gradient
        # Its gradient by `decoded` is `combined`; its value means nothing.
        return (decoded * combined).sum(), factors
