"""AE1: the levels of `b` to themselves, several frames at once if wanted, through a narrow place (seed 000)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.fsq import FiniteScalarQuantiser
from brevox.nets.bottlenecks.noise import Noise
from brevox.nets.bottlenecks.rvq import ResidualVQ
from brevox.nets.bottlenecks.vq import VectorQuantiser
from brevox.nets.vocoder.network import (
    COLUMNS,
    NETWORKS,
    WIDTH,
    Decoder,
    Encoder,
    Network,
    chosen,
    perceptron,
    refuse_unused,
)

_CONVOLUTION, _FSQ, _VQ, _STAGES = 3, 5, 6, 7
_CODES = 512
_CHANNELS = 128
_POOLED = 4  # frames that the convolutions make one vector of


@NETWORKS.register("ae1")
class Levels(Network):
    """20-512-d-512-20 times `ncat`, in seven variants.

    1: the narrow place is rectified. 2: it goes through tanh. 3: convolutions along time instead, which halve the rate
    twice. 4: 2, trained with noise. 5: FSQ with `levels` steps a number; no tanh before that of FSQ, which would keep
    the outermost steps from being reached. 6: rectified, then VQ with 512 entries, a moving average of .8. 7: no
    network but one linear layer after `nvq` stages of VQ with 512 entries, on the features themselves.

    Args:
        variant: 1 to 7.
        bottle_dim: d; of variant 7 all 20.
        ncat: frames taken at once; for variant 3 a multiple of 4.
        noise_var: of the noise in the narrow place of variants 1 to 4.
        nvq: vectors of d numbers in a narrow place that is quantised (5, 6), or stages (7).
        levels: of variant 5.

    Raises:
        SettingsError: there is no such variant, or it does not use what is set.
    """

    inputs = target = "levels"

    def __init__(
        self,
        variant: int = 2,
        bottle_dim: int = 10,
        ncat: int = 1,
        noise_var: float = 0.0,
        nvq: int = 1,
        levels: int = 8,
    ) -> None:
        super().__init__()
        name = f"ae1, variant {chosen(variant, range(1, 8), 'ae1')},"
        quantised = variant >= _FSQ
        refuse_unused(name, noise_var=noise_var > 0 and quantised, nvq=nvq != 1 and not quantised)
        refuse_unused(name, levels=levels != 8 and variant != _FSQ)  # the seed's, which is the default
        columns, self.latent = COLUMNS["levels"], bottle_dim
        if variant == _CONVOLUTION:
            if ncat % _POOLED:
                raise SettingsError(f"variant 3 makes one vector of {_POOLED} frames: model.ncat={ncat} does not fit")
            self.encoder, self.decoder = _Pooling(columns, bottle_dim), _Repeating(bottle_dim, columns)
        elif variant == _STAGES:
            refuse_unused(name, bottle_dim=bottle_dim not in (10, columns))
            self.latent = columns
            self.encoder, self.decoder = Encoder(nn.Identity(), ncat), _EachFrame(columns)
        else:
            layers: list[nn.Module] = [perceptron(ncat * columns, WIDTH, nvq * bottle_dim)]
            if variant in (1, _VQ):
                layers.append(nn.ReLU())
            elif variant != _FSQ:
                layers.append(nn.Tanh())
            self.encoder = Encoder(nn.Sequential(*layers), nvq)
            self.decoder = Decoder(perceptron(nvq * bottle_dim, WIDTH, ncat * columns), ncat)
        self.bottleneck: nn.Module
        if variant == _FSQ:
            self.bottleneck = FiniteScalarQuantiser(bottle_dim, levels)
        elif variant == _VQ:
            self.bottleneck = VectorQuantiser(bottle_dim, _CODES, init="data", revive="restart", decay=0.8)
        elif variant == _STAGES:
            self.bottleneck = ResidualVQ(columns, nvq, _CODES, decay=0.99, dropout=0.0)
        else:
            self.bottleneck = Noise(noise_var)


class _Pooling(nn.Module):
    """Two convolutions along time, after each the larger of two frames."""

    def __init__(self, columns: int, latent: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(columns, _CHANNELS, 3, padding="same")
        self.second = nn.Conv1d(_CHANNELS, latent, 3, padding="same")

    def forward(self, frames: Tensor) -> Tensor:
        """Shape: [batch, frames, columns] to [batch, latent, frames / 4]."""
        halved = functional.max_pool1d(torch.relu(self.first(frames.transpose(1, 2))), 2)
        return functional.max_pool1d(torch.relu(self.second(halved)), 2)


class _Repeating(nn.Module):
    """Two convolutions, before each every frame twice."""

    def __init__(self, latent: int, columns: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(latent, _CHANNELS, 3, padding="same")
        self.second = nn.Conv1d(_CHANNELS, columns, 3, padding="same")

    def forward(self, latent: Tensor) -> Tensor:
        """Shape: [batch, latent, frames / 4] to [batch, frames, columns]."""
        doubled = torch.relu(self.first(latent.repeat_interleave(2, dim=2)))
        made: Tensor = self.second(doubled.repeat_interleave(2, dim=2))
        return made.transpose(1, 2)


class _EachFrame(nn.Module):
    """One linear layer for each frame."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.layer = nn.Linear(columns, columns)

    def forward(self, latent: Tensor) -> Tensor:
        """Shape: [batch, columns, frames] to [batch, frames, columns]."""
        made: Tensor = self.layer(latent.transpose(1, 2))
        return made
