"""What a codec's decoder could do with the best latents: they are fitted to clips, where encoders have one look.

    python benchmarks/latents.py recipes/speech-16k.yaml src/brevox/assets/speech-16k.bvx corpus [--clips 4]

Validation clips of a corpus made by `brevox data prepare`; noise is drawn anew in every step, so that no fit can lean
on how it fell. Fitted as they are, and through so many books with gradients passing straight. What lies between the
two rows of a pair is what the encoder leaves undone.
"""

from __future__ import annotations

import argparse
import math
import platform
from pathlib import Path

import numpy as np
import torch
from heads import RATE, clips
from torch import Tensor

from brevox.losses.mel import MultiScaleMelLoss
from brevox.losses.stft import MultiScaleStftLoss
from brevox.nets.codec import NeuralCodec, build_codec
from brevox.training.recipe import load_recipe
from brevox.training.shipped import begin_with
from brevox.training.validation import perceptual_scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("weights", type=Path, help="a checkpoint or .bvx")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = build_codec(load_recipe(arguments.recipe).model)
    begin_with(model, arguments.weights)
    model.eval().requires_grad_(False)
    audio, condition, pulses = clips(arguments.corpus, arguments.clips, arguments.seconds)
    whole = audio.shape[1] // model.hop * model.hop
    pitches = whole * condition.shape[2] // audio.shape[1]
    sound = Sound(model, audio[:, :whole], condition[..., :pitches], pulses[:, :whole])
    print(f"{platform.machine()}, {len(audio)} clips of {arguments.seconds:g} s, {arguments.steps} steps")
    print("| books | latents | mel distance | PESQ-WB | ESTOI |\n|---|---|---|---|---|")
    total = model.bottleneck.books
    for books in (None, total, total // 2, total // 4):
        encoded = model.encode(sound.audio, sound.condition)
        for name, latent in (("encoded", encoded), ("fitted", sound.fitted(encoded, books, arguments.steps))):
            mel, pesq, estoi = sound.scores(latent, books)
            print(f"| {books or 'none'} | {name} | {mel:.3f} | {pesq:.2f} | {estoi:.3f} |", flush=True)


class Sound:
    """Clips, and what latents make of them."""

    def __init__(self, model: NeuralCodec, audio: Tensor, condition: Tensor, pulses: Tensor) -> None:
        self.model, self.audio, self.condition, self.pulses = model, audio, condition, pulses
        self.mel, self.stft = MultiScaleMelLoss(RATE), MultiScaleStftLoss()

    def decoded(self, latent: Tensor, books: int | None) -> Tensor:
        """Shape: [clips, latent, frames] to [clips, samples]; without quantising if there are no books."""
        if books is not None:
            latent = self.model.bottleneck(latent, torch.full((len(latent),), books)).latent
        noise = (torch.rand(self.audio.shape) - 0.5) * math.sqrt(12)
        return self.model.decode(latent, self.condition, torch.stack([self.pulses, noise], dim=1)).float()

    def fitted(self, latent: Tensor, books: int | None, steps: int) -> Tensor:
        """Latents of less loss, from given ones on."""
        latent = latent.clone().requires_grad_()
        optimiser = torch.optim.Adam([latent], lr=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(steps):
            optimiser.zero_grad()
            decoded = self.decoded(latent, books)
            (self.mel(decoded, self.audio) + self.stft(decoded, self.audio)).backward()
            optimiser.step()
            schedule.step()
        return latent.detach()

    @torch.no_grad()
    def scores(self, latent: Tensor, books: int | None) -> tuple[float, float, float]:
        """Mel distance, PESQ-WB and ESTOI."""
        decoded = self.decoded(latent, books)
        scores = [perceptual_scores(a.numpy(), d.numpy(), RATE) for a, d in zip(self.audio, decoded, strict=True)]
        means = (float(np.mean([score[name] for score in scores])) for name in ("pesq_wb", "estoi"))
        return self.mel(decoded, self.audio).item(), *means


if __name__ == "__main__":
    main()
