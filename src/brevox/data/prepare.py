"""From folders of recordings to a corpus on disk that training maps into memory.

A corpus is a folder:

    corpus.json               format, sample rate, hop
    clips.tsv                 one line a clip: shard, first sample, samples, speaker, split, path
    shard-0000.audio.npy      int16 samples of all clips of the shard, one after the other
    shard-0000.pitch.npy      uint8 pitch codes, one for each 320 samples; zeros at other rates than 16 kHz

Each clip is brought to one loudness, trimmed of long silence at its ends and filled up to whole
frames, so that any run of samples in a shard is one run of pitch codes.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import AudioReader, resample
from brevox.audio.loudness import SPEECH_RMS, speech_gain
from brevox.audio.pitch import PITCH_HOP, PITCH_RATE_HZ, track_pitch
from brevox.errors import AudioFileError, DataError
from brevox.output import atomic_output

SPLITS = ("train", "valid", "test")
CORPUS_FORMAT = 2  # 1 had 256 pitch codes
CLIP_COLUMNS = ("shard", "first", "samples", "speaker", "split", "path")

_READ_BLOCK = 1 << 16
_SHARD_SAMPLES = 1 << 28  # 512 MiB
_EDGE_SILENCE_S = 0.2
_SILENCE_RMS = SPEECH_RMS * 10 ** (-40 / 20)
_SHORTEST_S = 0.3


@dataclass(frozen=True)
class Source:
    """A recording to take in: its file, who speaks, and which split it belongs to."""

    path: Path
    speaker: str
    split: str


@dataclass(frozen=True)
class Prepared:
    """What became of a `prepare` run. `failed` holds (file, reason)."""

    clips: int
    hours: float
    speakers: int
    failed: list[tuple[Path, str]]


def manifest_sources(manifest: Path) -> list[Source]:
    """Read a tab-separated manifest with columns `path`, `speaker` and `split` (train, valid or test).

    Relative paths are relative to the manifest's folder.

    Raises:
        DataError: the manifest is missing, lists nothing, or has a line without these columns or with another split.
    """
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the manifest {manifest}: {error}") from error
    if not rows or not {"path", "speaker", "split"} <= set(rows[0]):
        raise DataError(f"{manifest} needs a first line with the tab-separated columns path, speaker, split")
    for number, row in enumerate(rows, 2):
        if not row["path"] or not row["speaker"] or row["split"] not in SPLITS:
            raise DataError(f"{manifest}, line {number}: path, speaker and one of {', '.join(SPLITS)} are needed")
    return [Source(manifest.parent / row["path"], row["speaker"], row["split"]) for row in rows]


def prepare(
    sources: list[Source],
    folder: Path,
    *,
    sample_rate: int = PITCH_RATE_HZ,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Write a corpus of `sources` into `folder`. Recordings that cannot be read are listed, not fatal.

    Args:
        sources: what to take in; clips of the split `test` are left out.
        folder: made if missing; an earlier corpus in it is replaced.
        sample_rate: of the corpus, Hz. Pitch is tracked at 16 kHz alone.
        jobs: processes; all cores by default.
        progress: called with (recordings done, all).

    Raises:
        DataError: nothing could be read, or the folder cannot be made.
    """
    # Speakers lie together: a crop may then run on from one short clip of a speaker into the next.
    wanted = sorted((s for s in sources if s.split != "test"), key=lambda s: (s.split, s.speaker, str(s.path)))
    if not wanted:
        raise DataError("there are no recordings for training or validation: those of the split test are left out")
    failed: list[tuple[Path, str]] = []

    def loaded() -> Iterator[tuple[Source, NDArray[np.int16], NDArray[np.uint8]]]:
        with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
            results = pool.map(partial(_load, sample_rate=sample_rate), [s.path for s in wanted], chunksize=8)
            for done, (source, result) in enumerate(zip(wanted, results, strict=True), 1):
                if progress is not None:
                    progress(done, len(wanted))
                if isinstance(result, str):
                    failed.append((source.path, result))
                else:
                    yield source, *result
        if len(failed) == len(wanted):
            raise DataError(f"none of the {len(wanted)} recordings could be used: {failed[0][1]}")

    return replace(write_corpus(folder, loaded(), sample_rate), failed=failed)


