"""AE2: the envelope `y` to itself through a narrow place (seed 000)."""

from __future__ import annotations

from torch import nn

from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.vocoder.network import COLUMNS, NETWORKS, WIDTH, Decoder, Encoder, Network, chosen, perceptron

#: Hidden layers before and after the narrow place, by variant.
_HIDDEN = {1: ([WIDTH], [WIDTH, WIDTH]), 2: ([WIDTH, WIDTH // 2], [WIDTH // 2, WIDTH, WIDTH])}


@NETWORKS.register("ae2")
class Envelope(Network):
    """1: 79-512-d-512-512-79; 2: 79-512-256-d-256-512-512-79; d goes through tanh.

    Args:
        variant: 1 or 2.
        bottle_dim: d.
        ncat: frames taken at once.
        noise_var: of the noise in the narrow place.

    Raises:
        SettingsError: there is no such variant.
    """

    inputs = target = "y"

    def __init__(self, variant: int = 1, bottle_dim: int = 10, ncat: int = 1, noise_var: float = 0.0) -> None:
        super().__init__()
        before, after = _HIDDEN[chosen(variant, [*_HIDDEN], "ae2")]
        self.latent, columns = bottle_dim, ncat * COLUMNS["y"]
        self.encoder = Encoder(nn.Sequential(perceptron(columns, *before, bottle_dim), nn.Tanh()))
        self.bottleneck = Noise(noise_var)
        self.decoder = Decoder(perceptron(bottle_dim, *after, columns), ncat)
