"""What a file says about its recording: title, artist, chapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Keys that describe the file and the program that wrote it, not the recording.
_ABOUT_THE_FILE = {
    "encoder",
    "encoder_options",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "handler_name",
    "vendor_id",
    "duration",
}


@dataclass(frozen=True)
class Chapter:
    """A named stretch of a recording, in seconds from its start."""

    start_s: float
    end_s: float
    title: str = ""


def recording_tags(*sources: Mapping[str, str]) -> dict[str, str]:
    """Merge what container and audio track say (the later wins); lower-case keys, technical ones dropped."""
    tags = {key.lower(): value for source in sources for key, value in source.items()}
    if tags.get("language") == "und":  # "undetermined", which MP4 writes when nobody said
        del tags["language"]
    return {key: value for key, value in tags.items() if key not in _ABOUT_THE_FILE}


def close_chapters(chapters: Iterable[Chapter], duration_s: float | None) -> list[Chapter]:
    """In order of time, an end that the file leaves open set to the next start, or to the recording's end."""
    ordered = sorted(chapters, key=lambda chapter: chapter.start_s)
    closed = []
    for i, chapter in enumerate(ordered):
        end_s = chapter.end_s
        if end_s <= chapter.start_s:
            end_s = ordered[i + 1].start_s if i + 1 < len(ordered) else (duration_s or chapter.start_s)
        closed.append(Chapter(chapter.start_s, max(end_s, chapter.start_s), chapter.title))
    return closed


def vorbis_chapters(chapters: Iterable[Chapter]) -> dict[str, str]:
    """Chapters as the comments CHAPTERnnn and CHAPTERnnnNAME of FLAC and Ogg, which know starts only.

    https://wiki.xiph.org/Chapter_Extension. ffmpeg would write them itself, but rounds the seconds
    up where they should be cut (0.5 s becomes "00:00:01.500").
    """
    comments = {}
    for number, chapter in enumerate(chapters):
        minutes, ms = divmod(round(chapter.start_s * 1000), 60_000)
        key = f"CHAPTER{number:03}"
        comments[key] = f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}.{ms % 1000:03}"
        comments[f"{key}NAME"] = chapter.title
    return comments
