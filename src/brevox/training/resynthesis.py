"""From a recording to units of speech and back to sound, in the voice of any speaker that training heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from brevox.data.features import clip_features
from brevox.errors import SettingsError
from brevox.training.checkpoint import BEST
from brevox.training.units_task import load_units


def resynthesise(run: Path, clip: Path, speaker: str | None = None, seed: int = 0) -> tuple[NDArray[np.float32], int]:
    """Say a recording anew.

    Args:
        run: the folder of a run, of which the best is taken, or a checkpoint.
        clip: what is said; silence at its ends is left out.
        speaker: whose voice says it; the first of the training by default.
        seed: of the draws of samples.

    Returns:
        The sound, Shape [samples], and its rate in Hz.

    Raises:
        AudioFileError, DataError: the checkpoint or the clip cannot be read, or there is no sound in it.
        SettingsError: the run's decoder does not make sound, or it knows no such speaker.
    """
    model, state = load_units(run / BEST if run.is_dir() else run)
    if model.target != "audio":
        raise SettingsError(f"the decoder of {run} makes {model.target}, not sound; see recipes/vqvae-wavenet.yaml")
    speakers: list[str] = state["speakers"]
    if speaker is not None and speaker not in speakers:
        raise SettingsError(f"{run} knows no speaker {speaker!r}; it knows: {', '.join(speakers)}")
    number = 0 if speaker is None else speakers.index(speaker)
    features = torch.from_numpy(clip_features(clip).kinds[model.inputs])
    torch.manual_seed(seed)
    audio = model.decode(model.observe(features[None]).codes, torch.tensor([number]))
    return audio[0].numpy(), model.sample_rate
