"""Notes to learn sounds from: spectrograms of rendered voices, or of a folder of recordings, in one HDF5 file.

levels          float16 [notes, rows, frames], dB
voices          uint8 [notes, 155], the parameters of the voice; zeros if it is not known
notes           uint8 [notes], MIDI note number
velocities      uint8 [notes]
names           of the voice, or of the recording
splits          train, valid or test
attributes      format, front (JSON: settings of the spectrogram), has_voices
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from brevox.audio.resample import Resampler
from brevox.data.hdf5 import Hdf5Reader
from brevox.errors import AudioFileError, DataError
from brevox.output import atomic_output
from brevox.processes import LocalProcesses, Report
from brevox.synth.files import read_sound
from brevox.synth.renderer import render
from brevox.synth.spectrogram import FrontEnd
from brevox.synth.variation import varied
from brevox.synth.voice import UNPACKED_BYTES, Voice

NOTES_FORMAT = 1
HOLD_S = 3.0

_RENDER_HZ = 44_100
_PLAIN = (60, 100)  # note and velocity of the first of each voice
_VELOCITIES = (30, 128)  # what others are drawn from
#: What training notes are drawn from, by default: four octaves.
NOTES = tuple(range(36, 85))
_WRITTEN_NAME = re.compile(r"_n(\d+)_v(\d+)$")


@dataclass(frozen=True)
class Note:
    """One note to render, or to read.

    Args:
        name: of the voice or recording.
        split: train, valid or test.
        note, velocity: MIDI numbers.
        voice: what plays it, or none of a recording.
        path: of the recording.
    """

    name: str
    split: str
    note: int
    velocity: int
    voice: Voice | None = None
    path: Path | None = None


def plan_notes(
    voices: Sequence[Voice], each: int, seed: int = 0, held_out: float = 0.1, notes: Sequence[int] = NOTES
) -> list[Note]:
    """Which notes of which voices are rendered.

    Each voice plays note 60 at velocity 100; in training others too, with small changes to its parameters.
    Validation and test hear voices of their own, unchanged, at three notes. Voices that differ in name alone are one.

    Args:
        voices: of all banks.
        each: notes of each voice that is trained on.
        seed: of all draws.
        held_out: share of voices for validation, and as many for test.
        notes: what others than the first are drawn from.

    Raises:
        DataError: there are too few voices to hold any out.
    """
    by_sound: dict[bytes, Voice] = {}
    for voice in voices:
        by_sound.setdefault(voice.values[:-10], voice)
    apart = list(by_sound.values())
    count = round(held_out * len(apart))
    if not 0 < count < len(apart) - count:
        raise DataError(f"{len(apart)} different voices are too few to learn from; name more banks")
    order = np.random.default_rng(seed).permutation(len(apart))
    split_of = {int(index): "valid" if place < count else "test" for place, index in enumerate(order[: 2 * count])}
    planned = []
    for index, voice in enumerate(apart):
        split = split_of.get(index, "train")
        name = voice.name or f"voice {index + 1}"
        if split != "train":
            planned += [Note(name, split, note, _PLAIN[1], voice) for note in (_PLAIN[0], 48, 72)]
            continue
        planned.append(Note(name, split, *_PLAIN, voice))
        draw = np.random.default_rng((seed, index))
        for _ in range(each - 1):
            note, velocity = int(draw.choice(notes)), int(draw.integers(*_VELOCITIES))
            planned.append(Note(name, split, note, velocity, varied(voice, draw)))
    return planned


def plan_recordings(folder: Path, seed: int = 0, held_out: float = 0.1) -> list[Note]:
    """Notes that lie in a folder as recordings. `NAME_n60_v100.wav` tells note and velocity; else 60 and 100.

    Raises:
        DataError: there are too few.
    """
    suffixes = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"}
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    count = round(held_out * len(paths))
    if not 0 < count < len(paths) - count:
        raise DataError(f"{folder} holds {len(paths)} recordings, too few to learn from")
    order = np.random.default_rng(seed).permutation(len(paths))
    splits = ["train"] * len(paths)
    for place, index in enumerate(order[: 2 * count]):
        splits[index] = "valid" if place < count else "test"
    planned = []
    for path, split in zip(paths, splits, strict=True):
        told = _WRITTEN_NAME.search(path.stem)
        note, velocity = (int(told[1]), int(told[2])) if told else _PLAIN
        planned.append(Note(path.stem, split, min(127, note), min(127, velocity), path=path))
    return planned


def render_note(voice: Voice, note: int, velocity: int, front: FrontEnd) -> NDArray[np.float32]:
    """A note of 3 s and its release, as long as a picture; rendered at 44.1 kHz, so that nothing folds down.

    Shape: [front.samples].
    """
    sound = render(voice, note, velocity, HOLD_S, front.samples / front.sample_rate, _RENDER_HZ)
    resampler = Resampler(_RENDER_HZ, front.sample_rate, 1)
    return front.fitted(np.concatenate([resampler.push(sound[None]), resampler.finish()], axis=1)[0])


def write_notes(
    planned: Sequence[Note],
    path: Path,
    front: FrontEnd | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[Path, str]]:
    """Render or read notes, in several processes, and write the file, whole or not at all.

    Args:
        planned: what to write.
        path: the file.
        front: of the pictures; its range of levels becomes that of the training notes.
        jobs: processes; by default one a core.
        progress: called with notes done and all notes.

    Returns:
        Recordings that could not be read, and why.

    Raises:
        DataError: nothing could be read.
    """
    front = front or FrontEnd()
    failed: list[tuple[Path, str]] = []
    kept: list[tuple[int, Note]] = []
    low, high = np.inf, -np.inf
    numbered = list(enumerate(planned))
    with atomic_output(path) as part, h5py.File(part, "w") as file:
        shape = (len(planned), front.rows, front.frames)
        levels = file.create_dataset("levels", shape, np.float16, chunks=(1, front.rows, front.frames))
        results = LocalProcesses(jobs).run(numbered, partial(_start, front=front))
        for done, (item, result) in enumerate(results, 1):
            if isinstance(result, np.ndarray):
                levels[item[0]] = result
                kept.append(item)
                if item[1].split == "train":
                    low, high = min(low, float(result.min())), max(high, float(result.max()))
            else:
                failed.append((item[1].path or path, result or "its process was killed"))
            if progress is not None:
                progress(done, len(planned))
        if not low < high:
            raise DataError("none of the notes for training could be read; see what was left out")
        rows = dict(kept)
        notes = [rows.get(number, planned[number]) for number in range(len(planned))]
        file["splits"] = [note.split if number in rows else "none" for number, note in enumerate(notes)]
        file["names"] = [note.name for note in notes]
        file["notes"] = np.array([note.note for note in notes], dtype=np.uint8)
        file["velocities"] = np.array([note.velocity for note in notes], dtype=np.uint8)
        blank = bytes(UNPACKED_BYTES)
        voices = [list(blank if note.voice is None else note.voice.values) for note in notes]
        file["voices"] = np.array(voices, dtype=np.uint8)
        front = replace(front, low_db=low, high_db=high)
        has_voices = all(note.voice is not None for note in notes)
        file.attrs.update(format=NOTES_FORMAT, front=json.dumps(front.settings()), has_voices=has_voices)
    return failed


def _start(threads: int | None, front: FrontEnd) -> Callable[[tuple[int, Note], Report], NDArray[np.float16] | str]:
    def work(item: tuple[int, Note], report: Report) -> NDArray[np.float16] | str:
        note = item[1]
        report(0, None)  # ends this process if it is to end
        if note.voice is not None:
            return front.levels(render_note(note.voice, note.note, note.velocity, front)).astype(np.float16)
        assert note.path is not None
        try:
            return front.levels(read_sound(note.path, front.sample_rate)).astype(np.float16)
        except AudioFileError as error:
            return str(error)

    return work


class NotesFile(Hdf5Reader):
    """A file made by `brevox synth notes`. Pictures are read when they are asked for, by each process on its own.

    Args:
        path: the file.

    Attributes:
        front: of its pictures.
        has_voices: whether the voices that played are known.
        names, splits, notes, velocities, voices: of each note.

    Raises:
        DataError: no such file, or not one of this version.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            file = self._file()
            if file.attrs["format"] != NOTES_FORMAT:
                raise DataError(f"{path} was made by another version of Brevox; make it again")
            self.front = FrontEnd(**json.loads(file.attrs["front"]))
            self.has_voices = bool(file.attrs["has_voices"])
            self.names = [name.decode() for name in file["names"]]
            self.splits = [split.decode() for split in file["splits"]]
            self.notes: NDArray[np.uint8] = file["notes"][:]
            self.velocities: NDArray[np.uint8] = file["velocities"][:]
            self.voices: NDArray[np.uint8] = file["voices"][:]
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path} is no file of notes ({error}); make one with: brevox synth notes") from error

    def of_split(self, split: str) -> NDArray[np.int64]:
        """The numbers of the notes of a split.

        Raises:
            DataError: there are none.
        """
        found = np.flatnonzero(np.array(self.splits) == split)
        if not len(found):
            raise DataError(f"{self.path} has no notes of the split {split!r}; make it again with more voices")
        return found

    def picture(self, number: int) -> NDArray[np.float32]:
        """The picture of a note. Shape: [rows, frames]."""
        return self.front.normalised(self._file()["levels"][number].astype(np.float32))

    def item(self, number: int) -> dict[str, Any]:
        """A note as training takes it: picture, note, velocity and the voice's parameters."""
        return {
            "picture": self.picture(number),
            "note": np.float32(self.notes[number]),
            "velocity": np.float32(self.velocities[number]),
            "parameters": self.voices[number],
        }


class NoteItems(Dataset[dict[str, Any]]):
    """Notes of the split train in an order that is new in each round; item i is a function of seed and i alone.

    Args:
        file: where from.
        items: length of the data set.
        seed: of the orders.
    """

    def __init__(self, file: NotesFile, items: int, seed: int) -> None:
        self.file, self.items, self.seed = file, items, seed
        self.numbers = file.of_split("train")
        self._order: tuple[int, NDArray[np.int64]] = (-1, self.numbers)

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> dict[str, Any]:
        turn, place = divmod(index, len(self.numbers))
        if self._order[0] != turn:
            self._order = turn, np.random.default_rng((self.seed, turn)).permutation(self.numbers)
        return self.file.item(int(self._order[1][place]))
