"""Many files at once: which to do, where the results go, and doing them in several processes."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from brevox.codec.models import load
from brevox.codec.transcode import Transcoded, decode_file, encode_file
from brevox.errors import AudioFileError, BrevoxError, OutputError, SettingsError, StreamError
from brevox.processes import LocalProcesses, Report

STREAM_SUFFIXES = frozenset({".sc"})

_KILLED = "not done, as one of the processes was killed; fewer at a time (--jobs 1) need less memory"


@dataclass(frozen=True)
class Job:
    """One file to do. `done` says that its result was there before."""

    source: Path
    target: Path
    done: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a result or the sentence of an error."""

    job: Job
    result: Transcoded | None
    error: str | None


def plan(
    inputs: Iterable[Path],
    output: str | os.PathLike[str] | None,
    suffixes: frozenset[str],
    target_suffix: str,
    force: bool = False,
) -> list[Job]:
    """Find the files to do and name their results.

    A file's result lies beside it, or in the folder `output`; of a folder all files that end in one of `suffixes` are
    done, and the tree below it is kept. With one input file, `output` may be a file name.

    Args:
        inputs: files and folders.
        output: a folder or, for one input file, a file; a slash at its end says that it is to become a folder.
        suffixes: of the files that are taken from folders.
        target_suffix: of the results, with its dot.
        force: write over what exists. Else results of a folder that exist count as done.

    Raises:
        AudioFileError, StreamError: an input does not exist, or a folder has no such files or cannot be read.
        OutputError: the one result exists.
        SettingsError: `output` is a file but there are several inputs, or two inputs have the same result.
    """
    inputs = list(inputs)
    missing = StreamError if suffixes == STREAM_SUFFIXES else AudioFileError
    found: list[tuple[Path, Path, bool]] = []  # source, target without suffix, whether named by the user
    modes = [_mode(path, missing) for path in inputs]
    to_folder = output is not None and os.fspath(output).endswith(("/", os.sep))  # a Path has lost its slash
    output = None if output is None else Path(output)
    output_mode = 0 if output is None else _mode(output, OutputError)
    single = len(inputs) == 1 and not stat.S_ISDIR(modes[0])
    if output_mode and not single and not stat.S_ISDIR(output_mode):
        raise SettingsError(f"{output} is a file; several results need a folder")
    as_folder = not single or stat.S_ISDIR(output_mode) or to_folder
    for path, mode in zip(inputs, modes, strict=True):
        if stat.S_ISDIR(mode):
            files = files_below(path, suffixes)
            if not files:
                raise missing(f"the folder {path} has no files that end in {' '.join(sorted(suffixes))}")
            base = output if output is not None else path
            found += [(file, base / file.relative_to(path), False) for file in files]
        elif not mode:
            raise missing(f"there is no file {path}")
        elif output is None:
            found.append((path, path, True))
        elif as_folder:
            found.append((path, output / path.name, True))
        else:
            found.append((path, output, True))
    jobs = []
    found = list({entry[0].absolute(): entry for entry in found}.values())  # named twice, done once
    targets = [target for _, target, _ in found]
    finals = result_paths(targets, target_suffix) if output is None or as_folder else targets
    origins: dict[Path, Path] = {}
    for (source, _, named), final in zip(found, finals, strict=True):
        if origins.setdefault(final, source) != source:
            raise SettingsError(f"{origins[final]} and {source} would both become {final}; do one of them on its own")
        if final.resolve() == source.resolve():
            raise OutputError(f"the result would replace {source} itself; name another with -o")
        exists = _mode(final, OutputError) != 0 and not force
        if exists and named:
            raise OutputError(f"{final} exists; add --force to replace it, or name another with -o")
        jobs.append(Job(source, final, done=exists))
    return jobs


