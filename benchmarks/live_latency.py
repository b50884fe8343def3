"""How late `brevox encode --live` is: a recording goes into its pipe at the pace at which it was spoken.

    python benchmarks/live_latency.py MODEL.bvx RECORDING [--seconds 20] [--chunk-ms 320] [--kbps 6]

For every chunk that comes out: the time since its last sample went in ("behind"), and since its first ("latency", the
chunk's length more). The first second tells the level; the first chunk, which waits for it, is told apart.
"""

from __future__ import annotations

import argparse
import bisect
import io
import os
import platform
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from brevox.audio import AudioReader
from brevox.codec.sc2 import Chunk
from brevox.codec.sc2_reader import ScReader

PIECE_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--chunk-ms", type=int, default=320)
    parser.add_argument("--kbps", type=float, default=6)
    arguments = parser.parse_args()
    with AudioReader(arguments.recording) as reader:
        rate = reader.sample_rate
        audio = np.concatenate([block.mean(axis=0) for block in reader.blocks(rate)])[: int(arguments.seconds * rate)]
    command = [sys.executable, "-m", "brevox", "encode", "--live", "--chunk-ms", str(arguments.chunk_ms)]
    command += ["--kbps", str(arguments.kbps), "--model", str(arguments.model), "-", "-o", "-"]
    output, times, sizes, began = speak_into(command, audio, rate)

    reader = ScReader(io.BytesIO(output))
    behind, latency = [], []
    for number, chunk in enumerate(reader.chunks()):
        assert isinstance(chunk, Chunk)
        hop_s = reader.header.hop / reader.header.model_rate_hz
        here = times[bisect.bisect_left(sizes, reader.offset + chunk.file_bytes)] - began
        if number == 0:
            first = here - chunk.end_frame * hop_s
        # What began in the first second waited for it; the last chunk comes when the pipe ends.
        elif chunk.first_frame * hop_s >= 1 and chunk.end_frame * hop_s < len(audio) / rate - PIECE_S:
            behind.append(1000 * (here - chunk.end_frame * hop_s))
            latency.append(1000 * (here - chunk.first_frame * hop_s))
    kbps = len(output) * 8 / 1000 / (len(audio) / rate)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"{arguments.model.name}, {rate} Hz"
    )
    print(
        f"{len(behind)} chunks of {arguments.chunk_ms} ms after the first second, {kbps:.2f} kbit/s with all overhead"
    )
    print(f"behind a chunk's last sample: median {np.median(behind):.0f}, most {max(behind):.0f} ms")
    print(f"behind its first sample (latency): median {np.median(latency):.0f}, most {max(latency):.0f} ms")
    print(f"the first chunk: {1000 * first:.0f} ms behind its last sample")


def speak_into(command: list[str], audio: np.ndarray, rate: int) -> tuple[bytes, list[float], list[int], float]:
    """What came out; when, and how much of it until then; and when speaking began."""
    data = np.round(audio.clip(-1, 1) * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 16) + form + b"data\xff\xff\xff\xff"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        into, out = process.stdin, process.stdout
        assert into is not None and out is not None
        into.write(header)
        time.sleep(8)  # loading is no latency
        began = time.monotonic()

        def speak() -> None:
            step = 2 * int(PIECE_S * rate)
            for place in range(0, len(data), step):
                # Samples exist once they are spoken: a piece goes in at its end.
                time.sleep(max(0.0, began + (place + step) / 2 / rate - time.monotonic()))
                into.write(data[place : place + step])
            into.close()

        threading.Thread(target=speak).start()
        output, times, sizes = b"", [], []
        while piece := os.read(out.fileno(), 1 << 16):
            output += piece
            times.append(time.monotonic())
            sizes.append(len(output))
    return output, times, sizes, began


if __name__ == "__main__":
    main()
