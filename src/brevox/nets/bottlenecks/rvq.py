"""Residual vector quantisation with codebooks that follow the data (SoundStream, Zeghidour et al. 2021)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from brevox.nets.parts import BOTTLENECKS


class Quantised(NamedTuple):
    """What a bottleneck returns.

    latent: Shape [batch, latent, frames], gradients pass straight through.
    codes: Shape [batch, books, frames].
    loss: the commitment loss, averaged over the books in use.
    """

    latent: Tensor
    codes: Tensor
    loss: Tensor


@BOTTLENECKS.register("rvq")
class ResidualVQ(nn.Module):
    """Each book quantises what the books before it left over.

    Codebooks are exponential moving averages of the vectors that chose them (van den Oord et al. 2017,
    appendix A.1), start as random vectors of the first batch, and codes that fall out of use are put
    back onto vectors of the current batch.

    Args:
        latent: channels.
        books: codebooks.
        codes: entries of each.
        decay: of the moving averages.
        least_use: a code whose average use falls below this many vectors a step restarts.
        restart_every: steps between restarts.
        dropout: share of the items of a batch that keep only the first n books, n uniform in 1..books.
    """

    codebooks: Tensor
    sums: Tensor
    uses: Tensor
    steps: Tensor

    def __init__(
        self,
        latent: int,
        books: int = 12,
        codes: int = 1024,
        decay: float = 0.97,
        least_use: float = 0.02,
        restart_every: int = 20,
        dropout: float = 0.75,
    ) -> None:
        super().__init__()
        self.books, self.codes = books, codes
        self.decay, self.least_use, self.restart_every, self.dropout = decay, least_use, restart_every, dropout
        self.register_buffer("codebooks", torch.zeros(books, codes, latent))
        self.register_buffer("sums", torch.zeros(books, codes, latent))
        self.register_buffer("uses", torch.zeros(books, codes))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, latent: Tensor, books: Tensor | None = None) -> Quantised:
        """Quantise.

        Args:
            latent: Shape [batch, latent, frames].
            books: how many books each item keeps, Shape [batch]; in training drawn at random if not given,
                else all.
        """
        batch, _, frames = latent.shape
        if books is None:
            books = self._draw_books(batch, latent.device)
        vectors = latent.float().transpose(1, 2).reshape(batch * frames, -1)
        keeps = books.repeat_interleave(frames)
        rest, total, codes, loss, counted = vectors, torch.zeros_like(vectors), [], vectors.new_zeros(()), 0
        if self.training:
            self.steps += 1
        for book in range(self.books):
            active = keeps > book
            if self.training and self.steps == 1:
                self._fill(book, rest.detach())
            index = _nearest(rest.detach(), self.codebooks[book])
            chosen = self.codebooks[book][index]
            if self.training:
                self._follow(book, rest.detach(), index, active)
            if active.any():
                # The gradient reaches the latent alone: what earlier books took away is a constant.
                loss = loss + ((rest - chosen).square().mean(dim=1) * active).sum() / active.sum()
                counted += 1
            total = total + chosen * active[:, None]
            rest = rest - chosen
            codes.append(index.view(batch, frames))
        quantised = total.view(batch, frames, -1).transpose(1, 2)
        straight = latent + (quantised - latent).detach()
        return Quantised(straight, torch.stack(codes, dim=1), loss / max(counted, 1))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes of the first books, Shape [batch, books, frames], to the latent [batch, latent, frames]."""
        total = sum(self.codebooks[book][codes[:, book]] for book in range(codes.shape[1]))
        return torch.as_tensor(total).transpose(1, 2)

    def _draw_books(self, batch: int, device: torch.device) -> Tensor:
        books = torch.full((batch,), self.books, device=device)
        if not self.training or self.dropout == 0:
            return books
        few = torch.randint(1, self.books + 1, (batch,), device=device)
        return torch.where(torch.rand(batch, device=device) < self.dropout, few, books)

    def _fill(self, book: int, vectors: Tensor) -> None:
        """Start a book from the data, so that the first steps are not spent moving it there."""
        pick = torch.randperm(len(vectors), device=vectors.device)
        pick = pick.repeat(-(-self.codes // len(vectors)))[: self.codes]
        self.codebooks[book] = vectors[pick]
        self.sums[book] = vectors[pick]
        self.uses[book] = 1.0

    @torch.no_grad()
    def _follow(self, book: int, vectors: Tensor, index: Tensor, active: Tensor) -> None:
        """Move the codes to the mean of the vectors that chose them."""
        vectors, index = vectors[active], index[active]
        self.uses[book].mul_(self.decay).index_add_(0, index, vectors.new_ones(len(index)), alpha=1 - self.decay)
        self.sums[book].mul_(self.decay).index_add_(0, index, vectors, alpha=1 - self.decay)
        self.codebooks[book] = self.sums[book] / self.uses[book].clamp(min=1e-6)[:, None]
        if self.steps % self.restart_every == 0 and len(vectors) > 0:
            dead = (self.uses[book] < self.least_use).nonzero()[:, 0]
            pick = torch.randint(len(vectors), (len(dead),), device=vectors.device)
            # A restarted code counts as used a little more than the threshold, so that it gets a fair trial.
            self.codebooks[book, dead] = vectors[pick]
            self.sums[book, dead] = vectors[pick] * (2 * self.least_use)
            self.uses[book, dead] = 2 * self.least_use


def _nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest code for each vector: the least |c|^2 - 2 v.c. Shape: [vectors]."""
    # Half precision is too coarse to tell neighbouring codes apart.
    with torch.autocast(vectors.device.type, enabled=False):
        return torch.addmm(codebook.square().sum(dim=1), vectors, codebook.T, beta=1, alpha=-2).argmin(dim=1)
