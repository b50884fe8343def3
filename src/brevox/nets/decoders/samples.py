"""Distributions that a network can give the next sample of sound: mu-law classes, and mixtures of logistics."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from brevox.registry import Registry

DISTRIBUTIONS = Registry("distribution of samples")

_MU = 255
_HALF_STEP = 1 / 65535  # of samples of 16 bits between -1 and 1
_LEAST_LOG_SCALE = -9.0  # about four steps


@DISTRIBUTIONS.register("mulaw")
class MuLaw:
    """256 classes, finer where it is quiet (G.711; WaveNet, van den Oord et al. 2016).

    Attributes:
        channels: of a network's output.
        draws: uniform numbers that a sample takes.
    """

    channels, draws = _MU + 1, 1

    def loss(self, outputs: Tensor, samples: Tensor) -> Tensor:
        """Nats that a sample costs, on average.

        Args:
            outputs: Shape [batch, channels, samples].
            samples: between -1 and 1, Shape [batch, samples].
        """
        return functional.cross_entropy(outputs, self.classes(samples))

    def draw(self, outputs: Tensor, uniform: Tensor) -> Tensor:
        """A sample of each distribution.

        Args:
            outputs: Shape [batch, channels].
            uniform: numbers in [0, 1), Shape [batch, draws].

        Returns:
            Shape [batch].
        """
        below = outputs.softmax(dim=1).cumsum(dim=1) <= uniform
        return self.samples(below.sum(dim=1).clamp(max=_MU).to(outputs))

    def classes(self, samples: Tensor) -> Tensor:
        """The nearest class of each sample, 0 to 255."""
        bent = samples.sign() * torch.log1p(_MU * samples.abs()) / math.log1p(_MU)
        return ((bent.clamp(-1, 1) + 1) / 2 * _MU).round().long()

    def samples(self, classes: Tensor) -> Tensor:
        """What a class stands for."""
        bent = classes * (2 / _MU) - 1
        return bent.sign() * torch.expm1(bent.abs() * math.log1p(_MU)) / _MU


@DISTRIBUTIONS.register("logistics")
class Logistics:
    """Samples of 16 bits by a mixture of logistics, which integrate to the chance of each level (Salimans et al. 2017).

    Args:
        mixtures: how many.

    Attributes:
        channels, draws: as those of `MuLaw`.
    """

    draws = 2

    def __init__(self, mixtures: int = 10) -> None:
        self.channels = 3 * mixtures

    def loss(self, outputs: Tensor, samples: Tensor) -> Tensor:
        """As that of `MuLaw`."""
        return -self.log_chance(outputs, samples).mean()

    def log_chance(self, outputs: Tensor, samples: Tensor) -> Tensor:
        """The logarithm of the chance of each level of 16 bits; Shape [batch, samples]; arguments: see `loss`."""
        weight, mean, log_scale = self._parts(outputs)
        samples = samples[:, None]
        above, below = ((samples + side - mean) * torch.exp(-log_scale) for side in (_HALF_STEP, -_HALF_STEP))
        # log(sigmoid(above) - sigmoid(below)), which cancels for neither narrow nor far logistics.
        width = above - below
        inside = functional.logsigmoid(above) + functional.logsigmoid(-below) + torch.log(-torch.expm1(-width))
        # The ends of the scale take all that lies beyond them.
        top, bottom = samples > 1 - _HALF_STEP, samples < -1 + _HALF_STEP
        chance = torch.where(top, functional.logsigmoid(-below), inside)
        chance = torch.where(bottom, functional.logsigmoid(above), chance)
        return torch.logsumexp(weight.log_softmax(dim=1) + chance, dim=1)

    def draw(self, outputs: Tensor, uniform: Tensor) -> Tensor:
        """As that of `MuLaw`."""
        weight, mean, log_scale = self._parts(outputs)
        below = weight.softmax(dim=1).cumsum(dim=1) <= uniform[:, :1]
        chosen = below.sum(dim=1, keepdim=True).clamp(max=weight.shape[1] - 1)
        mean, log_scale = mean.gather(1, chosen), log_scale.gather(1, chosen)
        spread = torch.logit(uniform[:, 1:], eps=1e-6)
        return (mean + log_scale.exp() * spread)[:, 0].clamp(-1, 1)

    def _parts(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weight, mean, log_scale = outputs.chunk(3, dim=1)
        return weight, mean, log_scale.clamp(min=_LEAST_LOG_SCALE)
