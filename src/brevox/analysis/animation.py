"""The map of frames and codes over training, from the checkpoints that were kept (`run.keep_every`)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from brevox.analysis.embedding import draw_codes, umap
from brevox.analysis.evaluation import Evaluation
from brevox.analysis.observed import Observation, some
from brevox.analysis.runs import Run
from brevox.errors import DataError
from brevox.pictures import to_png

_MOST_STEPS = 24
_UTTERANCES = 20
_MOST_FRAMES = 800
_SHOWN = 6
_FRAME_MS = 450


@dataclass(frozen=True)
class Step:
    """The map at one step.

    Args:
        frames: the same frames at each step. Shape: [frames, 2].
        codebook: Shape [codes, 2].
        codes: of the frames. Shape: [frames].
        perplexity: of these codes.
    """

    step: int
    frames: NDArray[np.float32]
    codebook: NDArray[np.float32]
    codes: NDArray[np.int64]
    perplexity: float

    @property
    def used(self) -> NDArray[np.int64]:
        return np.unique(self.codes)


@dataclass(frozen=True)
class Animation:
    """All steps of one run, rising."""

    run: str
    steps: tuple[Step, ...]


def animation(name: str, observations: dict[int, Observation]) -> Animation:
    """Map each step, beginning where the step before ended, so that points move and do not jump.

    Args:
        name: of the run.
        observations: of the same utterances, by step.
    """
    steps: list[Step] = []
    chosen = np.zeros(0, np.int64)
    for step, observation in sorted(observations.items()):
        if not steps:
            chosen = some(observation.frames, _MOST_FRAMES)
        before = None
        if steps:
            before = np.concatenate([steps[-1].frames, steps[-1].codebook])
        placed = umap(np.concatenate([observation.latents[chosen], observation.codebook]), before)
        if before is not None:
            placed = turned(placed, before)
        codes = observation.codes[chosen]
        share = np.unique(codes, return_counts=True)[1] / len(codes)
        perplexity = float(np.exp(-(share * np.log(share)).sum()))
        steps.append(Step(step, placed[: len(chosen)], placed[len(chosen) :], codes, perplexity))
    return Animation(name, tuple(steps))


def turned(points: NDArray[np.float32], like: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points shifted and turned to lie as near as can be to others, which says nothing new but is easier to follow.

    Shape of all: [points, 2]. The best turn is that of Schönemann 1966.
    """
    centred = points - points.mean(axis=0)
    left, _, right = np.linalg.svd(centred.T @ (like - like.mean(axis=0)))
    result: NDArray[np.float32] = (centred @ (left @ right) + like.mean(axis=0)).astype(np.float32)
    return result


def of_run(run: Run) -> Animation:
    """Look at the checkpoints that were kept, at some of them if there are many.

    Raises:
        DataError: there are none.
    """
    kept = run.steps
    if len(kept) < 2:
        raise DataError(
            f"{run.folder} kept {len(kept)} checkpoints of its way; train with run.keep_every=500, say, to see it"
        )
    every = list(kept)
    chosen = [every[place] for place in np.unique(np.linspace(0, len(every) - 1, _MOST_STEPS).round().astype(int))]
    return animation(run.name, {step: run.at(kept[step], _UTTERANCES) for step in chosen})


def _picture(result: Animation, steps: list[Step], columns: int, size: float) -> Figure:
    rows = -(-len(steps) // columns)
    figure = Figure(figsize=(size * columns, (size + 0.3) * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    everywhere = np.concatenate([each for step in result.steps for each in (step.frames, step.codebook)])
    low, high = everywhere.min(axis=0), everywhere.max(axis=0)
    margin = 0.05 * (high - low)
    for axes, step in zip(panels, steps, strict=False):
        draw_codes(axes, step.frames, step.codes, step.codebook, step.used)
        used = f"{len(step.used)} of {len(step.codebook)} codes"
        axes.set_title(f"step {step.step:,}: {used}, perplexity {step.perplexity:.1f}", fontsize=9)
        axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_visible(axes.has_data())
    return figure


def draw(result: Animation) -> Figure:
    """Up to six steps side by side."""
    places = np.unique(np.linspace(0, len(result.steps) - 1, _SHOWN).round().astype(int))
    steps = [result.steps[place] for place in places]
    return _picture(result, steps, min(3, len(steps)), 4.2)


def gif(result: Animation) -> bytes:
    """All steps, one after the other, the last one longer."""
    pictures = [
        Image.open(io.BytesIO(to_png(_picture(result, [step], 1, 5.5), dpi=90))).convert("RGB").quantize(128)
        for step in result.steps
    ]
    times = [_FRAME_MS] * (len(pictures) - 1) + [4 * _FRAME_MS]
    buffer = io.BytesIO()
    pictures[0].save(buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0)
    return buffer.getvalue()


def _facts(result: Animation) -> dict[str, float | str]:
    first, last = result.steps[0], result.steps[-1]
    return {
        f"perplexity at step {first.step:,}": first.perplexity,
        f"perplexity at step {last.step:,}": last.perplexity,
    }


ANIMATION: Evaluation[Run, Animation] = Evaluation(
    name="animation",
    title="Frames and codebook over training",
    read=(
        "The map of the same frames at several steps, as a film in the .gif and some steps of it here; each step "
        "starts from the one before. In the beginning codes lie apart from the frames (grey crosses); in a good "
        "training they spread among them and come into use. Codes that stay outside are dead; islands that split "
        "are sounds that the encoder learned to tell apart."
    ),
    compute=of_run,
    draw=draw,
    facts=_facts,
    files=lambda result: {".gif": gif(result)},
)
