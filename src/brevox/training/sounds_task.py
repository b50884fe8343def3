"""Training a VAE of sounds: pictures of notes, the losses that a recipe names, and how near pictures come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate
from torch.utils.tensorboard import SummaryWriter

from brevox.data.notes import NoteItems, NotesFile
from brevox.errors import SettingsError
from brevox.losses.sounds import SOUND_LOSSES
from brevox.nets.bottlenecks.entanglement import entanglement, rank_correlations
from brevox.nets.model import Model
from brevox.nets.sounds import Heard, SoundModel, build_sounds
from brevox.nets.voice_head import voice_losses
from brevox.synth.spectrogram import FrontEnd
from brevox.training.checkpoint import load_checkpoint, restore_weights
from brevox.training.recipe import Recipe
from brevox.training.task import TASKS, Task, Values, refuse

_SHOWN = 3  # validation notes that TensorBoard gets to see
_ACTIVE_NATS = 0.1  # a dimension that tells less is not used
_TRAVERSAL = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations
_PASS = 32  # notes at a time in validation


@TASKS.register("sounds")
class SoundsTask(Task):
    """A VAE of spectrograms."""

    model: SoundModel

    def __init__(self, recipe: Recipe, fabric: L.Fabric) -> None:
        super().__init__(recipe, fabric)
        refuse(
            recipe,
            "balancer",
            "adversarial",
            "commitment",
            *(f"data.{name}" for name in ("crop_s", "gain_db", "balance", "silence", "augment", "frames")),
        )
        if not recipe.losses:
            raise SettingsError(f"the recipe {recipe.name} names no losses")
        self.file = NotesFile(Path(recipe.data.corpus))
        self.model = self.build()
        front = self.file.front
        given = {"rows": front.rows, "frames": front.frames, "range_db": front.high_db - front.low_db}
        self.weighted: dict[str, tuple[float, nn.Module]] = {}
        for section in recipe.losses:
            arguments = {key: value for key, value in section.items() if key != "weight"}
            loss = SOUND_LOSSES.build(arguments, **given).to(fabric.device)
            if section["name"] in self.weighted:
                raise SettingsError(f"the recipe {recipe.name} names the loss {section['name']!r} twice")
            self.weighted[section["name"]] = (float(section.get("weight", 1.0)), loss)
        if "voice" in self.weighted and not self.file.has_voices:
            raise SettingsError(f"{self.file.path} does not know the voices; leave the loss 'voice' out of the recipe")
        found = self.file.of_split("valid")
        count = min(recipe.run.valid_clips, len(found))
        self.valid = found[np.linspace(0, len(found) - 1, count).astype(int)]
        self.step = 0
        #: Means of the validation notes, as they were validated last, Shape [notes, latent].
        self.latents = torch.zeros(0, self.model.latent)

    def build(self) -> SoundModel:
        return build_sounds(self.recipe.model, self.file.front)

    def dataset(self, items: int) -> NoteItems:
        return NoteItems(self.file, items, self.recipe.seed)

    def seconds(self, batch: dict[str, Tensor]) -> float:
        return len(batch["picture"]) * self.file.front.samples / self.file.front.sample_rate

    def begin_step(self, step: int) -> bool:
        self.step = step
        return True

    def losses(self, model: nn.Module, batch: dict[str, Tensor], more: bool) -> tuple[Tensor, Values]:
        heard: Heard = model(batch["picture"], batch["note"], batch["velocity"])
        total, values = batch["picture"].new_zeros(()), {}
        for name, (weight, loss) in self.weighted.items():
            value = loss(batch["picture"], heard, batch["parameters"], self.step)
            total, values[name] = total + weight * value, value.detach()
        return total, {"total": total.detach(), **values}

    @torch.no_grad()
    def validate(self, model: Model) -> tuple[dict[str, float], float]:
        """Errors of what comes back of the latents' means, how many dimensions are used, and how they go together."""
        model.eval()
        sums: dict[str, float] = {}
        nats, means = torch.zeros(self.model.latent), []
        half_range = (self.file.front.high_db - self.file.front.low_db) / 2
        for start in range(0, len(self.valid), _PASS):
            batch = self._batch(self.valid[start : start + _PASS])
            heard: Heard = model(batch["picture"], batch["note"], batch["velocity"])
            off = heard.decoded.float() - batch["picture"]
            drawn = heard.drawn
            means.append(drawn.mean.cpu())
            nats += 0.5 * (drawn.mean**2 + drawn.log_variance.exp() - 1 - drawn.log_variance).sum(dim=0).cpu()
            found = {"squared": off.square().mean(), "absolute_db": off.abs().mean() * half_range}
            if heard.voice is not None:
                found["voice_numbers"], found["voice_choices"] = voice_losses(heard.voice, batch["parameters"])
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(off)
        scores = {name: value / len(self.valid) for name, value in sums.items()}
        nats /= len(self.valid)
        scores |= {"latent_nats": float(nats.sum()), "active_dimensions": float((nats > _ACTIVE_NATS).sum())}
        self.latents = torch.cat(means)
        scores["entanglement"] = entanglement(self.latents.numpy())
        return scores, -scores["squared"]

    def _batch(self, numbers: Any) -> dict[str, Tensor]:
        items = default_collate([self.file.item(int(number)) for number in numbers])
        return {name: value.to(self.fabric.device) for name, value in items.items()}

    def show(self, writer: SummaryWriter, model: Model, step: int) -> None:
        """Some notes as they are and as they come back; how latents go together; what the widest ones change."""
        batch = self._batch(self.valid[:_SHOWN])
        sounds = cast(SoundModel, model)
        decoded = sounds.decode(sounds.encode(batch["picture"]))
        for number in range(len(decoded)):
            for name, picture in (("original", batch["picture"][number]), ("decoded", decoded[number].float())):
                writer.add_image(f"note {number}/{name}", _shown(picture), step, dataformats="HW")
        correlations = np.abs(rank_correlations(self.latents.numpy()))
        writer.add_image("latents/rank correlations", correlations, step, dataformats="HW")
        centre, spread = (x.to(self.fabric.device) for x in (self.latents.mean(dim=0), self.latents.std(dim=0)))
        for dimension in spread.topk(min(_SHOWN, len(spread))).indices.tolist():
            row = centre.repeat(len(_TRAVERSAL), 1)
            row[:, dimension] += torch.tensor(_TRAVERSAL).to(row) * spread[dimension]
            traversal = torch.cat([_shown(picture.float()) for picture in sounds.decode(row)], dim=1)
            writer.add_image(f"latents/traversal of {dimension}", traversal, step, dataformats="HW")

    def state(self) -> dict[str, Any]:
        return {"front": self.file.front.settings()}


def _shown(picture: Tensor) -> Tensor:
    """Low rows at the bottom, brightness from 0 to 1. Shape: [rows, frames]."""
    return ((picture.flip(0) + 1) / 2).clamp(0, 1)


def load_sounds(checkpoint: Path) -> tuple[SoundModel, dict[str, Any]]:
    """The averaged weights of a checkpoint, ready for use, and all else it holds: `recipe`, `step`, `front`.

    Raises:
        DataError: it cannot be read.
        SettingsError: it is of another task.
    """
    state = load_checkpoint(checkpoint)
    if (task := state["recipe"].get("task", "codec")) != "sounds":
        raise SettingsError(f"{checkpoint} is of a training with task: {task}; a VAE of sounds has task: sounds")
    model = build_sounds(state["recipe"]["model"], FrontEnd(**state["front"]))
    restore_weights(model, state["average"], checkpoint)
    return model.eval(), state
