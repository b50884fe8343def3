"""The one kind of memory that causal layers have: the last samples of what came in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Past(nn.Module):
    """Puts before what comes in as many samples as came before it; zeros before the beginning.

    Every call is a beginning, but within `going_on`.

    Args:
        channels: of what comes in.
        context: samples put before it, 1 or more.

    Shape: [batch, channels, 1, samples] to [batch, channels, 1, context + samples].
    """

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.channels, self.context = channels, context
        self.held: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.held is None:
            return nn.functional.pad(x, (self.context, 0))
        x = torch.cat([self.held, x], dim=-1)
        self.held = x[..., -self.context :]
        return x


def pasts(network: nn.Module) -> list[Past]:
    """All memories of a network, always in the same order."""
    return [module for module in network.modules() if isinstance(module, Past)]


@contextmanager
def going_on(network: nn.Module, batch: int = 1) -> Iterator[None]:
    """Within it, each call of the network goes on where the one before stopped; the first is a beginning.

    Args:
        network: whose layers are causal.
        batch: items of every call.
    """
    memories = pasts(network)
    like = next(network.parameters())
    for past in memories:
        past.held = like.new_zeros(batch, past.channels, 1, past.context)
    try:
        yield
    finally:
        for past in memories:
            past.held = None


class Stateful(nn.Module):
    """A network with its memory as one vector beside input and output, so that it can be exported.

    Args:
        network: with one input and one output, of which batches of one go through.

    Shape: what the network takes, and [1, size], zeros at the beginning; gives what it gives, and [1, size] for the
    next call.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.memories = pasts(network)
        self.size = sum(past.channels * past.context for past in self.memories)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        parts = state.split([past.channels * past.context for past in self.memories], dim=1)
        for past, part in zip(self.memories, parts, strict=True):
            past.held = part.reshape(1, past.channels, 1, past.context)
        try:
            made = self.network(x)
            left = torch.cat([_held(past).reshape(1, -1) for past in self.memories], dim=1)
        finally:
            for past in self.memories:
                past.held = None
        return made, left


def _held(past: Past) -> Tensor:
    assert past.held is not None
    return past.held
