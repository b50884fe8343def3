"""Recipes: YAML files that say everything about a training, with dotted overrides from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from brevox.errors import SettingsError


@dataclass
class DataSettings:
    """Where the crops come from; see `brevox.data.corpus.CropDataset`."""

    corpus: str = "corpus"
    crop_s: float = 1.0
    batch: int = 16
    workers: int = 1
    gain_db: list[float] = field(default_factory=lambda: [-12.0, 6.0])
    balance: float = 0.6
    silence: float = 0.01


@dataclass
class AdversarialSettings:
    """The discriminator, if any; see `brevox.nets.discriminators`."""

    discriminator: dict[str, Any] | None = None
    weight: float = 1.0
    feature_weight: float = 1.0
    start_step: int = 0
    #: Chance that the discriminator learns in a step; below 1 it costs less and wins less easily.
    probability: float = 1.0
    learning_rate: float = 2e-4


@dataclass
class OptimiserSettings:
    """AdamW with linear warm-up, then a cosine down to `final_fraction` of the learning rate."""

    learning_rate: float = 1e-3
    betas: list[float] = field(default_factory=lambda: [0.8, 0.99])
    weight_decay: float = 0.01
    warmup_steps: int = 200
    final_fraction: float = 0.02
    clip_norm: float = 1.0


@dataclass
class RunSettings:
    """How long, how precise, and how often to look."""

    steps: int = 10_000
    precision: str = "bf16-mixed"
    ema_decay: float = 0.999
    log_every: int = 20
    validate_every: int = 1000
    checkpoint_every: int = 500
    valid_clips: int = 12
    valid_clip_s: float = 8.0


@dataclass
class Recipe:
    """Everything about a training."""

    name: str = "unnamed"
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    model: dict[str, Any] = field(default_factory=dict)
    losses: list[dict[str, Any]] = field(default_factory=list)
    commitment: float = 0.25
    adversarial: AdversarialSettings = field(default_factory=AdversarialSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: YAML file.
        overrides: such as `data.batch=8` or `optimiser.learning_rate=1e-4`.

    Raises:
        SettingsError: no such file, not YAML, an unknown entry, or a value of the wrong kind.
    """
    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(Recipe), OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides))
        )
        recipe = OmegaConf.to_object(merged)
    except OSError as error:
        raise SettingsError(f"cannot read the recipe {path}: {error.strerror}") from error
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
        raise SettingsError(f"the recipe {path} cannot be used: {str(error).splitlines()[0]}") from error
    if not isinstance(recipe, Recipe):
        raise SettingsError(f"{path} is not a recipe")
    return recipe
