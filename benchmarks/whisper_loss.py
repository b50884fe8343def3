"""The Whisper loss in its two modes: short windows and packing, beside each clip alone in Whisper's 30 s.

    python recipes/fetch_whisper.py -o whisper-tiny.en
    python benchmarks/whisper_loss.py whisper-tiny.en

On 16 x 1 s of the demo clip, one thread: the processor time it adds to a step of training (forward and backward), how
far the encoder's vectors are from those of each clip alone, and how alike either mode and the clip alone rank ten
degradations of each.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from importlib.resources import as_file, files

import numpy as np
import torch
from torch import Tensor

import brevox.losses  # noqa: F401  registers the losses
from brevox.audio import AudioReader
from brevox.losses.parts import LOSSES

CLIPS, SAMPLES = 16, 16_000
TOKENS = SAMPLES // 320
NOISE = (1.0, 0.3, 0.1, 0.03, 0.01)
CUTOFF_HZ = (1000, 2000, 3000, 4000, 6000)


def demo_clips() -> Tensor:
    with as_file(files("brevox") / "assets" / "demo.flac") as path, AudioReader(path) as reader:
        audio = np.concatenate(list(reader.blocks(1 << 16)), axis=1)
    return torch.from_numpy(audio[0, : CLIPS * SAMPLES].copy()).reshape(CLIPS, SAMPLES)


def degradations(clips: Tensor) -> list[Tensor]:
    """Noise at shares of the clips' level, and low-passes."""
    noise = clips.std() * torch.randn(clips.shape, generator=torch.Generator().manual_seed(0))
    spectrum, hz = torch.fft.rfft(clips), torch.fft.rfftfreq(SAMPLES, 1 / 16_000)
    muffled = [torch.fft.irfft(spectrum * (hz <= cutoff), SAMPLES) for cutoff in CUTOFF_HZ]
    return [*(clips + share * noise for share in NOISE), *muffled]


def step_s(loss: torch.nn.Module, decoded: Tensor, clips: Tensor, rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        started = time.process_time()
        loss(decoded.clone().requires_grad_(), clips).backward()
        times.append(time.process_time() - started)
    return statistics.median(times)


def ranks(values: Tensor) -> Tensor:
    return values.flatten().argsort().argsort().double()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="a folder of Whisper's weights, or a Hugging Face id")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    short, packed = (
        LOSSES.build({"name": "whisper", "weights": arguments.weights, "packing": packing}, sample_rate=16_000)
        for packing in (False, True)
    )
    clips = demo_clips()
    worse = degradations(clips)

    def alone(audio: Tensor) -> Tensor:
        vectors: Tensor = short.vectors(torch.nn.functional.pad(audio, (0, short.window - SAMPLES)))[0][:, :TOKENS]
        return vectors

    def distances(hears: Callable[[Tensor], Tensor]) -> Tensor:
        """Of each degradation of each clip. Shape: [degradations, clips]."""
        wanted = hears(clips)
        return torch.stack([(hears(audio) - wanted).abs().mean(dim=(1, 2)) for audio in worse])

    print(f"{platform.machine()}, one thread, torch {torch.__version__}, {CLIPS} x 1 s")
    with torch.no_grad():
        expected, order = alone(clips), ranks(distances(alone))
    for name, loss in (("short windows", short), ("packed", packed)):
        seconds = step_s(loss, worse[2], clips)
        with torch.no_grad():
            deviation = ((loss.vectors(clips)[0] - expected).norm() / expected.norm()).item()
            ours = ranks(distances(lambda audio, loss=loss: loss.vectors(audio)[0]))
        correlation = torch.corrcoef(torch.stack([ours, order]))[0, 1].item()
        print(f"{name}: {seconds:.2f} s a step, vectors deviate by {deviation:.2f}, rank correlation {correlation:.3f}")


if __name__ == "__main__":
    main()
