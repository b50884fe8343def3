"""Vector quantisation with one book (van den Oord et al. 2017)."""

from __future__ import annotations

from brevox.nets.bottlenecks.rvq import ResidualVQ
from brevox.nets.parts import BOTTLENECKS


@BOTTLENECKS.register("vq")
class VectorQuantiser(ResidualVQ):
    """Every frame of an utterance becomes one code.

    Args:
        latent: channels.
        codes: entries of the book.
        learn, init, revive, decay, least_use, restart_every, cache: see `Codebooks`.
        codebook_loss: beside the commitment; the default makes its weight 1 where the recipe's commitment is 0.25.
    """

    def __init__(
        self,
        latent: int,
        codes: int = 44,
        learn: str = "ema",
        init: str = "uniform",
        revive: str = "none",
        decay: float = 0.99,
        least_use: float = 0.02,
        restart_every: int = 20,
        cache: int = 8192,
        codebook_loss: float = 4.0,
    ) -> None:
        super().__init__(
            latent, 1, codes, decay, least_use, restart_every, 0.0, learn, init, revive, cache, codebook_loss
        )
