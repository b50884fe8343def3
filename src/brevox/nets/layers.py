"""The layers of a network as a table: what each makes, and how many parameters it has."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layer(NamedTuple):
    """One layer without layers of its own.

    name: its place in the network.
    kind: its class.
    shape: of what it makes.
    parameters: how many it has.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


@torch.no_grad()
def layers(network: nn.Module, *example: Tensor) -> list[Layer]:
    """Run a network once, in evaluation mode, and list its layers in the order in which they ran."""
    found: list[Layer] = []
    hooks = [
        layer.register_forward_hook(
            lambda layer, _, made, name=name: found.append(
                Layer(name, type(layer).__name__, tuple(made.shape), sum(value.numel() for value in layer.parameters()))
            )
        )
        for name, layer in network.named_modules()
        if not list(layer.children())
    ]
    was_training = network.training
    network.eval()(*example)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return found
