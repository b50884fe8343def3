"""Rate and quality on held-out speakers, through real files, beside Codec 2 and Opus.

    python benchmarks/quality.py FOLDER... [--model M.bvx] [--seconds 40] [-o quality.json]

Each FOLDER holds recordings named as LibriSpeech does (SPEAKER-CHAPTER-UTTERANCE), or of one speaker. A speaker's
recordings are joined up to the given length, coded into a file, decoded from it, and compared: PESQ-WB (mean over
pieces of 10 s, the length it is made for; over more, its alignment may fail for good), ESTOI, mel distance, bytes of
the file. Also printed: what entropy coding saves on the codes, and how many codes of each book are in use.

Needs `brevox[bench]`, and for the peers Debian's codec2 and opus-tools; a peer that is missing is left out, and said.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pesq import pesq
from pystoi import stoi

import brevox
from brevox.audio import AudioReader, AudioWriter, resample
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.codec.codec import Codec

RATE_HZ = 16_000
LIBRISPEECH_NAME = re.compile(r"\d+-\d+-\d+")
KBPS = (6.0, 3.0, 1.5, 0.5)


def read(path: Path) -> NDArray[np.float32]:
    with AudioReader(path) as reader:
        audio = np.concatenate([block.mean(axis=0, keepdims=True) for block in reader.blocks(1 << 16)], axis=1)
        return resample(audio, reader.sample_rate, RATE_HZ)[0]


def write(path: Path, audio: NDArray[np.float32], rate_hz: int = RATE_HZ) -> None:
    with AudioWriter(path, rate_hz, 1) as writer:
        writer.write(resample(audio[None], RATE_HZ, rate_hz))


def speakers(folder: Path, seconds: float) -> dict[str, NDArray[np.float32]]:
    """Each speaker's recordings, in the order of their names, joined up to the length."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES):
        speaker = path.name.split("-")[0] if LIBRISPEECH_NAME.fullmatch(path.stem) else "all"
        groups.setdefault(f"{folder.name}/{speaker}", []).append(path)
    joined = {}
    for speaker, paths in groups.items():
        pieces: list[NDArray[np.float32]] = []
        for path in paths:
            if sum(map(len, pieces)) >= seconds * RATE_HZ:
                break
            pieces.append(read(path))
        joined[speaker] = np.concatenate(pieces)[: int(seconds * RATE_HZ)]
    return joined


def through_brevox(codec: Codec, kbps: float) -> Callable[[Path, Path], int]:
    def code(source: Path, target: Path) -> int:
        stream = target.with_suffix(".sc")
        encoded = brevox.encode_file(source, stream, kbps, codec=codec)
        brevox.decode_file(stream, target, codec=codec)
        return encoded.stream_bytes

    return code


def through_codec2(mode: str) -> Callable[[Path, Path], int]:
    def code(source: Path, target: Path) -> int:
        raw = source.with_suffix(".raw")
        narrow = resample(read(source)[None], RATE_HZ, 8000)[0]
        raw.write_bytes(np.round(np.clip(narrow, -1, 1) * 32767).astype("<i2").tobytes())
        coded, decoded = raw.with_suffix(".c2"), raw.with_suffix(".out")
        subprocess.run(["c2enc", mode, str(raw), str(coded)], check=True, capture_output=True)
        subprocess.run(["c2dec", mode, str(coded), str(decoded)], check=True, capture_output=True)
        samples = np.frombuffer(decoded.read_bytes(), "<i2").astype(np.float32) / 32768
        write(target, resample(samples[None], 8000, RATE_HZ)[0])
        return coded.stat().st_size

    return code


def through_opus(kbps: str) -> Callable[[Path, Path], int]:
    def code(source: Path, target: Path) -> int:
        coded = source.with_suffix(".opus")
        subprocess.run(
            ["opusenc", "--quiet", "--bitrate", kbps, str(source), str(coded)], check=True, capture_output=True
        )
        subprocess.run(
            ["opusdec", "--quiet", "--rate", str(RATE_HZ), str(coded), str(target)], check=True, capture_output=True
        )
        return coded.stat().st_size

    return code


