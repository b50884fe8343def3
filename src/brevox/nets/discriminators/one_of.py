"""One discriminator at a time (seed 004): a step costs what one of them costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from brevox.errors import SettingsError
from brevox.nets.discriminators.several import SeveralDiscriminators
from brevox.nets.parts import DISCRIMINATORS


@DISCRIMINATORS.register("one_of")
class OneOfSeveral(SeveralDiscriminators):
    """Of several discriminators only one judges, drawn anew before each step; the others rest and do not learn.

    Args:
        parts: as `several` has them.
        chances: of each, which need not add up to 1; by default all the same.

    Raises:
        SettingsError: parts or chances cannot be.

    Shape: [batch, samples] to a list, the entries of the part that was drawn last.
    """

    def __init__(self, parts: Sequence[Mapping[str, Any]], chances: Sequence[float] | None = None) -> None:
        super().__init__(parts)
        chances = [1.0] * len(self.parts) if chances is None else list(chances)
        if len(chances) != len(self.parts) or min(chances) < 0 or not sum(chances) > 0:
            raise SettingsError(
                f"one_of has {len(self.parts)} parts; it needs as many chances, none below 0: {chances}"
            )
        self.chances = torch.tensor(chances, dtype=torch.float)
        self.drawn = 0

    def draw(self) -> None:
        """Choose who judges next, by PyTorch's random numbers."""
        self.drawn = int(torch.multinomial(self.chances, 1))

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        judgement: list[tuple[Tensor, list[Tensor]]] = self.parts[self.drawn](audio)
        return judgement
