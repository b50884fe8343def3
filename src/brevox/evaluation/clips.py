"""From a user's recordings to the clips that codecs are compared on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio.source import AUDIO_SUFFIXES
from brevox.errors import AudioFileError, SettingsError
from brevox.evaluation.signals import RATE_HZ, read_mono

_LIBRISPEECH_NAME = re.compile(r"(\d+)-\d+-\d+")


@dataclass(frozen=True)
class Clip:
    """A piece of speech of one speaker.

    audio: Shape [samples], at `signals.RATE_HZ`.
    text: what is said, if a transcript lies beside each of its recordings.
    """

    name: str
    speaker: str
    audio: NDArray[np.float32]
    text: str | None

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.audio) / RATE_HZ


def find_recordings(paths: Sequence[Path]) -> list[Path]:
    """The files among the paths, and all recordings in the folders among them.

    Raises:
        AudioFileError: a path does not exist, or a folder holds no recording.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise AudioFileError(f"{path} does not exist")
            found.append(path)
            continue
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES)
        if not inside:
            raise AudioFileError(f"no recordings found in {path}; known file types: {' '.join(sorted(AUDIO_SUFFIXES))}")
        found += inside
    return found


@dataclass(frozen=True)
class Clips:
    """What recordings became.

    clips: at least one.
    unread: recordings that cannot be read, and why.
    """

    clips: list[Clip]
    unread: dict[Path, str]


def make_clips(paths: Sequence[Path], clip_s: float = 10.0, most: int | None = None) -> Clips:
    """Read recordings, and make clips of at least so many seconds of them.

    Measures need some ten seconds, and so do the fixed bytes of files. One speaker's short recordings are joined, long
    ones without a transcript are cut into equal parts. The speaker is the first number of names as LibriSpeech has
    them, else the folder.

    Args:
        paths: recordings, and folders of them.
        clip_s: least length of a clip, unless all that a speaker says is shorter.
        most: so many clips at most, evenly spread over all.

    Raises:
        AudioFileError: there are none, or none can be read.
        SettingsError: `clip_s` is too little to measure anything.
    """
    if clip_s < 1:
        raise SettingsError(f"clips of {clip_s:g} s are too short to measure; 10 s is what the measures are made for")
    speakers: dict[str, list[Path]] = {}
    for path in find_recordings(paths):
        speakers.setdefault(_speaker_of(path), []).append(path)
    clips: list[Clip] = []
    unread: dict[Path, str] = {}
    for speaker, files in speakers.items():
        clips += _clips_of(speaker, files, clip_s, unread)
    if not clips:
        raise AudioFileError("; ".join(unread.values()))
    if most is not None and len(clips) > most:
        clips = [clips[index] for index in np.linspace(0, len(clips) - 1, most).round().astype(int)]
    return Clips(clips, unread)


def _clips_of(speaker: str, files: list[Path], clip_s: float, unread: dict[Path, str]) -> list[Clip]:
    """Clips of one speaker; what cannot be read is added to `unread`."""
    clips: list[Clip] = []
    waiting: list[Clip] = []
    for path in files:
        try:
            audio = read_mono(path)
        except AudioFileError as error:
            unread[path] = str(error)
            continue
        text = transcript_of(path)
        # A transcript says nothing of where in it a cut would be.
        parts = 1 if text else max(1, int(len(audio) / (clip_s * RATE_HZ)))
        if parts > 1:
            cut = np.array_split(audio, parts)
            clips += [Clip(f"{path.stem}-{number}", speaker, piece, None) for number, piece in enumerate(cut, 1)]
            continue
        waiting.append(Clip(path.stem, speaker, audio, text))
        if sum(clip.seconds for clip in waiting) >= clip_s:
            clips.append(_joined(waiting))
            waiting = []
    if waiting:
        # What is left over is too short alone.
        clips[-1:] = [_joined([*clips[-1:], *waiting])]
    return clips


def _joined(clips: list[Clip]) -> Clip:
    if len(clips) == 1:
        return clips[0]
    texts = [clip.text for clip in clips if clip.text]
    return Clip(
        f"{clips[0].name}+{len(clips) - 1}",
        clips[0].speaker,
        np.concatenate([clip.audio for clip in clips]),
        " ".join(texts) if len(texts) == len(clips) else None,
    )


def _speaker_of(path: Path) -> str:
    match = _LIBRISPEECH_NAME.fullmatch(path.stem)
    return match[1] if match else path.absolute().parent.name


def transcript_of(path: Path) -> str | None:
    """What is said: from NAME.txt, LibriTTS's NAME.normalized.txt, or LibriSpeech's SPEAKER-CHAPTER.trans.txt."""
    for suffix in (".txt", ".normalized.txt"):
        beside = path.with_suffix(suffix)
        if beside.is_file():
            return beside.read_text(encoding="utf-8", errors="replace").strip() or None
    if _LIBRISPEECH_NAME.fullmatch(path.stem):
        return _librispeech_lines(path.with_name(f"{path.stem.rpartition('-')[0]}.trans.txt")).get(path.stem)
    return None


@cache
def _librispeech_lines(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: text for name, _, text in (line.partition(" ") for line in lines) if text}
