"""A stack of codebooks, and how they learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.devices import as_on_first_device, mean_over_devices, of_all_devices
from brevox.nets.bottlenecks.kmeans import draw_rows, frozen_kmeans, nearest
from brevox.nets.bottlenecks.neighbourhood import Neighbourhood
from brevox.nets.bottlenecks.revival import FrozenKMeans, RandomRestart

_CHOICES = {
    "learn": ("ema", "gradient"),
    "init": ("data", "kmeans", "uniform"),
    "revive": ("restart", "kmeans", "none"),
}


class Codebooks(nn.Module):
    """Books of vectors that learn from the vectors they stand for (van den Oord et al. 2017), those of all devices.

    Args:
        width: channels of an entry.
        books: codebooks.
        codes: entries of each.
        learn: `ema`, moving averages of the vectors that chose a code (appendix A.1), or `gradient`, parameters
            trained by the codebook loss (eq. 3).
        init: books start as random vectors of the first batch (`data`), as their means (`kmeans`), or in
            U(-1 / codes, 1 / codes), whatever the data (`uniform`).
        revive: what becomes of codes that fall out of use: `restart` on random vectors of the batch, frozen `kmeans`
            over recent vectors, or `none`, nothing.
        decay: of the moving averages, of the uses too.
        least_use: a code whose average use falls below this many vectors a step is dead to `restart`; revived
            codes start with twice that.
        restart_every: steps between revivals.
        cache: recent vectors of each book that `revive: kmeans` looks at.
        codebook_loss: its weight beside the commitment, with `learn: gradient`.
        cosine: the nearest code is that of the nearest direction.

    Raises:
        SettingsError: there is no such `learn`, `init` or `revive`.
    """

    codebooks: Tensor
    sums: Tensor
    uses: Tensor
    steps: Tensor

    def __init__(
        self,
        width: int,
        books: int,
        codes: int,
        learn: str = "ema",
        init: str = "data",
        revive: str = "restart",
        decay: float = 0.97,
        least_use: float = 0.02,
        restart_every: int = 20,
        cache: int = 8192,
        codebook_loss: float = 4.0,
        cosine: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("learn", learn), ("init", init), ("revive", revive)):
            if value not in _CHOICES[name]:
                raise SettingsError(f"the bottleneck's {name} is one of {', '.join(_CHOICES[name])}, not {value!r}")
        self.books, self.codes, self.learn, self.init = books, codes, learn, init
        self.decay, self.least_use, self.restart_every = decay, least_use, restart_every
        self.codebook_loss, self.cosine = codebook_loss, cosine
        #: Whether entries stay where they are in training too.
        self.frozen = False
        #: Which codes learn from each other's vectors, with `learn: ema`.
        self.neighbourhood: Neighbourhood | None = None
        if learn == "ema":
            self.register_buffer("codebooks", torch.zeros(books, codes, width))
            self.register_buffer("sums", torch.zeros(books, codes, width))
        else:
            self.codebooks = nn.Parameter(torch.zeros(books, codes, width))
        self.register_buffer("uses", torch.zeros(books, codes))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        if init == "uniform":
            nn.init.uniform_(self.codebooks, -1 / codes, 1 / codes)
        self.revival: RandomRestart | FrozenKMeans | None = None
        if revive == "restart":
            self.revival = RandomRestart(least_use)
        elif revive == "kmeans":
            self.revival = FrozenKMeans(width, books, codes, cache)

    def begin_step(self, keeps: Tensor) -> list[float]:
        """Count a step of training; to be called before its first `look_up`.

        Args:
            keeps: how many books each vector keeps, Shape [vectors].

        Returns:
            How many vectors keep each book, on average over devices.
        """
        uses = (keeps[:, None] > torch.arange(self.books, device=keeps.device)).sum(dim=0).float()
        if self.training:
            self.steps += 1
            uses = mean_over_devices(uses)
        counts: list[float] = uses.tolist()  # here, so that a GPU is waited for once
        return counts

    def look_up(self, book: int, vectors: Tensor, items: int) -> tuple[Tensor, Tensor]:
        """The nearest entry for each vector.

        Args:
            book: in which.
            vectors: Shape [vectors, width].
            items: of the batch, to which as many vectors each belong.

        Returns:
            The entries, Shape [vectors, width], which carry the gradient of the codebooks, and their codes,
            Shape [vectors].
        """
        vectors = vectors.detach()
        if self.training and self.steps == 1 and self.init != "uniform":
            self._fill(book, of_all_devices(vectors, items))
        entries = self.codebooks[book].detach()
        if self.cosine:
            vectors, entries = functional.normalize(vectors), functional.normalize(entries)
        index = nearest(vectors, entries)
        return self.codebooks[book][index], index

    def loss(self, vectors: Tensor, chosen: Tensor) -> Tensor:
        """Commitment of each vector to its entry, and with `learn: gradient` of the entry to it. Shape [vectors]."""
        loss = (vectors - chosen.detach()).square().mean(dim=1)
        if self.learn == "gradient":
            loss = loss + self.codebook_loss * (vectors.detach() - chosen).square().mean(dim=1)
        return loss

    @torch.no_grad()
    def follow(self, book: int, vectors: Tensor, index: Tensor, active: Tensor, items: int) -> None:
        """Learn from what all devices quantised in one step.

        Args:
            book: which.
            vectors: of this device, Shape [vectors, width].
            index: their codes, Shape [vectors].
            active: which of them keep the book, Shape [vectors], bool.
            items: of the batch.
        """
        if self.frozen:
            return
        vectors, index, active = (of_all_devices(rows, items) for rows in (vectors, index, active))
        vectors, index = vectors[active], index[active]
        counts = torch.zeros_like(self.uses[book]).index_add_(0, index, vectors.new_ones(len(index)))
        sums = torch.zeros_like(self.codebooks[book]).index_add_(0, index, vectors)
        if self.neighbourhood is not None:
            counts, sums = self.neighbourhood.spread(counts, sums, int(self.steps))
        self.uses[book].mul_(self.decay).add_(counts, alpha=1 - self.decay)
        if self.learn == "ema":
            self.sums[book].mul_(self.decay).add_(sums, alpha=1 - self.decay)
            uses = self.uses[book][:, None]
            # What was not used for long stays where it is: both of its averages are next to nothing by then.
            self.codebooks[book] = torch.where(
                uses > 1e-6, self.sums[book] / uses.clamp(min=1e-6), self.codebooks[book]
            )
        if self.revival is not None:
            self.revival.watch(book, vectors, index)
            if self.steps % self.restart_every == 0:
                dead, entries = self.revival.revive(book, self.codebooks[book], self.uses[book], vectors)
                # A revived code counts as used a little more than the threshold, so that it gets a fair trial.
                self._place(book, dead, entries, 2 * self.least_use)

    @torch.no_grad()
    def _fill(self, book: int, vectors: Tensor) -> None:
        """Start a book from the data, so that the first steps are not spent moving it there."""
        if self.init == "data":
            entries = vectors[draw_rows(len(vectors), self.codes, vectors.device)]
        else:
            frozen = torch.zeros(self.codes, dtype=torch.bool, device=vectors.device)
            entries = frozen_kmeans(vectors, self.codebooks[book], frozen)
        self._place(book, torch.arange(self.codes, device=vectors.device), entries, 1.0)

    def _place(self, book: int, which: Tensor, entries: Tensor, uses: float) -> None:
        """Put some codes of a book elsewhere, as if that often used."""
        self.codebooks[book, which] = entries
        self.uses[book, which] = uses
        if self.learn == "ema":
            self.sums[book, which] = entries * uses
            as_on_first_device(self.sums[book])
        # Devices may have drawn differently.
        as_on_first_device(self.codebooks[book])
        as_on_first_device(self.uses[book])
