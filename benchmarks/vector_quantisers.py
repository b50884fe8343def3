"""Tables of vectors at full size: how long they take to train, beside scikit-learn's k-means, and what M-best gains.

Usage: python benchmarks/vector_quantisers.py FOLDER [--vectors 143000] [--columns 10] [--entries 4096,4096,4096]
Vectors are principal components of the 20 mel levels (mean level off) of the speech in FOLDER; every tenth recording is
kept back for the search. Needs '.[analysis]' for scikit-learn.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from brevox.audio.source import AUDIO_SUFFIXES
from brevox.vocoder.analysis import analyse
from brevox.vocoder.codebook import nearest
from brevox.vocoder.envelope import mel_features
from brevox.vocoder.speech_files import read_speech
from brevox.vocoder.stages import decode, search, train_stages

_LEVELS = 20
_KEPT = (1, 2, 5, 10, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vectors", type=int, default=143_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--entries", default="4096,4096,4096")
    options = parser.parse_args()
    sizes = [int(size) for size in options.entries.split(",")]
    train, test = vectors_of(options.folder, options.vectors, options.columns)
    print(f"{len(train):,} vectors of {options.columns} to train on, {len(test):,} kept back")

    began, used = time.perf_counter(), time.process_time()
    stages = train_stages(train, sizes)
    spent = f"{time.perf_counter() - began:.0f} s ({time.process_time() - used:.0f} s of CPU time)"
    told = ", ".join(f"{stage.variance:.4f}" for stage in stages)
    print(f"tables of {options.entries}: variance {told} in {spent}")

    tables = [stage.table for stage in stages]
    errors = {}
    for kept in _KEPT:
        began = time.process_time()
        errors[kept] = float(np.mean((test - decode(search(test, tables, kept), tables)) ** 2))
        rate = len(test) / (time.process_time() - began)
        gain = f"{100 * (1 - errors[kept] / errors[1]):.1f} % less" if kept > 1 else "greedy"
        print(f"search keeping {kept}: variance {errors[kept]:.4f}, {gain}; {rate:,.0f} vectors a second of CPU time")

    began, used = time.perf_counter(), time.process_time()
    peer = KMeans(sizes[0], n_init=1, random_state=0).fit(train)
    spent = f"{time.perf_counter() - began:.0f} s ({time.process_time() - used:.0f} s of CPU time)"
    theirs = peer.inertia_ / train.size
    print(f"scikit-learn's k-means of {sizes[0]}: variance {theirs:.4f} in {spent}")
    print(f"the first table's variance is {100 * (stages[0].variance / theirs - 1):+.1f} % of that")
    ours, other = (float(nearest(test, t)[1].mean()) for t in (tables[0], peer.cluster_centers_.astype(np.float32)))
    print(f"on what was kept back: {100 * (ours / other - 1):+.1f} %")


def vectors_of(folder: Path, count: int, columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Principal components of so many frames of the speech in a folder, and of a tenth as many kept back."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    # Recordings of one speaker lie beside each other: take them from all over.
    np.random.default_rng(0).shuffle(paths)  # type: ignore[arg-type]
    train: list[NDArray[np.float32]] = []
    test: list[NDArray[np.float32]] = []
    while paths and sum(map(len, train)) < count:
        levels = mel_features(analyse(read_speech(paths.pop())))[:, :_LEVELS]
        (test if len(test) * 9 < len(train) else train).append(levels - levels.mean(axis=1, keepdims=True))
    rows, others = np.concatenate(train)[:count], np.concatenate(test)
    mean = rows.mean(axis=0)
    turned = np.linalg.svd(rows - mean, full_matrices=False)[2][:columns].T
    return (rows - mean) @ turned, (others - mean) @ turned


if __name__ == "__main__":
    main()
