"""Which phone is spoken when: Praat TextGrids, HTS and Festival label files, and lines of JSON.

Silence is left out everywhere, and a phone with stress counts as the same phone without: `AH0` is `AH`, `ˈa` is `a`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brevox.errors import DataError

#: What aligners and hand labels write where nobody speaks, or (spn, nsn) where no known word is spoken.
SILENCE = frozenset(
    {"", "_", "#", "h#", "sil", "sp", "spn", "nsn", "ssil", "pau", "pause", "epi", "brth", "<eps>", "<sil>", "<p:>"}
)
_HTS_UNIT_S = 1e-7  # 100 ns
_HTS_PHONE = re.compile(r"-([^-+]*)\+")  # of a full-context label: x^x-sil+a=b@...
_STRESS_IN_IPA = str.maketrans("", "", "ˈˌ")
_STRESS_IN_ARPABET = re.compile(r"^([A-Z]{2})[012]$")


@dataclass(frozen=True)
class Segment:
    """A phone or word.

    Args:
        start_s, end_s: from the clip's start.
        label: what is spoken.
    """

    start_s: float
    end_s: float
    label: str


def read_textgrid(path: Path, tier: str = "phones") -> tuple[Segment, ...]:
    """One tier of a Praat TextGrid, as the Montreal Forced Aligner writes them.

    Args:
        path: the file.
        tier: its name; tiers of several speakers, `NAME - phones`, are found too if there is one of them.

    Raises:
        DataError: no TextGrid, no such tier, or times that do not go forward.
    """
    from praatio import textgrid
    from praatio.data_classes.interval_tier import IntervalTier

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    except OSError as error:
        raise DataError(f"cannot read the alignment {path}: {error.strerror or error}") from error
    except Exception as error:  # what a damaged file makes praatio raise has no common base class
        raise DataError(f"{path} is no TextGrid that can be read: {_first_line(error)}") from error
    names = [name for name in grid.tierNames if name == tier or name.endswith(f" - {tier}")]
    if len(names) != 1 or not isinstance(grid.getTier(names[0]), IntervalTier):
        known = ", ".join(grid.tierNames) or "none"
        raise DataError(f"{path} needs one tier of intervals called {tier!r}; its tiers are: {known}")
    return _spoken(path, ((e.start, e.end, e.label) for e in grid.getTier(names[0]).entries))


def read_lab(path: Path) -> tuple[Segment, ...]:
    """A label file of HTS (`start end label`, in 100 ns) or of Festival (`end colour label` in seconds, after a `#`).

    Of full-context labels of HTS the phone in the middle is taken.

    Raises:
        DataError: the file cannot be read, is of neither kind, or its times do not go forward.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the alignment {path}: {error}") from error
    rows = _festival_rows(lines[lines.index("#") + 1 :]) if "#" in lines else _hts_rows(lines)
    return _spoken(path, rows)


def _festival_rows(lines: list[str]) -> Iterable[tuple[float, float, str]]:
    start = 0.0
    for line in lines:
        if line:
            end, _, label = line.split(maxsplit=2)
            yield start, float(end), label.split(";")[0].strip()
            start = float(end)


def _hts_rows(lines: list[str]) -> Iterable[tuple[float, float, str]]:
    for line in lines:
        if line:
            start, end, label = line.split(maxsplit=2)
            middle = _HTS_PHONE.search(label)
            yield int(start) * _HTS_UNIT_S, int(end) * _HTS_UNIT_S, middle[1] if middle else label.split()[0]


def read_json_lines(path: Path) -> dict[str, tuple[Segment, ...]]:
    """Lines such as `{"id": "take_1", "words": [{"word": "no", "phones": [{"start": 0.1, "duration": 0.08, "phone":
    "n"}, ...]}, ...]}`, times in seconds.

    Returns:
        The phones of each clip, by its id.

    Raises:
        DataError: the file cannot be read, or a line is something else.
    """
    found = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    row = json.loads(line)
                    rows = [_json_phone(phone) for word in row["words"] for phone in word["phones"]]
                    found[str(row["id"])] = _spoken(path, rows, f", line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the alignments {path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}, line {number}: not an alignment; expected id and words, each of them with phones that have "
            f"start, duration and phone ({error})"
        ) from error
    if not found:
        raise DataError(f"{path} holds no alignments")
    return found


