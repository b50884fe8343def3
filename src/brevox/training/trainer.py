"""The training loop."""

from __future__ import annotations

import csv
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from omegaconf import OmegaConf
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torch.utils.tensorboard import SummaryWriter

import brevox.losses
import brevox.nets.discriminators.stft  # noqa: F401
from brevox.data.corpus import Corpus, CropDataset
from brevox.errors import SettingsError
from brevox.losses.adversarial import adversarial_loss, discriminator_loss, feature_matching_loss
from brevox.losses.parts import LOSSES
from brevox.nets.codec import build_codec
from brevox.nets.parts import DISCRIMINATORS
from brevox.training.checkpoint import BEST, LAST, load_checkpoint, restore_weights, save_checkpoint
from brevox.training.ema import WeightAverage
from brevox.training.recipe import OptimiserSettings, Recipe
from brevox.training.validation import valid_clips, validate

#: Books at which a codec is validated, as shares of all it has.
_VALID_SHARES = (1 / 12, 0.25, 0.5, 1.0)


class Trainer:
    """One training run in one folder.

    Args:
        recipe: everything about it.
        folder: of checkpoints, logs and pictures; made if missing. A run found in it goes on.
        fabric: devices and precision; by default all that is there, and the recipe's precision.
        start_from: a checkpoint whose weights (not its optimiser or step count) to begin with.
    """

    def __init__(
        self, recipe: Recipe, folder: Path, fabric: L.Fabric | None = None, start_from: Path | None = None
    ) -> None:
        if not recipe.losses:
            raise SettingsError(f"the recipe {recipe.name} names no losses")
        self.recipe, self.folder = recipe, folder
        self.fabric = fabric or L.Fabric(precision=recipe.run.precision)  # type: ignore[arg-type]
        if "LT_CLI_USED" not in os.environ:  # else `fabric run` has launched all processes already
            self.fabric.launch()
        self.fabric.seed_everything(recipe.seed, verbose=False)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.structured(recipe), folder / "recipe.yaml")

        corpus = Path(recipe.data.corpus)
        self.train_corpus = Corpus(corpus, "train")
        self.valid = valid_clips(Corpus(corpus, "valid"), recipe.run.valid_clips, recipe.run.valid_clip_s)

        model = build_codec(recipe.model)
        settings = recipe.optimiser
        optimiser = torch.optim.AdamW(
            model.parameters(),
            settings.learning_rate,
            betas=(settings.betas[0], settings.betas[1]),
            weight_decay=settings.weight_decay,
        )
        self.plain_model = model
        self.model, self.optimiser = self.fabric.setup(model, optimiser)
        self.average = WeightAverage(model, recipe.run.ema_decay)
        self.losses: dict[str, tuple[float, nn.Module]] = {}
        for section in recipe.losses:
            arguments = {key: value for key, value in section.items() if key != "weight"}
            loss = LOSSES.build(arguments, sample_rate=model.sample_rate).to(self.fabric.device)
            if section["name"] in self.losses:
                raise SettingsError(f"the recipe {recipe.name} names the loss {section['name']!r} twice")
            self.losses[section["name"]] = (float(section.get("weight", 1.0)), loss)
        self.discriminator: Any = None
        if recipe.adversarial.discriminator is not None:
            discriminator = DISCRIMINATORS.build(recipe.adversarial.discriminator)
            self.discriminator, self.discriminator_optimiser = self.fabric.setup(
                discriminator,
                torch.optim.AdamW(discriminator.parameters(), recipe.adversarial.learning_rate, betas=(0.8, 0.99)),
            )
        self.step = 0
        self.best = -math.inf
        if (folder / LAST).exists():
            self._restore(load_checkpoint(folder / LAST))
        elif start_from is not None:
            restore_weights(self.plain_model, load_checkpoint(start_from)["average"], start_from)
            self.average = WeightAverage(self.plain_model, recipe.run.ema_decay)

    def run(self) -> None:
        """Train up to the recipe's number of steps. Ctrl-C and SIGTERM save, then stop."""
        run = self.recipe.run
        writer = SummaryWriter(str(self.folder)) if self.fabric.is_global_zero else None
        self.model.train()
        with _stop_on_signals() as stop, _progress(self.fabric.is_global_zero) as progress:
            task = progress.add_task(self.recipe.name, total=run.steps, completed=self.step, loss="")
            seen, since = 0, time.monotonic()
            for batch in self._batches():
                values = self._train_step(batch)
                seen += batch["audio"].numel()
                if self.step % run.log_every == 0:
                    logged = {name: float(value) for name, value in values.items()}
                    elapsed = time.monotonic() - since
                    logged["speed_x_real_time"] = seen / self.plain_model.sample_rate / elapsed
                    seen, since = 0, time.monotonic()
                    self._log(writer, "train", logged)
                    progress.update(task, completed=self.step, loss=f"loss {logged['total']:.3f}")
                if self.step % run.validate_every == 0 or self.step == run.steps:
                    self._validate(writer)
                    seen, since = 0, time.monotonic()
                if self.step % run.checkpoint_every == 0 or self.step == run.steps or stop.is_set:
                    self._save(LAST)
                if stop.is_set:
                    progress.console.print(f"stopped at step {self.step}; the same command goes on from here")
                    break
        if writer is not None:
            writer.close()

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        """The batches of the steps still to come."""
        data, run = self.recipe.data, self.recipe.run
        world = self.fabric.world_size
        dataset = CropDataset(
            self.train_corpus,
            data.crop_s,
            items=run.steps * data.batch * world,
            seed=self.recipe.seed,
            gain_db=data.gain_db,
            balance=data.balance,
            silence=data.silence,
        )
        # Item n is the same in every run, so going on at item n continues exactly.
        rest = range(self.step * data.batch * world + self.fabric.global_rank, len(dataset), world)
        loader = DataLoader(
            Subset(dataset, rest),
            batch_size=data.batch,
            num_workers=data.workers,
            persistent_workers=data.workers > 0,
            drop_last=True,
            worker_init_fn=_ignore_signals,
        )
        for batch in loader:
            yield {name: value.to(self.fabric.device, non_blocking=True) for name, value in batch.items()}

    def _train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor | float]:
        settings, audio = self.recipe.optimiser, batch["audio"]
        learning_rate = settings.learning_rate * rate_factor(settings, self.step, self.recipe.run.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        # Draws inside of the step (quantiser dropout) depend on the step alone, so that a resumed run is exact.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step * self.fabric.world_size + self.fabric.global_rank)
        decoded, quantised = self.model(audio, batch["condition"], batch["excitation"])
        decoded = decoded.float()
        logged: dict[str, Tensor | float] = {"learning_rate": learning_rate, "commitment": quantised.loss.detach()}
        total = self.recipe.commitment * quantised.loss
        for name, (weight, loss) in self.losses.items():
            value = loss(decoded, audio)
            logged[name] = value.detach()
            total = total + weight * value
        playing = self.discriminator is not None and self.step >= self.recipe.adversarial.start_step
        if playing:
            total = total + self._play(audio, decoded, logged)
        self.optimiser.zero_grad()
        self.fabric.backward(total)
        norm = self.fabric.clip_gradients(
            self.model, self.optimiser, max_norm=settings.clip_norm, error_if_nonfinite=False
        )
        if norm is None or torch.isfinite(norm):
            self.optimiser.step()
        self.average.update(self.plain_model)
        self.step += 1
        logged.update(total=total.detach(), gradient_norm=float("nan") if norm is None else norm.detach())
        return logged

    def _play(self, audio: Tensor, decoded: Tensor, logged: dict[str, Tensor | float]) -> Tensor:
        """One round of the discriminator; returns what the codec has to add to its loss."""
        adversarial = self.recipe.adversarial
        # One draw for all devices: where one learns, all have to.
        if self.fabric.broadcast(torch.rand(()).item()) < adversarial.probability:
            loss = discriminator_loss(self.discriminator(audio), self.discriminator(decoded.detach()))
            self.discriminator_optimiser.zero_grad()
            self.fabric.backward(loss)
            self.discriminator_optimiser.step()
            logged["discriminator"] = loss.detach()
        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            real = self.discriminator(audio)
        judged = self.discriminator(decoded)
        self.discriminator.requires_grad_(True)
        fooling, matching = adversarial_loss(judged), feature_matching_loss(real, judged)
        logged.update(adversarial=fooling.detach(), feature_matching=matching.detach())
        return adversarial.weight * fooling + adversarial.feature_weight * matching

    def _validate(self, writer: SummaryWriter | None) -> None:
        if not self.fabric.is_global_zero:
            return
        model = build_codec(self.recipe.model).to(self.fabric.device)
        model.load_state_dict(self.average.weights)
        total = self.recipe.model["bottleneck"].get("books", 12)
        books = sorted({max(1, round(share * total)) for share in _VALID_SHARES})
        scores = validate(model, self.valid, books, self.fabric.device)
        self._log(writer, "valid", scores)
        half = books[-2] if len(books) > 1 else books[-1]
        quality = scores.get(f"pesq_wb@{half}", -scores[f"mel@{half}"])
        if quality > self.best:
            self.best = quality
            self._save(BEST)

    def _log(self, writer: SummaryWriter | None, kind: str, values: dict[str, float]) -> None:
        if writer is None:
            return
        for name, value in values.items():
            writer.add_scalar(f"{kind}/{name}", value, self.step)
        path = self.folder / f"{kind}.csv"
        with path.open("a", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerows((self.step, name, f"{value:.6g}") for name, value in values.items())

    def _save(self, name: str) -> None:
        if not self.fabric.is_global_zero:
            return
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "best": self.best,
            "model": self.plain_model.state_dict(),
            "average": self.average.weights,
            "average_steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
        }
        if self.discriminator is not None:
            state["discriminator"] = self.discriminator.state_dict()
            state["discriminator_optimiser"] = self.discriminator_optimiser.state_dict()
        save_checkpoint(self.folder / name, state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.step, self.best = state["step"], state["best"]
        restore_weights(self.plain_model, state["model"], self.folder / LAST)
        self.average.weights = {name: value.to(self.fabric.device) for name, value in state["average"].items()}
        self.average.steps = state["average_steps"]
        self.optimiser.load_state_dict(state["optimiser"])
        if self.discriminator is not None and "discriminator" in state:
            restore_weights(self.discriminator, state["discriminator"], self.folder / LAST)
            self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])


def rate_factor(settings: OptimiserSettings, step: int, steps: int) -> float:
    """What the learning rate is multiplied with at a step: linear warm-up, then half a cosine."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, steps - settings.warmup_steps)
    return settings.final_fraction + (1 - settings.final_fraction) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _ignore_signals(_: int) -> None:
    """Ctrl-C and cluster schedulers signal all processes of a job; when to stop is for the main one to say."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class _Stop:
    is_set = False


@contextmanager
def _stop_on_signals() -> Iterator[_Stop]:
    """Let Ctrl-C and SIGTERM finish the step; a second Ctrl-C interrupts at once."""
    stop = _Stop()

    def request(number: int, _: object) -> None:
        stop.is_set = True
        signal.signal(number, before[number])

    before = {int(number): signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(visible: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        disable=not visible,
    )