def log_mel(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log magnitudes in 80 mel bands of 40 ms windows. Shape: [frames, 80]."""
    windows = np.lib.stride_tricks.sliding_window_view(audio, 640)[::160] * np.hanning(640)
    hz = np.arange(321) * RATE_HZ / 640
    position = np.log1p(hz / 700) / np.log1p(8000 / 700) * 79
    filters = np.clip(1 - np.abs(position[:, None] - np.arange(80)), 0, None)
    return np.log(np.abs(np.fft.rfft(windows)) @ filters + 1e-2)


def scores(original: NDArray[np.float32], decoded: NDArray[np.float32], size: int) -> dict[str, float]:
    length = min(len(original), len(decoded))
    a, b = original[:length], decoded[:length]
    return {
        "kbps": size * 8 / 1000 / (len(original) / RATE_HZ),
        "pesq_wb": float(np.mean([pesq(RATE_HZ, a[piece], b[piece], "wb") for piece in _pieces(len(a))])),
        "estoi": float(stoi(a, b, RATE_HZ, extended=True)),
        "mel_db": float(np.abs(log_mel(a) - log_mel(b)).mean() * 20 / np.log(10)),
    }


def _pieces(samples: int) -> list[slice]:
    """As many pieces of 10 s as there are, the last one longer."""
    starts = [second * RATE_HZ for second in range(0, max(1, samples // RATE_HZ - 9), 10)]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], samples], strict=True)]


def entropy_facts(codec: Codec, clips: dict[str, NDArray[np.float32]]) -> dict[str, object]:
    """Saved share of the bits of fixed-length codes, with all books and at 3 kbit/s, and codes in use per book."""
    sizes = np.array(codec.entropy.sizes)
    spent, fixed, used = np.zeros(len(sizes)), np.zeros(len(sizes)), [set() for _ in sizes]
    at_3 = [0.0, 0.0]
    for audio in clips.values():
        for chunk in codec.encode(audio, books=codec.books).chunks:
            if chunk.codes.shape[1]:
                spent += codec.entropy.cost_bits(chunk.codes)
                fixed += np.log2(sizes) * chunk.frames
                for column, codes in enumerate(chunk.codes[0]):
                    used[column].update(codes.tolist())
        for chunk in codec.encode(audio, kbps=3).chunks:
            columns = chunk.codes.shape[1]
            at_3[0] += len(codec.entropy.encode(chunk.codes)) * 8
            at_3[1] += np.log2(sizes[:columns]).sum() * chunk.frames
    silence = codec.encode(np.zeros(60 * RATE_HZ, np.float32), kbps=3)
    silent_bits = sum(len(codec.entropy.encode(chunk.codes)) * 8 for chunk in silence.chunks if chunk.codes.size)
    return {
        "saved_all_books": round(1 - spent.sum() / fixed.sum(), 4),
        "saved_at_3_kbps": round(1 - at_3[0] / at_3[1], 4),
        "saved_per_column": [round(float(share), 3) for share in 1 - spent / fixed],
        "payload_bits_of_a_silent_minute": silent_bits,
        "codes_used_per_book": [len(codes) for codes in used[1:]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()

    codec = brevox.load(arguments.model)
    ways: dict[str, Callable[[Path, Path], int]] = {f"brevox {k:g}": through_brevox(codec, k) for k in KBPS}
    if not arguments.no_peers:
        if shutil.which("c2enc"):
            ways |= {f"codec2 {mode}": through_codec2(mode) for mode in ("3200", "1300")}
        else:
            print("codec2 is not installed: apt-get install codec2")
        if shutil.which("opusenc"):
            ways |= {f"opus {rate}": through_opus(rate) for rate in ("6", "9")}
        else:
            print("opus is not installed: apt-get install opus-tools")
    clips: dict[str, NDArray[np.float32]] = {}
    for folder in arguments.folders:
        clips |= speakers(folder, arguments.seconds)
    table: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        for name, code in ways.items():
            for speaker, audio in clips.items():
                write(source, audio)
                size = code(source, target)
                table.setdefault(name, {})[speaker] = scores(read(source), read(target), size)
    print(f"{len(clips)} speakers: {', '.join(clips)}; model {codec.name} {codec.id.hex()}")
    print(f"{'':14}{'kbit/s of file':>16}{'PESQ-WB':>10}{'ESTOI':>8}{'mel dB':>8}{'worst PESQ':>12}")
    for name, rows in table.items():
        mean = {key: np.mean([row[key] for row in rows.values()]) for key in ("kbps", "pesq_wb", "estoi", "mel_db")}
        worst = min(row["pesq_wb"] for row in rows.values())
        line = f"{mean['kbps']:16.2f}{mean['pesq_wb']:10.2f}{mean['estoi']:8.3f}{mean['mel_db']:8.2f}{worst:12.2f}"
        print(f"{name:14}{line}")
    facts = entropy_facts(codec, clips)
    for key, value in facts.items():
        print(f"{key}: {value}")
    if arguments.output:
        environment = {"machine": platform.processor() or platform.machine(), "python": platform.python_version()}
        result = {"model": codec.id.hex(), "environment": environment, "scores": table, "entropy": facts}
        arguments.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