def _json_phone(phone: dict[str, Any]) -> tuple[float, float, str]:
    start = float(phone["start"])
    return start, start + float(phone["duration"]), str(phone["phone"])


def crop(segments: Iterable[Segment], first_s: float, last_s: float) -> tuple[Segment, ...]:
    """What of some segments lies between two times, counted from the first of them."""
    inside = (
        Segment(max(s.start_s, first_s) - first_s, min(s.end_s, last_s) - first_s, s.label)
        for s in segments
        if s.start_s < last_s and s.end_s > first_s
    )
    return tuple(segment for segment in inside if segment.end_s > segment.start_s)


class Alignments:
    """Finds the phones of recordings by the names of their files.

    Args:
        path: a folder, searched to its ground, of `NAME.TextGrid` and `NAME.lab` for a recording `NAME.wav`; or a file
            of JSON lines whose ids are the names.
        tier: of TextGrids.

    Raises:
        DataError: there is nothing of the kind.
    """

    def __init__(self, path: Path, tier: str = "phones") -> None:
        self.path, self.tier = path, tier
        self.read: dict[str, tuple[Segment, ...]] = {}
        self.files: dict[str, list[Path]] = {}
        if not path.is_dir():
            self.read = read_json_lines(path)
            return
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in (".textgrid", ".lab"):
                self.files.setdefault(file.stem, []).append(file)
        if not self.files:
            raise DataError(f"no alignments in {path}: it holds no *.TextGrid and no *.lab")

    def of(self, recording: Path) -> tuple[Segment, ...]:
        """The phones of a recording.

        Raises:
            DataError: it has no alignment, several, or one that cannot be read.
        """
        for name in _names(recording):
            if name in self.read:
                return self.read[name]
            if found := self.files.get(name):
                # Names such as 001 may come with every speaker, then in a folder of the speaker's name.
                same = [file for file in found if file.parent.name == recording.parent.name]
                if len(same or found) > 1:
                    raise DataError(f"{recording} has several alignments: {', '.join(map(str, same or found))}")
                file = (same or found)[0]
                return read_lab(file) if file.suffix.lower() == ".lab" else read_textgrid(file, self.tier)
        raise DataError(f"{self.path} has no alignment of {recording}")


def _names(recording: Path) -> list[str]:
    """What an alignment of the recording may be called: as it is, without VCTK's microphone, or after `CORPUS__`."""
    return [recording.stem, re.sub(r"_mic\d$", "", recording.stem), recording.stem.rpartition("__")[2]]


def _spoken(path: Path, rows: Iterable[tuple[float, float, str]], where: str = "") -> tuple[Segment, ...]:
    """Segments of all rows but silence.

    Raises:
        DataError: a row is no start, end and label, or begins before the one before it ends.
    """
    segments, last = [], 0.0
    try:
        for start, end, label in rows:
            if not (math.isfinite(start) and math.isfinite(end)) or end < start or start < last - 1e-3:
                raise DataError(
                    f"{path}{where}: times do not go forward: {label!r} from {start:g} to {end:g} s, after {last:g} s"
                )
            last = end
            if label.strip().lower() not in SILENCE and end > start:
                segments.append(Segment(start, end, phone_label(label)))
    except ValueError as error:
        raise DataError(
            f"{path}{where} is no alignment that can be read ({error}); a .lab has lines of start, end and label "
            "(HTS), or after a line with # of end, colour and label (Festival)"
        ) from error
    return tuple(segments)


def phone_label(label: str) -> str:
    """A phone without its stress."""
    return _STRESS_IN_ARPABET.sub(r"\1", label.strip().translate(_STRESS_IN_IPA))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
