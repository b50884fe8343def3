"""The training loop."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from omegaconf import OmegaConf
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from torch.utils.tensorboard import SummaryWriter

from brevox.nets.bottlenecks.devices import mean_over_devices
from brevox.training.checkpoint import BEST, LAST, kept_name, load_checkpoint, restore_weights, save_checkpoint
from brevox.training.compiling import compile_networks
from brevox.training.ema import WeightAverage
from brevox.training.freezing import freeze
from brevox.training.gradients import layer_norms
from brevox.training.optimiser import adamw, check_schedule, rate_factor
from brevox.training.plateau import Plateau
from brevox.training.precision import make_fabric
from brevox.training.recipe import Recipe
from brevox.training.shipped import begin_with
from brevox.training.stopping import ignore_signals, stop_on_signals
from brevox.training.task import Values, build_task


class Trainer:
    """One training run in one folder.

    Args:
        recipe: everything about it.
        folder: of checkpoints, logs and pictures; made if missing. A run found in it goes on.
        fabric: devices and precision; by default all that is there, and the recipe's precision.
        start_from: a checkpoint or a `.bvx` whose weights (not its optimiser or step count) to begin with.
    """

    def __init__(
        self, recipe: Recipe, folder: Path, fabric: L.Fabric | None = None, start_from: Path | None = None
    ) -> None:
        self.recipe, self.folder = recipe, folder
        self.fabric = fabric or make_fabric(recipe.run.precision)
        if "LT_CLI_USED" not in os.environ:  # else `fabric run` has launched all processes already
            self.fabric.launch()
        self.fabric.seed_everything(recipe.seed, verbose=False)
        self.task = build_task(recipe, self.fabric)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.structured(recipe), folder / "recipe.yaml")
        model = self.task.model
        freeze(model, recipe.frozen)
        check_schedule(recipe.optimiser)
        self.scaler = getattr(self.fabric.strategy.precision, "scaler", None)
        optimiser = adamw(model, recipe.optimiser, recipe.optimiser.learning_rate, self.fabric)
        compile_networks(recipe.run.compile, model.encoder, model.decoder)
        self.plain_model = model
        self.model, self.optimiser = self.fabric.setup(model, optimiser)
        self.average = WeightAverage(model, recipe.run.ema_decay)
        self.plateau = Plateau(recipe.optimiser)
        self.step = 0
        self.best = -math.inf
        if (folder / LAST).exists():
            self._restore(load_checkpoint(folder / LAST))
        elif start_from is not None:
            begin_with(self.plain_model, start_from)
            self.average = WeightAverage(self.plain_model, recipe.run.ema_decay)

    def run(self) -> None:
        """Train up to the recipe's number of steps. Ctrl-C and SIGTERM save, then stop."""
        run = self.recipe.run
        writer = SummaryWriter(str(self.folder)) if self.fabric.is_global_zero else None
        self.model.train()
        with stop_on_signals() as stop, _progress(self.fabric.is_global_zero) as progress:
            task = progress.add_task(self.recipe.name, total=run.steps, completed=self.step, told="")
            seen, since = 0.0, time.monotonic()
            for batches in self._batches():
                values = self._train_step(batches)
                stopping = self._anywhere(stop.is_set)
                seen += sum(self.task.seconds(batch) for batch in batches)
                if self.step % run.log_every == 0:
                    logged = self._means_over_devices(values)
                    elapsed = time.monotonic() - since
                    logged["speed_x_real_time"] = seen * self.fabric.world_size / elapsed
                    seen, since = 0.0, time.monotonic()
                    self._log(writer, "train", logged)
                    shown = "total" if "total" in logged else "discriminator"
                    told = f"{shown} {logged[shown]:.3f}, {logged['speed_x_real_time']:.3g} s of audio a second"
                    progress.update(task, completed=self.step, told=told)
                if self.step % run.validate_every == 0 or self.step == run.steps:
                    self._validate(writer)
                    self.plateau.factor = self.fabric.broadcast(self.plateau.factor)
                    seen, since = 0.0, time.monotonic()
                if self.step % run.checkpoint_every == 0 or self.step == run.steps or stopping:
                    self._save(LAST)
                if run.keep_every and self.step % run.keep_every == 0:
                    self._save(kept_name(self.step))
                if stopping:
                    progress.console.print(f"stopped at step {self.step}; the same command goes on from here")
                    break
        if writer is not None:
            writer.close()

    def _batches(self) -> Iterator[list[dict[str, Tensor]]]:
        """The batches of each step still to come: one, or as many as gradients are accumulated over."""
        data, run = self.recipe.data, self.recipe.run
        world, parts = self.fabric.world_size, self.recipe.optimiser.accumulate
        count = run.steps * parts * data.batch * world
        # Item n is the same in every run, so going on at item n continues exactly.
        rest = range(self.step * parts * data.batch * world + self.fabric.global_rank, count, world)
        loader = DataLoader(
            Subset(self.task.dataset(count), rest),
            batch_size=data.batch,
            num_workers=data.workers,
            collate_fn=self.task.collate,
            persistent_workers=data.workers > 0,
            drop_last=True,
            pin_memory=self.fabric.device.type == "cuda",
            worker_init_fn=ignore_signals,
        )
        gathered = []
        for batch in loader:
            gathered.append({name: value.to(self.fabric.device, non_blocking=True) for name, value in batch.items()})
            if len(gathered) == parts:
                yield gathered
                gathered = []

    def _train_step(self, batches: list[dict[str, Tensor]]) -> Values:
        settings = self.recipe.optimiser
        factor = rate_factor(settings, self.step, self.recipe.run.steps) * self.plateau.factor
        learning_rate = settings.learning_rate * factor
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        # Draws inside of the step (quantiser dropout) depend on the step alone, so that a resumed run is exact, and all
        # devices draw alike: where one discriminator learns, all have to.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        learns = self.task.begin_step(self.step)
        self.optimiser.zero_grad()
        logged: Values = {"learning_rate": learning_rate}
        for number, batch in enumerate(batches, 1):
            more = number < len(batches)  # to come, before devices exchange gradients
            with self.fabric.no_backward_sync(self.model, enabled=more), torch.set_grad_enabled(learns):
                total, values = self.task.losses(self.model, batch, more)
                if learns:
                    self.fabric.backward(total / len(batches))
            for name, value in values.items():
                logged[name] = logged.get(name, 0.0) + value / len(batches)
        self.task.end_step()
        if learns:
            norm = self.fabric.clip_gradients(
                self.model, self.optimiser, max_norm=settings.clip_norm, error_if_nonfinite=False
            )
            # With fp16 the scaler itself passes over such a step, and has to see it to scale the next one down.
            if self.scaler or norm is None or torch.isfinite(norm):
                self.optimiser.step()
            logged["gradient_norm"] = float("nan") if norm is None else norm.detach()
            if self.recipe.run.log_gradients and (self.step + 1) % self.recipe.run.log_every == 0:
                logged |= layer_norms(self.plain_model, norm, settings.clip_norm)
        self.average.update(self.plain_model)
        self.step += 1
        return logged

    def _anywhere(self, here: bool) -> bool:
        """Whether it is so on any device. Signals reach processes one after the other: all stop at the same step."""
        if self.fabric.world_size == 1:  # without waiting for the device
            return here
        return mean_over_devices(torch.tensor(float(here), device=self.fabric.device)).item() > 0

    def _means_over_devices(self, values: Values) -> dict[str, float]:
        numbers = torch.tensor([float(value) for value in values.values()], device=self.fabric.device)
        return dict(zip(values, mean_over_devices(numbers).tolist(), strict=True))

    def _validate(self, writer: SummaryWriter | None) -> None:
        if not self.fabric.is_global_zero:
            return
        model = self.task.build().to(self.fabric.device)
        model.load_state_dict(self.average.weights)
        scores, quality = self.task.validate(model)
        self._log(writer, "valid", scores)
        if writer is not None:
            self.task.show(writer, model, self.step)
        self.plateau.tell(quality)
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
            "plateau": self.plateau.state(),
            "model": self.plain_model.state_dict(),
            "average": self.average.weights,
            "average_steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            **self.task.state(),
        }
        save_checkpoint(self.folder / name, state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.step, self.best = state["step"], state["best"]
        if "plateau" in state:  # older checkpoints know no such schedule
            self.plateau.restore(state["plateau"])
        restore_weights(self.plain_model, state["model"], self.folder / LAST)
        self.average.weights = {name: value.to(self.fabric.device) for name, value in state["average"].items()}
        self.average.steps = state["average_steps"]
        self.optimiser.load_state_dict(state["optimiser"])
        if state.get("precision"):
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.task.restore(state, self.folder / LAST)


def _progress(visible: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        disable=not visible,
    )
