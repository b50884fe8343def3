"""What a network between the vocoder's features is made of, and the layers that most of them share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.registry import Registry
from brevox.vocoder.envelope import B_COLUMNS, MEL_COLUMNS, Y_COLUMNS

#: By the name that a recipe's `model.network` has.
NETWORKS = Registry("network of the vocoder")

#: Columns by what they are: the levels of `b`, those with pitch and voicing, and the envelope `y`.
COLUMNS = {"levels": MEL_COLUMNS, "b": B_COLUMNS, "y": Y_COLUMNS}
#: Width of most hidden layers.
WIDTH = 512


class Network(nn.Module):
    """Frames to a latent and to frames.

    Attributes:
        inputs, target: what frames are, a key of `COLUMNS`.
        latent: numbers of a vector of the latent; 0 where there is no narrow place.
        encoder: Shape [batch, frames, columns] to [batch, latent, vectors].
        bottleneck: to a `Quantised` of the same shape.
        decoder: Shape [batch, latent, vectors] to [batch, frames, columns].
    """

    inputs: str
    target: str
    latent: int
    encoder: nn.Module
    bottleneck: nn.Module
    decoder: nn.Module

    def forward(self, frames: Tensor) -> Quantised:
        quantised: Quantised = self.bottleneck(self.encoder(frames))
        return quantised._replace(latent=self.decoder(quantised.latent))


class Encoder(nn.Module):
    """All frames of an item at once into `vectors` vectors.

    Args:
        layers: of what the frames hold, one after the other.
        vectors: that the output of `layers` is cut into.
    """

    def __init__(self, layers: nn.Module, vectors: int = 1) -> None:
        super().__init__()
        self.layers, self.vectors = layers, vectors

    def forward(self, frames: Tensor) -> Tensor:
        """Shape: [batch, frames, columns] to [batch, latent, vectors]."""
        made: Tensor = self.layers(frames.flatten(1))
        return made.unflatten(1, (self.vectors, -1)).transpose(1, 2)


class Decoder(nn.Module):
    """The way back, to `frames` frames."""

    def __init__(self, layers: nn.Module, frames: int) -> None:
        super().__init__()
        self.layers, self.frames = layers, frames

    def forward(self, latent: Tensor) -> Tensor:
        """Shape: [batch, latent, vectors] to [batch, frames, columns]."""
        made: Tensor = self.layers(latent.transpose(1, 2).flatten(1))
        return made.unflatten(1, (self.frames, -1))


def perceptron(*sizes: int, normalise: bool = False) -> nn.Sequential:
    """Linear layers with rectifiers between them, batch normalisation before those if wanted."""
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(sizes), 1):
        layers.append(nn.Linear(before, after))
        if number < len(sizes) - 1:
            layers += [nn.BatchNorm1d(after), nn.ReLU()] if normalise else [nn.ReLU()]
    return nn.Sequential(*layers)


def chosen(variant: int, known: Sequence[int], network: str) -> int:
    """The variant, if there is such a one; else a SettingsError."""
    if variant not in known:
        raise SettingsError(f"the network {network} has the variants {min(known)} to {max(known)}, not {variant}")
    return variant


def refuse_unused(network: str, **entries: bool) -> None:
    """Raise a SettingsError for an entry that is set but that this network does not use."""
    for name, is_set in entries.items():
        if is_set:
            raise SettingsError(f"the network {network} has no use for model.{name}; leave it out")
