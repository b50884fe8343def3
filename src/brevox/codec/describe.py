"""What is in a `.sc` file, a model or a recording, as names and values for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brevox.audio import AudioReader
from brevox.codec.bvx import read_model
from brevox.codec.sc1 import read_v1
from brevox.codec.sc2 import DamagedChunk
from brevox.codec.sc2_reader import ScReader
from brevox.codec.signature import MAGIC_V1, MAGIC_V2, SNIFF_BYTES, sniff
from brevox.errors import AudioFileError


def describe_file(path: Path) -> dict[str, Any]:
    """Describe a file of any kind that Brevox knows; no model is needed for a `.sc`.

    Raises:
        BrevoxError: it is none, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except OSError as error:
        raise AudioFileError(f"cannot read {path}: {error.strerror or error}") from error
    if path.suffix == ".bvx":
        return _describe_model(path)
    if path.suffix == ".sc" or head.startswith((MAGIC_V1, MAGIC_V2)):
        return _describe_stream(path)
    return _describe_audio(path)


def _describe_stream(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        size = path.stat().st_size
        if sniff(file.read(SNIFF_BYTES)) == 1:
            file.seek(0)
            model_id, codes = read_v1(file)
            return {
                "kind": "Brevox stream, version 1",
                "size": f"{size:,} bytes",
                "model id": model_id.hex(),
                "frames": codes.shape[1],
                "code columns": codes.shape[0],
            }
        file.seek(0)
        reader = ScReader(file)
        columns: dict[int, int] = {}
        damage = []
        frames = 0
        for chunk in reader.chunks():
            frames += chunk.frames
            if isinstance(chunk, DamagedChunk):
                damage.append(chunk.reason)
            else:
                columns[chunk.columns] = columns.get(chunk.columns, 0) + chunk.frames
    header = reader.header
    coded_s = frames * header.hop / header.model_rate_hz
    duration_s = reader.num_samples / header.sample_rate if reader.num_samples is not None else coded_s
    facts: dict[str, Any] = {
        "kind": "Brevox stream, version 2",
        "size": f"{size:,} bytes",
        "duration": _clock(duration_s),
        "bit rate": f"{size * 8 / 1000 / duration_s:.2f} kbit/s" if duration_s else "none",
        "source": f"{header.sample_rate} Hz, {header.channels} channel{'s' if header.channels > 1 else ''}",
        "model": f"{header.model_name} (id {header.model_id.hex()})",
        "code columns": ", ".join(
            f"{count} in {share * 100 // max(1, frames)} %" for count, share in sorted(columns.items())
        ),
    }
    if reader.truncated:
        damage.append(reader.reason or "the file's end is missing")
    if damage:
        facts["damage"] = "; ".join(damage)
    facts |= _named_apart(facts, {name: value for name, value in header.tags.items() if isinstance(value, str)})
    chapters = header.tags.get("chapters")
    if isinstance(chapters, list):
        facts["chapters"] = len(chapters)
    return facts


def _describe_model(path: Path) -> dict[str, Any]:
    model = read_model(path)
    facts = {"kind": "Brevox model", "size": f"{path.stat().st_size:,} bytes"}
    facts |= {key.replace("_", " "): value for key, value in model.info.items() if not isinstance(value, (dict, list))}
    metrics = model.info.get("metrics")
    if isinstance(metrics, dict):
        facts |= {f"at {rate}": value for rate, value in metrics.items()}
    return facts


def _describe_audio(path: Path) -> dict[str, Any]:
    with AudioReader(path) as reader:
        facts: dict[str, Any] = {
            "kind": f"recording, {reader.format_name} / {reader.codec_name}",
            "size": f"{path.stat().st_size:,} bytes",
            "duration": "unknown" if reader.duration_s is None else _clock(reader.duration_s),
            "sound": f"{reader.sample_rate} Hz, {reader.channels} channel{'s' if reader.channels > 1 else ''}",
        }
        if reader.bit_rate:
            facts["bit rate"] = f"{reader.bit_rate / 1000:.0f} kbit/s"
        facts |= _named_apart(facts, reader.tags)
        if reader.chapters:
            facts["chapters"] = len(reader.chapters)
    return facts


def _named_apart(facts: dict[str, Any], tags: Mapping[str, str]) -> dict[str, str]:
    """Tags under names that no fact has: whatever a file calls its tags, the facts stay what they are."""
    return {f"tag {name}" if name in facts else name: value for name, value in tags.items()}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:06.3f}"
