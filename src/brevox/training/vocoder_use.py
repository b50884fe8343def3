"""Trained networks of the vocoder on files of features: outputs, latents out and in, and what distortion is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from brevox.errors import DataError, SettingsError
from brevox.nets.vocoder.model import VocoderModel
from brevox.training.recipe import FrameSettings
from brevox.training.vocoder_task import choose_frames, levels_of, load_vocoder, summed_up
from brevox.vocoder.envelope import B_COLUMNS, Y_COLUMNS
from brevox.vocoder.feature_files import read_features

Rows = NDArray[np.float32]


@dataclass
class Trained:
    """A network and the features of a recording that it is tried on.

    Attributes:
        model: ready for use.
        gamma: of the loss it was trained with; of a squared error that of the seed, 0.5.
        rows: what it takes. Shape: [frames, 22 or 79].
        original: what it should make, if that is known. Shape: [frames, 22 or 79].
        chosen: whether a frame would have been trained on, if that is known. Shape: [frames].
    """

    model: VocoderModel
    gamma: float
    rows: Rows
    original: Rows | None
    chosen: NDArray[np.bool_] | None

    def report(self, made: Rows) -> dict[str, dict[str, float]]:
        """Spectral distortion of what was made: of `all frames`, and of those `as in training`; nothing without an
        original."""
        if self.original is None or not len(made):
            return {}
        levels, target = (levels_of(self.model.target, rows) for rows in (made, self.original))
        found = {"all frames": summed_up(levels, target)}
        if self.chosen is not None and self.chosen.any():
            found["frames as in training"] = summed_up(levels, target, np.flatnonzero(self.chosen))
        return found


def open_trained(
    checkpoint: Path, b: Path | None, y: Path | None, noise_var: float | None = None, seed: int = 0
) -> Trained:
    """Read a network, and features for it.

    Args:
        checkpoint: the file, or the folder of a run, of which the best is taken.
        b, y: files of features; what the network takes has to be there, what it makes may be.
        noise_var: of the noise in its narrow place, if not that of the training.
        seed: of the noise.

    Raises:
        DataError: a file cannot be read, or they differ in length.
        SettingsError: a file is missing, or the network has no place for noise.
    """
    model, state = load_vocoder(checkpoint)
    if noise_var is not None:
        model.noise_var = noise_var
    torch.manual_seed(seed)
    wanted = "y" if model.inputs == "y" else "b"
    if (y if wanted == "y" else b) is None:
        raise SettingsError(f"this network takes {wanted}: name that file with --{wanted}")
    read_b = None if b is None else read_features(b, B_COLUMNS)
    read_y = None if y is None else read_features(y, Y_COLUMNS)
    if read_b is not None and read_y is not None and len(read_b) != len(read_y):
        raise DataError(f"{b} has {len(read_b):,} frames and {y} {len(read_y):,}: they are not of one recording")
    rows = read_y if wanted == "y" else read_b
    if rows is None or not len(rows):
        raise DataError(f"{y if wanted == 'y' else b} holds no frames")
    chosen = None
    if read_b is not None:
        chosen = choose_frames(read_b, FrameSettings(**state["recipe"]["data"]["frames"]))
    gamma = float(state["recipe"]["losses"][0].get("gamma", 0.5))
    return Trained(model, gamma, rows, read_y if model.target == "y" else read_b, chosen)
