"""DistillMOS beside PESQ-WB and ESTOI of codecs in training, which validation does without as it is slow.

    python benchmarks/checkpoints.py corpus runs/a/last.ckpt runs/b/last.ckpt [--clips 8] [--seconds 6]
    python benchmarks/checkpoints.py corpus runs/a/last.ckpt --split train --of librispeech

Clips of the validation split of a corpus, or of those trained on: what is better there has been learned by heart. At a
twelfth, a quarter, a half and all of the books; codes are those of the network, not chosen for their cost. Needs
'.[train,bench]' and distillmos (docs/bench.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from brevox.data.corpus import Corpus
from brevox.evaluation.metrics.distillmos import DISTILLMOS
from brevox.evaluation.metrics.metric import Options, Pair
from brevox.training.export import load_trained
from brevox.training.validation import decoded_clip, perceptual_scores, valid_clips

SHARES = (1 / 12, 0.25, 0.5, 1.0)
RATE = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--split", default="valid", choices=["train", "valid"])
    parser.add_argument("--of", default="", help="clips whose paths hold this word")
    arguments = parser.parse_args()
    corpus = Corpus(arguments.corpus, arguments.split)
    corpus.clips = [clip for clip in corpus.clips if arguments.of in clip.path]
    naturalness = DISTILLMOS.open(Options())

    def scores(original: NDArray[np.float32], decoded: NDArray[np.float32]) -> tuple[float, float, float]:
        known = perceptual_scores(original, decoded, RATE)
        return naturalness(Pair(original, decoded, None)).value, known["pesq_wb"], known["estoi"]

    print(f"DistillMOS / PESQ-WB / ESTOI, {arguments.clips} clips of {arguments.seconds:g} s")
    print(
        "| run | " + " | ".join(f"{share:.0%} of the books" for share in SHARES) + " |\n|" + "---|" * (1 + len(SHARES))
    )
    for path in arguments.checkpoints:
        model, _ = load_trained(path)
        clips = valid_clips(corpus, arguments.clips, arguments.seconds, model)
        originals = [clip["audio"][0].numpy() for clip in clips]
        cells = []
        for share in SHARES:
            books = max(1, round(share * model.bottleneck.books))
            decoded = [decoded_clip(model, clip, books, torch.device("cpu")).numpy() for clip in clips]
            mean = np.mean([scores(a, d) for a, d in zip(originals, decoded, strict=True)], axis=0)
            cells.append(f"{mean[0]:.2f} / {mean[1]:.2f} / {mean[2]:.3f}")
        print(f"| {path.parent.name} | " + " | ".join(cells) + " |", flush=True)
    ours = [naturalness(Pair(audio, audio, None)).value for audio in originals]
    print(f"| the original | {np.mean(ours):.2f} | | | |")


if __name__ == "__main__":
    main()
