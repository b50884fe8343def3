"""Residual vector quantisation (SoundStream, Zeghidour et al. 2021)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from brevox.nets.bottlenecks.codebooks import Codebooks
from brevox.nets.bottlenecks.dropout import draw_books
from brevox.nets.parts import BOTTLENECKS


class Quantised(NamedTuple):
    """What a bottleneck returns.

    latent: Shape [batch, latent, frames], gradients pass straight through.
    codes: Shape [batch, books, frames].
    loss: the commitment loss, and the codebook loss where codebooks learn by it, averaged over the books in use.
    """

    latent: Tensor
    codes: Tensor
    loss: Tensor


@BOTTLENECKS.register("rvq")
class ResidualVQ(Codebooks):
    """Each book quantises what the books before it left over.

    Args:
        latent: channels.
        books: codebooks.
        codes: entries of each.
        decay, least_use, restart_every: see `Codebooks`.
        dropout: share of the items of a batch that keep only the first n books, n uniform in 1..books.
        learn, init, revive, cache, codebook_loss: see `Codebooks`.
    """

    causal = True  # a frame is quantised by itself

    def __init__(
        self,
        latent: int,
        books: int = 12,
        codes: int = 1024,
        decay: float = 0.97,
        least_use: float = 0.02,
        restart_every: int = 20,
        dropout: float = 0.75,
        learn: str = "ema",
        init: str = "data",
        revive: str = "restart",
        cache: int = 8192,
        codebook_loss: float = 4.0,
    ) -> None:
        super().__init__(
            latent, books, codes, learn, init, revive, decay, least_use, restart_every, cache, codebook_loss
        )
        self.dropout = dropout

    def forward(self, latent: Tensor, books: Tensor | None = None) -> Quantised:
        """Quantise.

        Args:
            latent: Shape [batch, latent, frames].
            books: how many books each item keeps, Shape [batch]; in training drawn at random if not given,
                else all.
        """
        batch, _, frames = latent.shape
        if books is None:
            books = draw_books(batch, self.books, self.dropout if self.training else 0.0, latent.device)
        vectors = latent.float().transpose(1, 2).reshape(batch * frames, -1)
        keeps = books.repeat_interleave(frames)
        rest, total, codes, loss, counted = vectors, torch.zeros_like(vectors), [], vectors.new_zeros(()), 0
        uses = self.begin_step(keeps)
        for book in range(self.books):
            active = keeps > book
            chosen, index = self.look_up(book, rest, batch)
            if uses[book] > 0:
                # The gradient reaches the latent alone: what earlier books took away is a constant.
                loss = loss + (self.loss(rest, chosen) * active).sum() / uses[book]
                counted += 1
            if self.training:
                self.follow(book, rest, index, active, batch)
            chosen = chosen.detach()
            total = total + chosen * active[:, None]
            rest = rest - chosen
            codes.append(index.view(batch, frames))
        quantised = total.view(batch, frames, -1).transpose(1, 2)
        straight = latent + (quantised - latent).detach()
        return Quantised(straight, torch.stack(codes, dim=1), loss / max(counted, 1))

    def exported(self) -> dict[str, Tensor]:
        """What `brevox.codec.quantise` works with."""
        return {"codebooks": self.codebooks.detach()}

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes of the first books, Shape [batch, books, frames], to the latent [batch, latent, frames]."""
        total = sum(self.codebooks[book][codes[:, book]] for book in range(codes.shape[1]))
        return torch.as_tensor(total).transpose(1, 2)
