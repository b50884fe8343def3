"""Training a codec of speech: crops of a corpus of recordings, losses on the decoded sound, and a discriminator."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import lightning as L
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

import brevox.data.augment
import brevox.losses  # noqa: F401
from brevox.audio.pitch import PITCH_RATE_HZ
from brevox.data.augment.parts import Chain
from brevox.data.corpus import Corpus, CropDataset
from brevox.errors import SettingsError
from brevox.losses.channel_average import channel_average_loss
from brevox.losses.parts import LOSSES
from brevox.nets.bottlenecks.devices import mean_over_devices
from brevox.nets.codec import NeuralCodec, build_codec
from brevox.nets.model import Model
from brevox.training.balance import BALANCERS, Balancer, Term
from brevox.training.game import Game
from brevox.training.recipe import Recipe
from brevox.training.stages import StageOutputs
from brevox.training.task import TASKS, Task, Values, refuse
from brevox.training.validation import decoded_clip, spectrogram_picture, valid_clips, validate

#: Books at which a codec is validated, as shares of all it has.
_VALID_SHARES = (1 / 12, 0.25, 0.5, 1.0)
_SAMPLES = 2  # validation clips that TensorBoard gets to hear and see


@TASKS.register("codec")
class CodecTask(Task):
    """Sound through few bits and back."""

    model: NeuralCodec

    def __init__(self, recipe: Recipe, fabric: L.Fabric) -> None:
        super().__init__(recipe, fabric)
        refuse(recipe, "data.frames")
        if not recipe.losses:
            raise SettingsError(f"the recipe {recipe.name} names no losses")
        corpus = Path(recipe.data.corpus)
        self.corpus = Corpus(corpus, "train")
        self.augment = Chain(recipe.data.augment) if recipe.data.augment else None
        self.model = self.build()
        if self.model.sample_rate != self.corpus.sample_rate:
            raise SettingsError(
                f"the corpus {corpus} is at {self.corpus.sample_rate} Hz and model.sample_rate says "
                f"{self.model.sample_rate}; change that, or prepare one with: "
                f"brevox data prepare --rate {self.model.sample_rate}"
            )
        if self.augment is not None and self.corpus.sample_rate != PITCH_RATE_HZ:
            raise SettingsError(f"data.augment is made for corpora at {PITCH_RATE_HZ} Hz; leave it out of the recipe")
        self.stages = StageOutputs(self.model.decoder) if recipe.channel_average else None
        self.valid = valid_clips(Corpus(corpus, "valid"), recipe.run.valid_clips, recipe.run.valid_clip_s, self.model)
        self.losses_by_name: dict[str, tuple[float, nn.Module]] = {}
        for section in recipe.losses:
            arguments = {key: value for key, value in section.items() if key != "weight"}
            loss = LOSSES.build(arguments, sample_rate=self.model.sample_rate).to(fabric.device)
            if section["name"] in self.losses_by_name:
                raise SettingsError(f"the recipe {recipe.name} names the loss {section['name']!r} twice")
            self.losses_by_name[section["name"]] = (float(section.get("weight", 1.0)), loss)
        self.balancer: Balancer = BALANCERS.build(recipe.balancer, mean=mean_over_devices)
        self.game = Game(recipe, fabric)
        total = cast(int, self.model.bottleneck.books)
        self.books = sorted({min(total, max(1, round(share * total))) for share in _VALID_SHARES})
        #: At which the best is chosen, and shown.
        self.half = self.books[-2] if len(self.books) > 1 else self.books[-1]

    def build(self) -> NeuralCodec:
        return build_codec(self.recipe.model)

    def dataset(self, items: int) -> CropDataset:
        data = self.recipe.data
        return CropDataset(
            self.corpus,
            data.crop_s,
            items=items,
            seed=self.recipe.seed,
            gain_db=data.gain_db,
            balance=data.balance,
            silence=data.silence,
            hop=self.model.hop,
            pitch=self.model.pitch,
            augment=self.augment,
        )

    def seconds(self, batch: dict[str, Tensor]) -> float:
        return batch["audio"].numel() / self.model.sample_rate

    def begin_step(self, step: int) -> bool:
        return self.game.begin_step(step)

    def losses(self, model: nn.Module, batch: dict[str, Tensor], more: bool) -> tuple[Tensor, Values]:
        audio = batch["audio"]
        with self.stages or nullcontext():
            decoded, quantised = model(**batch)
        # A node of its own, for the same reason as in `Game.terms`.
        decoded = decoded.float().view_as(decoded)
        logged: Values = {**self.game.teach(audio, decoded.detach(), more)}
        if not decoded.requires_grad:  # the discriminator learns alone
            return decoded.new_zeros(()), logged
        terms = {name: Term(loss(decoded, audio), weight) for name, (weight, loss) in self.losses_by_name.items()}
        terms |= self.game.terms(audio, decoded)
        total, factors = self.balancer.total(terms, decoded)
        logged["commitment"] = quantised.loss.detach()
        for name, term in terms.items():
            logged[name] = term.value.detach()
            logged[f"weighted/{name}"] = factors[name] * term.value.detach()
        # By the recipe's weights, whatever the balancer made of them: comparable between runs.
        weighted = sum(term.weight * term.value.detach() for term in terms.values())
        inner = self.recipe.commitment * quantised.loss
        if self.stages is not None:
            logged["channel_average"] = (average := channel_average_loss(self.stages.heard, audio)).detach()
            inner = inner + self.recipe.channel_average * average
        logged["total"] = weighted + inner.detach()
        return total + inner, logged

    def end_step(self) -> None:
        self.game.end_step()

    def validate(self, model: Model) -> tuple[dict[str, float], float]:
        scores = validate(cast(NeuralCodec, model), self.valid, self.books, self.fabric.device)
        return scores, scores.get(f"pesq_wb@{self.half}", -scores[f"mel@{self.half}"])

    def show(self, writer: SummaryWriter, model: Model, step: int) -> None:
        """Sound and spectrogram of some validation clips, original and decoded."""
        for number, clip in enumerate(self.valid[:_SAMPLES]):
            decoded = decoded_clip(cast(NeuralCodec, model), clip, self.half, self.fabric.device)
            for name, audio in (("original", clip["audio"][0]), ("decoded", decoded)):
                tag = f"clip {number}/{name}"
                writer.add_audio(tag, audio.clamp(-1, 1), step, self.model.sample_rate)
                writer.add_image(tag, spectrogram_picture(audio), step, dataformats="HW")

    def state(self) -> dict[str, Any]:
        return {"balancer": self.balancer.state, **self.game.state()}

    def restore(self, state: dict[str, Any], path: Path) -> None:
        self.balancer.state = state.get("balancer", {})
        self.game.restore(state, path)
