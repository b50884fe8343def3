"""A self-organising map of image patches beside a plain codebook of the same (seed 004's picture)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from brevox.nets.bottlenecks.neighbourhood import neighbour_distance, snake, topographic_error
from brevox.nets.bottlenecks.rvq import ResidualVQ
from brevox.nets.bottlenecks.som import SomResidualVQ

_BATCH = 512
_PATCHES = 20_000
_JUDGED = 2_000


@dataclass(frozen=True)
class PatchBook:
    """A codebook of patches.

    Args:
        name: what kind it is.
        picture: all codes on their grid, Shape [rows * side, columns * side, 3], 0..1.
        topographic_error: see `brevox.nets.bottlenecks.neighbourhood`.
        neighbour_distance: see there.
        error: root of the mean square of what quantisation changes, of 0..1.
    """

    name: str
    picture: NDArray[np.float32]
    topographic_error: float
    neighbour_distance: float
    error: float


def image_patches(side: int, seed: int = 0) -> torch.Tensor:
    """Pieces of the two photographs that come with scikit-learn. Shape: [patches, side * side * 3], 0..1."""
    rng = np.random.default_rng(seed)
    patches = []
    for image in load_sample_images().images:
        windows = np.lib.stride_tricks.sliding_window_view(image, (side, side), axis=(0, 1))  # [y, x, 3, side, side]
        rows, columns = (rng.integers(size, size=_PATCHES // 2) for size in windows.shape[:2])
        patches.append(windows[rows, columns].transpose(0, 2, 3, 1).reshape(_PATCHES // 2, -1))
    return torch.from_numpy(rng.permutation(np.concatenate(patches)).astype(np.float32) / 255)


def som_demo(
    codes: int = 400,
    side: int = 6,
    steps: int = 800,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda name, share: None,
) -> list[PatchBook]:
    """Train a soft map, a hard one and a plain codebook on the same patches.

    Args:
        codes: of each.
        side: pixels of a patch.
        steps: of 512 patches each.
        seed: of all draws.
        progress: called with a book's name and the share of it that is done.
    """
    patches = image_patches(side, seed)
    radius = max(1.0, codes**0.5 / 3)
    width = patches.shape[1]
    common = {"latent": width, "books": 1, "codes": codes, "decay": 0.9, "dropout": 0.0}
    made = []
    for name in ("soft", "hard", "plain"):
        torch.manual_seed(seed)
        book = (
            ResidualVQ(**common)  # type: ignore[arg-type]
            if name == "plain"
            else SomResidualVQ(**common, kernel=name, radius=radius, shrink_steps=steps)  # type: ignore[arg-type]
        )
        for step in range(steps):
            batch = patches[torch.randint(_PATCHES - _JUDGED, (_BATCH,))]
            book(batch.T[None])
            progress(name, (step + 1) / steps)
        judged, entries = patches[-_JUDGED:], book.codebooks[0].detach()
        error = (book.eval()(judged.T[None]).latent[0].T - judged).square().mean().sqrt().item()
        places = snake(codes)
        made.append(
            PatchBook(
                name,
                _on_grid(entries.numpy(), places.numpy(), side),
                topographic_error(judged, entries, places),
                neighbour_distance(entries, places),
                error,
            )
        )
    return made


def _on_grid(entries: NDArray[np.float32], places: NDArray[np.int64], side: int) -> NDArray[np.float32]:
    rows, columns = places.max(axis=0) + 1
    picture = np.ones((rows, side, columns, side, 3), dtype=np.float32)
    picture[places[:, 0], :, places[:, 1]] = entries.reshape(-1, side, side, 3).clip(0, 1)
    return picture.reshape(rows * side, columns * side, 3)


def draw(books: list[PatchBook]) -> Figure:
    """The books side by side."""
    figure = Figure(figsize=(5 * len(books), 6), layout="constrained")
    for axes, book in zip(figure.subplots(1, len(books), squeeze=False)[0], books, strict=True):
        axes.imshow(book.picture, interpolation="nearest")
        axes.set_title(
            f"{book.name}: topographic error {book.topographic_error:.2f},\n"
            f"neighbours {book.neighbour_distance:.2f} of all pairs apart, error {book.error:.3f}",
            fontsize=10,
        )
        axes.set_axis_off()
    return figure
