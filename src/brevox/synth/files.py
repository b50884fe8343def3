"""Voices out of banks, and their notes into audio files, in several processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import AudioReader, AudioWriter
from brevox.audio.resample import Resampler
from brevox.errors import BankError
from brevox.processes import LocalProcesses, Report
from brevox.synth.banks import BANK_SUFFIXES, read_bank
from brevox.synth.renderer import render
from brevox.synth.voice import Voice

#: Files hold a quarter of what a voice can reach with one carrier: four of them fit without clipping.
FILE_GAIN = 0.25

_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Found:
    """A voice in a file.

    Args:
        path: the file.
        number: of the voice in it, from 1.
        voice: its parameters.
    """

    path: Path
    number: int
    voice: Voice

    @property
    def label(self) -> str:
        """A name for files, such as `rom1_003_BRASS_1`."""
        name = _UNSAFE.sub("_", self.voice.name).strip("_.")
        return f"{self.path.stem}_{self.number:03}_{name or 'unnamed'}"


def find_voices(paths: Sequence[Path]) -> tuple[list[Found], list[tuple[Path, str]]]:
    """All voices of banks, and of the banks in folders, in the order of their names.

    Returns:
        The voices; and of each file what was wrong in it, or why it could not be read.

    Raises:
        BankError: a file that was named cannot be read, or there are no voices at all.
    """
    voices: list[Found] = []
    notes: list[tuple[Path, str]] = []
    for path in paths:
        inside = path.is_dir()
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in BANK_SUFFIXES) if inside else [path]
        for file in files:
            try:
                bank = read_bank(file)
            except BankError as error:
                if not inside:
                    raise
                notes.append((file, str(error)))
                continue
            voices += [Found(file, number, voice) for number, voice in enumerate(bank.voices, 1)]
            notes += [(file, note) for note in bank.notes]
    if not voices:
        raise BankError(f"no DX7 voices in {', '.join(map(str, paths))}; name banks (.syx, .dx7) or folders of them")
    return voices, notes


@dataclass(frozen=True)
class Playing:
    """How notes are played into files.

    Args:
        folder: of the files.
        hold_s: when the key is let go.
        total_s: length.
        sample_rate: Hz.
        suffix: of the files, such as `.wav`.
    """

    folder: Path
    hold_s: float = 3.0
    total_s: float = 4.0
    sample_rate: int = 44_100
    suffix: str = ".wav"


@dataclass(frozen=True)
class Task:
    """One note to play."""

    found: Found
    note: int
    velocity: int


def play(
    tasks: Sequence[Task], playing: Playing, jobs: int | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[Path, float]]:
    """Write each note into a file of its own, `LABEL_n60_v100.wav`.

    Args:
        tasks: the notes.
        playing: how.
        jobs: processes; by default one a core.
        progress: called with the number of notes that are done.

    Yields:
        Each file, and its peak. One above 1 was turned down to 1, as it would have clipped.

    Raises:
        OutputError: a file cannot be written.
    """

    for done, (task, peak) in enumerate(LocalProcesses(jobs).run(list(tasks), _Player(playing)), 1):
        if progress is not None:
            progress(done)
        if peak is not None:
            yield _path(task, playing), peak


class _Player:
    """Makes workers; is pickled on its way into their processes."""

    def __init__(self, playing: Playing) -> None:
        self.playing = playing

    def __call__(self, threads: int | None) -> Callable[[Task, Report], float]:
        return self.play

    def play(self, task: Task, report: Report) -> float:
        """Render and write a note; gives its peak in the file."""
        report(0, None)
        how = self.playing
        sound = render(task.found.voice, task.note, task.velocity, how.hold_s, how.total_s, how.sample_rate)
        return write_sound(_path(task, how), sound, how.sample_rate)


def _path(task: Task, playing: Playing) -> Path:
    return playing.folder / f"{task.found.label}_n{task.note}_v{task.velocity}{playing.suffix}"


def write_sound(path: Path, sound: NDArray[np.float32], sample_rate: int) -> float:
    """Write a sound at `FILE_GAIN`, or so far down that it does not clip. Shape: [samples].

    Returns:
        The peak that it would have had.
    """
    sound = sound * np.float32(FILE_GAIN)
    peak = float(np.abs(sound).max(initial=0.0))
    with AudioWriter(path, sample_rate, 1) as writer:
        writer.write((sound / np.float32(max(1.0, peak)))[None])
    return peak


def read_sound(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """A recording, its channels averaged, at the level that rendered notes have. Shape: [samples].

    Raises:
        AudioFileError: it cannot be read.
    """
    with AudioReader(path) as reader:
        resampler = Resampler(reader.sample_rate, sample_rate, 1)
        parts = [resampler.push(block.mean(axis=0, keepdims=True)) for block in reader.blocks(1 << 16)]
    return np.concatenate([*parts, resampler.finish()], axis=1)[0] / np.float32(FILE_GAIN)
