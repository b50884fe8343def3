"""Self-organising maps as codebooks (Irie, Csordas and Schmidhuber 2023, arXiv 2302.07950; seed 004)."""

from __future__ import annotations

from brevox.nets.bottlenecks.neighbourhood import Neighbourhood
from brevox.nets.bottlenecks.rvq import ResidualVQ
from brevox.nets.parts import BOTTLENECKS


@BOTTLENECKS.register("som")
class SomResidualVQ(ResidualVQ):
    """`rvq`, each of whose books is a map: what a vector does to its code, it does to the codes around it, less.

    Args:
        latent: channels.
        books: codebooks.
        codes: entries of each.
        kernel, radius, last_radius, shrink_steps: see `Neighbourhood`. Time is counted in the checkpoint.
        decay, dropout, init, revive, least_use, restart_every, cache: see `ResidualVQ`. Neighbours revive codes, so
            that nothing else has to; restarted ones would tear the map.
    """

    def __init__(
        self,
        latent: int,
        books: int = 12,
        codes: int = 1024,
        kernel: str = "soft",
        radius: float = 4.0,
        last_radius: float = 0.5,
        shrink_steps: int = 2000,
        decay: float = 0.97,
        dropout: float = 0.75,
        init: str = "data",
        revive: str = "none",
        least_use: float = 0.02,
        restart_every: int = 20,
        cache: int = 8192,
    ) -> None:
        super().__init__(
            latent, books, codes, decay, least_use, restart_every, dropout, init=init, revive=revive, cache=cache
        )
        self.neighbourhood = Neighbourhood(codes, kernel, radius, last_radius, shrink_steps)
