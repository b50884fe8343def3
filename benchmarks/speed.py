"""Speed and memory of long files, in a process of their own: 20 minutes, then 3 hours.

    python benchmarks/speed.py [--minutes 20 180] [--kbps 3]

The recording is the demo clip over and over, in stereo at 44.1 kHz as M4A: what a podcaster has. Each run is one
`brevox encode` and one `brevox decode` to WAV, all that they do included; peak memory is the processes' largest
resident set. `brevox speed` is for codecs beside each other, all from the same 16 kHz.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from brevox.audio import AudioReader, AudioWriter, resample

RATE_HZ = 44_100


def write_recording(path: Path, minutes: float) -> None:
    with as_file(files("brevox") / "assets" / "demo.flac") as clip, AudioReader(clip) as reader:
        speech = np.concatenate(list(reader.blocks(1 << 16)), axis=1)
        block = np.repeat(resample(speech, reader.sample_rate, RATE_HZ), 2, axis=0)
    left = int(minutes * 60 * RATE_HZ)
    with AudioWriter(path, RATE_HZ, 2) as writer:
        while left > 0:
            writer.write(block[:, :left])
            left -= block.shape[1]


def run(*arguments: str) -> tuple[float, float]:
    """Seconds and peak MB of one `brevox` command."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "brevox", *arguments], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"brevox {' '.join(arguments)} failed")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[20, 180])
    parser.add_argument("--kbps", default="3")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        source, stream, target = (str(Path(folder) / name) for name in ("talk.m4a", "talk.sc", "out.wav"))
        for minutes in arguments.minutes:
            write_recording(Path(source), minutes)
            encode_s, encode_mb = run("encode", source, "-o", stream, "-k", arguments.kbps, "--force")
            decode_s, decode_mb = run("decode", stream, "-o", target, "--force")
            print(
                f"{minutes:g} min: encode {minutes * 60 / encode_s:.0f} x real time, {encode_mb:.0f} MB; "
                f"decode {minutes * 60 / decode_s:.0f} x, {decode_mb:.0f} MB; "
                f"both {minutes * 60 / (encode_s + decode_s):.0f} x; {Path(stream).stat().st_size:,} bytes"
            )


if __name__ == "__main__":
    main()
