"""AE4: deeper autoencoders of the levels of `b`, to see what takes the distortion away (seed 000)."""

from __future__ import annotations

from torch import nn

from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.vocoder.network import COLUMNS, NETWORKS, WIDTH, Decoder, Encoder, Network, chosen, perceptron

_NARROW = 64
#: Hidden layers before the narrow place, and backwards after it, by variant.
_HIDDEN = {
    1: [WIDTH],
    2: [_NARROW, WIDTH],
    3: [_NARROW, _NARROW],
    4: [WIDTH, WIDTH // 2],
    5: [WIDTH, WIDTH // 2],
    6: [WIDTH, WIDTH // 2],
}
_TANH = (5, 6)
_NORMALISED = 6


@NETWORKS.register("ae4")
class DeepLevels(Network):
    """Hidden layers of 512 (1), 64 and 512 (2), 64 and 64 (3), 512 and 256 (4 to 6), the same backwards; d is
    rectified, or goes through tanh (5, 6). 6 normalises batches.

    Args:
        variant: 1 to 6.
        bottle_dim: d.
        ncat: frames taken at once.
        noise_var: of the noise in the narrow place.

    Raises:
        SettingsError: there is no such variant.
    """

    inputs = target = "levels"

    def __init__(self, variant: int = 5, bottle_dim: int = 10, ncat: int = 1, noise_var: float = 0.0) -> None:
        super().__init__()
        hidden = _HIDDEN[chosen(variant, [*_HIDDEN], "ae4")]
        self.latent, columns, normalise = bottle_dim, ncat * COLUMNS["levels"], variant == _NORMALISED
        squash = nn.Tanh() if variant in _TANH else nn.ReLU()
        into = perceptron(columns, *hidden, bottle_dim, normalise=normalise)
        self.encoder = Encoder(nn.Sequential(into, squash))
        self.bottleneck = Noise(noise_var)
        self.decoder = Decoder(perceptron(bottle_dim, *hidden[::-1], columns, normalise=normalise), ncat)