def _mode(path: Path, error_class: type[BrevoxError]) -> int:
    """What kind of file it is, as `os.stat` tells; 0 if there is none."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise error_class(f"cannot look at {path}: {error.strerror or error}") from error


def files_below(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files in a folder and below it that end in one of `suffixes`, in order; no hidden ones.

    Raises:
        AudioFileError, StreamError: a folder cannot be read.
    """
    error_class = StreamError if suffixes == STREAM_SUFFIXES else AudioFileError

    def refuse(error: OSError) -> NoReturn:
        # Going on without this folder would look as if all were done.
        raise error_class(f"cannot read the folder {error.filename}: {error.strerror or error}") from error

    walked = os.walk(folder, onerror=refuse)
    # Hidden files are no recordings of the user's: macOS's companions (._x.wav), what a killed run left behind.
    shown = (Path(at, name) for at, _, names in walked for name in names if not name.startswith("."))
    return sorted(file for file in shown if file.suffix.lower() in suffixes and file.is_file())


def result_paths(targets: list[Path], suffix: str) -> list[Path]:
    """Each target with the suffix in place of its own; behind its own where two would else have the same name.

    talk.mp3 and talk.wav side by side become talk.mp3.sc and talk.wav.sc.
    """
    finals = [target.with_suffix(suffix) for target in targets]
    while True:
        counts, before = Counter(finals), finals
        finals = [
            target.with_name(target.name + suffix) if counts[final] > 1 else final
            for target, final in zip(targets, before, strict=True)
        ]
        if finals == before:  # a longer name may in turn be another's short one
            return finals


def encode_all(
    jobs: list[Job],
    *,
    model: str | os.PathLike[str] | None = None,
    processes: int | None = None,
    progress: Callable[[Job, float, float | None], None] | None = None,
    **options: Any,
) -> Iterator[Outcome]:
    """Encode every job that is not done; `options` are those of `encode_file`.

    Args:
        jobs: from `plan`.
        model: name or file of the model.
        processes: how many files at a time; by default one a core.
        progress: called with a job, its seconds done, and all of them if known.

    Yields:
        An outcome for each, as they end. One bad file does not stop the rest.
    """
    load(model, threads=1)  # a model that is missing or unfit is one error, not one for every file
    yield from _run_all("encode", jobs, model, processes, progress, options)


def decode_all(
    jobs: list[Job],
    *,
    model: str | os.PathLike[str] | None = None,
    processes: int | None = None,
    progress: Callable[[Job, float, float | None], None] | None = None,
    **options: Any,
) -> Iterator[Outcome]:
    """Decode every job that is not done, like `encode_all`; without `model`, each file's own is looked up."""
    yield from _run_all("decode", jobs, model, processes, progress, options)


def _run_all(
    direction: str,
    jobs: list[Job],
    model: str | os.PathLike[str] | None,
    processes: int | None,
    progress: Callable[[Job, float, float | None], None] | None,
    options: dict[str, Any],
) -> Iterator[Outcome]:
    todo = [job for job in jobs if not job.done]
    start = partial(_Worker, direction, model, options)
    for job, outcome in LocalProcesses(processes).run(todo, start, progress):
        yield Outcome(job, None, f"{job.source}: {_KILLED}") if outcome is None else outcome


class _Worker:
    """Does files one after the other, with codecs that are made once."""

    def __init__(
        self, direction: str, model: str | os.PathLike[str] | None, options: dict[str, Any], threads: int | None
    ) -> None:
        self.direction, self.options = direction, options
        self.codec = None if model is None and direction == "decode" else load(model, threads)

    def __call__(self, job: Job, report: Report) -> Outcome:
        transcode = encode_file if self.direction == "encode" else decode_file
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Outcome(job, None, f"cannot make the folder {job.target.parent}: {error.strerror or error}")
        try:
            result = transcode(job.source, job.target, codec=self.codec, progress=report, **self.options)
        except BrevoxError as error:
            return Outcome(job, None, str(error))
        except OSError as error:
            return Outcome(job, None, f"{job.source}: {error.strerror or error}")
        return Outcome(job, result, None)
