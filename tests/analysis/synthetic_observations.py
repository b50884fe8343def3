"""Observations whose phones, codes and boundaries are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from brevox.analysis.observed import Observation, Observed
from brevox.analysis.runs import Run
from brevox.data.alignment import Segment

FRAME_S = 0.02
SPELT = "aeknst"


def utterance(
    name: str,
    codes,
    segments: tuple[Segment, ...] = (),
    *,
    codebook: np.ndarray | None = None,
    speaker: str = "ann",
    seed: int = 0,
) -> Observed:
    """Latents near the codes' vectors, and features, twice as many, that say the same with some noise."""
    codes = np.asarray(codes, dtype=np.int64)
    rng = np.random.default_rng(seed)
    vectors = np.eye(64, 8, dtype=np.float32) if codebook is None else codebook
    latents = vectors[codes] + 0.05 * rng.normal(size=(len(codes), vectors.shape[1])).astype(np.float32)
    features = np.repeat(latents, 2, axis=0) + 0.05 * rng.normal(size=(2 * len(codes), vectors.shape[1]))
    features = features.astype(np.float32)
    audio = rng.normal(scale=0.1, size=320 * len(codes)).astype(np.float32)
    return Observed(name, speaker, codes, latents, features, features, 0.9 * features, audio, segments)


def spoken(rng: np.random.Generator, phones: int, frames: tuple[int, int] = (2, 8)) -> tuple[Segment, ...]:
    """Phones one after the other, none twice in a row, each some frames long, beginning and ending with a frame."""
    segments, at, last = [], 0, ""
    for _ in range(phones):
        label = str(rng.choice([letter for letter in SPELT if letter != last]))
        size = int(rng.integers(*frames))
        segments.append(Segment(at * FRAME_S, (at + size) * FRAME_S, label))
        at, last = at + size, label
    return tuple(segments)


def perfect_codes(segments: tuple[Segment, ...]) -> np.ndarray:
    """The code of a phone is its place in the alphabet that is spoken."""
    return np.concatenate(
        [np.full(round((s.end_s - s.start_s) / FRAME_S), SPELT.index(s.label), np.int64) for s in segments]
    )


def observation(
    *, utterances: int = 6, size: int = 8, wrong: float = 0.0, seed: int = 0, name: str = "run", aligned: bool = True
) -> Observation:
    """Codes that are the phones, but for a share of frames that have any code."""
    rng = np.random.default_rng(seed)
    codebook = (3 * rng.normal(size=(size, 8))).astype(np.float32)
    made = []
    for number in range(utterances):
        segments = spoken(rng, 20)
        codes = perfect_codes(segments)
        mistaken = rng.random(len(codes)) < wrong
        codes[mistaken] = rng.integers(0, size, mistaken.sum())
        given = segments if aligned else ()
        speaker = ("ann", "bob")[number % 2]
        made.append(utterance(f"clip {number}", codes, given, codebook=codebook, speaker=speaker, seed=seed + number))
    return Observation(name, "valid", tuple(made), codebook, FRAME_S, 16_000)


def write_run(folder: Path, *, seed: int = 0, size: int = 8, steps: int = 300, gradients: bool = True) -> Path:
    """A run's folder with a recipe and logs, but no weights."""
    folder.mkdir(parents=True)
    recipe = {
        "name": folder.name,
        "seed": seed,
        "task": "units",
        "model": {"bottleneck": {"name": "vq", "codes": size}},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    rng = np.random.default_rng(seed)
    rows = []
    for step in range(1, steps + 1):
        loss = 10 / step**0.5 * np.exp(0.05 * rng.normal())
        rows += [(step, "total", loss), (step, "features", 0.8 * loss), (step, "commitment", 0.2 * loss)]
        rows += [(step, "perplexity", size * (1 - 1 / step**0.5)), (step, "gradient_norm", 1 / step)]
        if gradients:
            rows += [(step, f"gradient/{name}", 0.1**k / step) for k, name in enumerate(("encoder", "vq", "decoder"))]
    text = "".join(f"{step},{name},{value:.6g}\n" for step, name, value in rows)
    (folder / "train.csv").write_text(text)
    (folder / "valid.csv").write_text("".join(f"{s},features,{9 / s**0.5:.6g}\n" for s in range(50, steps + 1, 50)))
    return folder


def run_of(folder: Path, seen: Observation) -> Run:
    """A run with a given observation, whatever the split and the checkpoint."""
    return Run(folder, lambda *asked: seen)
