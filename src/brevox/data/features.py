"""A corpus for learning units of speech: features, sound, speakers and phones of all utterances in one HDF5 file.

    audio                   int16 [samples], 16 kHz, all utterances one after the other
    mfcc                    float32 [frames, 39], 100 frames a second: frame i is of samples [160 i, 160 i + 160)
    filterbank              float32 [frames, 40]
    speakers                their names
    utterances/             name, speaker (number), split, first_frame, frames, first_segment, segments
    segments/               start_s, end_s (from the utterance's start), label
    statistics/             of each kind of features, mean and standard deviation [2, dims] in the split train
    attributes              format, sample_rate, hop

Silence at the ends of recordings is cut off but for a fifth of a second, and the loudest sample of each is full scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from brevox.audio.features import FEATURE_HOP, FEATURE_RATE_HZ, log_filterbank, mfcc_with_deltas
from brevox.data.alignment import Alignments, Segment, crop
from brevox.data.hdf5 import Hdf5Reader
from brevox.data.prepare import Source, read_speech, spoken_part, utf8_name
from brevox.errors import AudioFileError, DataError
from brevox.output import atomic_output
from brevox.processes import LocalProcesses, Report

FEATURES_FORMAT = 1
#: The kinds of features in a file.
KINDS = ("mfcc", "filterbank")

_CODE_SAMPLES = 320  # utterances are cut to whole frames of the codes that models make of them
_CHUNK_FRAMES = 256
_SHORTEST_S = 0.3


@dataclass(frozen=True)
class Features:
    """What became of an `extract_features` run. `failed` and `unaligned` hold (file, reason)."""

    utterances: int
    hours: float
    speakers: int
    phones: int
    failed: list[tuple[Path, str]] = field(default_factory=list)
    unaligned: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class ClipFeatures:
    """A recording without the silence at its ends.

    Args:
        audio: 16 kHz, Shape [samples].
        kinds: features by their kind, Shape [samples / 160, dims].
        first_s: where in the recording it begins.
    """

    audio: NDArray[np.int16]
    kinds: dict[str, NDArray[np.float32]]
    first_s: float


@dataclass(frozen=True)
class _Extracted:
    """What a worker makes of a recording. `reason`: why it has no phones, if it should."""

    clip: ClipFeatures
    segments: tuple[Segment, ...]
    reason: str


def extract_features(
    sources: Sequence[Source],
    path: Path,
    *,
    alignments: Alignments | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Features:
    """Write the features of recordings into a file. Recordings that cannot be read, and alignments that are missing
    or cannot be read, are listed, not fatal.

    Args:
        sources: what to take in.
        path: the file; replaced if it is there.
        alignments: where the phones are found.
        jobs: processes; one a core by default.
        progress: called with (recordings done, all).

    Raises:
        DataError: nothing could be read.
        OutputError: the file cannot be written.
    """
    # Speakers lie together: a crop may then run on from one utterance of a speaker into the next.
    wanted = sorted(sources, key=lambda s: (s.split, s.speaker, str(s.path)))
    failed, unaligned = [], []
    with atomic_output(path) as part, h5py.File(part, "w") as file:
        writer = _Writer(file)
        for done, (source, result) in enumerate(_in_order(wanted, alignments, jobs), 1):
            if progress is not None:
                progress(done, len(wanted))
            if isinstance(result, str):
                failed.append((source.path, result))
                continue
            if result.reason:
                unaligned.append((source.path, result.reason))
            writer.add(source, result)
        if not writer.frames:
            reason = failed[0][1] if failed else "there are none"
            raise DataError(f"none of the {len(wanted)} recordings could be used: {reason}")
        writer.finish()
    hours = writer.frames * FEATURE_HOP / FEATURE_RATE_HZ / 3600
    phones = len({segment.label for segment in writer.segments})
    return Features(len(writer.rows), hours, len(writer.speakers), phones, failed, unaligned)


def _in_order(
    sources: list[Source], alignments: Alignments | None, jobs: int | None
) -> Iterator[tuple[Source, _Extracted | str]]:
    """The sources with what several processes make of them, in their order, whoever is ready first."""
    ready: dict[int, _Extracted | str] = {}
    following = 0
    start: Any = partial(_start, sources, alignments)
    for number, result in LocalProcesses(jobs).run(list(range(len(sources))), start):
        ready[number] = "its process was killed; is there enough memory?" if result is None else result
        while following in ready:
            yield sources[following], ready.pop(following)
            following += 1


def _start(
    sources: list[Source], alignments: Alignments | None, threads: int | None
) -> Callable[[int, Report], _Extracted | str]:
    return lambda number, report: _extract(sources[number].path, alignments)


def _extract(path: Path, alignments: Alignments | None) -> _Extracted | str:
    """Features and phones of a recording, or why there are none."""
    try:
        clip = clip_features(path)
    except (AudioFileError, DataError) as error:
        return str(error)
    segments: tuple[Segment, ...] = ()
    reason = ""
    if alignments is not None:
        try:
            found = alignments.of(path)
            segments = crop(found, clip.first_s, clip.first_s + len(clip.audio) / FEATURE_RATE_HZ)
        except DataError as error:
            reason = str(error)
    return _Extracted(clip, segments, reason)


def clip_features(path: Path) -> ClipFeatures:
    """What a recording's features are.

    Raises:
        AudioFileError: it cannot be read.
        DataError: there is hardly any sound in it.
    """
    audio = read_speech(path)
    part = spoken_part(audio)
    samples = (part.stop - part.start) // _CODE_SAMPLES * _CODE_SAMPLES
    if samples < _SHORTEST_S * FEATURE_RATE_HZ:
        raise DataError(f"{path} holds less than {_SHORTEST_S} s of sound")
    audio = audio[part.start : part.start + samples]
    levels = np.round(audio * (32767 / np.abs(audio).max())).astype(np.int16)
    filterbank = log_filterbank(levels / np.float32(32767))
    kinds = {"mfcc": mfcc_with_deltas(filterbank), "filterbank": filterbank}
    return ClipFeatures(levels, kinds, part.start / FEATURE_RATE_HZ)


class _Writer:
    """Appends utterances to a new file."""

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.frames = 0
        self.rows: list[tuple[str, int, str, int, int, int, int]] = []
        self.speakers: dict[str, int] = {}
        self.segments: list[Segment] = []
        #: Of frames in the split train, or in all before there are any: how many, sum, sum of squares.
        self.sums: dict[str, NDArray[np.float64]] = {}
        self.only_train = False

    def add(self, source: Source, extracted: _Extracted) -> None:
        """Append an utterance."""
        speaker = self.speakers.setdefault(utf8_name(source.speaker), len(self.speakers))
        frames = len(extracted.clip.audio) // FEATURE_HOP
        segments = len(extracted.segments)
        name = utf8_name(source.path.stem)
        self.rows.append((name, speaker, source.split, self.frames, frames, len(self.segments), segments))
        self.segments += extracted.segments
        self._append("audio", extracted.clip.audio, _CHUNK_FRAMES * FEATURE_HOP)
        if source.split == "train" and not self.only_train:
            self.sums, self.only_train = {}, True
        for kind, values in extracted.clip.kinds.items():
            self._append(kind, values, _CHUNK_FRAMES)
            if source.split == "train" or not self.only_train:
                wide = values.astype(np.float64)
                moments = np.stack([np.full(wide.shape[1], len(wide)), wide.sum(axis=0), (wide**2).sum(axis=0)])
                self.sums[kind] = self.sums.get(kind, 0.0) + moments
        self.frames += frames

    def _append(self, name: str, values: NDArray[Any], chunk: int) -> None:
        if name not in self.file:
            shape = values.shape[1:]
            self.file.create_dataset(name, (0, *shape), values.dtype, maxshape=(None, *shape), chunks=(chunk, *shape))
        data = self.file[name]
        data.resize(len(data) + len(values), axis=0)
        data[len(data) - len(values) :] = values

    def finish(self) -> None:
        """Write what is known once all utterances are."""
        self.file.attrs.update(format=FEATURES_FORMAT, sample_rate=FEATURE_RATE_HZ, hop=FEATURE_HOP)
        self.file["speakers"] = list(self.speakers)
        columns = zip(*self.rows, strict=True)
        for name, column in zip(_COLUMNS, columns, strict=True):
            self.file[f"utterances/{name}"] = list(column)
        self.file["segments/start_s"] = np.array([s.start_s for s in self.segments], dtype=np.float64)
        self.file["segments/end_s"] = np.array([s.end_s for s in self.segments], dtype=np.float64)
        labels = [s.label for s in self.segments]
        self.file.create_dataset("segments/label", (len(labels),), h5py.string_dtype(), data=labels or None)
        for kind, (count, total, squares) in self.sums.items():
            mean = total / count
            deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-10))
            self.file[f"statistics/{kind}"] = np.stack([mean, deviation]).astype(np.float32)


_COLUMNS = ("name", "speaker", "split", "first_frame", "frames", "first_segment", "segments")


@dataclass(frozen=True)
class Utterance:
    """Where an utterance lies in a features file.

    Args:
        name: its recording's file, without ending.
        speaker: number, in `FeatureFile.speakers`.
        split: train, valid or test.
        first_frame, frames: in features; 160 samples each in the sound.
        first_segment, segments: its phones.
    """

    name: str
    speaker: int
    split: str
    first_frame: int
    frames: int
    first_segment: int
    segments: int


class FeatureFile(Hdf5Reader):
    """A file made by `brevox data features`. What is in it is read when it is asked for, by each process on its own.

    Args:
        path: the file.

    Raises:
        DataError: no such file, or not one of this version.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            file = self._file()
            if file.attrs["format"] != FEATURES_FORMAT:
                raise DataError(f"{path} was made by another version of Brevox; make it again")
            self.speakers = [name.decode() for name in file["speakers"]]
            columns = [file[f"utterances/{name}"][:].tolist() for name in _COLUMNS]
            self.utterances = [Utterance(*map(_plain, row)) for row in zip(*columns, strict=True)]
            self.statistics: dict[str, NDArray[np.float32]] = {kind: file[f"statistics/{kind}"][:] for kind in KINDS}
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path} is no features file ({error}); make one with: brevox data features") from error

    def of_split(self, split: str) -> list[Utterance]:
        """The utterances of a split.

        Raises:
            DataError: there are none.
        """
        found = [utterance for utterance in self.utterances if utterance.split == split]
        if not found:
            raise DataError(f"{self.path} has no utterances of the split {split!r}; see brevox data features --help")
        return found

    def read(self, kind: str, first: int, frames: int) -> NDArray[np.float32]:
        """A run of frames, counted through the whole file.

        Args:
            kind: of features, or `audio`.
            first, frames: where.

        Returns:
            Shape [frames, dims], or of sound [160 * frames].
        """
        if kind == "audio":
            samples = self._file()["audio"][first * FEATURE_HOP : (first + frames) * FEATURE_HOP]
            return np.asarray(samples, dtype=np.float32) / np.float32(32767)
        return np.asarray(self._file()[kind][first : first + frames], dtype=np.float32)

    def segments(self, utterance: Utterance) -> tuple[Segment, ...]:
        """The phones of an utterance, from its start on; none if it has no alignment."""
        rows = slice(utterance.first_segment, utterance.first_segment + utterance.segments)
        table = self._file()["segments"]
        columns = (table["start_s"][rows], table["end_s"][rows], table["label"][rows])
        return tuple(Segment(float(a), float(b), label.decode()) for a, b, label in zip(*columns, strict=True))


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


