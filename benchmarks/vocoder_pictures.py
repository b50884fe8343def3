"""Spectrograms of a recording: as it was, through Codec 2, and through a vocoder's stream.

Usage: python benchmarks/vocoder_pictures.py RECORDING -o picture.png [--codec2 1.3] [--model vocoder-1200]
       [--begin 0] [--seconds 4]
Needs c2enc and c2dec.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.evaluation.peers.brevox import BrevoxPeer
from brevox.evaluation.peers.codec2 import Codec2
from brevox.output import atomic_output
from brevox.pictures import to_png
from brevox.vocoder.harmonics import RATE_HZ
from brevox.vocoder.speech_files import read_speech
from vocoder import PLENTY_KBPS, through_file

_FFT, _WINDOW, _HOP = 256, 240, 80
_RANGE_DB = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--codec2", type=float, default=1.3, help="kbit/s")
    parser.add_argument("--model", default="vocoder-1200")
    parser.add_argument("--begin", type=float, default=0.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    first, count = round(options.begin * RATE_HZ), round(options.seconds * RATE_HZ)
    audio = read_speech(options.recording)[first : first + count]
    with tempfile.TemporaryDirectory() as folder:
        by_codec2, codec2_kbps, _ = through_file(Codec2(), audio, options.codec2, Path(folder))
        by_model, model_kbps, _ = through_file(BrevoxPeer(options.model), audio, PLENTY_KBPS, Path(folder))
    sounds = {
        "original": audio,
        f"Codec 2, {1000 * codec2_kbps:.0f} bit/s": by_codec2,
        f"{options.model}, {1000 * model_kbps:.0f} bit/s": by_model,
    }
    figure = Figure(figsize=(7.6, 6.4), layout="constrained")
    for place, (axes, (name, sound)) in enumerate(zip(figure.subplots(3, 1), sounds.items(), strict=True)):
        levels = spectrogram_db(sound)
        extent = (0, len(sound) / RATE_HZ, 0, RATE_HZ / 2000)
        axes.imshow(
            levels,
            origin="lower",
            aspect="auto",
            extent=extent,
            vmin=levels.max() - _RANGE_DB,
            cmap="magma",
            interpolation="nearest",
        )
        axes.set(title=name, ylabel="kHz", xlabel="s" if place == 2 else "")
    with atomic_output(options.output) as part:
        part.write_bytes(to_png(figure, dpi=60))


def spectrogram_db(audio: NDArray[np.floating]) -> NDArray[np.float64]:
    """Shape: [129, frames]."""
    pieces = np.lib.stride_tricks.sliding_window_view(np.pad(audio, _WINDOW // 2), _WINDOW)[::_HOP]
    return 10 * np.log10(np.abs(np.fft.rfft(pieces * np.hanning(_WINDOW), _FFT)).T ** 2 + 1e-8)


if __name__ == "__main__":
    main()
