"""How good a codec is on speakers it has not heard: PESQ-WB, ESTOI and mel distance at several rates."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brevox.audio.excitation import pulse_train, white_noise
from brevox.audio.pitch import PITCH_RATE_HZ, pitch_condition
from brevox.audio.resample import resample
from brevox.data.corpus import Corpus
from brevox.losses.mel import MultiScaleMelLoss
from brevox.losses.spectrogram import magnitude, spectrogram
from brevox.nets.bottlenecks.statistics import code_statistics
from brevox.nets.codec import NeuralCodec

#: A clip ready for the network: `audio` [1, samples], and with a pitch `condition` and `excitation`.
ValidClip = dict[str, Tensor]


def valid_clips(corpus: Corpus, clips: int, clip_s: float, model: NeuralCodec) -> list[ValidClip]:
    """The first seconds of clips spread evenly over the corpus, whole frames of `model`."""
    chosen = [corpus.clips[i] for i in np.linspace(0, len(corpus.clips) - 1, min(clips, len(corpus.clips))).astype(int)]
    ready = []
    for clip in chosen:
        samples = min(clip.samples, round(clip_s * model.sample_rate)) // model.hop * model.hop
        audio, pitch = corpus.read(clip.shard, clip.first, samples)
        arrays = {"audio": audio}
        if model.pitch:
            excitation = np.stack([pulse_train(pitch)[0], white_noise(0, len(pitch))])
            arrays |= {"condition": pitch_condition(pitch), "excitation": excitation}
        ready.append({name: torch.from_numpy(array)[None] for name, array in arrays.items()})
    return ready


@torch.no_grad()
def validate(model: NeuralCodec, clips: list[ValidClip], books: list[int], device: torch.device) -> dict[str, float]:
    """Mean of each metric over the clips, named `metric@books`, and how well each book is used with all in use:
    codes that occur, `used/book`, their `perplexity/book` and `efficiency/book` (see `code_statistics`).

    PESQ and ESTOI are left out where the packages that compute them (the extra `bench`) are not installed.
    """
    was_training = model.training
    model.eval()
    mel = MultiScaleMelLoss(model.sample_rate).to(device)
    results: dict[str, list[float]] = {}
    codes = []
    for clip in clips:
        inputs = {name: tensor.to(device) for name, tensor in clip.items()}
        for count in books:
            decoded, quantised = model(**inputs, books=torch.tensor([count], device=device))
            results.setdefault(f"mel@{count}", []).append(mel(decoded, inputs["audio"]).item())
            scores = perceptual_scores(clip["audio"][0].numpy(), decoded[0].float().cpu().numpy(), model.sample_rate)
            for name, score in scores.items():
                results.setdefault(f"{name}@{count}", []).append(score)
        codes.append(quantised.codes[0].cpu())
    used = torch.cat(codes, dim=1)
    model.train(was_training)
    means = {name: float(np.mean(values)) for name, values in results.items()}
    size = cast(int, model.bottleneck.codes)
    if not size:  # nothing is quantised
        return means
    statistics = code_statistics(used[None], size)
    for book, (share, perplexity, efficiency) in enumerate(zip(*statistics, strict=True)):
        means[f"used/{book}"] = round(float(share) * size)
        means[f"perplexity/{book}"] = float(perplexity)
        means[f"efficiency/{book}"] = float(efficiency)
    return means


@torch.no_grad()
def decoded_clip(model: NeuralCodec, clip: ValidClip, books: int, device: torch.device) -> Tensor:
    """One clip through the codec. Shape: [samples]."""
    was_training = model.training
    inputs = {name: tensor.to(device) for name, tensor in clip.items()}
    decoded, _ = model.eval()(**inputs, books=torch.tensor([books], device=device))
    model.train(was_training)
    sound: Tensor = decoded[0].float().cpu()
    return sound


def spectrogram_picture(audio: Tensor) -> Tensor:
    """80 dB of a spectrogram as a picture, low frequencies at the bottom. Shape: [samples] to [bins, frames], 0..1."""
    level_db = 20 * torch.log10(magnitude(spectrogram(audio[None], 512, 128))[0] + 1e-5)
    return ((level_db + 90) / 80).clamp(0, 1).flip(0)


def perceptual_scores(
    original: NDArray[np.float32], decoded: NDArray[np.float32], sample_rate: int
) -> dict[str, float]:
    """PESQ-WB and ESTOI of one channel, resampled to 16 kHz, as far as the packages are there and it can be scored."""
    scores: dict[str, float] = {}
    try:
        from pesq import PesqError, pesq
        from pystoi import stoi
    except ImportError:
        return scores
    if sample_rate != PITCH_RATE_HZ:
        pair = (resample(audio[None], sample_rate, PITCH_RATE_HZ)[0] for audio in (original, decoded))
        (original, decoded), sample_rate = pair, PITCH_RATE_HZ
    try:
        scores["pesq_wb"] = float(pesq(sample_rate, original, decoded, "wb"))
    except PesqError:  # no speech found: such a clip has no score
        pass
    else:
        scores["estoi"] = float(stoi(original, decoded, sample_rate, extended=True))
    return scores
