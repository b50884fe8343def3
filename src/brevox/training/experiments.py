"""Experiments: several runs that differ by a few overrides, by their codebooks' size and their seeds, in one file.

recipe: ../../recipes/speech-16k.yaml     # counted from the file's folder
overrides: [run.steps=400]                # for all runs
codes: [256, 1024]                        # model.bottleneck.codes; may be left out
seeds: [0, 1]
runs:
  plain: []
  gradient: ["balancer={name: gradient}"]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from brevox.errors import SettingsError
from brevox.training.recipe import Recipe, load_recipe


@dataclass
class _Experiments:
    recipe: str
    runs: dict[str, list[str]]
    overrides: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [0])


def is_experiments(path: Path) -> bool:
    """Whether a YAML file describes several runs; False too for what cannot be read."""
    try:
        content = OmegaConf.load(path)
    except (OSError, YAMLError, OmegaConfBaseException, UnicodeDecodeError):
        return False
    return isinstance(content, DictConfig) and "runs" in content


def load_experiments(path: Path, overrides: Sequence[str] = ()) -> dict[str, Recipe]:
    """The recipe of each run, by its name: that in the file, with codes and seed where there are several.

    Args:
        path: YAML file, as above.
        overrides: for all runs; they win over what the file says.

    Raises:
        SettingsError: the file or a recipe of it cannot be used.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(_Experiments), OmegaConf.load(path))
        described = OmegaConf.to_object(merged)
    except OSError as error:
        raise SettingsError(f"cannot read the experiments {path}: {error.strerror}") from error
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
        raise SettingsError(f"the experiments {path} cannot be used: {str(error).splitlines()[0]}") from error
    if not isinstance(described, _Experiments) or not described.runs or not described.seeds:
        raise SettingsError(f"the experiments {path} name no runs or no seeds")
    recipes = {}
    for run, own in described.runs.items():
        if not run or Path(run).name != run:
            raise SettingsError(f"a run becomes a folder of its name: {run!r} in {path} cannot be one")
        sizes: list[int | None] = [*described.codes] or [None]
        for codes, seed in product(sizes, described.seeds):
            several = [(codes, described.codes), (seed, described.seeds)]
            name = "-".join([run, *(str(value) for value, values in several if len(values) > 1)])
            lists = [f"seed={seed}", *([] if codes is None else [f"model.bottleneck.codes={codes}"])]
            every = [*described.overrides, *lists, *own, f"name={name}", *overrides]
            recipes[name] = load_recipe(path.parent / described.recipe, every)
    return recipes
