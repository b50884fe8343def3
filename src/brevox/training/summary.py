"""What a training is about to do, told before it starts."""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import OmegaConf
from torch.utils.flop_counter import FlopCounterMode

from brevox.nets.model import Model
from brevox.training.recipe import Recipe

_PARTS = ("encoder", "bottleneck", "decoder")


def summarise(recipe: Recipe, model: Model, folder: Path) -> str:
    """The resolved recipe, the size of the model and its parts, their work per second, and where it all goes."""
    lines = [OmegaConf.to_yaml(OmegaConf.structured(recipe)).rstrip()]
    work = macs_per_second(model)
    for name in ("", *_PARTS):
        part = model.get_submodule(name)
        parameters = sum(parameter.numel() for parameter in part.parameters())
        lines.append(
            f"{name or 'model':11}{parameters / 1e6:8.2f} M parameters{work[name] / 1e6:10.0f} M MACs a second"
        )
    lines.append(f"{model.sample_rate / model.hop:.2f} frames a second")
    kept = ", step-*.ckpt" if recipe.run.keep_every else ""
    written = f"recipe.yaml, train.csv, valid.csv, events.out.tfevents.*, last.ckpt, best.ckpt{kept}"
    lines.append(f"writes {folder}/: {written}")
    return "\n".join(lines)


@torch.no_grad()
def macs_per_second(model: Model) -> dict[str, float]:
    """Multiplications (with addition) of matrix products and convolutions for a second of sound.

    Returns:
        By part: encoder, bottleneck, decoder, and "" for all of the model.
    """
    device = next(model.parameters()).device
    inputs = {name: tensor.to(device) for name, tensor in model.example().items()}
    was_training = model.training
    counter = FlopCounterMode(display=False)
    with counter:
        model.eval()(**inputs)
    model.train(was_training)
    counts = counter.get_flop_counts()
    root = type(model).__name__
    frames = max(1, round(model.sample_rate / model.hop))
    scale = model.sample_rate / (frames * model.hop) / 2  # a multiplication and an addition each
    names = {"": "Global", **{part: f"{root}.{part}" for part in _PARTS}}
    return {part: scale * sum(counts.get(name, {}).values()) for part, name in names.items()}
