"""The vocoder beside Codec 2: before anything is quantised, as a stream, what each part of the stream costs, and speed.

Usage: python benchmarks/vocoder.py FILES_OR_FOLDERS... [--peers 3.2 1.3] [--model vocoder-1200] [--worst 5]
Every recording is cut to its first 20 s at 8 kHz; PESQ-NB and ESTOI are means over recordings. Speed is by CPU time.
Needs c2enc and c2dec, and '.[bench]'.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import brevox
from brevox.audio import resample
from brevox.audio.mono import write_mono
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.codec.block_codes import BlockTables
from brevox.codec.block_codes import to_blocks as blocks_of_codes
from brevox.codec.codec import Codec
from brevox.codec.models import find_model
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.metrics.known import choose_metrics
from brevox.evaluation.metrics.metric import Options
from brevox.evaluation.peers.brevox import BrevoxPeer
from brevox.evaluation.peers.codec2 import Codec2
from brevox.evaluation.peers.peer import Peer
from brevox.evaluation.scoring import Scorer
from brevox.vocoder.analysis import analyse
from brevox.vocoder.blocks import Blocks, to_blocks, to_frames
from brevox.vocoder.envelope import envelope, mel_features, mel_to_envelope
from brevox.vocoder.harmonics import RATE_HZ
from brevox.vocoder.resynthesis import from_envelope
from brevox.vocoder.speech_files import RAW_SUFFIX, read_speech
from brevox.vocoder.synthesis import synthesise

T = TypeVar("T")

_LONGEST_S = 20
#: More than the stream can use: so its payload takes what it is made for.
PLENTY_KBPS = 3.0
_METRICS = ("pesq_nb", "estoi")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--peers", type=float, nargs="*", default=[3.2, 2.4, 1.3, 0.7], help="rates of Codec 2, kbit/s")
    parser.add_argument("--model", help="a vocoder's model, by name or file: its stream is measured too")
    parser.add_argument("--kbps", type=float, nargs="*", default=[], help="further rates of that model, by its files")
    parser.add_argument(
        "--worst", type=int, default=0, help="show so many recordings with the lowest PESQ of the stream"
    )
    options = parser.parse_args()
    scores: dict[str, list[list[float]]] = {}
    stream_scores: list[tuple[float, str]] = []
    clock = Clock()
    codec = brevox.load(options.model, threads=1) if options.model else None
    with tempfile.TemporaryDirectory() as folder:
        scorer = Scorer(choose_metrics(_METRICS), ScoreCache(None, Options()), threads=1)
        for path in sorted(files_of(options.recordings)):
            audio = read_speech(path)[: _LONGEST_S * RATE_HZ]
            clock.seconds += len(audio) / RATE_HZ
            reference = resample(audio[None], RATE_HZ, 2 * RATE_HZ)[0]
            made = unquantised(audio, clock)
            kbps: dict[str, list[float]] = {}  # of payload and of file
            if codec is not None:
                made |= parts(audio, codec, options.model, clock)
                for asked in (PLENTY_KBPS, *options.kbps):
                    name = f"{codec.name}, the stream" + (
                        f" at {asked:g} kbit/s of file" if asked in options.kbps else ""
                    )
                    made[name], *kbps[name] = through_file(BrevoxPeer(options.model), audio, asked, Path(folder))
            for rate in options.peers:
                name = f"Codec 2, {rate * 1000:.0f} bit/s"
                made[name], *kbps[name] = through_file(Codec2(), audio, rate, Path(folder))
            for name, sound in made.items():
                degraded = resample(sound[None], RATE_HZ, 2 * RATE_HZ)[0]
                cells = scorer.score(reference, degraded).cells
                values = [cells[metric].score for metric in _METRICS]
                row = [np.nan if v is None else v.value for v in values] + kbps.get(name, [np.nan, np.nan])
                scores.setdefault(name, []).append(row)
            if codec is not None:
                stream_scores.append((scores[f"{codec.name}, the stream"][-1][0], path.name))
            print(f"{path.name}: {len(audio) / RATE_HZ:.1f} s", flush=True)
    print("| | PESQ-NB | ESTOI | kbit/s of payload, the most | kbit/s of payload | of file | recordings |")
    for name, rows in scores.items():
        table = np.array(rows)
        rates = ["", "", ""]
        if not np.isnan(table[:, 2]).any():
            rates = [f"{table[:, 2].max():.3f}", f"{table[:, 2].mean():.3f}", f"{table[:, 3].mean():.3f}"]
        pesq_nb, estoi = np.nanmean(table[:, :2], axis=0)
        print(f"| {name} | {pesq_nb:.2f} | {estoi:.3f} | {' | '.join(rates)} | {len(rows)} |")
    for pesq_nb, name in sorted(stream_scores)[: options.worst]:
        print(f"{name}: PESQ-NB {pesq_nb:.2f}")
    print(clock)


class Clock:
    """CPU time by what it was spent on.

    seconds: of sound.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.spent: dict[str, float] = {}

    def time(self, what: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        result = work()
        self.spent[what] = self.spent.get(what, 0.0) + time.process_time() - began
        return result

    def __str__(self) -> str:
        return ", ".join(f"{what} {self.seconds / spent:.0f} x real time" for what, spent in self.spent.items())


def unquantised(audio: NDArray[np.float32], clock: Clock) -> dict[str, NDArray[np.float32]]:
    """Of what nothing has been taken away from, every 10 ms."""
    harmonics = clock.time("analysis", lambda: analyse(audio))
    y, b = clock.time("analysis", lambda: (envelope(harmonics), mel_features(harmonics)))
    wo, voiced = harmonics.wo, harmonics.voiced
    return {
        "harmonics with their phases": synthesise(harmonics),
        "y (79 columns)": clock.time("synthesis", lambda: from_envelope(y, wo, voiced)),
        "b (22 columns)": from_envelope(mel_to_envelope(b), wo, voiced),
    }


def parts(audio: NDArray[np.float32], codec: Codec, model: str, clock: Clock) -> dict[str, NDArray[np.float32]]:
    """What the stream keeps, and each of its parts as it is coded with all else as it was."""
    codes = clock.time("encoding", lambda: codec.encode(audio))
    clock.time("decoding", lambda: codec.decode(codes))
    file = find_model(model)
    tables = BlockTables.from_arrays(file.vocoder or {}, file.codebooks)
    kept = to_blocks(analyse(audio * np.float32(codes.gain)))
    (chunk,) = codes.chunks
    coded = blocks_of_codes(chunk.codes[0], tables)
    sparse = Blocks(kept.voicing, *(with_means(part) for part in (kept.pitch, kept.level, kept.shape)))
    versions = {
        "kept: one frame of four": sparse,
        "and two pitches": replace(sparse, pitch=kept.pitch),
        "kept: two frames of four": kept,
        "and pitch coded": replace(kept, pitch=coded.pitch),
        "and level coded": replace(kept, level=coded.level),
        "and envelope coded": replace(kept, shape=coded.shape),
    }
    return {name: played(blocks) / np.float32(codes.gain) for name, blocks in versions.items()}


def with_means(kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """As if only the second frame were kept: for the first the mean of its neighbours. Shape: [blocks, 2, ...]."""
    second = kept[:, 1]
    before = np.concatenate([kept[:1, 0], second[:-1]])
    return np.stack([(before + second) / 2, second], axis=1)


def played(blocks: Blocks) -> NDArray[np.float32]:
    return from_envelope(*to_frames(blocks))


def files_of(paths: list[Path]) -> list[Path]:
    """The recordings among files and below folders."""
    found = []
    for path in paths:
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [one for one in inside if one.suffix.lower() in (*AUDIO_SUFFIXES, RAW_SUFFIX)]
    return found


def through_file(
    peer: Peer, audio: NDArray[np.float32], kbps: float, folder: Path
) -> tuple[NDArray[np.float32], float, float]:
    """Through a codec's file and back: Shape [samples]; kbit/s of its payload and of all of it."""
    source, stored, target = folder / "in.wav", folder / f"stored{peer.suffix}", folder / "out.wav"
    write_mono(source, audio, RATE_HZ)
    peer.encode(source, stored, kbps)
    peer.decode(stored, target)
    per_byte = 8 / 1000 / (len(audio) / RATE_HZ)
    return read_speech(target), peer.payload_bytes(stored) * per_byte, stored.stat().st_size * per_byte


if __name__ == "__main__":
    main()
