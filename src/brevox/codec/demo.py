"""What the codec does to a clip of speech, for people to hear."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from brevox.audio import AudioReader, AudioWriter
from brevox.codec.models import load
from brevox.codec.transcode import decode_file, encode_file
from brevox.errors import OutputError

DEMO_KBPS = (6.0, 3.0, 1.5)


@dataclass(frozen=True)
class DemoRow:
    """One bit rate of the demo. `ratio`: bytes of the original as WAV over bytes of the `.sc` file."""

    wanted_kbps: float
    duration_s: float
    stream_bytes: int
    kbps: float
    ratio: float
    encode_speed: float
    decode_speed: float
    decoded: Path


def run_demo(folder: Path, model: str | os.PathLike[str] | None = None) -> list[DemoRow]:
    """Write the clip (LibriVox, public domain) as WAV, and coded and decoded at each of `DEMO_KBPS`, into `folder`.

    Raises:
        OutputError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    codec = load(model)
    original = folder / "original.wav"
    with (
        as_file(files("brevox") / "assets" / "demo.flac") as clip,
        AudioReader(clip) as reader,
        AudioWriter(original, reader.sample_rate, reader.channels) as writer,
    ):
        for block in reader.blocks(1 << 16):
            writer.write(block)
    rows = []
    for kbps in DEMO_KBPS:
        stream = folder / f"speech-{kbps:g}kbps.sc"
        encoded = encode_file(original, stream, kbps, codec=codec)
        decoded = decode_file(stream, stream.with_suffix(".wav"), codec=codec)
        rows.append(
            DemoRow(
                wanted_kbps=kbps,
                duration_s=encoded.duration_s,
                stream_bytes=encoded.stream_bytes,
                kbps=encoded.kbps,
                ratio=original.stat().st_size / encoded.stream_bytes,
                encode_speed=encoded.speed,
                decode_speed=decoded.speed,
                decoded=stream.with_suffix(".wav"),
            )
        )
    return rows
