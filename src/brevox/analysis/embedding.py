"""Encoder frames and the codebook in two dimensions (UMAP: McInnes, Healy and Melville 2018)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.labels import NONE, frame_phones, phone_names
from brevox.analysis.observed import Observation, some
from brevox.analysis.runs import Run
from brevox.errors import DataError
from brevox.pictures import colour, marker

#: Frames in the picture: enough to see groups, few enough to see points.
_MOST_FRAMES = 2500
_NEIGHBOURS = 15
_MOST_COLOURS = 10
_MOST_NUMBERED = 128


@dataclass(frozen=True)
class Embedding:
    """Some frames of one run, and its codebook.

    Args:
        frames: Shape [frames, 2].
        codebook: Shape [codes, 2].
        codes: of the frames. Shape: [frames].
        speakers, phones: of the frames; an empty phone where none is known.
        used: codes that occur in the whole split.
        trust: how far neighbours in the picture are neighbours in the model, 1 being always (Venna and Kaski 2001).
    """

    run: str
    frames: NDArray[np.float32]
    codebook: NDArray[np.float32]
    codes: NDArray[np.int64]
    speakers: tuple[str, ...]
    phones: tuple[str, ...]
    used: NDArray[np.int64]
    trust: float


def umap(points: NDArray[np.float32], start: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Bring points into the plane, the same way each time. Shape: [points, dims] to [points, 2].

    Args:
        points: six at least.
        start: where they begin their way; by default UMAP finds it. Shape: [points, 2].

    Raises:
        DataError: there are too few.
    """
    if len(points) < 6:
        raise DataError(f"{len(points)} frames and codes are too few for a map of them")
    from umap import UMAP

    neighbours = min(_NEIGHBOURS, len(points) - 1)
    first: str | NDArray[np.float32] = start if start is not None else "spectral" if len(points) > 50 else "random"
    with warnings.catch_warnings():
        # That a fixed seed means one thread, and that some points have no neighbours: both meant so.
        warnings.simplefilter("ignore", UserWarning)
        mapper = UMAP(n_neighbors=neighbours, min_dist=0.1, random_state=0, n_jobs=1, init=first)
        placed: NDArray[np.float32] = mapper.fit_transform(points)
    return placed


