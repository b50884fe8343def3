"""Parts of a model that do not learn, such as an encoder whose codes are settled while the decoder goes on learning."""

from __future__ import annotations

from collections.abc import Sequence

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.codebooks import Codebooks
from brevox.nets.model import Model

PARTS = ("encoder", "bottleneck", "decoder")


def freeze(model: Model, parts: Sequence[str]) -> None:
    """Keep the weights of some parts of a model as they are, and their codebooks too.

    Raises:
        SettingsError: there is no such part, or none is left that learns.
    """
    for part in parts:
        if part not in PARTS:
            raise SettingsError(f"frozen can be {', '.join(PARTS)}, not {part!r}")
    for part in parts:
        getattr(model, part).requires_grad_(False)
        for module in getattr(model, part).modules():
            if isinstance(module, Codebooks):
                module.frozen = True
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise SettingsError(f"with {', '.join(parts)} frozen there is nothing left to train")
