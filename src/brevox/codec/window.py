"""A piece of a recording on its way to the networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Window:
    """What is needed to code a chunk, but for the model: see `Codec.windows`.

    first_frame: of the chunk, counted from the recording's beginning.
    left: frames of context before the chunk.
    samples: of the chunk.
    audio: at the level of training, with context, whole frames. Shape [channels, left + chunk + right samples].
    pitch: codes, Shape [channels, pitches]; None if the model does without.
    levels: of the chunk in each channel, see brevox.codec.level.
    latent: what is to be quantised, if it is known already, Shape [channels, latent, frames of the chunk].
    """

    first_frame: int
    left: int
    samples: int
    audio: NDArray[np.float32]
    pitch: NDArray[np.uint8] | None
    levels: tuple[int, ...]
    latent: NDArray[np.float32] | None = None
