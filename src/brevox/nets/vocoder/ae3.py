"""AE3: `b` to the envelope `y` through a narrow place: F and an autoencoder in one (seed 000)."""

from __future__ import annotations

from torch import nn

from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.vocoder.network import COLUMNS, NETWORKS, WIDTH, Decoder, Encoder, Network, chosen, perceptron

_B = COLUMNS["b"]
#: Hidden layers before and after the narrow place, by variant.
_HIDDEN = {
    1: ([WIDTH, WIDTH], [WIDTH, WIDTH]),
    2: ([WIDTH // 2, WIDTH // 4], [WIDTH // 4, WIDTH // 2]),
    3: ([_B, _B, _B], [WIDTH, WIDTH]),
    4: ([WIDTH, WIDTH], [WIDTH, WIDTH]),
}
_TWICE = 4  # the variant whose narrow place has two layers


@NETWORKS.register("ae3")
class LevelsToEnvelope(Network):
    """1: 22-512-512-d-512-512-79; 2: 22-256-128-d-128-256-79; 3: 22-22-22-22-d-512-512-79; 4: 1 with another d before
    the first. The last d goes through tanh.

    Args:
        variant: 1 to 4.
        bottle_dim: d.
        ncat: frames taken at once.
        noise_var: of the noise in the narrow place.

    Raises:
        SettingsError: there is no such variant.
    """

    inputs, target = "b", "y"

    def __init__(self, variant: int = 1, bottle_dim: int = 10, ncat: int = 1, noise_var: float = 0.0) -> None:
        super().__init__()
        before, after = _HIDDEN[chosen(variant, [*_HIDDEN], "ae3")]
        self.latent = bottle_dim
        narrow = [bottle_dim, bottle_dim] if variant == _TWICE else [bottle_dim]
        self.encoder = Encoder(nn.Sequential(perceptron(ncat * _B, *before, *narrow), nn.Tanh()))
        self.bottleneck = Noise(noise_var)
        self.decoder = Decoder(perceptron(bottle_dim, *after, ncat * COLUMNS["y"]), ncat)
