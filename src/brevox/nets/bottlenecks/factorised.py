"""Residual vector quantisation in few dimensions (Descript Audio Codec, Kumar et al. 2023)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from brevox.nets.bottlenecks.codebooks import Codebooks
from brevox.nets.bottlenecks.dropout import draw_books
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.parts import BOTTLENECKS


@BOTTLENECKS.register("factorised")
class FactorisedVQ(nn.Module):
    """Each book looks at a projection of what the books before it left over, and projects its entry back.

    Looking in few dimensions lets all codes come into use. Codebooks are trained by gradient.

    Args:
        latent: channels.
        books: codebooks.
        codes: entries of each.
        factors: channels that a book sees.
        normalise: the nearest code is that of the nearest direction (section 3.2); else in squared distance.
        codebook_loss: its weight beside the commitment loss.
        least_use, restart_every: see `brevox.nets.bottlenecks.codebooks.Codebooks`.
        dropout: share of the items of a batch that keep only the first n books, n uniform in 1..books.
    """

    causal = True  # a frame is quantised by itself

    def __init__(
        self,
        latent: int,
        books: int = 12,
        codes: int = 1024,
        factors: int = 8,
        normalise: bool = True,
        codebook_loss: float = 4.0,
        least_use: float = 0.02,
        restart_every: int = 20,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.books, self.codes, self.dropout = books, codes, dropout
        self.low = Codebooks(
            factors,
            books,
            codes,
            learn="gradient",
            least_use=least_use,
            restart_every=restart_every,
            codebook_loss=codebook_loss,
            cosine=normalise,
        )
        self.down = nn.ModuleList(nn.Linear(latent, factors) for _ in range(books))
        self.up = nn.ModuleList(nn.Linear(factors, latent) for _ in range(books))

    def forward(self, latent: Tensor, books: Tensor | None = None) -> Quantised:
        """Quantise.

        Args:
            latent: Shape [batch, latent, frames].
            books: how many books each item keeps, Shape [batch]; in training drawn at random if not given,
                else all.
        """
        # Half precision is too coarse for what the last books see.
        with torch.autocast(latent.device.type, enabled=False):
            return self._quantise(latent.float(), books)

    def _quantise(self, latent: Tensor, books: Tensor | None) -> Quantised:
        batch, _, frames = latent.shape
        if books is None:
            books = draw_books(batch, self.books, self.dropout if self.training else 0.0, latent.device)
        rest = latent.transpose(1, 2).reshape(batch * frames, -1)
        keeps = books.repeat_interleave(frames)
        total, codes, loss, counted = torch.zeros_like(rest), [], rest.new_zeros(()), 0
        uses = self.low.begin_step(keeps)
        for book in range(self.books):
            active = keeps > book
            seen = self.down[book](rest)
            chosen, index = self.low.look_up(book, seen, batch)
            if uses[book] > 0:
                loss = loss + (self.low.loss(seen, chosen) * active).sum() / uses[book]
                counted += 1
            if self.training:
                self.low.follow(book, seen, index, active, batch)
            # The entry, to the bit, with the gradient of what it stands for.
            part = self.up[book](chosen.detach() + (seen - seen.detach()))
            total = total + part * active[:, None]
            rest = rest - part
            codes.append(index.view(batch, frames))
        quantised = total.view(batch, frames, -1).transpose(1, 2)
        return Quantised(quantised, torch.stack(codes, dim=1), loss / max(counted, 1))

    @torch.no_grad()
    def exported(self) -> dict[str, Tensor]:
        """What `brevox.codec.quantise` works with: entries in the space of the latent, and keys that choose them.

        With the projection D v + d, the nearest entry e is that of the largest e (D v + d) - |e|^2 / 2, the nearest
        direction that of the largest e (D v + d) / |e|: products with (v, 1), both of them.
        """
        entries, keys = [], []
        for book in range(self.books):
            low, down = self.low.codebooks[book], cast(nn.Linear, self.down[book])
            entries.append(self.up[book](low))
            if self.low.cosine:
                low = nn.functional.normalize(low)
            # Directions are all of one length, which takes off the same from each.
            offset = low @ down.bias - low.square().sum(dim=1) / 2
            keys.append(torch.cat([low @ down.weight, offset[:, None]], dim=1))
        return {"codebooks": torch.stack(entries), "keys": torch.stack(keys)}

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes of the first books, Shape [batch, books, frames], to the latent [batch, latent, frames]."""
        parts = [self.up[book](self.low.codebooks[book][codes[:, book]]) for book in range(codes.shape[1])]
        return torch.stack(parts).sum(dim=0).transpose(1, 2)
