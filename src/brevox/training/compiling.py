"""Networks made faster by `torch.compile`."""

from __future__ import annotations

import torch
from torch import nn

from brevox.errors import SettingsError


def compile_networks(backend: str, *networks: nn.Module) -> None:
    """Have `torch.compile` make networks faster; nothing if no backend is named.

    Raises:
        SettingsError: there is no such backend.
    """
    if not backend:
        return
    if backend not in torch.compiler.list_backends(exclude_tags=()):
        known = ", ".join(torch.compiler.list_backends())
        raise SettingsError(f"torch has no compiler named {backend!r} for run.compile; there are: {known}")
    for network in networks:
        network.compile(backend=backend)  # in place: the names of the weights stay
