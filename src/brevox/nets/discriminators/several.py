"""Several discriminators as one, as HiFi-GAN (Kong et al. 2020) and DAC (Kumar et al. 2023) have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.parts import DISCRIMINATORS


@DISCRIMINATORS.register("several")
class SeveralDiscriminators(nn.Module):
    """What its parts say, one after the other.

    Losses are means over all entries, so a part weighs as much as it has entries: 5 periods, 3 resolutions.

    Args:
        parts: a section of a recipe for each, such as `[{name: period}, {name: bands, channels: 32}]`.

    Raises:
        SettingsError: no parts, or one of them cannot be made.

    Shape: [batch, samples] to a list, the entries of the first part, then those of the second, and so on.
    """

    def __init__(self, parts: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        if not isinstance(parts, Sequence) or not parts or not all(isinstance(part, Mapping) for part in parts):
            raise SettingsError(
                f"the parts must be a list of sections such as [{{name: period}}, {{name: bands}}], not {parts!r}"
            )
        self.parts = nn.ModuleList(DISCRIMINATORS.build(part) for part in parts)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        return [entry for part in self.parts for entry in part(audio)]