def write_corpus(
    folder: Path,
    clips: Iterable[tuple[Source, NDArray[np.int16], NDArray[np.uint8]]],
    sample_rate: int = PITCH_RATE_HZ,
) -> Prepared:
    """Write a corpus, clip by clip.

    Args:
        folder: made if missing; an earlier corpus in it is replaced.
        clips: what each is, its samples, Shape: [320 * frames], and its pitch codes, Shape: [frames]. One or more,
            those of a speaker one after the other.
        sample_rate: of them, Hz.

    Raises:
        DataError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "clips.tsv").unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the corpus {folder}: {error.strerror or error}") from error
    rows: list[tuple[int, int, int, str, str, str]] = []
    audio: list[NDArray[np.int16]] = []
    pitch: list[NDArray[np.uint8]] = []
    shard = filled = 0
    for source, samples, codes in clips:
        if filled and filled + len(samples) > _SHARD_SAMPLES:
            _write_shard(folder, shard, audio, pitch)
            shard, audio, pitch, filled = shard + 1, [], [], 0
        names = (utf8_name(source.speaker), source.split, utf8_name(str(source.path)))
        rows.append((shard, filled, len(samples), *names))
        audio.append(samples)
        pitch.append(codes)
        filled += len(samples)
    _write_shard(folder, shard, audio, pitch)
    description = {"format": CORPUS_FORMAT, "sample_rate": sample_rate, "hop": PITCH_HOP, "shards": shard + 1}
    (folder / "corpus.json").write_text(json.dumps(description, indent=1))
    with atomic_output(folder / "clips.tsv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(CLIP_COLUMNS)
        writer.writerows(rows)
    hours = sum(row[2] for row in rows) / sample_rate / 3600
    return Prepared(len(rows), hours, len({row[3] for row in rows}), [])


def read_speech(path: Path, sample_rate: int = PITCH_RATE_HZ) -> NDArray[np.float32]:
    """A whole recording as one channel, brought to the level of training. Shape: [samples].

    Args:
        path: any audio file.
        sample_rate: of the result, Hz.

    Raises:
        AudioFileError: it cannot be read.
    """
    with AudioReader(path) as reader:
        blocks = [block.mean(axis=0, keepdims=True) for block in reader.blocks(_READ_BLOCK)]
        if not blocks:
            return np.zeros(0, dtype=np.float32)
        audio = resample(np.concatenate(blocks, axis=1), reader.sample_rate, sample_rate)[0]
    return audio * np.float32(speech_gain(audio, sample_rate))


def _load(path: Path, sample_rate: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]] | str:
    """Samples and pitch codes of a clip, or why there are none."""
    try:
        audio = read_speech(path, sample_rate)
        audio = audio[spoken_part(audio, sample_rate)]
    except AudioFileError as error:
        return str(error)
    if len(audio) < _SHORTEST_S * sample_rate:
        return f"{path} holds less than {_SHORTEST_S} s of sound"
    return clip_arrays(audio, sample_rate)


def clip_arrays(
    audio: NDArray[np.float32], sample_rate: int = PITCH_RATE_HZ
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """What a corpus holds of a clip. Shape: [samples] to [320 * frames], filled up with zeros, and [frames]."""
    audio = np.pad(audio, (0, -len(audio) % PITCH_HOP))
    tracked = sample_rate == PITCH_RATE_HZ
    pitch = track_pitch(audio) if tracked else np.zeros(len(audio) // PITCH_HOP, dtype=np.uint8)
    return np.round(np.clip(audio, -1, 1) * 32767).astype(np.int16), pitch


def spoken_part(audio: NDArray[np.float32], sample_rate: int = PITCH_RATE_HZ) -> slice:
    """All but silence at the ends, of which a fifth of a second stays; of `read_speech`, Shape [samples]."""
    frames = len(audio) // PITCH_HOP
    power = np.mean(audio[: frames * PITCH_HOP].reshape(frames, PITCH_HOP) ** 2, axis=1)
    loud = np.flatnonzero(power > _SILENCE_RMS**2)
    if loud.size == 0:
        return slice(0, 0)
    keep = int(_EDGE_SILENCE_S * sample_rate)
    first, last = int(loud[0]) * PITCH_HOP - keep, int(loud[-1] + 1) * PITCH_HOP + keep
    return slice(max(0, first), min(last, len(audio)))


def _write_shard(folder: Path, shard: int, audio: list[NDArray[np.int16]], pitch: list[NDArray[np.uint8]]) -> None:
    for kind, parts in (("audio", audio), ("pitch", pitch)):
        with atomic_output(folder / f"shard-{shard:04d}.{kind}.npy") as part, part.open("wb") as file:
            np.save(file, np.concatenate(parts))


def utf8_name(name: str) -> str:
    """A file's name as it can be written down; what is no UTF-8 in it becomes question marks."""
    return os.fsencode(name).decode("utf-8", errors="replace")
