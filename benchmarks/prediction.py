"""How many bits a straight line through the two frames before could save: latents of neighbouring frames are alike.

    python benchmarks/prediction.py runs/speech-16k/last.ckpt corpus [--clips 150]

With so many books their bits say how much of a latent is heard: the error D at which independent Gaussian numbers of
the latent's variances would take as many (reverse water-filling, Cover and Thomas). The same D, where each frame is
predicted from the two quantised ones before it and from the pitch, takes fewer. Predictors are fitted on training
speech and judged on validation speakers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from brevox.data.corpus import Corpus, CropDataset
from brevox.training.export import load_trained

_CROP_S = 5.0
Array = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clips", type=int, default=150)
    arguments = parser.parse_args()
    model, _ = load_trained(arguments.checkpoint)
    model.eval()
    total = model.bottleneck.books
    print("| books | bits a frame | predicted | saved |\n|---|---|---|---|")
    for books in (total // 4, total // 2, total):
        known, wanted = frames(model, Corpus(arguments.corpus, "train"), arguments.clips, books)
        weights = np.linalg.solve(known.T @ known + 10 * np.eye(known.shape[1]), known.T @ wanted)
        known, wanted = frames(model, Corpus(arguments.corpus, "valid"), arguments.clips // 4, books)
        bits = books * np.log2(model.bottleneck.codes)
        alone, predicted = variances(wanted), variances(wanted - known @ weights)
        error = water_level(alone, bits)
        told = rate(predicted, error)
        print(f"| {books} | {bits:.0f} | {told:.0f} | {1 - told / bits:.0%} |", flush=True)


@torch.no_grad()
def frames(model, corpus: Corpus, clips: int, books: int) -> tuple[Array, Array]:
    """What is known before each frame, Shape [frames, numbers], and its latent, Shape [frames, latent]."""
    crops = CropDataset(
        corpus, _CROP_S, clips, seed=3, hop=model.hop, gain_db=(0, 0), silence=0, balance=1.0, pitch=model.pitch
    )
    known, wanted = [], []
    for crop in (crops[number] for number in range(clips)):
        tensors = {name: torch.from_numpy(crop[name])[None] for name in ("audio", "condition") if name in crop}
        latent = model.encode(**tensors).float()
        quantised = model.bottleneck(latent, torch.tensor([books])).latent[0].T.numpy()
        parts = [quantised[1:-1], quantised[:-2], np.ones((len(quantised) - 2, 1))]
        if model.pitch:
            side = tensors["condition"][0].numpy().T.reshape(len(quantised), -1)
            parts += [side[2:], side[1:-1]]
        known.append(np.concatenate(parts, axis=1))
        wanted.append(latent[0].T.numpy()[2:])
    return np.concatenate(known).astype(np.float64), np.concatenate(wanted).astype(np.float64)


def variances(numbers: Array) -> Array:
    """Along the axes on which the columns do not hang together."""
    return np.linalg.eigvalsh(np.cov(numbers.T)).clip(min=1e-12)


def rate(each: Array, error: float) -> float:
    """Bits that independent Gaussian numbers of such variances take at this mean squared error."""
    return float(np.maximum(0.5 * np.log2(each / error), 0).sum())


def water_level(each: Array, bits: float) -> float:
    """The error at which they take so many bits."""
    low, high = 1e-9, float(each.max())
    for _ in range(80):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if rate(each, middle) > bits else (low, middle)
    return low


if __name__ == "__main__":
    main()