class FeatureCrops(Dataset[dict[str, Any]]):
    """Random crops, item i being a function of the seed and i alone; as many as one likes.

    A crop starts anywhere in a speaker's utterances, which lie one after the other: short ones are joined.

    Args:
        file: where from.
        kinds: which features, and `audio`; each is an entry of an item, beside `speaker`.
        frames: of a crop.
        items: length of the data set.
        seed: of all draws.

    Raises:
        DataError: no speaker has as many frames in the split train.
    """

    def __init__(self, file: FeatureFile, kinds: Sequence[str], frames: int, items: int, seed: int) -> None:
        self.file, self.kinds, self.frames, self.items, self.seed = file, kinds, frames, items, seed
        #: First frame, frames and speaker of each run of utterances.
        self.runs: list[tuple[int, int, int]] = []
        for utterance in file.of_split("train"):
            first, length, speaker = self.runs[-1] if self.runs else (0, 0, -1)
            if (speaker, first + length) == (utterance.speaker, utterance.first_frame):
                self.runs[-1] = first, length + utterance.frames, speaker
            else:
                self.runs.append((utterance.first_frame, utterance.frames, utterance.speaker))
        self.runs = [run for run in self.runs if run[1] >= frames]
        if not self.runs:
            raise DataError(f"no speaker in {file.path} has {frames / 100:g} s to train on; make data.crop_s shorter")
        self.ends = np.cumsum([length - frames + 1 for _, length, _ in self.runs])

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> dict[str, Any]:
        drawn = int(np.random.default_rng((self.seed, index)).integers(self.ends[-1]))
        run = int(np.searchsorted(self.ends, drawn, side="right"))
        start, length, speaker = self.runs[run]
        first = start + drawn - int(self.ends[run]) + length - self.frames + 1
        return {"speaker": speaker} | {kind: self.file.read(kind, first, self.frames) for kind in self.kinds}
