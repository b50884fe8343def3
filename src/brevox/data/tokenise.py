"""A corpus as tokens: the codes of many recordings in Parquet files, made by several processes, or by a Ray cluster.

    tokens/_tokens.json             what these are the tokens of
    tokens/part-00000.parquet       the first recordings, see brevox.data.token_files
    tokens/part-00001.parquet ...

A part is done or not: what is not done is done when the same is asked for again. Workers hand over whole files, and
only the first process writes, so that a worker may be killed, or sit on a machine that does not see the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from brevox.codec.bvx import ModelFile
from brevox.codec.models import open_model
from brevox.codec.tokens import tokenise_file
from brevox.data.prepare import Source
from brevox.data.token_files import METADATA_KEY, Row, describe, to_parquet
from brevox.errors import AudioFileError, DataError
from brevox.output import atomic_output
from brevox.processes import LocalProcesses, Report, Workers

#: How often a part is tried whose process is killed.
ATTEMPTS = 3

_JOB = "_tokens.json"  # what begins with _ is passed over by those who read a folder of Parquet files
_FORMAT = 1
_MOST_PER_PART = 200
_USUAL_PARTS = 16


@dataclass(frozen=True)
class Tokenised:
    """What is in the folder after a run.

    recordings, seconds, frames, tokens: that have tokens; a pitch code counts as one.
    stored_bytes: of all parts.
    failed: (file, reason) of those that have none.
    damaged: (file, what was wrong) of those that have tokens all the same.
    lost: names of parts that are missing, as their process was killed every time.
    new_parts, new_seconds, elapsed_s: of this run.
    """

    recordings: int
    seconds: float
    frames: int
    tokens: int
    stored_bytes: int
    failed: list[tuple[str, str]] = field(repr=False)
    damaged: list[tuple[str, str]] = field(repr=False)
    lost: list[str]
    new_parts: int
    new_seconds: float
    elapsed_s: float


def tokenise(
    sources: list[Source],
    folder: Path,
    model: ModelFile,
    *,
    books: int | None = None,
    per_part: int | None = None,
    workers: Workers | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> Tokenised:
    """Write the tokens of all `sources` into `folder`; parts that are there already are left as they are.

    Args:
        sources: from `manifest_sources` or `read_layouts`; all splits are taken.
        folder: made if missing.
        model: from `brevox.codec.models.find_model`.
        books: of each frame; all that the model has by default.
        per_part: recordings; by default a sixteenth of all, at most 200.
        workers: by default a process for each core; or `brevox.cluster.RayCluster(attempts=ATTEMPTS)`.
        progress: called with (recordings done, all).

    Raises:
        DataError: there are no sources, or the folder holds the tokens of something else.
        SettingsError: the model has fewer books.
        OutputError: the folder cannot be written to.
    """
    started = time.monotonic()
    if not sources:
        raise DataError("there are no recordings to make tokens of")
    codec = open_model(model, threads=1)
    _, books = codec.check_rate(None, codec.books if books is None else books)
    per_part = per_part or min(_MOST_PER_PART, -(-len(sources) // _USUAL_PARTS))
    _claim(folder, describe(codec, books) | _describe_list(sources, per_part))
    base = Path.cwd()
    parts = [
        _Part(number, base, tuple(sources[first : first + per_part]))
        for number, first in enumerate(range(0, len(sources), per_part))
    ]
    todo = [part for part in parts if not (folder / part.name).exists()]
    done = {part.number: float(len(part.sources)) for part in parts}
    done |= {part.number: 0.0 for part in todo}

    def tell(part: _Part, recordings: float, _: float | None = None) -> None:
        done[part.number] = recordings
        if progress is not None:
            progress(sum(done.values()), len(sources))

    lost = []
    workers = workers or LocalProcesses(attempts=ATTEMPTS)
    for part, content in workers.run(todo, _Start(model, books), tell):
        if content is None:
            lost.append(part.name)
            continue
        with atomic_output(folder / part.name) as path:
            path.write_bytes(content)
        tell(part, len(part.sources))
    made = {part.name for part in todo} - set(lost)
    return _summary(folder, [part.name for part in parts], made, sorted(lost), time.monotonic() - started)


@dataclass(frozen=True)
class _Part:
    """Recordings whose tokens make one file. Relative paths count from `base`, wherever the worker is."""

    number: int
    base: Path
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class _Start:
    """Makes a worker in whatever process."""

    model: ModelFile
    books: int

    def __call__(self, threads: int | None) -> Callable[[_Part, Report], bytes]:
        codec = open_model(self.model, threads)
        description = describe(codec, self.books)

        def work(part: _Part, report: Report) -> bytes:
            rows = []
            for index, source in enumerate(part.sources):

                def tell(done_s: float, total_s: float | None, index: int = index) -> None:
                    report(index + (min(1.0, done_s / total_s) if total_s else 0.0), len(part.sources))

                try:
                    rows.append(
                        Row(source, tokenise_file(part.base / source.path, codec, books=self.books, progress=tell))
                    )
                except AudioFileError as error:
                    rows.append(Row(source, None, str(error)))
            return to_parquet(rows, description)

        return work


def _describe_list(sources: list[Source], per_part: int) -> dict[str, Any]:
    lines = hashlib.blake2b(digest_size=16)
    for source in sources:
        lines.update(os.fsencode(f"{source.path}\t{source.speaker}\t{source.split}\n"))
    return {"format": _FORMAT, "recordings": len(sources), "list": lines.hexdigest(), "per_part": per_part}


def _claim(folder: Path, job: dict[str, Any]) -> None:
    """Write down what the folder is for, or see that it is for the same."""
    path = folder / _JOB
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot use the folder {folder}: {error}") from error
    if before is None:
        if any(not found.name.startswith(".") for found in folder.iterdir()):
            raise DataError(f"the folder {folder} holds something else than tokens; name an empty or new one")
        with atomic_output(path) as part:
            part.write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")
        return
    for key, of in (
        ("format", "of another version of Brevox (format {0}, not {1})"),
        ("model_id", "of another model (id {0}, not {1})"),
        ("books", "with {0} books, not {1}"),
        ("list", "of another list of recordings"),
        ("per_part", "in parts of {0} recordings, not {1}"),
    ):
        if before.get(key) != job[key]:
            what = of.format(before.get(key), job[key])
            raise DataError(f"the folder {folder} holds tokens {what}; name another folder, or delete this one")


def _summary(folder: Path, names: list[str], made: set[str], lost: list[str], elapsed_s: float) -> Tokenised:
    """Counted in the files themselves, so that it is true of what was done before, too."""
    recordings = frames = tokens = stored_bytes = 0
    seconds = new_seconds = 0.0
    failed: list[tuple[str, str]] = []
    damaged: list[tuple[str, str]] = []
    for name in sorted(set(names) - set(lost)):
        try:
            rows = pq.read_table(folder / name, columns=["path", "seconds", "frames", "damage", "error"]).to_pylist()
            description = json.loads(pq.read_schema(folder / name).metadata[METADATA_KEY])
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"{folder / name} is damaged ({error}); delete it, and the same command makes it again"
            ) from error
        good = [row for row in rows if row["error"] is None]
        failed += [(row["path"], row["error"]) for row in rows if row["error"] is not None]
        damaged += [(row["path"], row["damage"]) for row in good if row["damage"] is not None]
        recordings += len(good)
        frames += sum(row["frames"] for row in good)
        part_s = sum(row["seconds"] for row in good)
        seconds += part_s
        new_seconds += part_s * (name in made)
        stored_bytes += (folder / name).stat().st_size
        columns = description["books"] + (description["pitch_codes"] > 0)
        tokens += columns * sum(row["frames"] for row in good)
    return Tokenised(
        recordings, seconds, frames, tokens, stored_bytes, failed, damaged, lost, len(made), new_seconds, elapsed_s
    )
