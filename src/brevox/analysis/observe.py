"""An observation of a run: its model, and what that makes of a split of its corpus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from brevox.analysis.kmeans import pooled
from brevox.analysis.observed import Observation, Observed
from brevox.data.features import FeatureFile, Utterance
from brevox.nets.units import FRAMES_A_CODE, UnitsModel
from brevox.training.checkpoint import BEST, LAST
from brevox.training.units_task import load_units


def observe(
    run: Path,
    split: str = "valid",
    checkpoint: str | None = None,
    utterances: int | None = None,
    corpus: Path | None = None,
) -> Observation:
    """Let the model of a run look at utterances.

    Args:
        run: its folder.
        split: of the corpus.
        checkpoint: the file's name; by default that of the best step, or of the last if there is no best one yet.
        utterances: so many of the split at most, spread over it; all by default.
        corpus: a features file; by default the one that the model was trained on.

    Raises:
        DataError: there is no checkpoint, no corpus, or no such split.
        SettingsError: the run did not learn units.
    """
    model, file, voices = _open(run, checkpoint, corpus)
    found = _some_of(file, split, utterances)
    return Observation(
        run.resolve().name,
        split,
        tuple(_observe(model, file, utterance, voices) for utterance in found),
        codebook_of(model),
        model.hop / model.sample_rate,
        model.sample_rate,
    )


def training_features(run: Path, utterances: int, corpus: Path | None = None) -> NDArray[np.float32]:
    """What the encoder of a run saw in training, averaged over the time of a code, for others to learn from it.

    Args:
        run: its folder.
        utterances: so many at most, spread over the split `train`.
        corpus: see `observe`.

    Returns:
        Shape [frames, in_dims].

    Raises:
        DataError: see `observe`.
    """
    model, file, _ = _open(run, None, corpus)
    return np.concatenate(
        [
            pooled(file.read(model.inputs, one.first_frame, one.frames), one.frames // FRAMES_A_CODE)
            for one in _some_of(file, "train", utterances)
            if one.frames >= FRAMES_A_CODE
        ]
    )


def _open(run: Path, checkpoint: str | None, corpus: Path | None) -> tuple[UnitsModel, FeatureFile, list[str]]:
    """The model, the corpus, and the names of the speakers that the model knows."""
    model, state = load_units(run / (checkpoint or (BEST if (run / BEST).exists() else LAST)))
    return model, FeatureFile(corpus or Path(state["recipe"]["data"]["corpus"])), state["speakers"]


def _some_of(file: FeatureFile, split: str, most: int | None) -> list[Utterance]:
    """Utterances of a split, at most so many, spread over it."""
    found = file.of_split(split)
    if most is None or most >= len(found):
        return found
    return [found[place] for place in np.linspace(0, len(found) - 1, most).astype(int)]


def codebook_of(model: UnitsModel) -> NDArray[np.float32]:
    """The codes' vectors. Shape: [codes, dims]."""
    codebooks = cast(torch.Tensor, model.bottleneck.codebooks)
    return codebooks[0].detach().cpu().numpy().astype(np.float32)


def _observe(model: UnitsModel, file: FeatureFile, utterance: Utterance, voices: list[str]) -> Observed:
    speaker = file.speakers[utterance.speaker]
    frames = utterance.frames // FRAMES_A_CODE * FRAMES_A_CODE
    features = file.read(model.inputs, utterance.first_frame, frames)
    dims = codebook_of(model).shape[1]
    seen = Observed(
        utterance.name,
        speaker,
        np.zeros(0, np.int64),
        np.zeros((0, dims), np.float32),
        features,
        audio=file.read("audio", utterance.first_frame, frames),
        segments=file.segments(utterance),
    )
    if not frames:
        return seen
    codes, latent = model.observe(torch.from_numpy(features)[None])
    seen = replace(seen, codes=codes[0].numpy().astype(np.int64), latents=latent[0].numpy())
    # Sound takes minutes to make, and a voice that the model does not know cannot be had.
    if model.target == "audio" or speaker not in voices:
        return seen
    decoded = model.decode(codes, torch.tensor([voices.index(speaker)]))
    target = file.read(model.target, utterance.first_frame, frames)
    return replace(seen, target=target, decoded=decoded[0].numpy())
