"""Shapes of convolutional networks on spectrograms, which encoder and decoder share, the one mirroring the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from brevox.errors import SettingsError


@dataclass(frozen=True)
class Convolution:
    """One layer: channels out, and how its kernel goes over the picture."""

    channels: int
    kernel: int
    stride: int = 1
    dilation: int = 1

    @property
    def padding(self) -> int:
        return self.dilation * self.kernel // 2

    def size(self, length: int) -> int:
        """What is left of a side of the picture."""
        return (length + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1


#: By name: eight layers and one of 1 x 1 (seed 002), and that of FlowSynth (Esling et al. 2019).
SHAPES = {
    "speccnn8l1": (
        Convolution(8, 5, 2),
        *(Convolution(channels, 4, 2) for channels in (16, 32, 64, 128, 256, 512)),
        Convolution(1024, 1),
    ),
    "flowsynth": (Convolution(64, 7, 2, 2),) * 5,
}

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "relu": nn.ReLU,
    "elu": nn.ELU,
}


def named_shape(name: str) -> tuple[Convolution, ...]:
    """The layers of a network.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in SHAPES:
        raise SettingsError(f"there is no shape of networks named {name!r}; there are: {', '.join(SHAPES)}")
    return SHAPES[name]


def sizes(shape: tuple[Convolution, ...], rows: int, frames: int) -> list[tuple[int, int]]:
    """Rows and frames of the picture and after each layer."""
    found = [(rows, frames)]
    for layer in shape:
        found.append((layer.size(found[-1][0]), layer.size(found[-1][1])))
    return found


def activation(name: str) -> nn.Module:
    """A new nonlinearity.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in ACTIVATIONS:
        raise SettingsError(f"there is no activation named {name!r}; there are: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


class Downward(nn.Sequential):
    """The layers from the picture on: convolution, activation, batch normalisation.

    Shape: [batch, 1, rows, frames] to [batch, channels, rows', frames'].
    """

    def __init__(self, shape: tuple[Convolution, ...], nonlinearity: str) -> None:
        channels = [1, *(layer.channels for layer in shape)]
        super().__init__(
            *(
                nn.Sequential(
                    nn.Conv2d(before, after, layer.kernel, layer.stride, layer.padding, layer.dilation),
                    activation(nonlinearity),
                    nn.BatchNorm2d(after),
                )
                for (before, after), layer in zip(pairwise(channels), shape, strict=True)
            )
        )


class Upward(nn.Sequential):
    """The same layers back to the picture; the last has neither activation nor normalisation.

    Shape: [batch, channels, rows', frames'] to [batch, 1, rows, frames].
    """

    def __init__(self, shape: tuple[Convolution, ...], nonlinearity: str, rows: int, frames: int) -> None:
        channels, wanted = [1, *(layer.channels for layer in shape)], sizes(shape, rows, frames)
        layers: list[nn.Module] = []
        for index in reversed(range(len(shape))):
            layer = shape[index]
            # Several sizes shrink to the same one; this tells which it was.
            lacking = [
                want - ((have - 1) * layer.stride - 2 * layer.padding + layer.dilation * (layer.kernel - 1) + 1)
                for want, have in zip(wanted[index], wanted[index + 1], strict=True)
            ]
            transposed = nn.ConvTranspose2d(
                channels[index + 1],
                channels[index],
                layer.kernel,
                layer.stride,
                layer.padding,
                (lacking[0], lacking[1]),
                dilation=layer.dilation,
            )
            last = index == 0
            layers.append(
                transposed
                if last
                else nn.Sequential(transposed, activation(nonlinearity), nn.BatchNorm2d(channels[index]))
            )
        super().__init__(*layers)
