"""Training units of speech: crops of a features file, the error of what is decoded, and how codes are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from brevox.audio.features import FEATURE_HOP, FEATURE_RATE_HZ
from brevox.data.features import FeatureCrops, FeatureFile, Utterance
from brevox.errors import SettingsError
from brevox.nets.bottlenecks.statistics import code_statistics
from brevox.nets.model import Model
from brevox.nets.units import FRAMES_A_CODE, UnitsModel, build_units
from brevox.training.checkpoint import load_checkpoint, restore_weights
from brevox.training.recipe import Recipe
from brevox.training.task import TASKS, Task, Values, refuse

_SHOWN = 2  # validation utterances that TensorBoard gets to see


@TASKS.register("units")
class UnitsTask(Task):
    """A VQ-VAE on features of speech."""

    model: UnitsModel

    def __init__(self, recipe: Recipe, fabric: L.Fabric) -> None:
        super().__init__(recipe, fabric)
        refuse(
            recipe,
            "losses",
            "balancer",
            "adversarial",
            *(f"data.{x}" for x in ("gain_db", "balance", "silence", "augment", "frames")),
        )
        self.file = FeatureFile(Path(recipe.data.corpus))
        self.model = self.build()
        found = self.file.of_split("valid")
        count = min(recipe.run.valid_clips, len(found))
        self.valid = [found[i] for i in np.linspace(0, len(found) - 1, count).astype(int)]

    def build(self) -> UnitsModel:
        return build_units(self.recipe.model, len(self.file.speakers), self.file.statistics)

    def dataset(self, items: int) -> FeatureCrops:
        codes = max(1, round(self.recipe.data.crop_s * FEATURE_RATE_HZ / self.model.hop))
        kinds = sorted({self.model.inputs, self.model.target})
        return FeatureCrops(self.file, kinds, codes * FRAMES_A_CODE, items, self.recipe.seed)

    def seconds(self, batch: dict[str, Tensor]) -> float:
        return batch[self.model.inputs].shape[:2].numel() * FEATURE_HOP / FEATURE_RATE_HZ

    def losses(self, model: nn.Module, batch: dict[str, Tensor], more: bool) -> tuple[Tensor, Values]:
        error, quantised = model(batch[self.model.inputs], batch[self.model.target], batch["speaker"])
        total = error + self.recipe.commitment * quantised.loss
        values = {"total": total, self._error: error, "commitment": quantised.loss}
        return total, {name: value.detach() for name, value in values.items()} | self._use(quantised.codes)

    @property
    def _error(self) -> str:
        """What the error of what is decoded is called in logs."""
        return "audio" if self.model.target == "audio" else "features"

    def _use(self, codes: Tensor) -> Values:
        """How the book is used. Shape: [batch, 1, frames]."""
        size = cast(int, self.model.bottleneck.codes)
        use = code_statistics(codes, size)
        return {"perplexity": use.perplexity[0], "used_codes": use.used[0] * size}

    @torch.no_grad()
    def validate(self, model: Model) -> tuple[dict[str, float], float]:
        """The errors, each utterance counting by its length."""
        model.eval()
        frames, error, commitment, codes = 0, 0.0, 0.0, []
        for utterance in self.valid:
            inputs, target = (self._read(utterance, kind) for kind in (self.model.inputs, self.model.target))
            speaker = torch.tensor([utterance.speaker], device=self.fabric.device)
            lost, quantised = model(inputs, target, speaker)
            made = quantised.codes.shape[2]
            frames, error = frames + made, error + made * lost.item()
            commitment += made * quantised.loss.item()
            codes.append(quantised.codes[0])
        used = self._use(torch.cat(codes, dim=1)[None])
        scores = {self._error: error / frames, "commitment": commitment / frames} | {
            k: float(v) for k, v in used.items()
        }
        scores["total"] = scores[self._error] + self.recipe.commitment * scores["commitment"]
        return scores, -scores[self._error]

    def _read(self, utterance: Utterance, kind: str) -> Tensor:
        """Up to `run.valid_clip_s` of an utterance, a batch of one, on the device."""
        longest = round(self.recipe.run.valid_clip_s * FEATURE_RATE_HZ / self.model.hop) * FRAMES_A_CODE
        count = min(utterance.frames, longest)
        values = self.file.read(kind, utterance.first_frame, count)
        return torch.from_numpy(values)[None].to(self.fabric.device)

    def show(self, writer: SummaryWriter, model: Model, step: int) -> None:
        """The features of some utterances as they should be decoded, and as they are."""
        if self.model.target == "audio":
            return
        for number, utterance in enumerate(self.valid[:_SHOWN]):
            target = self._read(utterance, self.model.target)
            speaker = torch.tensor([utterance.speaker], device=self.fabric.device)
            decoded = cast(UnitsModel, model).decode(
                cast(UnitsModel, model).observe(self._read(utterance, self.model.inputs)).codes, speaker
            )
            low, high = target.min(), target.max()
            for name, features in (("original", target), ("decoded", decoded)):
                picture = ((features[0].T.flip(0) - low) / (high - low)).clamp(0, 1)
                writer.add_image(f"utterance {number}/{name}", picture, step, dataformats="HW")

    def state(self) -> dict[str, Any]:
        return {"speakers": self.file.speakers}


def load_units(checkpoint: Path) -> tuple[UnitsModel, dict[str, Any]]:
    """The averaged weights of a checkpoint, ready for use, and all else it holds: `recipe`, `step`, `speakers`.

    Raises:
        DataError: it cannot be read.
        SettingsError: it is of another task.
    """
    state = load_checkpoint(checkpoint)
    if (task := state["recipe"].get("task", "codec")) != "units":
        raise SettingsError(f"{checkpoint} is of a training with task: {task}; units of speech have task: units")
    model = build_units(state["recipe"]["model"], len(state["speakers"]))
    restore_weights(model, state["average"], checkpoint)
    return model.eval(), state
