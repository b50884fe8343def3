"""F: a fine envelope out of a few levels, pitch and voicing (seed 000, its project `manifold`)."""

from __future__ import annotations

from torch import nn

from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.vocoder.network import COLUMNS, NETWORKS, WIDTH, Decoder, Encoder, Network, perceptron


@NETWORKS.register("f")
class Direct(Network):
    """`b` to `y`: 22-512-512-79, 314,959 parameters.

    Args:
        ncat: frames taken at once.
    """

    inputs, target, latent = "b", "y", 0

    def __init__(self, ncat: int = 1) -> None:
        super().__init__()
        self.encoder = Encoder(nn.Sequential(perceptron(ncat * COLUMNS["b"], WIDTH, WIDTH), nn.ReLU()))
        self.bottleneck = Noise()
        self.decoder = Decoder(nn.Linear(WIDTH, ncat * COLUMNS["y"]), ncat)
