"""Scores that were measured before, by the content of the recordings."""

from __future__ import annotations

import json
import os
import sys
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from brevox.errors import OutputError
from brevox.evaluation.metrics import spectra
from brevox.evaluation.metrics.metric import Metric, Options, Pair, Score
from brevox.output import atomic_output

CACHE_FOLDER_VARIABLE = "BREVOX_CACHE"


def default_cache_folder() -> Path:
    """$BREVOX_CACHE, or ~/.brevox/scores."""
    named = os.environ.get(CACHE_FOLDER_VARIABLE)
    return Path(named) if named else Path.home() / ".brevox" / "scores"


class ScoreCache:
    """A folder with one JSON file for each pair of recordings.

    A score is found again for the very same samples, transcript, options and versions of the packages that measured
    it. Files that cannot be read or written are as if they were not there: a cache must never be what stops a run.

    Args:
        folder: made when needed; None keeps nothing.
        options: part of what a score depends on.
    """

    def __init__(self, folder: Path | None, options: Options) -> None:
        self.folder, self.options = folder, options

    def read(self, pair: Pair) -> dict[str, Score]:
        """What is known of a pair, by `key_of`."""
        if self.folder is None:
            return {}
        try:
            known: dict[str, Any] = json.loads(self._path(self.folder, pair).read_text(encoding="utf-8"))
            return {key: Score(float(value), float(weight), str(note)) for key, (value, weight, note) in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def write(self, pair: Pair, scores: dict[str, Score]) -> None:
        """Keep all that is known of a pair."""
        if self.folder is None:
            return
        path = self._path(self.folder, pair)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_output(path) as part:
                part.write_text(json.dumps(scores), encoding="utf-8")
        except (OSError, OutputError):
            return

    def key_of(self, metric: Metric, pair: Pair) -> str:
        """What besides the samples a score depends on."""
        parts = [metric.name, _code_digest(metric), *(f"{name} {_version(name)}" for name in _packages(metric))]
        if metric.uses_text:
            model = self.options.whisper
            size = (model / "model.bin").stat().st_size if model and (model / "model.bin").is_file() else 0
            parts += [self.options.language or "", str(size), pair.text or ""]
        return "; ".join(parts)

    def _path(self, folder: Path, pair: Pair) -> Path:
        digest = blake2b(pair.reference.tobytes(), digest_size=16)
        digest.update(b"|")
        digest.update(pair.degraded.tobytes())
        name = digest.hexdigest()
        return folder / name[:2] / f"{name}.json"


def _code_digest(metric: Metric) -> str:
    """Changes when the code of a measure does."""
    digest = blake2b(digest_size=8)
    for module in (sys.modules[metric.open.__module__], spectra):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _packages(metric: Metric) -> list[str]:
    """Names of the packages a measure needs, without options and extras."""
    words = metric.package.replace("&&", " ").split()
    return [word.partition("[")[0] for word in words if word not in ("pip", "install") and not word.startswith("-")]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
