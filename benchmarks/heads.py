"""What a spectral decoder's heads could do at best: what they are told is fitted to clips, without a network.

    python benchmarks/heads.py corpus [--clips 6] [--seconds 3] [--steps 250] [--threads 1]

Validation clips of a corpus made by `brevox data prepare`. Nothing is quantised, and noise is drawn anew in every step,
so that no fit can lean on how it fell. A network that reaches less than its head has something left to learn.
"""

from __future__ import annotations

import argparse
import math
import platform
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from brevox.audio.excitation import pulse_train
from brevox.audio.pitch import pitch_condition
from brevox.data.corpus import Corpus
from brevox.losses.mel import MultiScaleMelLoss
from brevox.losses.stft import MultiScaleStftLoss
from brevox.nets.decoders.heads import Head
from brevox.nets.encoders.spectral import SpectralEncoder
from brevox.nets.parts import HEADS
from brevox.training.validation import perceptual_scores

RATE, HOP, BANDS = 16_000, 320, 80
HEADS_TO_FIT = {
    "masks, zero phase": {"name": "masks", "phase": "zero"},
    "masks, minimum phase": {"name": "masks"},
    "masks, zero phase, turned": {"name": "masks", "phase": "zero", "turned": True},
    "masks, minimum phase, turned": {"name": "masks", "turned": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    audio, condition, pulses = clips(arguments.corpus, arguments.clips, arguments.seconds)
    print(f"{platform.machine()}, {len(audio)} clips of {arguments.seconds:g} s, {arguments.steps} steps")
    print("| head | window, ms | mel distance | PESQ-WB | ESTOI |\n|---|---|---|---|---|")
    for name, settings in HEADS_TO_FIT.items():
        for window in (640, 320):
            mel, pesq, estoi = fitted(settings, window, audio, condition, pulses, arguments.steps)
            print(
                f"| {name} | {window // 16} | {mel:.3f} | {pesq:.2f} | {estoi:.3f} |",
                flush=True,
            )


def clips(corpus: Path, count: int, seconds: float) -> tuple[Tensor, Tensor, Tensor]:
    """Audio, Shape [clips, samples], pitch condition [clips, 2, pitches] and pulses [clips, samples]."""
    samples = round(seconds * RATE) // HOP * HOP
    valid = Corpus(corpus, "valid")
    long_enough = [clip for clip in valid.clips if clip.samples >= 2 * samples]
    chosen = [long_enough[i] for i in np.linspace(0, len(long_enough) - 1, count).astype(int)]
    read = [valid.read(clip.shard, clip.first + samples // 2 // HOP * HOP, samples) for clip in chosen]
    return (
        torch.from_numpy(np.stack([audio for audio, _ in read])),
        torch.from_numpy(np.stack([pitch_condition(pitch) for _, pitch in read])),
        torch.from_numpy(np.stack([pulse_train(pitch)[0] for _, pitch in read])),
    )


def fitted(
    settings: dict[str, object], window: int, audio: Tensor, condition: Tensor, pulses: Tensor, steps: int
) -> tuple[float, float, float]:
    """Mel distance, PESQ-WB and ESTOI of a head with the best that it can be told."""
    head: Head = HEADS.build(settings, width=1, sample_rate=RATE, window=window, hop=HOP // 2, bands=BANDS)
    encoder = SpectralEncoder(RATE, HOP, 64, 2, bands=BANDS, cepstrum_window=window)
    mel, stft = MultiScaleMelLoss(RATE), MultiScaleStftLoss()
    with torch.no_grad():
        envelope = encoder.envelope(audio, condition)
        assert head.last.bias is not None
        told = head.last.bias[None, :, None].expand(len(audio), -1, envelope.shape[2]).clone()
    told.requires_grad_()
    optimiser = torch.optim.Adam([told], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def sound() -> Tensor:
        noise = (torch.rand(audio.shape) - 0.5) * math.sqrt(12)
        return head.sound(told, envelope, torch.stack([pulses, noise], dim=1))

    for _ in range(steps):
        optimiser.zero_grad()
        decoded = sound()
        (mel(decoded, audio) + stft(decoded, audio)).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        decoded = sound()
        distance = mel(decoded, audio).item()
    scores = [perceptual_scores(a.numpy(), d.numpy(), RATE) for a, d in zip(audio, decoded, strict=True)]
    return distance, *(float(np.mean([score[name] for score in scores])) for name in ("pesq_wb", "estoi"))


if __name__ == "__main__":
    main()
