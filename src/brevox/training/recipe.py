"""Recipes: YAML files that say everything about a training, with dotted overrides from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from brevox.errors import SettingsError


@dataclass
class FrameSettings:
    """Which frames of a vocoder's features are trained on; see `brevox.data.vocoder`."""

    #: So many at the beginning are set aside, to validate on. The seed keeps 60 s.
    test: int = 6000
    #: Only those with a voice.
    voiced: bool = True
    #: Only those whose levels have this energy or more.
    least_energy_db: float = 10.0


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
    #: What else is done to crops, in this order; see `brevox.data.augment`.
    augment: list[dict[str, Any]] = field(default_factory=list)
    frames: FrameSettings = field(default_factory=FrameSettings)


@dataclass
class AdversarialSettings:
    """The discriminator, if any; see `brevox.nets.discriminators`."""

    discriminator: dict[str, Any] | None = None
    #: `hinge` or `least_squares`.
    loss: str = "hinge"
    weight: float = 1.0
    feature_weight: float = 1.0
    start_step: int = 0
    #: So many steps from then on, it alone learns: one that cannot tell yet teaches nothing.
    alone_steps: int = 0
    #: Chance that the discriminator learns in a step; below 1 it costs less and wins less easily.
    probability: float = 1.0
    #: Of every item the discriminator hears one piece, as large a share of it as this and elsewhere in each step.
    share: float = 1.0
    #: In a step in which the discriminator learns, the codec does not.
    one_at_a_time: bool = False
    #: Weight of what pushes the discriminator's answers to original and decoded sound apart; see
    #: `brevox.losses.repulsion`. Seed 004: 1e-3.
    repulsion: float = 0.0
    learning_rate: float = 2e-4


@dataclass
class OptimiserSettings:
    """AdamW with linear warm-up; then the rate goes `cosine` or `exponential` down to `final_fraction` of itself, stays
    `constant`, or falls on a `plateau`: when `patience` validations brought nothing better. A step goes through
    `accumulate` batches before the weights move."""

    learning_rate: float = 1e-3
    betas: list[float] = field(default_factory=lambda: [0.8, 0.99])
    weight_decay: float = 0.01
    #: Steps go by the largest, not by the latest size of the gradients (Reddi et al. 2018).
    amsgrad: bool = False
    warmup_steps: int = 200
    schedule: str = "cosine"
    final_fraction: float = 0.02
    patience: int = 4
    accumulate: int = 1
    clip_norm: float = 1.0


@dataclass
class RunSettings:
    """How long, how precise, and how often to look."""

    steps: int = 10_000
    #: `32-true`, `bf16-mixed` or, on a GPU, `16-mixed`.
    precision: str = "bf16-mixed"
    #: The backend with which `torch.compile` makes encoder, decoder and discriminator faster, such as `inductor`,
    #: which takes minutes at the start; or "" for none.
    compile: str = ""
    ema_decay: float = 0.999
    log_every: int = 20
    #: Whether the norm of every layer's gradient is logged too, as `gradient/LAYER`.
    log_gradients: bool = False
    validate_every: int = 1000
    checkpoint_every: int = 500
    #: Steps between checkpoints that stay, `step-00001000.ckpt`; 0: none do but the last and the best.
    keep_every: int = 0
    valid_clips: int = 12
    valid_clip_s: float = 8.0


@dataclass
class Recipe:
    """Everything about a training."""

    name: str = "unnamed"
    #: What is trained: `codec`, `units`, `sounds` or `vocoder`; see `brevox.training.task`.
    task: str = "codec"
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    model: dict[str, Any] = field(default_factory=dict)
    #: Of `encoder`, `bottleneck` and `decoder` those that do not learn; see `brevox.training.freezing`.
    frozen: list[str] = field(default_factory=list)
    losses: list[dict[str, Any]] = field(default_factory=list)
    #: How the losses on the decoded audio are weighed against each other: `none`, `ema` or `gradient`.
    balancer: dict[str, Any] = field(default_factory=lambda: {"name": "none"})
    commitment: float = 0.25
    #: Weight of the channel average of the decoder's stages; see `brevox.losses.channel_average`.
    channel_average: float = 0.0
    adversarial: AdversarialSettings = field(default_factory=AdversarialSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: YAML file.
        overrides: such as `data.batch=8`, `optimiser.learning_rate=1e-4`, or a part by another name with all its
            settings: `model.encoder={name: seanet, base_width: 16}`.

    Raises:
        SettingsError: no such file, not YAML, an unknown entry, or a value of the wrong kind.
    """
    try:
        written, changes = OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides))
        _drop_replaced(written, changes)
        merged = OmegaConf.merge(OmegaConf.structured(Recipe), written, changes)
        recipe = OmegaConf.to_object(merged)
    except OSError as error:
        raise SettingsError(f"cannot read the recipe {path}: {error.strerror}") from error
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
        raise SettingsError(f"the recipe {path} cannot be used: {str(error).splitlines()[0]}") from error
    if not isinstance(recipe, Recipe):
        raise SettingsError(f"{path} is not a recipe")
    return recipe


def _drop_replaced(written: Any, changes: Any) -> None:
    """Take out of a recipe the parts that overrides name anew: the settings of one class mean nothing to another."""
    if not isinstance(written, DictConfig) or not isinstance(changes, DictConfig):
        return
    for key, change in changes.items():
        old = written.get(key)
        if isinstance(old, DictConfig) and isinstance(change, DictConfig):
            if "name" in change and change["name"] != old.get("name"):
                del written[key]
            else:
                _drop_replaced(old, change)
