"""What a model made of some utterances: all that the evaluations look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.data.alignment import Segment
from brevox.errors import DataError


@dataclass(frozen=True)
class Observed:
    """One utterance as a model sees it. Time is the first axis everywhere.

    Args:
        name: of the utterance.
        speaker: who says it.
        codes: one a frame. Shape: [frames].
        latents: the encoder's output before quantisation. Shape: [frames, dims].
        features: what the encoder saw. Shape: [feature_frames, in_dims].
        target: what the decoder should give. Shape: [feature_frames, out_dims].
        decoded: what it gives. Shape: [feature_frames, out_dims].
        audio: Shape [samples].
        segments: phones; empty if there is no alignment. Silence is left out of them.
    """

    name: str
    speaker: str
    codes: NDArray[np.int64]
    latents: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    target: NDArray[np.float32] | None = None
    decoded: NDArray[np.float32] | None = None
    audio: NDArray[np.float32] | None = None
    segments: tuple[Segment, ...] = ()

    @property
    def frames(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class Observation:
    """The utterances of one split as one model sees them. Frame i covers the seconds from i to i + 1 times `frame_s`.

    Args:
        name: of the run.
        split: of the corpus.
        utterances: those without a frame are left out of everything; see `empty`.
        codebook: Shape [codes, dims].
        frame_s: seconds of a code.
        sample_rate: of the audio, in Hz.

    Raises:
        DataError: no utterance has a frame, or codes, latents and codebook do not fit each other.
    """

    name: str
    split: str
    utterances: tuple[Observed, ...]
    codebook: NDArray[np.float32]
    frame_s: float
    sample_rate: int

    def __post_init__(self) -> None:
        if not self.spoken:
            raise DataError(f"{self.name}: no utterance of the split {self.split!r} is as long as one frame")
        for one in self.spoken:
            if one.codes.ndim != 1 or one.latents.shape != (one.frames, self.codebook.shape[1]):
                raise DataError(
                    f"{self.name}, {one.name}: codes {one.codes.shape} and latents {one.latents.shape} are not one a "
                    f"frame with {self.codebook.shape[1]} numbers each"
                )
            if one.codes.min() < 0 or one.codes.max() >= self.size:
                raise DataError(f"{self.name}, {one.name}: its codes are not below {self.size}")

    @property
    def size(self) -> int:
        """Codes that there are, used or not."""
        return len(self.codebook)

    @property
    def frame_rate_hz(self) -> float:
        return 1 / self.frame_s

    @property
    def spoken(self) -> tuple[Observed, ...]:
        """The utterances that have a frame at least."""
        return tuple(one for one in self.utterances if one.frames)

    @property
    def empty(self) -> tuple[str, ...]:
        """The names of the others."""
        return tuple(one.name for one in self.utterances if not one.frames)

    @property
    def aligned(self) -> tuple[Observed, ...]:
        """The utterances of which it is known which phone is where.

        Raises:
            DataError: there are none.
        """
        found = tuple(one for one in self.spoken if one.segments)
        if not found:
            raise DataError(
                f"{self.name}: no utterance of the split {self.split!r} has an alignment, and without one nobody knows "
                "which phones are spoken; docs/analysis.md tells how to give it"
            )
        return found

    @property
    def frames(self) -> int:
        return sum(one.frames for one in self.utterances)

    @property
    def seconds(self) -> float:
        return self.frames * self.frame_s

    @property
    def codes(self) -> NDArray[np.int64]:
        """All codes, one utterance after the other. Shape: [frames]."""
        return np.concatenate([one.codes for one in self.spoken])

    @property
    def latents(self) -> NDArray[np.float32]:
        """Shape: [frames, dims]."""
        return np.concatenate([one.latents for one in self.spoken])


def some(items: int, most: int, seed: int = 0) -> NDArray[np.int64]:
    """At most so many of so many places, drawn at random, in order; the same for the same seed."""
    if items <= most:
        return np.arange(items)
    return np.sort(np.random.default_rng(seed).choice(items, most, replace=False))
