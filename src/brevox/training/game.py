"""A discriminator that learns beside the model, and what its judgement adds to the model's losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

import brevox.nets.discriminators.bands
import brevox.nets.discriminators.complex
import brevox.nets.discriminators.mel
import brevox.nets.discriminators.one_of
import brevox.nets.discriminators.period
import brevox.nets.discriminators.scale
import brevox.nets.discriminators.several
import brevox.nets.discriminators.stft  # noqa: F401
from brevox.errors import SettingsError
from brevox.losses.adversarial import GAMES, feature_matching_loss
from brevox.losses.repulsion import judgement_gap, repulsion
from brevox.nets.bottlenecks.devices import mean_over_devices
from brevox.nets.discriminators.one_of import OneOfSeveral
from brevox.nets.parts import DISCRIMINATORS
from brevox.training.balance import Term
from brevox.training.checkpoint import restore_weights
from brevox.training.compiling import compile_networks
from brevox.training.optimiser import adamw
from brevox.training.recipe import OptimiserSettings, Recipe


class Game:
    """The recipe's discriminator, if it names one, and its optimiser.

    Args:
        recipe: its sections `adversarial`, `optimiser` and `run` count.
        fabric: devices and precision.

    Raises:
        SettingsError: there is no such discriminator, or it cannot be so.
    """

    def __init__(self, recipe: Recipe, fabric: L.Fabric) -> None:
        self.settings, self.parts, self.fabric = recipe.adversarial, recipe.optimiser.accumulate, fabric
        self.rules = GAMES.build({"name": self.settings.loss})
        self.discriminator: Any = None
        self.playing = self.judge_learns = False
        if not 0 < self.settings.share <= 1:
            raise SettingsError(f"adversarial.share is above 0 and at most 1, not {self.settings.share:g}")
        self.place = 0.0  # of the piece that is heard, among all there could be
        if self.settings.discriminator is not None:
            discriminator: nn.Module = DISCRIMINATORS.build(self.settings.discriminator)
            learner = adamw(discriminator, OptimiserSettings(), self.settings.learning_rate, fabric)
            if isinstance(discriminator, OneOfSeveral) and fabric.world_size > 1:
                raise SettingsError("the discriminator one_of works on one device; on several, take several")
            compile_networks(recipe.run.compile, discriminator)
            self.discriminator, self.optimiser = fabric.setup(discriminator, learner)

    def begin_step(self, step: int) -> bool:
        """Draw who learns; gives whether the model does."""
        self.playing = self.discriminator is not None and step >= self.settings.start_step
        alone = self.playing and step < self.settings.start_step + self.settings.alone_steps
        self.judge_learns = alone or (self.playing and torch.rand(()).item() < self.settings.probability)
        if self.playing:
            self.optimiser.zero_grad()
            if self.settings.share < 1:
                self.place = torch.rand(()).item()
            if isinstance(self.discriminator.module, OneOfSeveral):
                self.discriminator.module.draw()
        return not (alone or (self.judge_learns and self.settings.one_at_a_time))

    def teach(self, audio: Tensor, decoded: Tensor, more: bool) -> dict[str, Tensor]:
        """Gradients of the discriminator for one batch, if it learns in this step; see `Task.losses`."""
        if not self.judge_learns:
            return {}
        with self.fabric.no_backward_sync(self.discriminator, enabled=more), torch.enable_grad():
            real, judged = self.discriminator(self._heard(audio)), self.discriminator(self._heard(decoded))
            loss, gap = self.rules.discriminator_loss(real, judged), judgement_gap(real, judged)
            if self.settings.repulsion:
                loss = loss + self.settings.repulsion * repulsion(gap)
            self.fabric.backward(loss / self.parts)
        return {"discriminator": loss.detach(), "judgement_gap": gap.detach()}

    def terms(self, audio: Tensor, decoded: Tensor) -> dict[str, Term]:
        """What the discriminator's judgement adds to the losses of the model; nothing before it joins."""
        if not self.playing:
            return {}
        # Without Fabric's wrapping, which lets no gradients but those of its own backward pass: balancers look before.
        judge, precision = self.discriminator.module, self.fabric.strategy.precision
        judge.requires_grad_(False)
        with self.fabric.autocast():
            with torch.no_grad():
                real = precision.convert_output(judge(self._heard(audio)))
            judged = precision.convert_output(judge(self._heard(decoded)))
        judge.requires_grad_(True)
        matching = feature_matching_loss(real, judged, mean_over_devices)
        return {
            "adversarial": Term(self.rules.codec_loss(judged), self.settings.weight),
            "feature_matching": Term(matching, self.settings.feature_weight),
        }

    def _heard(self, audio: Tensor) -> Tensor:
        """The piece of every item that the discriminator hears in this step. Shape: [batch, samples] to the same."""
        samples = max(1, round(self.settings.share * audio.shape[1]))
        first = round(self.place * (audio.shape[1] - samples))
        return audio[:, first : first + samples]

    def end_step(self) -> None:
        """Move the discriminator, if it learned in this step."""
        if self.judge_learns:
            self.optimiser.step()

    def state(self) -> dict[str, Any]:
        """See `Task.state`."""
        if self.discriminator is None:
            return {}
        return {
            "discriminator": self.discriminator.state_dict(),
            "discriminator_optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any], path: Path) -> None:
        """See `Task.restore`."""
        if self.discriminator is not None and "discriminator" in state:
            restore_weights(self.discriminator, state["discriminator"], path)
            self.optimiser.load_state_dict(state["discriminator_optimiser"])
