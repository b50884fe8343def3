"""Crops of a prepared corpus, the same for the same seed however often training stops and goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from brevox.audio.excitation import pulse_train
from brevox.audio.pitch import PITCH_HOP, pitch_condition
from brevox.data.prepare import CORPUS_FORMAT
from brevox.errors import DataError

if TYPE_CHECKING:  # augmentations may read corpora of noise
    from brevox.data.augment.parts import Chain


@dataclass(frozen=True)
class Clip:
    """Where a clip lies in the corpus."""

    shard: int
    first: int
    samples: int
    speaker: str
    path: str


class Corpus:
    """A folder made by `brevox data prepare`, mapped into memory.

    Args:
        folder: the corpus.
        split: `train` or `valid`.

    Attributes:
        sample_rate: Hz. At others than 16,000 no pitch is tracked, and all codes of it are 0.

    Raises:
        DataError: no corpus there, one of another version, or the split is empty.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self.folder, self.split = folder, split
        try:
            description = json.loads((folder / "corpus.json").read_text())
            shards = int(description["shards"])
            self.sample_rate = int(description["sample_rate"])
            with (folder / "clips.tsv").open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == split]
            self.audio = [np.load(folder / f"shard-{n:04d}.audio.npy", mmap_mode="r") for n in range(shards)]
            self.pitch = [np.load(folder / f"shard-{n:04d}.pitch.npy", mmap_mode="r") for n in range(shards)]
            self.clips = [
                Clip(int(r["shard"]), int(r["first"]), int(r["samples"]), r["speaker"], r["path"]) for r in rows
            ]
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder} is no corpus ({error}); make one with: brevox data prepare") from error
        if description.get("format") != CORPUS_FORMAT:
            raise DataError(f"the corpus {folder} was made by another version of Brevox; prepare it again")
        if not self.clips:
            raise DataError(
                f"the corpus {folder} has no clips of the split {split!r}; prepare it from more "
                "recordings, or from a manifest that says which clips are of that split"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes that do not fork get a copy: let them map the files rather than receive their contents.
        return Corpus, (self.folder, self.split)

    def read(self, shard: int, first: int, samples: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Samples and pitch codes of a run of whole frames."""
        audio = self.audio[shard][first : first + samples].astype(np.float32) / 32767
        return audio, self.pitch[shard][first // PITCH_HOP : (first + samples) // PITCH_HOP]


class CropDataset(Dataset[dict[str, NDArray[np.generic]]]):
    """Random crops, item i being a function of the seed and i alone; as many as one likes.

    A crop starts anywhere in a speaker's clips, which lie one after the other: short clips are joined.

    Args:
        corpus: where from.
        crop_s: seconds, rounded to a whole number of frames.
        items: length of the data set.
        seed: of all draws.
        gain_db: range of a random change of level.
        balance: a speaker with n hours is drawn in proportion to n to this power; below 1 favours the rare.
        silence: share of items that are digital silence.
        hop: samples a frame.
        pitch: whether items have `condition` and `excitation` beside `audio`.
        augment: what is done to every crop before its level is changed.
    """

    def __init__(
        self,
        corpus: Corpus,
        crop_s: float,
        items: int,
        seed: int = 0,
        gain_db: Sequence[float] = (-12.0, 6.0),
        balance: float = 0.6,
        silence: float = 0.01,
        hop: int = PITCH_HOP,
        pitch: bool = True,
        augment: Chain | None = None,
    ) -> None:
        self.corpus, self.items, self.seed, self.pitch = corpus, items, seed, pitch
        self.samples = max(1, round(crop_s * corpus.sample_rate / hop)) * hop
        self.gain_db, self.silence = (float(gain_db[0]), float(gain_db[1])), silence
        self.augment = augment
        self.frames = -(-self.samples // PITCH_HOP)
        #: Frames that are read for a crop: changes of speed take more than they give.
        self.taken = augment.frames_needed(self.frames) if augment else self.frames
        self.runs = _speaker_runs(corpus.clips)
        weight = np.array([run.samples for run in self.runs], dtype=np.float64) ** balance
        self.cumulative = np.cumsum(weight) / weight.sum()

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> dict[str, NDArray[np.generic]]:
        draw = np.random.default_rng((self.seed, index))
        run = self.runs[min(int(np.searchsorted(self.cumulative, draw.random())), len(self.runs) - 1)]
        room = max(0, run.samples // PITCH_HOP - self.taken)
        first = run.first + int(draw.integers(room + 1)) * PITCH_HOP
        audio, pitch = self.corpus.read(run.shard, first, min(self.taken * PITCH_HOP, run.samples))
        missing = self.taken - len(pitch)
        audio, pitch = np.pad(audio, (0, missing * PITCH_HOP)), np.pad(pitch, (0, missing))
        if self.augment is not None:
            audio, pitch = self.augment(audio, pitch, draw)
        audio, pitch = audio[: self.samples], pitch[: self.frames]
        audio *= np.float32(10 ** (draw.uniform(*self.gain_db) / 20))
        if draw.random() < self.silence:
            audio, pitch = np.zeros_like(audio), np.zeros_like(pitch)
        if not self.pitch:
            return {"audio": audio}
        pulses, _ = pulse_train(pitch)
        noise = draw.uniform(-np.sqrt(3), np.sqrt(3), self.samples).astype(np.float32)
        return {"audio": audio, "condition": pitch_condition(pitch), "excitation": np.stack([pulses, noise])}


def _speaker_runs(clips: list[Clip]) -> list[Clip]:
    """Neighbouring clips of one speaker in one shard, joined."""
    runs: list[Clip] = []
    for clip in clips:
        last = runs[-1] if runs else None
        if last and (last.shard, last.speaker, last.first + last.samples) == (clip.shard, clip.speaker, clip.first):
            runs[-1] = Clip(last.shard, last.first, last.samples + clip.samples, last.speaker, last.path)
        else:
            runs.append(clip)
    return runs
