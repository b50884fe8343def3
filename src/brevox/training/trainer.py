"""The training loop."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Iterator, Mapping
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

import brevox.data.augment
import brevox.losses
import brevox.nets.discriminators.bands
import brevox.nets.discriminators.period
import brevox.nets.discriminators.scale
import brevox.nets.discriminators.several
import brevox.nets.discriminators.stft  # noqa: F401
from brevox.audio.pitch import PITCH_RATE_HZ
from brevox.data.augment.parts import Chain
from brevox.data.corpus import Corpus, CropDataset
from brevox.errors import SettingsError
from brevox.losses.adversarial import GAMES, feature_matching_loss
from brevox.losses.parts import LOSSES
from brevox.nets.codec import NeuralCodec, build_codec
from brevox.nets.parts import DISCRIMINATORS
from brevox.training.balance import BALANCERS, Balancer, Term
from brevox.training.checkpoint import BEST, LAST, kept_name, load_checkpoint, restore_weights, save_checkpoint
from brevox.training.ema import WeightAverage
from brevox.training.optimiser import adamw, check_schedule, rate_factor
from brevox.training.recipe import OptimiserSettings, Recipe
from brevox.training.stopping import ignore_signals, stop_on_signals
from brevox.training.validation import decoded_clip, spectrogram_picture, valid_clips, validate

#: Books at which a codec is validated, as shares of all it has.
_VALID_SHARES = (1 / 12, 0.25, 0.5, 1.0)
_SAMPLES = 2  # validation clips that TensorBoard gets to hear and see


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
        self.augment = Chain(recipe.data.augment) if recipe.data.augment else None
        model = build_codec(recipe.model)
        if model.sample_rate != PITCH_RATE_HZ:
            raise SettingsError(
                f"corpora are at {PITCH_RATE_HZ} Hz; model.sample_rate must be that, not {model.sample_rate}"
            )
        self.valid = valid_clips(Corpus(corpus, "valid"), recipe.run.valid_clips, recipe.run.valid_clip_s, model)
        check_schedule(recipe.optimiser)
        self.scaler = getattr(self.fabric.strategy.precision, "scaler", None)
        # Fabric cannot clip gradients that a fused optimiser brings back to scale by itself, as it does with fp16.
        fused = self.scaler is None
        optimiser = adamw(model, recipe.optimiser, recipe.optimiser.learning_rate, fused)
        self._compile(model.encoder, model.decoder)
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
        self.balancer: Balancer = BALANCERS.build(recipe.balancer, mean=self._mean_over_devices)
        self.game = GAMES.build({"name": recipe.adversarial.loss})
        self.discriminator: Any = None
        if recipe.adversarial.discriminator is not None:
            discriminator = DISCRIMINATORS.build(recipe.adversarial.discriminator)
            learner = adamw(discriminator, OptimiserSettings(), recipe.adversarial.learning_rate, fused)
            self._compile(discriminator)
            self.discriminator, self.discriminator_optimiser = self.fabric.setup(discriminator, learner)
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
        with stop_on_signals() as stop, _progress(self.fabric.is_global_zero) as progress:
            task = progress.add_task(self.recipe.name, total=run.steps, completed=self.step, told="")
            seen, since = 0, time.monotonic()
            for batches in self._batches():
                values = self._train_step(batches)
                stopping = self._anywhere(stop.is_set)
                seen += sum(batch["audio"].numel() for batch in batches)
                if self.step % run.log_every == 0:
                    logged = self._means_over_devices(values)
                    elapsed = time.monotonic() - since
                    logged["speed_x_real_time"] = seen * self.fabric.world_size / self.plain_model.sample_rate / elapsed
                    seen, since = 0, time.monotonic()
                    self._log(writer, "train", logged)
                    shown = "total" if "total" in logged else "discriminator"
                    told = f"{shown} {logged[shown]:.3f}, {logged['speed_x_real_time']:.3g} s of audio a second"
                    progress.update(task, completed=self.step, told=told)
                if self.step % run.validate_every == 0 or self.step == run.steps:
                    self._validate(writer)
                    seen, since = 0, time.monotonic()
                if self.step % run.checkpoint_every == 0 or self.step == run.steps or stopping:
                    self._save(LAST)
                if run.keep_every and self.step % run.keep_every == 0:
                    self._save(kept_name(self.step))
                if stopping:
                    progress.console.print(f"stopped at step {self.step}; the same command goes on from here")
                    break
        if writer is not None:
            writer.close()

    def _compile(self, *networks: nn.Module) -> None:
        backend = self.recipe.run.compile
        if not backend:
            return
        if backend not in torch.compiler.list_backends(exclude_tags=()):
            known = ", ".join(torch.compiler.list_backends())
            raise SettingsError(f"torch has no compiler named {backend!r} for run.compile; there are: {known}")
        for network in networks:
            network.compile(backend=backend)  # in place: the names of the weights stay

    def _batches(self) -> Iterator[list[dict[str, Tensor]]]:
        """The batches of each step still to come: one, or as many as gradients are accumulated over."""
        data, run = self.recipe.data, self.recipe.run
        world, parts = self.fabric.world_size, self.recipe.optimiser.accumulate
        dataset = CropDataset(
            self.train_corpus,
            data.crop_s,
            items=run.steps * parts * data.batch * world,
            seed=self.recipe.seed,
            gain_db=data.gain_db,
            balance=data.balance,
            silence=data.silence,
            hop=self.plain_model.hop,
            pitch=self.plain_model.pitch,
            augment=self.augment,
        )
        # Item n is the same in every run, so going on at item n continues exactly.
        rest = range(self.step * parts * data.batch * world + self.fabric.global_rank, len(dataset), world)
        loader = DataLoader(
            Subset(dataset, rest),
            batch_size=data.batch,
            num_workers=data.workers,
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

    def _train_step(self, batches: list[dict[str, Tensor]]) -> dict[str, Tensor | float]:
        settings, adversarial = self.recipe.optimiser, self.recipe.adversarial
        learning_rate = settings.learning_rate * rate_factor(settings, self.step, self.recipe.run.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        # Draws inside of the step (quantiser dropout) depend on the step alone, so that a resumed run is exact, and all
        # devices draw alike: where one discriminator learns, all have to.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        playing = self.discriminator is not None and self.step >= adversarial.start_step
        judge_learns = playing and torch.rand(()).item() < adversarial.probability
        codec_learns = not (judge_learns and adversarial.one_at_a_time)
        self.optimiser.zero_grad()
        if playing:
            self.discriminator_optimiser.zero_grad()
        logged: dict[str, Tensor | float] = {"learning_rate": learning_rate}
        for number, batch in enumerate(batches, 1):
            wait = number < len(batches)  # for the last batch, before devices exchange gradients
            with self.fabric.no_backward_sync(self.model, enabled=wait), torch.set_grad_enabled(codec_learns):
                decoded, quantised = self.model(**batch)
                # A node of its own, for the same reason as in `_game_terms`.
                decoded = decoded.float().view_as(decoded)
                if judge_learns:
                    values = self._teach_discriminator(batch["audio"], decoded.detach(), len(batches), wait)
                    _add(logged, values, len(batches))
                if codec_learns:
                    values = self._backward(batch["audio"], decoded, quantised.loss, playing, len(batches))
                    _add(logged, values, len(batches))
        if judge_learns:
            self.discriminator_optimiser.step()
        if codec_learns:
            norm = self.fabric.clip_gradients(
                self.model, self.optimiser, max_norm=settings.clip_norm, error_if_nonfinite=False
            )
            # With fp16 the scaler itself passes over such a step, and has to see it to scale the next one down.
            if self.scaler or norm is None or torch.isfinite(norm):
                self.optimiser.step()
            logged["gradient_norm"] = float("nan") if norm is None else norm.detach()
        self.average.update(self.plain_model)
        self.step += 1
        return logged

    def _backward(
        self, audio: Tensor, decoded: Tensor, commitment: Tensor, playing: bool, parts: int
    ) -> dict[str, Tensor | float]:
        """Gradients of the codec for one batch of `parts`; returns what is logged of its losses."""
        terms = {name: Term(loss(decoded, audio), weight) for name, (weight, loss) in self.losses.items()}
        if playing:
            terms |= self._game_terms(audio, decoded)
        total, factors = self.balancer.total(terms, decoded)
        self.fabric.backward((total + self.recipe.commitment * commitment) / parts)
        logged: dict[str, Tensor | float] = {"commitment": commitment.detach()}
        for name, term in terms.items():
            logged[name] = term.value.detach()
            logged[f"weighted/{name}"] = factors[name] * term.value.detach()
        # By the recipe's weights, whatever the balancer made of them: comparable between runs.
        weighted = sum(term.weight * term.value.detach() for term in terms.values())
        logged["total"] = weighted + self.recipe.commitment * commitment.detach()
        return logged

    def _game_terms(self, audio: Tensor, decoded: Tensor) -> dict[str, Term]:
        """What the discriminator's judgement adds to the losses of the codec."""
        # Without Fabric's wrapping, which lets no gradients but those of its own backward pass: balancers look before.
        judge, precision = self.discriminator.module, self.fabric.strategy.precision
        judge.requires_grad_(False)
        with self.fabric.autocast():
            with torch.no_grad():
                real = precision.convert_output(judge(audio))
            judged = precision.convert_output(judge(decoded))
        judge.requires_grad_(True)
        adversarial = self.recipe.adversarial
        matching = feature_matching_loss(real, judged, self._mean_over_devices)
        return {
            "adversarial": Term(self.game.codec_loss(judged), adversarial.weight),
            "feature_matching": Term(matching, adversarial.feature_weight),
        }

    def _teach_discriminator(self, audio: Tensor, decoded: Tensor, parts: int, wait: bool) -> dict[str, Tensor | float]:
        """Gradients of the discriminator for one batch of `parts`."""
        with self.fabric.no_backward_sync(self.discriminator, enabled=wait), torch.enable_grad():
            loss = self.game.discriminator_loss(self.discriminator(audio), self.discriminator(decoded))
            self.fabric.backward(loss / parts)
        return {"discriminator": loss.detach()}

    def _mean_over_devices(self, numbers: Tensor) -> Tensor:
        return torch.as_tensor(self.fabric.all_reduce(numbers, reduce_op="mean"))

    def _anywhere(self, here: bool) -> bool:
        """Whether it is so on any device. Signals reach processes one after the other: all stop at the same step."""
        if self.fabric.world_size == 1:  # without waiting for the device
            return here
        return self._mean_over_devices(torch.tensor(float(here), device=self.fabric.device)).item() > 0

    def _means_over_devices(self, values: Mapping[str, Tensor | float]) -> dict[str, float]:
        numbers = torch.tensor([float(value) for value in values.values()], device=self.fabric.device)
        return dict(zip(values, self._mean_over_devices(numbers).tolist(), strict=True))

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
        if writer is not None:
            self._show_samples(writer, model, half)
        quality = scores.get(f"pesq_wb@{half}", -scores[f"mel@{half}"])
        if quality > self.best:
            self.best = quality
            self._save(BEST)

    def _show_samples(self, writer: SummaryWriter, model: NeuralCodec, books: int) -> None:
        """Sound and spectrogram of some validation clips, original and decoded, for TensorBoard."""
        for number, clip in enumerate(self.valid[:_SAMPLES]):
            sounds = {"original": clip["audio"][0], "decoded": decoded_clip(model, clip, books, self.fabric.device)}
            for name, audio in sounds.items():
                tag = f"clip {number}/{name}"
                writer.add_audio(tag, audio.clamp(-1, 1), self.step, model.sample_rate)
                writer.add_image(tag, spectrogram_picture(audio), self.step, dataformats="HW")

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
            "balancer": self.balancer.state,
            "precision": self.fabric.strategy.precision.state_dict(),
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
        self.balancer.state = state.get("balancer", {})
        if state.get("precision"):
            self.fabric.strategy.precision.load_state_dict(state["precision"])
        if self.discriminator is not None and "discriminator" in state:
            restore_weights(self.discriminator, state["discriminator"], self.folder / LAST)
            self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])


def _add(sums: dict[str, Tensor | float], values: dict[str, Tensor | float], parts: int) -> None:
    """Add one of `parts` shares of each value."""
    for name, value in values.items():
        sums[name] = sums.get(name, 0.0) + value / parts


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
