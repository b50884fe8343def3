"""The registry in which augmentations are found by name, and the chain of them that a recipe lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.errors import SettingsError
from brevox.registry import Registry

AUGMENTATIONS = Registry("augmentation")

#: Samples, Shape: [320 * frames], and the pitch codes that belong to them, Shape: [frames].
Crop = tuple[NDArray[np.float32], NDArray[np.uint8]]


class Augmentation:
    """A random change of a crop and, where it changes pitch or time, of its pitch codes."""

    def frames_needed(self, frames: int) -> int:
        """How many frames it must be given to return at least `frames`."""
        return frames

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        """Change a crop, or return it as it is.

        Args:
            audio: Shape: [320 * frames].
            codes: pitch, Shape: [frames].
            draw: all that is random must come from here, so that an item depends on its number alone.
        """
        raise NotImplementedError


class Chain:
    """Augmentations one after the other, each with its probability.

    Args:
        sections: of a recipe, each with a `name`, a `probability` (1 if there is none) and what the augmentation takes.

    Raises:
        SettingsError: no such augmentation, or a setting that it does not take or that cannot work.
    """

    def __init__(self, sections: Sequence[Mapping[str, Any]]) -> None:
        self.steps: list[tuple[float, Augmentation]] = []
        for section in sections:
            probability = section.get("probability", 1.0)
            if isinstance(probability, bool) or not isinstance(probability, (int, float)) or not 0 <= probability <= 1:
                raise SettingsError(f"an augmentation's probability must lie between 0 and 1, not be {probability!r}")
            arguments = {key: value for key, value in section.items() if key != "probability"}
            self.steps.append((probability, AUGMENTATIONS.build(arguments)))

    def frames_needed(self, frames: int) -> int:
        """How many frames to give to get at least `frames`."""
        for _, augmentation in reversed(self.steps):
            frames = augmentation.frames_needed(frames)
        return frames

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        """Apply them. Shapes: [320 * frames] and [frames], to no fewer frames than were asked of `frames_needed`."""
        for probability, augmentation in self.steps:
            if draw.random() < probability:
                audio, codes = augmentation(audio, codes, draw)
        return audio, codes


def checked_range(what: str, values: Any, least: float, most: float) -> tuple[float, float]:
    """A setting `[low, high]` as two numbers.

    Raises:
        SettingsError: it is none, or goes beyond `least` or `most`.
    """
    try:
        low, high = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{what} must be two numbers, [low, high], not {values!r}") from error
    if not least <= low <= high <= most:
        raise SettingsError(f"{what} must be [low, high] between {least:g} and {most:g}, not {values!r}")
    return low, high
