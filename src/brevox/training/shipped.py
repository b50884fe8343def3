"""The weights of a model file, to train on from: what is shipped can be bettered without its checkpoint."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from brevox.codec.bvx import ModelFile, read_model
from brevox.errors import SettingsError
from brevox.training.checkpoint import load_checkpoint, restore_weights

SUFFIX = ".bvx"
_HALF = ".half"


def begin_with(model: nn.Module, path: Path) -> None:
    """Give a model the averaged weights of a checkpoint, or those of a model file, which are in half precision.

    Raises:
        DataError: the checkpoint cannot be read.
        ModelFileError: the model file cannot be.
        SettingsError: they are of another network.
    """
    if path.suffix == SUFFIX:
        restore_weights(model, _weights(read_model(path), model.state_dict(), path), path)
    else:
        restore_weights(model, load_checkpoint(path)["average"], path)


def _weights(shipped: ModelFile, state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The entries of a model's state: names in the graphs are those of the networks that were exported."""
    if not shipped.encoder:
        raise SettingsError(f"{path} holds no networks to train on from")
    known = {f"encoder.{name.removeprefix('encoder.')}": value for name, value in _tensors(shipped.encoder).items()}
    known |= {f"decoder.{name}": value for name, value in _tensors(shipped.decoder).items()}
    codebooks = torch.from_numpy(shipped.codebooks)
    known |= {
        "bottleneck.codebooks": codebooks,
        "bottleneck.sums": codebooks,  # as if every code had been used once a step so far
        "bottleneck.uses": torch.ones(codebooks.shape[:2]),
        "bottleneck.steps": torch.ones((), dtype=torch.long),  # books are filled in the first step, which this is not
    }
    missing = [name for name in state if name not in known]
    if missing:
        raise SettingsError(
            f"{path} does not hold all weights of the recipe's model ({missing[0]} is missing); "
            "use the recipe it was trained with"
        )
    return {name: known[name] for name in state}


def _tensors(graph: bytes) -> dict[str, Tensor]:
    """What a graph stores, by the names of weights, in single precision."""
    stored = onnx.load_from_string(graph).graph.initializer
    return {
        tensor.name.removesuffix(_HALF): torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
        for tensor in stored
    }
