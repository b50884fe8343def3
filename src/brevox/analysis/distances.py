"""How far frames are from codes, and codes from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.observed import Observation, some
from brevox.analysis.runs import Run
from brevox.pictures import colour

#: Frames that are looked at; more would not change a histogram.
_MOST_FRAMES = 20_000
_BINS = 60
_BLOCK = 1024


@dataclass(frozen=True)
class Distances:
    """Euclidean distances in the space of latents, as histograms over the same bins.

    Args:
        edges: of the bins. Shape: [bins + 1].
        nearest: frames by their distance to the nearest code. Shape: [bins].
        between: pairs of different codes. Shape: [bins].
        all_codes: pairs of a frame and a code. Shape: [bins].
        mean_nearest, mean_between, mean_all: the means.
        closest_codes: mean distance of a code to the code next to it.
        explained: share of the variance of frames that the nearest code explains; 1 is no quantisation error.
    """

    run: str
    edges: NDArray[np.float64]
    nearest: NDArray[np.int64]
    between: NDArray[np.int64]
    all_codes: NDArray[np.int64]
    mean_nearest: float
    mean_between: float
    mean_all: float
    closest_codes: float
    explained: float


def distance_matrix(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each row to each row. Shapes: [n, dims], [m, dims] to [n, m]."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    squared = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)[None]
    return np.sqrt(np.maximum(squared, 0))


def distances(observation: Observation) -> Distances:
    """Measure them for all codes, used or not, and some thousands of frames drawn by lot."""
    latents, codebook = observation.latents, observation.codebook
    latents = latents[some(len(latents), _MOST_FRAMES)]
    to_codes = [distance_matrix(latents[at : at + _BLOCK], codebook) for at in range(0, len(latents), _BLOCK)]
    nearest = np.concatenate([block.min(axis=1) for block in to_codes])
    among = distance_matrix(codebook, codebook)
    pairs = among[np.triu_indices(len(codebook), 1)]
    furthest = max([float(block.max()) for block in to_codes] + [float(pairs.max(initial=0.0))])
    edges = np.linspace(0, furthest or 1.0, _BINS + 1)
    centred = latents - latents.mean(axis=0)
    spread = float((centred.astype(np.float64) ** 2).sum(axis=1).mean())
    return Distances(
        observation.name,
        edges,
        np.histogram(nearest, edges)[0],
        np.histogram(pairs, edges)[0],
        np.sum([np.histogram(block, edges)[0] for block in to_codes], axis=0),
        float(nearest.mean()),
        float(pairs.mean()) if len(pairs) else 0.0,
        float(np.concatenate([block.mean(axis=1) for block in to_codes]).mean()),
        float((among + np.diag(np.full(len(among), np.inf))).min(axis=1).mean()) if len(pairs) else 0.0,
        1 - float((nearest**2).mean()) / spread if spread else 0.0,
    )


def _kinds(result: Distances) -> list[tuple[str, NDArray[np.int64], float]]:
    return [
        ("frame to its nearest code", result.nearest, result.mean_nearest),
        ("code to code", result.between, result.mean_between),
        ("frame to every code", result.all_codes, result.mean_all),
    ]


def draw(result: Distances) -> Figure:
    """Three histograms, one below the other, over the same axis."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    for place, (axes, (what, counts, mean)) in enumerate(zip(panels, _kinds(result), strict=True)):
        shares = 100 * counts / max(1, counts.sum())
        axes.stairs(shares, result.edges, fill=True, color=colour(place), alpha=0.75)
        axes.axvline(mean, color="black", linestyle="--", linewidth=1)
        axes.set_title(f"{what}: {mean:.3g} on average (dashed)", fontsize=10)
        axes.set_ylabel("%")
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    panels[-1].set(xlabel="Euclidean distance of latents", xlim=(0, result.edges[-1]))
    return figure


def _facts(result: Distances) -> dict[str, float | str]:
    return {
        "frame to its nearest code, mean": result.mean_nearest,
        "code to the code next to it, mean": result.closest_codes,
        "variance of frames that codes explain": result.explained,
    }


def _table(result: Distances) -> dict[str, bytes]:
    rows = zip(result.edges[:-1], result.edges[1:], *(counts for _, counts, _ in _kinds(result)), strict=True)
    return {".csv": csv_bytes(["from", "to", "frame_to_nearest", "code_to_code", "frame_to_every_code"], rows)}


DISTANCES: Evaluation[Run, Distances] = Evaluation(
    name="distances",
    title="Distances of frames and codes",
    read=(
        "How far frames are from their nearest code, codes from each other, and frames from all codes. Good "
        "codebooks have frames nearer to their code than codes are to each other. Codes that all lie close "
        "together, far from the frames, were never trained; a heap of codes at one end is what is left of a "
        "codebook that has collapsed."
    ),
    compute=lambda run: distances(run.observation),
    draw=draw,
    facts=_facts,
    files=_table,
)
