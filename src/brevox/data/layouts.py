"""What the folders of well-known speech corpora, and any others, hold: their recordings, speakers and splits.

Speakers of one corpus are called the same wherever it lies, and LibriTTS has its speakers from LibriSpeech: who is
in two of them is one person.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from brevox.audio.source import AUDIO_SUFFIXES
from brevox.data.prepare import Source
from brevox.data.splits import UNDECIDED, decide_splits
from brevox.errors import DataError, SettingsError

_LIBRISPEECH_SPLITS = {"train": "train", "dev": "valid", "test": "test"}
_COMMON_VOICE_SPLITS = {"train.tsv": "train", "dev.tsv": "valid", "test.tsv": "test"}
_COMMON_VOICE_ALL = "validated.tsv"
_LOSSLESS = (".flac", ".wav")
_VCTK_FOLDERS = ("wav48_silence_trimmed", "wav48")


def recordings(folder: Path) -> list[Path]:
    """All files below a folder whose names end like audio files'.

    Raises:
        DataError: it is no folder, or has none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name folders of recordings, or a manifest with --manifest")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if not found:
        raise DataError(f"no recordings found in {folder}; known file types: " + " ".join(sorted(AUDIO_SUFFIXES)))
    return found


def folder_sources(folder: Path) -> list[Source]:
    """Any folder of recordings; the folder a file is in is its speaker. Splits are undecided."""
    return [Source(path, str(path.parent.relative_to(folder.parent)), UNDECIDED) for path in recordings(folder)]


def librispeech_sources(folder: Path) -> list[Source]:
    """LibriSpeech, LibriTTS and what else is laid out as `train-clean-100/SPEAKER/CHAPTER/*.flac` or `*.wav`.

    Args:
        folder: one part (train-*, dev-* or test-*), or what holds the parts.

    Raises:
        DataError: there is no such part.
    """
    sources = [Source(path, f"librispeech/{path.parts[-3]}", split) for path, split in sorted(_librispeech(folder))]
    if not sources:
        raise DataError(
            f"{folder} is no LibriSpeech or LibriTTS tree: neither it nor a folder in it is called train-*, dev-* or "
            "test-* and holds SPEAKER/CHAPTER/*.flac or *.wav, speakers being numbers"
        )
    return sources


def _librispeech(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every recording in the parts of a tree, and its split."""
    for part in (folder.absolute(), *folder.glob("*-*")):
        kind, dash, _ = part.name.partition("-")
        if dash and kind in _LIBRISPEECH_SPLITS:
            for path in part.glob("*/*/*"):
                if path.suffix in _LOSSLESS and path.parts[-3].isdigit():
                    yield path, _LIBRISPEECH_SPLITS[kind]


def common_voice_sources(folder: Path) -> list[Source]:
    """One language of Common Voice: `clips/` beside tables that say who speaks.

    The splits are those of train.tsv, dev.tsv and test.tsv, where one speaker is in one of them only. Without
    train.tsv, all of validated.tsv is taken, undecided.

    Args:
        folder: of the language, such as cv-corpus-17.0/de.

    Raises:
        DataError: there are no such folder and tables, or a table lacks the columns client_id and path.
    """
    tables = _common_voice_tables(folder)
    if not tables:
        raise DataError(
            f"{folder} is no language of Common Voice: it needs the folder clips and train.tsv (with dev.tsv and "
            f"test.tsv), or {_COMMON_VOICE_ALL}"
        )
    sources = []
    for name, split in tables.items():
        for speaker, clip in _common_voice_rows(folder / name):
            sources.append(Source(folder / "clips" / clip, f"common-voice/{speaker}", split))
    if not sources:
        raise DataError(f"the tables in {folder} list no clips")
    return sources


def _common_voice_tables(folder: Path) -> dict[str, str]:
    """The tables to read and their splits; none where this is no Common Voice."""
    if not (folder / "clips").is_dir():
        return {}
    tables = _COMMON_VOICE_SPLITS if (folder / "train.tsv").is_file() else {_COMMON_VOICE_ALL: UNDECIDED}
    return {name: split for name, split in tables.items() if (folder / name).is_file()}


def _common_voice_rows(table: Path) -> list[tuple[str, str]]:
    """Speaker and file name of every line."""
    try:
        with table.open(newline="", encoding="utf-8") as file:
            # Sentences hold quotation marks, and none of these quote.
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {table}: {error}") from error
    for number, row in enumerate(rows, 2):
        if not row.get("client_id") or not row.get("path"):
            raise DataError(f"{table}, line {number}: the columns client_id and path are needed")
    return [(row["client_id"], row["path"]) for row in rows]


def vctk_sources(folder: Path) -> list[Source]:
    """VCTK: `wav48_silence_trimmed/p225/p225_001_mic1.flac` (0.92), or `wav48/p225/p225_001.wav` before.

    Of two microphones the first is taken: the second failed with p280 and p315, as the corpus' README says.
    Splits are undecided.

    Raises:
        DataError: neither folder is there, or it holds nothing.
    """
    sources: dict[str, Source] = {}
    for path in sorted(p for name in _VCTK_FOLDERS for p in (folder / name).glob("*/*")):
        if path.suffix in _LOSSLESS:
            utterance = re.sub(r"_mic\d$", "", path.stem)
            sources.setdefault(utterance, Source(path, f"vctk/{path.parent.name}", UNDECIDED))
    if not sources:
        raise DataError(
            f"{folder} is no VCTK: it needs {' or '.join(_VCTK_FOLDERS)} with SPEAKER/*.flac or *.wav in it"
        )
    return list(sources.values())


@dataclass(frozen=True)
class Layout:
    """One way of laying recordings out: what it is called, whether a folder bears its marks, and its reader."""

    title: str
    is_there: Callable[[Path], bool]
    read: Callable[[Path], list[Source]]


#: By the name that `--layout` takes, in the order in which they are tried. The last is any folder.
LAYOUTS = {
    "librispeech": Layout(
        "LibriSpeech or LibriTTS tree", lambda f: any(True for _ in _librispeech(f)), librispeech_sources
    ),
    "common-voice": Layout("Common Voice", lambda f: bool(_common_voice_tables(f)), common_voice_sources),
    "vctk": Layout("VCTK", lambda f: any((f / name).is_dir() for name in _VCTK_FOLDERS), vctk_sources),
    "folders": Layout("folders of recordings", lambda _: True, folder_sources),
}


def read_layouts(
    folders: Iterable[Path], layout: str = "auto", decide: Callable[[list[Source]], list[Source]] = decide_splits
) -> tuple[list[Source], list[str]]:
    """All recordings in some folders, each of any layout, with splits.

    Args:
        folders: where the recordings are.
        layout: one of `LAYOUTS` that all folders have; `auto` takes for each the first that fits.
        decide: puts all that is undecided into splits.

    Returns:
        The sources, and for each folder a sentence that says what it was taken for.

    Raises:
        DataError: nothing is there, not in that layout, or a speaker is in several splits.
        SettingsError: no such layout.
    """
    if layout not in ("auto", *LAYOUTS):
        raise SettingsError(f"there is no layout {layout!r}; there are: auto, {', '.join(LAYOUTS)}")
    sources, told = [], []
    for folder in folders:
        fitting = (kind for kind in LAYOUTS.values() if kind.is_there(folder))
        kind = next(fitting) if layout == "auto" else LAYOUTS[layout]
        found = kind.read(folder)
        speakers = len({source.speaker for source in found})
        told.append(f"{folder}: {kind.title}, recordings: {len(found):,}, speakers: {speakers:,}")
        sources += found
    return decide(sources), told
