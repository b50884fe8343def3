"""Corpora that need no recordings, for tests and for training runs that must come out in a known way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio.loudness import SPEECH_RMS
from brevox.audio.pitch import PITCH_RATE_HZ
from brevox.data.prepare import Source, clip_arrays
from brevox.errors import SettingsError

#: Samples of one clip at the level of speech, by the name that `--synthetic` takes. Shape: [samples].
SYNTHETIC: dict[str, Callable[[int, np.random.Generator], NDArray[np.float64]]] = {
    # White, of which no part can be told from another: what a codec cannot learn by heart.
    "noise": lambda samples, draw: SPEECH_RMS * draw.standard_normal(samples),
    # One value, up or down: what any codec must learn.
    "constant": lambda samples, draw: np.full(samples, SPEECH_RMS * draw.choice([-1, 1])),
}

_SPLITS = ("train", "train", "train", "valid")
_CLIPS = 3
_CLIP_S = 10


def synthetic_clips(kind: str, seed: int = 0) -> list[tuple[Source, NDArray[np.int16], NDArray[np.uint8]]]:
    """Four speakers of three clips of 10 s, the last for validation; for `brevox.data.prepare.write_corpus`.

    Raises:
        SettingsError: there is no such kind.
    """
    if kind not in SYNTHETIC:
        raise SettingsError(f"there are no synthetic recordings of {kind!r}; there are: {', '.join(SYNTHETIC)}")
    draw = np.random.default_rng(seed)
    clips = []
    for speaker, split in enumerate(_SPLITS):
        for clip in range(_CLIPS):
            audio = SYNTHETIC[kind](_CLIP_S * PITCH_RATE_HZ, draw).astype(np.float32)
            source = Source(Path(f"{kind}-{speaker}-{clip}"), f"{kind}-{speaker}", split)
            clips.append((source, *clip_arrays(audio)))
    return clips
