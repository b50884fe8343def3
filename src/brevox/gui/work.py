"""What the window has done in other processes: each request a small class, each answered by an `Answer`.

No Qt here: the processes that do the work start without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.audio import Resampler, resample
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.codec.batch import STREAM_SUFFIXES, files_below
from brevox.codec.bvx import read_model
from brevox.codec.card import ModelCard
from brevox.codec.codec import Codec
from brevox.codec.glance import glance_at_recording, glance_at_stream
from brevox.codec.models import find_model, find_model_by_id, open_model
from brevox.codec.playback import Playback
from brevox.codec.preview import Excerpt, Preview, excerpt, preview
from brevox.codec.transcode import decode_file, encode_file
from brevox.errors import BrevoxError, ModelFileError, OutputError, WrongModelError
from brevox.processes import Report

_MOST_CODECS = 2  # each is a hundred megabytes


@dataclass(frozen=True)
class Answer:
    """A value, or the sentence of an error. `needs`: id and name of the model that is missing, if that is it."""

    value: Any = None
    error: str | None = None
    needs: tuple[str, str] | None = None


@dataclass(frozen=True)
class Collect:
    """Which files lie in folders? Answer: `Collected`."""

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Collected:
    """Sources, each with its place below the folder it was found in."""

    recordings: list[tuple[Path, Path]]
    streams: list[tuple[Path, Path]]


@dataclass(frozen=True)
class Look:
    """What does a file say about itself? Answer: `Glance`."""

    path: Path
    is_stream: bool


@dataclass(frozen=True)
class ReadCard:
    """Does a model work, and what does it say? Answer: `ModelCard`."""

    model: Path


@dataclass(frozen=True)
class FindModel:
    """Which file in a folder, or which file, is the model of this id? Answer: its path."""

    model_id: str
    name: str
    place: Path


@dataclass(frozen=True)
class Encode:
    """Answer: `Transcoded`."""

    source: Path
    target: Path
    model: Path
    kbps: float
    stereo: bool
    replace: bool


@dataclass(frozen=True)
class Decode:
    """Answer: `Transcoded`. models: further ones than those that are known."""

    source: Path
    target: Path
    models: tuple[Path, ...]
    replace: bool


@dataclass(frozen=True)
class Compare:
    """Some seconds before and after coding. Answer: `Compared`, with sound at `rate`, Hz."""

    source: Path
    model: Path
    kbps: float
    stereo: bool
    start_s: float
    rate: int


@dataclass(frozen=True)
class Compared:
    """A preview, and both sides at the rate they are played at. Shape [channels, samples] each."""

    preview: Preview
    original: NDArray[np.float32]
    decoded: NDArray[np.float32]
    rate: int


@dataclass(frozen=True)
class Hear:
    """The next block of a `.sc` that is listened to. Answer: `Heard`; None at its end.

    session: another number begins at `start_s`; the same one goes on.
    """

    source: Path
    models: tuple[Path, ...]
    session: int
    start_s: float
    rate: int


@dataclass(frozen=True)
class Heard:
    """audio: Shape [channels, samples] at the rate that was asked for."""

    audio: NDArray[np.float32]
    duration_s: float | None
    damage: tuple[str, ...]


class Worker:
    """Does requests one after the other; keeps what the next one may need."""

    def __init__(self, threads: int | None) -> None:
        self._threads = threads
        self._codecs: dict[tuple[str, float], Codec] = {}
        self._excerpt: tuple[Any, Excerpt] | None = None
        self._session: tuple[Any, Playback, Iterator[NDArray[np.float32]]] | None = None
        self._doing: dict[type, Callable[[Any, Report], Any]] = {
            Collect: self._collect,
            Look: self._look,
            ReadCard: self._read_card,
            FindModel: self._find_model,
            Encode: self._encode,
            Decode: self._decode,
            Compare: self._compare,
            Hear: self._hear,
        }

    def __call__(self, request: Any, report: Report) -> Answer:
        try:
            return Answer(self._doing[type(request)](request, report))
        except WrongModelError as error:
            glance = glance_at_stream(request.source)
            return Answer(error=str(error), needs=(glance.model_id.hex(), glance.model_name))
        except BrevoxError as error:
            return Answer(error=str(error))
        except MemoryError:
            return Answer(error="there is not enough memory for this file; close other programs and try again")
        except OSError as error:
            return Answer(error=f"{error.filename or 'a file'}: {error.strerror or error}")

    def _collect(self, request: Collect, report: Report) -> Collected:
        found: dict[bool, list[tuple[Path, Path]]] = {False: [], True: []}
        for path in request.paths:
            if not path.is_dir():
                found[path.suffix.lower() in STREAM_SUFFIXES].append((path, Path(path.name)))
                continue
            for file in files_below(path, AUDIO_SUFFIXES | STREAM_SUFFIXES):
                report(len(found[False]) + len(found[True]), None)
                found[file.suffix.lower() in STREAM_SUFFIXES].append((file, file.relative_to(path.parent)))
        return Collected(found[False], found[True])

    def _look(self, request: Look, report: Report) -> Any:
        return (glance_at_stream if request.is_stream else glance_at_recording)(request.path)

    def _read_card(self, request: ReadCard, report: Report) -> ModelCard:
        model = read_model(request.model)
        open_model(model, 1)  # says whether its parts fit each other
        return ModelCard.of(model.info, *model.codebooks.shape[:2])

    def _find_model(self, request: FindModel, report: Report) -> Path:
        place = request.place
        for path in sorted(place.rglob("*.bvx")) if place.is_dir() else [place]:
            report(0.0, None)
            with suppress(ModelFileError):
                if read_model(path).info["id"] == request.model_id:
                    return path
        if place.is_file():
            found = read_model(place).info
            raise ModelFileError(
                f"{place.name} is the model {found['name']!r} (id {found['id']}), not the one that is needed"
            )
        raise ModelFileError(f"the model is not in {place} or below it")

    def _encode(self, request: Encode, report: Report) -> Any:
        _prepare(request.target, request.replace)
        codec = self._codec(request.model)
        options: dict[str, Any] = {"kbps": request.kbps, "stereo": request.stereo, "codec": codec, "progress": report}
        return encode_file(request.source, request.target, **options)

    def _decode(self, request: Decode, report: Report) -> Any:
        codec = self._codec_of(request.source, request.models)
        _prepare(request.target, request.replace)
        return decode_file(request.source, request.target, codec=codec, progress=report)

    def _compare(self, request: Compare, report: Report) -> Compared:
        codec = self._codec(request.model)
        key = (request.source, _changed_at(request.source), request.model, request.stereo, request.start_s)
        if self._excerpt is None or self._excerpt[0] != key:
            piece = excerpt(request.source, codec, request.start_s, stereo=request.stereo)
            self._excerpt = key, piece
        report(0.0, None)
        made = preview(self._excerpt[1], codec, request.kbps)
        sides = [resample(side, made.sample_rate, request.rate) for side in (made.original, made.decoded)]
        return Compared(made, sides[0], sides[1], request.rate)

    def _hear(self, request: Hear, report: Report) -> Heard | None:
        key = (request.source, request.session)
        if self._session is None or self._session[0] != key:
            if self._session is not None:
                self._session[1].close()
            playback = Playback(request.source, self._codec_of(request.source, request.models))
            blocks = playback.blocks(round(request.start_s * playback.sample_rate))
            resampler = Resampler(playback.sample_rate, request.rate, playback.channels)
            self._session = key, playback, _resampled(blocks, resampler)
        _, playback, blocks = self._session
        block = next(blocks, None)
        if block is None:
            return None
        samples = playback.num_samples
        duration_s = None if samples is None else samples / playback.sample_rate
        return Heard(block, duration_s, playback.damage)

    def _codec(self, model: Path) -> Codec:
        return self._kept((str(model), _changed_at(model)), partial(find_model, model))

    def _codec_of(self, source: Path, models: tuple[Path, ...]) -> Codec:
        glance = glance_at_stream(source)
        made = partial(find_model_by_id, glance.model_id, glance.model_name, models)
        return self._kept((glance.model_id.hex(), 0.0), made)

    def _kept(self, key: tuple[str, float], find: Callable[[], Any]) -> Codec:
        if key not in self._codecs:
            codec = open_model(find(), self._threads)
            while len(self._codecs) >= _MOST_CODECS:
                del self._codecs[next(iter(self._codecs))]
            self._codecs[key] = codec
        return self._codecs[key]


def _prepare(target: Path, replace: bool) -> None:
    # Asked about when work was started; hours may have passed since.
    if target.exists() and not replace:
        raise OutputError(f"{target.name} has appeared in the meantime and is left as it is; try again to be asked")
    target.parent.mkdir(parents=True, exist_ok=True)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # whoever opens it will say what is wrong


def _resampled(blocks: Iterator[NDArray[np.float32]], resampler: Resampler) -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        yield resampler.push(block)
    yield resampler.finish()
