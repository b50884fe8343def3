"""How good a codec is on speakers it has not heard: PESQ-WB, ESTOI and mel distance at several rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brevox.audio.excitation import pulse_train, white_noise
from brevox.audio.pitch import PITCH_HOP, pitch_condition
from brevox.data.corpus import Corpus
from brevox.losses.mel import MultiScaleMelLoss
from brevox.nets.codec import NeuralCodec


@dataclass(frozen=True)
class ValidClip:
    """A clip ready for the network. Shapes: [1, samples], [1, 2, frames] and [1, 2, samples]."""

    audio: Tensor
    condition: Tensor
    excitation: Tensor


def valid_clips(corpus: Corpus, clips: int, clip_s: float) -> list[ValidClip]:
    """The first seconds of clips spread evenly over the corpus."""
    chosen = [corpus.clips[i] for i in np.linspace(0, len(corpus.clips) - 1, min(clips, len(corpus.clips))).astype(int)]
    ready = []
    for clip in chosen:
        samples = min(clip.samples, round(clip_s * 50) * PITCH_HOP)
        audio, pitch = corpus.read(clip.shard, clip.first, samples)
        excitation = np.stack([pulse_train(pitch)[0], white_noise(0, len(pitch))])
        ready.append(
            ValidClip(
                torch.from_numpy(audio)[None],
                torch.from_numpy(pitch_condition(pitch))[None],
                torch.from_numpy(excitation)[None],
            )
        )
    return ready


@torch.no_grad()
def validate(model: NeuralCodec, clips: list[ValidClip], books: list[int], device: torch.device) -> dict[str, float]:
    """Mean of each metric over the clips, named `metric@books`; and how many codes were used, `used/book`.

    PESQ and ESTOI are left out where the packages that compute them (the extra `bench`) are not installed.
    """
    was_training = model.training
    model.eval()
    mel = MultiScaleMelLoss(model.sample_rate).to(device)
    results: dict[str, list[float]] = {}
    codes = []
    for clip in clips:
        for count in books:
            audio = clip.audio.to(device)
            decoded, quantised = model(
                audio,
                clip.condition.to(device),
                clip.excitation.to(device),
                torch.tensor([count], device=device),
            )
            results.setdefault(f"mel@{count}", []).append(mel(decoded, audio).item())
            scores = perceptual_scores(clip.audio[0].numpy(), decoded[0].float().cpu().numpy(), model.sample_rate)
            for name, score in scores.items():
                results.setdefault(f"{name}@{count}", []).append(score)
        codes.append(quantised.codes[0].cpu())
    used = torch.cat(codes, dim=1)
    model.train(was_training)
    means = {name: float(np.mean(values)) for name, values in results.items()}
    for book in range(used.shape[0]):
        means[f"used/{book}"] = len(used[book].unique())
    return means


def perceptual_scores(
    original: NDArray[np.float32], decoded: NDArray[np.float32], sample_rate: int
) -> dict[str, float]:
    """PESQ-WB and ESTOI of one channel at 16 kHz, as far as the packages are there and the clip can be scored."""
    scores: dict[str, float] = {}
    try:
        from pesq import PesqError, pesq
        from pystoi import stoi
    except ImportError:
        return scores
    try:
        scores["pesq_wb"] = float(pesq(sample_rate, original, decoded, "wb"))
    except PesqError:  # no speech found: such a clip has no score
        pass
    else:
        scores["estoi"] = float(stoi(original, decoded, sample_rate, extended=True))
    return scores
