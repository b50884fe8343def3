"""Training networks of the vocoder: frames of feature files, one loss, and the spectral distortion that is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from brevox.data.vocoder import FrameItems, starts_of
from brevox.errors import DataError, SettingsError
from brevox.losses.envelopes import ENVELOPE_LOSSES
from brevox.nets.model import Model
from brevox.nets.vocoder.model import SCALE_DB, VocoderModel, build_vocoder
from brevox.training.checkpoint import BEST, load_checkpoint, restore_weights
from brevox.training.recipe import FrameSettings, Recipe
from brevox.training.task import TASKS, Task, Values, refuse
from brevox.vocoder.envelope import B_COLUMNS, MEL_COLUMNS, Y_COLUMNS, energy_db, spectral_distortion
from brevox.vocoder.feature_files import read_features
from brevox.vocoder.harmonics import HOP, RATE_HZ

_SHOWN_S = 3  # of validation frames that TensorBoard gets to see

Rows = NDArray[np.float32]


def _as_it_is(batch: Any) -> dict[str, Tensor]:
    made: dict[str, Tensor] = batch
    return made


@TASKS.register("vocoder")
class VocoderTask(Task):
    """A network from features to features, which CORPUS_b.f32 and CORPUS_y.f32 hold; `data.corpus` says CORPUS."""

    model: VocoderModel
    collate = staticmethod(_as_it_is)

    def __init__(self, recipe: Recipe, fabric: L.Fabric) -> None:
        super().__init__(recipe, fabric)
        refuse(
            recipe,
            "balancer",
            "adversarial",
            "channel_average",
            *(f"data.{name}" for name in ("crop_s", "gain_db", "balance", "silence", "augment")),
        )
        if len(recipe.losses) != 1:
            raise SettingsError(f"the recipe {recipe.name} needs one loss, such as losses=[{{name: squared}}]")
        self.loss: nn.Module = ENVELOPE_LOSSES.build(recipe.losses[0]).to(fabric.device)
        self.means: dict[str, Tensor] = {}
        model = self.build()
        stem, frames = Path(recipe.data.corpus), recipe.data.frames
        self.inputs, self.target = (_read(stem, kind) for kind in (model.inputs, model.target))
        if len(self.inputs) != len(self.target):
            raise DataError(f"{stem}_b.f32 and {stem}_y.f32 differ in length: they are not of the same recordings")
        chosen = choose_frames(self.inputs if model.inputs != "y" else _read(stem, "b"), frames)
        if len(chosen) != len(self.inputs):
            raise DataError(f"{stem}_b.f32 and {stem}_y.f32 differ in length: they are not of the same recordings")
        inputs = model.prepare(model.inputs, self.inputs).values
        target = model.prepare(model.target, self.target).values
        begin = frames.test
        self.starts = begin + starts_of(chosen[begin:], model.ncat)
        self.values = {"inputs": inputs, "target": target}
        used = chosen.copy()
        used[:begin] = False
        if used.any():
            self.means = {f"{name[:6]}_mean": part[used].mean(dim=0) for name, part in self._named()}
        self.model = self.build()
        # What is validated are whole items of the frames set aside.
        self.valid = np.flatnonzero(chosen[: min(begin, len(chosen)) // model.ncat * model.ncat])
        if not len(self.valid):
            raise DataError(f"none of the first {begin} frames of {stem} is chosen: there is nothing to validate on")

    def _named(self) -> list[tuple[str, Tensor]]:
        return [("input", self.values["inputs"]), ("target", self.values["target"])]

    def build(self) -> VocoderModel:
        return build_vocoder(self.recipe.model, self.means)

    def dataset(self, items: int) -> FrameItems:
        return FrameItems(**self.values, starts=self.starts, ncat=self.model.ncat, items=items, seed=self.recipe.seed)

    def seconds(self, batch: dict[str, Tensor]) -> float:
        return batch["inputs"].shape[:2].numel() * HOP / RATE_HZ

    def losses(self, model: nn.Module, batch: dict[str, Tensor], more: bool) -> tuple[Tensor, Values]:
        made, quantised = model(batch["inputs"])
        loss = self.loss(made, batch["target"])
        total = loss + self.recipe.commitment * quantised.loss
        squared_db2 = SCALE_DB**2 * (made.detach() - batch["target"]).square().mean()
        logged = {"total": total, "loss": loss, "squared_db2": squared_db2, "commitment": quantised.loss}
        return total, {name: value.detach() for name, value in logged.items()}

    @torch.no_grad()
    def validate(self, model: Model) -> tuple[dict[str, float], float]:
        """The loss of the frames set aside that would have been trained on, and their spectral distortion over 200 to
        3700 Hz, in dB^2 and as the mean of its root. A weighted loss need not fall where distortion does."""
        vocoder = cast(VocoderModel, model.eval())
        made, target = vocoder.through(self._set_aside()), self._set_aside("target")
        scores = summed_up(levels_of(vocoder.target, made), levels_of(vocoder.target, target), self.valid)
        energy = vocoder.prepare(vocoder.target, target)
        scaled = torch.from_numpy(levels_of(vocoder.target, made)) - energy.energy_db[:, None]
        scores["loss"] = float(self.loss(scaled[self.valid] / SCALE_DB, energy.values[self.valid]))
        return scores, -scores["loss"]

    def _set_aside(self, which: str = "inputs") -> Rows:
        rows: Rows = getattr(self, which)[: self.recipe.data.frames.test]
        return rows

    def show(self, writer: SummaryWriter, model: Model, step: int) -> None:
        """Some frames as they are and as they come back."""
        shown = slice(0, round(_SHOWN_S * RATE_HZ / HOP))
        made = cast(VocoderModel, model).through(self._set_aside()[shown])
        original = self._set_aside("target")[shown]
        levels = MEL_COLUMNS if self.model.target == "levels" else Y_COLUMNS
        low, high = original[:, :levels].min(), original[:, :levels].max()
        for name, rows in (("original", original), ("made", made)):
            picture = ((rows[:, :levels].T[::-1] - low) / max(high - low, 1e-3)).clip(0, 1)
            writer.add_image(f"frames/{name}", picture, step, dataformats="HW")


def choose_frames(b: Rows, settings: FrameSettings) -> NDArray[np.bool_]:
    """The frames with a voice and enough energy, as far as the settings ask for it. Shape: [frames, 22] to [frames]."""
    chosen: NDArray[np.bool_] = energy_db(b[:, :MEL_COLUMNS]) >= settings.least_energy_db
    return chosen & (b[:, MEL_COLUMNS + 1] > 0.5) if settings.voiced else chosen


def summed_up(made: Rows, target: Rows, frames: NDArray[np.int64] | slice = slice(None)) -> dict[str, float]:
    """How far levels are from what they should be.

    Args:
        made, target: Shape: [frames, 20 or 79].
        frames: those that count; all by default.

    Returns:
        `sd_db2`, the mean spectral distortion in dB^2, and `sd_db`, the mean of its root in each frame.
    """
    each = spectral_distortion(made[frames], target[frames])
    return {"sd_db2": float(each.mean()), "sd_db": float(np.sqrt(each).mean())}


def levels_of(kind: str, rows: Rows) -> Rows:
    """The columns that are levels. Shape: [frames, 22 or 79] to [frames, 20 or 79]."""
    return rows if kind == "y" else rows[:, :MEL_COLUMNS]


def load_vocoder(checkpoint: Path) -> tuple[VocoderModel, dict[str, Any]]:
    """The averaged weights of a checkpoint, or of the best of a run's folder, ready for use, and all else it holds.

    Raises:
        DataError: it cannot be read.
        SettingsError: it is of another task.
    """
    path = checkpoint / BEST if checkpoint.is_dir() else checkpoint
    state = load_checkpoint(path)
    if (task := state["recipe"].get("task", "codec")) != "vocoder":
        raise SettingsError(f"{path} is of a training with task: {task}; a network of the vocoder has task: vocoder")
    model = build_vocoder(state["recipe"]["model"])
    restore_weights(model, state["average"], path)
    return model.eval(), state


def _read(stem: Path, kind: str) -> Rows:
    name, columns = ("y", Y_COLUMNS) if kind == "y" else ("b", B_COLUMNS)
    return read_features(stem.with_name(f"{stem.name}_{name}.f32"), columns)
