"""The vocoder without quantisation beside Codec 2, and how fast it is.

Usage: python benchmarks/vocoder.py FILES_OR_FOLDERS... [--peers 3.2 1.3]
Every recording is cut to its first 20 s at 8 kHz; PESQ-NB and ESTOI are means over recordings. Speed is by CPU time.
Needs c2enc and c2dec, and '.[bench]'.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import resample
from brevox.audio.mono import write_mono
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.metrics.metric import Options
from brevox.evaluation.peers.codec2 import Codec2
from brevox.evaluation.scoring import Scorer
from brevox.vocoder.analysis import analyse
from brevox.vocoder.envelope import envelope, mel_features, mel_to_envelope
from brevox.vocoder.harmonics import HOP, RATE_HZ
from brevox.vocoder.resynthesis import from_envelope
from brevox.vocoder.speech_files import RAW_SUFFIX, read_speech
from brevox.vocoder.synthesis import synthesise

_LONGEST_S = 20
_METRICS = ("pesq_nb", "estoi")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--peers", type=float, nargs="*", default=[3.2, 2.4, 1.3, 0.7], help="rates of Codec 2, kbit/s")
    options = parser.parse_args()
    scores: dict[str, list[list[float]]] = {}
    seconds, spent = 0.0, {"analysis": 0.0, "synthesis": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        scorer = Scorer(choose_metrics(_METRICS), ScoreCache(None, Options()), threads=1)
        for path in sorted(files_of(options.recordings)):
            audio = read_speech(path)[: _LONGEST_S * RATE_HZ]
            reference = resample(audio[None], RATE_HZ, 2 * RATE_HZ)[0]
            began = time.process_time()
            harmonics = analyse(audio)
            y, b = envelope(harmonics), mel_features(harmonics)
            analysed = time.process_time()
            made = {"harmonics with their phases": synthesise(harmonics)}
            between = time.process_time()
            made["y (79 columns)"] = from_envelope(y, harmonics.wo, harmonics.voiced)
            spent["synthesis"] += time.process_time() - between
            spent["analysis"] += analysed - began
            seconds += len(audio) / RATE_HZ
            made["b (22 columns)"] = from_envelope(mel_to_envelope(b), harmonics.wo, harmonics.voiced)
            made |= {f"Codec 2, {kbps * 1000:.0f} bit/s": codec2(audio, kbps, Path(folder)) for kbps in options.peers}
            for name, sound in made.items():
                degraded = resample(sound[None], RATE_HZ, 2 * RATE_HZ)[0]
                cells = scorer.score(reference, degraded).cells
                values = [cells[metric].score for metric in _METRICS]
                scores.setdefault(name, []).append([np.nan if v is None else v.value for v in values])
            print(f"{path.name}: {len(harmonics) * HOP / RATE_HZ:.1f} s", flush=True)
    for name, rows in scores.items():
        pesq_nb, estoi = np.nanmean(rows, axis=0)
        print(f"| {name} | {pesq_nb:.2f} | {estoi:.3f} | {len(rows)} |")
    print(" ".join(f"{what} {seconds / elapsed:.0f} x real time" for what, elapsed in spent.items()))


def files_of(paths: list[Path]) -> list[Path]:
    """The recordings among files and below folders."""
    found = []
    for path in paths:
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [one for one in inside if one.suffix.lower() in (*AUDIO_SUFFIXES, RAW_SUFFIX)]
    return found


def codec2(audio: NDArray[np.float32], kbps: float, folder: Path) -> NDArray[np.float32]:
    """Through a file of Codec 2 and back. Shape: [samples]."""
    source, stored, target = (folder / name for name in ("in.wav", "stored.c2", "out.wav"))
    write_mono(source, audio, RATE_HZ)
    Codec2().encode(source, stored, kbps)
    Codec2().decode(stored, target)
    return read_speech(target)


if __name__ == "__main__":
    main()
