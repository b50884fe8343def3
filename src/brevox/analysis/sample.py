"""One utterance through all of a model: what goes in, what the encoder makes of it, what comes out."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation
from brevox.analysis.observed import Observation, Observed
from brevox.analysis.runs import Run
from brevox.pictures import colour

_SHOWN_S = 3.0
_FARTHEST = 2.5  # standard deviations


@dataclass(frozen=True)
class Sample:
    """The beginning of one utterance.

    Args:
        shown: the utterance, cut.
        quantised: the codes' vectors. Shape: [frames, dims].
        seconds: of what is shown.
        sample_rate: of its sound, in Hz.
        quantisation_error: mean square of what quantisation changes, over the variance of the encoder's output.
        reconstruction_error: mean square of what the decoder misses, over the variance of the target; None without one.
    """

    run: str
    shown: Observed
    quantised: NDArray[np.float32]
    seconds: float
    sample_rate: int
    quantisation_error: float
    reconstruction_error: float | None


def sample(observation: Observation) -> Sample:
    """Show the utterance whose length is nearest to what can be shown."""
    far = [abs(one.frames * observation.frame_s - _SHOWN_S) for one in observation.spoken]
    one = observation.spoken[int(np.argmin(far))]
    frames = min(one.frames, round(_SHOWN_S / observation.frame_s))
    share = frames / one.frames
    # A rate that codes and features have in common is not known here, but both span the same time.
    cut: dict[str, Any] = {name: value[: round(len(value) * share)] for name, value in _arrays(one).items()}
    shown = replace(one, codes=one.codes[:frames], **cut)
    quantised = observation.codebook[shown.codes]
    missed = None
    if shown.target is not None and shown.decoded is not None:
        missed = _over_variance(shown.target - shown.decoded, shown.target)
    return Sample(
        observation.name,
        shown,
        quantised,
        frames * observation.frame_s,
        observation.sample_rate,
        _over_variance(shown.latents - quantised, shown.latents),
        missed,
    )


def _arrays(one: Observed) -> dict[str, NDArray[np.float32]]:
    """All that has a time axis, but codes."""
    names = ("latents", "features", "target", "decoded", "audio")
    return {name: getattr(one, name) for name in names if getattr(one, name) is not None}


def _over_variance(error: NDArray[np.float32], of: NDArray[np.float32]) -> float:
    variance = float(np.var(of, axis=0).mean())
    return float(np.mean(error.astype(np.float64) ** 2)) / variance if variance else 0.0


def draw(result: Sample) -> Figure:
    """One panel below the other over the same seconds; what a model does not have is not drawn."""
    one = result.shown
    maps: list[tuple[str, NDArray[np.float32]]] = []
    if one.features is not None:
        maps.append(("input features", one.features))
    maps += [("encoder output", one.latents), ("quantised", result.quantised)]
    if one.target is not None and one.decoded is not None:
        maps += [("decoder's target", one.target), ("reconstruction", one.decoded)]
    difference = None if one.target is None or one.decoded is None else one.target - one.decoded
    rows = len(maps) + (one.audio is not None) + (difference is not None)
    figure = Figure(figsize=(10, 1.75 * rows + 0.6), layout="constrained")
    panels = list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    figure.suptitle(f"{result.run}: {one.name}", fontsize=11)
    left = iter(panels)
    if one.audio is not None:
        axes = next(left)
        axes.plot(np.arange(len(one.audio)) / result.sample_rate, one.audio, color=colour(1), linewidth=0.5)
        axes.set_title("waveform", fontsize=10, loc="left")
        axes.grid(alpha=0.25)
    scales = {"quantised": one.latents, "reconstruction": one.target}
    for title, values in maps:
        like = scales.get(title)
        _map(figure, next(left), title, _standard(values, values if like is None else like), result.seconds, "cividis")
    if difference is not None and one.target is not None:
        wrong = difference / _deviation(one.target)
        _map(figure, next(left), "target less reconstruction", wrong, result.seconds, "PuOr")
    panels[-1].set(xlabel="s", xlim=(0, result.seconds))
    return figure


def _standard(values: NDArray[np.float32], like: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each column by the mean and deviation that it has in another array: else the loudness would outshine all."""
    result: NDArray[np.float32] = (values - like.mean(axis=0)) / _deviation(like)
    return result


def _deviation(values: NDArray[np.float32]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.maximum(values.std(axis=0), 1e-6)
    return result


def _map(figure: Figure, axes: Axes, title: str, values: NDArray[np.float32], seconds: float, colours: str) -> None:
    extent = (0, seconds, -0.5, values.shape[1] - 0.5)
    image = axes.imshow(
        values.T,
        aspect="auto",
        origin="lower",
        extent=extent,
        vmin=-_FARTHEST,
        vmax=_FARTHEST,
        cmap=colours,
        interpolation="nearest",
    )
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_ylabel("coefficient" if "encoder" not in title and "quantised" not in title else "dimension", fontsize=8)
    figure.colorbar(image, ax=axes, pad=0.01, aspect=10, label="deviations")


def _facts(result: Sample) -> dict[str, float | str]:
    told: dict[str, float | str] = {"what quantisation changes, share of the variance": result.quantisation_error}
    if result.reconstruction_error is not None:
        told["what the decoder misses, share of the variance"] = result.reconstruction_error
    return told


def _arrays_file(result: Sample) -> dict[str, bytes]:
    """All that is drawn, as NumPy arrays without pickle."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"quantised": result.quantised, "codes": result.shown.codes, **_arrays(result.shown)}
    np.savez_compressed(buffer, **arrays)
    return {".npz": buffer.getvalue()}


SAMPLE: Evaluation[Run, Sample] = Evaluation(
    name="sample",
    title="One utterance through the model",
    read=(
        "The same seconds in every panel: sound, what the encoder sees, what it makes of it, the same with each "
        "frame replaced by its code's vector, what the decoder should give and gives, and what is missing, each row"
        " in its standard deviations. Encoder output and quantised should look alike, as should target and "
        "reconstruction; structure in the last panel is what the codes do not carry."
    ),
    compute=lambda run: sample(run.observation),
    draw=draw,
    facts=_facts,
    files=_arrays_file,
    numbers=lambda result: {"utterance": result.shown.name, "seconds": result.seconds, **_facts(result)},
)
