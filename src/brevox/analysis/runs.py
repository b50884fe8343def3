"""A run of `brevox train` as the evaluations see it: its recipe, its logs, and what its model makes of a split."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from brevox.analysis.agreement import Agreement, agreement
from brevox.analysis.observed import Observation
from brevox.errors import DataError
from brevox.training.logs import Curve, read_log

#: Makes an observation: of a run's folder, a split, a checkpoint (by default the best), so many utterances (all).
Look = Callable[[Path, str, "str | None", "int | None"], Observation]

#: Utterances that k-means finds its clusters on.
_LEARNED_FROM = 1000
#: Gives frames of features that a run's model learned from, so many utterances at most. Shape: [frames, in_dims].
Learned = Callable[[Path, int], NDArray[np.float32]]

_STEP = re.compile(r"step-(\d+)\.ckpt")
#: What of a recipe says which run it is, or how long and where it ran, not what was tried.
_NOT_TRIED = ("name", "seed", "run.")


class Run:
    """One folder of `brevox train`.

    Args:
        folder: the run's.
        look: how to observe it.
        split: of its corpus.
        learned: what it learned from, for k-means to learn from it too.

    Raises:
        DataError: there is no recipe in the folder.
    """

    def __init__(self, folder: Path, look: Look, split: str = "valid", learned: Learned | None = None) -> None:
        self.folder, self.split, self._look, self._learned = folder, split, look, learned
        path = folder / "recipe.yaml"
        try:
            settings = OmegaConf.to_container(OmegaConf.load(path))
        except OSError as error:
            raise DataError(f"{folder} is no folder of a training: it has no recipe.yaml that can be read") from error
        except (OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        self.settings = _flat(settings)

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def name_without_seed(self) -> str:
        """As experiments name their runs."""
        return self.name.removesuffix(f"-{self.seed}")

    @property
    def seed(self) -> int:
        return int(self.settings.get("seed", 0))

    @cached_property
    def train_log(self) -> dict[str, Curve]:
        """What was logged of training.

        Raises:
            DataError: nothing was.
        """
        return read_log(self.folder / "train.csv")

    @cached_property
    def valid_log(self) -> dict[str, Curve]:
        """What was logged of validation; nothing, if the run has not come so far."""
        path = self.folder / "valid.csv"
        return read_log(path) if path.exists() else {}

    @cached_property
    def observation(self) -> Observation:
        """What the best checkpoint makes of the split.

        Raises:
            BrevoxError: there is none, or no such split.
        """
        return self._look(self.folder, self.split, None, None)

    @cached_property
    def agreement(self) -> Agreement:
        """Its scores; small, so that those of many runs can be kept. K-means learns from the split that the run did."""
        learned = None
        if self._learned is not None and self.split != "train":
            # A corpus that the run did not learn from need not have this split.
            with suppress(DataError):
                learned = self._learned(self.folder, _LEARNED_FROM)
        return agreement(self.observation, learned)

    @property
    def steps(self) -> dict[int, str]:
        """The checkpoints that were kept over training: their names, by step, rising."""
        found = ((_STEP.fullmatch(path.name), path.name) for path in self.folder.glob("step-*.ckpt"))
        return dict(sorted((int(match[1]), name) for match, name in found if match))

    def at(self, checkpoint: str, utterances: int) -> Observation:
        """What an earlier checkpoint makes of the first utterances."""
        return self._look(self.folder, self.split, checkpoint, utterances)

    @property
    def observed(self) -> Observation | None:
        """The observation, if it was asked for before."""
        found: Observation | None = self.__dict__.get("observation")
        return found

    def forget(self) -> None:
        """Free the memory of the observation; the scores stay, and come before."""
        self.__dict__.pop("observation", None)


def same_but_seed(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs whose recipes differ in nothing but the seed, by a name of theirs without the seed's number."""
    return _grouped(runs, lambda setting: setting.startswith(_NOT_TRIED), lambda run: run.name_without_seed)


def same_but_size(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs whose recipes differ in nothing but the seed and the number of codes."""
    return _grouped(
        runs, lambda setting: setting.startswith(_NOT_TRIED) or setting.endswith(".codes"), lambda run: run.name
    )


def _grouped(
    runs: Sequence[Run], leave_out: Callable[[str], bool], name_of: Callable[[Run], str]
) -> dict[str, list[Run]]:
    groups: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        tried = sorted((setting, str(value)) for setting, value in run.settings.items() if not leave_out(setting))
        groups.setdefault(tuple(tried), []).append(run)
    named: dict[str, list[Run]] = {}
    for members in groups.values():
        name = _common_name([name_of(run) for run in members])
        while name in named:
            name += "'"
        named[name] = members
    return named


def _common_name(names: Sequence[str]) -> str:
    """What names have in common at their beginning, without a half number; the whole name if all are the same."""
    if len(set(names)) == 1:
        return names[0]
    first, last = min(names), max(names)
    same = next((place for place, letter in enumerate(first) if letter != last[place : place + 1]), len(first))
    return first[:same].rstrip("0123456789-_.") or first


def _flat(settings: Any, before: str = "") -> dict[str, Any]:
    """Nested settings with dots between their names."""
    if isinstance(settings, dict):
        pairs = [(f"{before}{key}", value) for key, value in settings.items()]
    elif isinstance(settings, list):
        pairs = [(f"{before}{place}", value) for place, value in enumerate(settings)]
    else:
        return {before.rstrip("."): settings}
    return {name: value for key, each in pairs for name, value in _flat(each, f"{key}.").items()}
