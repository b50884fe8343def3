"""The map of an audio codec's codebook: each code where it lies on its grid, and what it sounds like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from brevox.audio.excitation import white_noise
from brevox.audio.pitch import PITCH_CHANNELS, PITCH_HOP
from brevox.data.corpus import Corpus
from brevox.losses.spectrogram import magnitude, spectrogram
from brevox.nets.bottlenecks.neighbourhood import neighbour_distance, snake, topographic_error
from brevox.nets.codec import Hearing, NeuralCodec
from brevox.training.export import load_trained
from brevox.training.validation import valid_clips

_CLIPS, _CLIP_S = 24, 6.0
_HELD_FRAMES = 24  # a code repeated for so long settles
_WINDOW = 512


@dataclass(frozen=True)
class CodeMap:
    """The first book of a codec. All arrays have the Shape [codes].

    Args:
        name: of the run.
        places: Shape [codes, 2].
        uses: how often each occurs in validation.
        apart: mean distance to the entries beside it, over the mean distance of all pairs.
        centroid_hz: of the spectrum of what is decoded if the code is repeated.
        level_db: of that, re full scale.
        topographic_error, neighbour_distance: see `brevox.nets.bottlenecks.neighbourhood`.
    """

    name: str
    places: NDArray[np.int64]
    uses: NDArray[np.int64]
    apart: NDArray[np.float32]
    centroid_hz: NDArray[np.float32]
    level_db: NDArray[np.float32]
    topographic_error: float
    neighbour_distance: float


@torch.no_grad()
def code_map(checkpoint: Path, corpus: Path | None = None) -> CodeMap:
    """Look at the first book of a trained codec. What it sounds like is without pitch, where it sends one.

    Args:
        checkpoint: of `brevox train`.
        corpus: whose validation split tells what is used; that of the training by default.

    Raises:
        DataError: checkpoint or corpus cannot be read.
        SettingsError: the codec has no codebooks.
    """
    model, state = load_trained(checkpoint)
    entries = torch.as_tensor(model.bottleneck.exported()["codebooks"])[0]  # type: ignore[operator]
    clips = valid_clips(Corpus(corpus or Path(state["recipe"]["data"]["corpus"]), "valid"), _CLIPS, _CLIP_S, model)
    hearing = Hearing(model)
    latents = torch.cat(
        [hearing(*(clip[name] for name in ("audio", "condition") if name in clip))[0].T for clip in clips]
    )
    nearest = torch.cdist(latents, entries).argmin(dim=1)
    places = snake(len(entries))
    centroids, levels = zip(*(_sound(model, entry) for entry in entries), strict=True)
    distances = torch.cdist(entries, entries)
    beside = ((places[:, None] - places[None]).abs().sum(dim=2) == 1).float()
    apart = (distances * beside).sum(dim=1) / beside.sum(dim=1) / distances.mean()
    return CodeMap(
        checkpoint.parent.name,
        places.numpy(),
        torch.bincount(nearest, minlength=len(entries)).numpy(),
        apart.numpy(),
        np.array(centroids, dtype=np.float32),
        np.array(levels, dtype=np.float32),
        topographic_error(latents, entries, places),
        neighbour_distance(entries, places),
    )


def _sound(model: NeuralCodec, entry: Tensor) -> tuple[float, float]:
    """Centroid, Hz, and level, dB, of one code held."""
    condition = excitation = None
    if model.pitch:
        pitches = _HELD_FRAMES * model.hop // PITCH_HOP
        condition = torch.zeros(1, PITCH_CHANNELS, pitches)
        noise = torch.from_numpy(white_noise(0, pitches))
        excitation = torch.stack([torch.zeros_like(noise), noise])[None]
    audio = model.decode(entry[None, :, None].repeat(1, 1, _HELD_FRAMES), condition, excitation)
    audio = audio[:, audio.shape[1] // 2 :]
    power = magnitude(spectrogram(audio, _WINDOW, _WINDOW // 4)).square().mean(dim=(0, 2))
    hz = torch.linspace(0, model.sample_rate / 2, len(power))
    return ((power * hz).sum() / power.sum()).item(), (10 * torch.log10(audio.square().mean() + 1e-10)).item()


def draw(found: CodeMap) -> Figure:
    """Four pictures of the same grid."""
    figure = Figure(figsize=(17, 4.6), layout="constrained")
    figure.suptitle(
        f"{found.name}, first book: {np.count_nonzero(found.uses)} of {len(found.uses)} codes used, topographic error "
        f"{found.topographic_error:.2f}, neighbours {found.neighbour_distance:.2f} of all pairs apart"
    )
    uses = np.where(found.uses > 0, found.uses, np.nan)
    panels = (
        ("uses in validation", uses, LogNorm()),
        ("distance to the codes beside it", found.apart, None),
        ("sounds like: spectral centroid, Hz", found.centroid_hz, None),
        ("sounds like: level, dB", found.level_db, None),
    )
    for axes, (title, values, norm) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        grid = np.full(found.places.max(axis=0) + 1, np.nan)
        grid[found.places[:, 0], found.places[:, 1]] = values
        image = axes.imshow(grid, cmap="cividis", norm=norm, interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
        figure.colorbar(image, ax=axes, shrink=0.8)
    return figure