def embedding(observation: Observation) -> Embedding:
    """Map some thousands of frames drawn by lot, together with all codes."""
    from sklearn.manifold import trustworthiness

    chosen = some(observation.frames, _MOST_FRAMES)
    latents = observation.latents[chosen]
    placed = umap(np.concatenate([latents, observation.codebook]))
    names = phone_names(observation) if any(one.segments for one in observation.spoken) else ()
    spoken = np.concatenate([frame_phones(one, observation.frame_s, names) for one in observation.spoken])[chosen]
    speakers = np.repeat([one.speaker for one in observation.spoken], [one.frames for one in observation.spoken])
    near = min(_NEIGHBOURS, len(latents) // 2 - 1)
    return Embedding(
        observation.name,
        placed[: len(latents)],
        placed[len(latents) :],
        observation.codes[chosen],
        tuple(map(str, speakers[chosen])),
        tuple("" if place == NONE else names[place] for place in spoken),
        np.unique(observation.codes),
        float(trustworthiness(latents, placed[: len(latents)], n_neighbors=near)) if near >= 1 else 1.0,
    )


def draw(result: Embedding) -> Figure:
    """The same points, coloured by speaker, by code, and, where it is known, by phone."""
    by = (
        [("speaker", result.speakers), ("phone", result.phones)]
        if any(result.phones)
        else [("speaker", result.speakers)]
    )
    figure = Figure(figsize=(6.4 * (len(by) + 1), 6.6), layout="constrained")
    panels = figure.subplots(1, len(by) + 1)
    draw_codes(panels[1], result.frames, result.codes, result.codebook, result.used)
    numbered = len(result.used) <= _MOST_NUMBERED
    panels[1].set_title("by code" + ("; numbers stand at the codes' vectors" if numbered else ""))
    for axes, (what, labels) in zip([panels[0], *panels[2:]], by, strict=True):
        _by_label(axes, result.frames, labels)
        size = 22 if numbered else 5
        x, y = result.codebook.T
        axes.scatter(x, y, marker="x", s=size, linewidth=0.8, color="black", label="codebook")
        axes.set_title(f"by {what}")
        axes.legend(fontsize=8, markerscale=2, framealpha=0.8, loc="best")
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
    figure.supxlabel(
        f"UMAP of {len(result.frames):,} frames and {len(result.codebook)} codes; axes have no unit", fontsize=9
    )
    return figure


def _by_label(axes: Axes, points: NDArray[np.float32], labels: tuple[str, ...]) -> None:
    """The most frequent labels in colours of their own, all others grey."""
    every = np.array(labels)
    names, counts = np.unique(every[every != ""], return_counts=True)
    shown = names[np.argsort(-counts, kind="stable")[:_MOST_COLOURS]]
    rest = ~np.isin(every, shown)
    if rest.any():
        axes.scatter(points[rest, 0], points[rest, 1], s=4, color="0.8", label="others")
    for place, name in enumerate(shown):
        x, y = points[every == name].T
        axes.scatter(x, y, color=colour(place), marker=marker(place), label=str(name), s=9, linewidth=0, alpha=0.8)


def draw_codes(
    axes: Axes,
    points: NDArray[np.float32],
    codes: NDArray[np.int64],
    codebook: NDArray[np.float32],
    used: NDArray[np.int64],
) -> None:
    """Points in the colour of their code, and the codes as numbers on the same colour; unused ones grey."""
    # Neighbouring numbers get hues far apart, and three shades of each.
    hue = (np.arange(len(codebook)) * 0.618) % 1
    shades = colormaps["hsv"](hue)
    shades[:, :3] *= np.array([0.9, 0.6, 0.75])[np.arange(len(codebook)) % 3][:, None]
    axes.scatter(points[:, 0], points[:, 1], s=6, linewidth=0, alpha=0.7, c=shades[codes])
    is_used = np.isin(np.arange(len(codebook)), used)
    axes.scatter(
        codebook[~is_used, 0], codebook[~is_used, 1], marker="x", s=8, linewidth=0.8, color="0.5", label="unused codes"
    )
    if len(used) <= _MOST_NUMBERED:
        for code in used:
            box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": shades[code], "linewidth": 1.2}
            axes.text(
                codebook[code, 0],
                codebook[code, 1],
                str(code),
                fontsize=6.5,
                ha="center",
                va="center",
                bbox=box,
                clip_on=True,
            )
    else:
        axes.scatter(
            codebook[is_used, 0],
            codebook[is_used, 1],
            marker="x",
            s=14,
            linewidth=0.8,
            color="black",
            label="codes in use",
        )
    if not is_used.all():
        axes.legend(fontsize=8, framealpha=0.8, loc="best")


def _facts(result: Embedding) -> dict[str, float | str]:
    return {"trustworthiness of the map": result.trust}


def _table(result: Embedding) -> dict[str, bytes]:
    frames = (
        ["frame", x, y, code, speaker, phone]
        for (x, y), code, speaker, phone in zip(
            result.frames, result.codes, result.speakers, result.phones, strict=True
        )
    )
    codes = (["code", x, y, code, "", ""] for code, (x, y) in enumerate(result.codebook))
    return {".csv": csv_bytes(["what", "x", "y", "code", "speaker", "phone"], [*frames, *codes])}


EMBEDDING: Evaluation[Run, Embedding] = Evaluation(
    name="embedding",
    title="Encoder frames and codebook as a map",
    read=(
        "Every point is a frame, near to frames with a similar encoder output; only nearness means something, "
        "directions and wide distances do not. Islands of one speaker mean that codes carry the voice; islands of "
        "one phone, what is said. Codes should lie in the midst of points of their colour; grey crosses away from "
        "all points are codes never used."
    ),
    compute=lambda run: embedding(run.observation),
    draw=draw,
    facts=_facts,
    files=_table,
    numbers=_facts,
)
