"""What happens to codes that fall out of use."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.nets.bottlenecks.kmeans import draw_rows, frozen_kmeans


class RandomRestart(nn.Module):
    """Codes that are hardly used restart on random vectors of the batch (Jukebox, Dhariwal et al. 2020).

    Args:
        least_use: a code restarts if its average use falls below this many vectors a step.
    """

    def __init__(self, least_use: float) -> None:
        super().__init__()
        self.least_use = least_use

    def watch(self, book: int, vectors: Tensor, index: Tensor) -> None:
        """Take in what one step quantised: nothing of it is needed later."""

    def revive(self, book: int, entries: Tensor, uses: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Find the dead codes of a book, and new places for them.

        Args:
            book: its number.
            entries: Shape [codes, width].
            uses: average use of each in vectors a step, Shape [codes].
            vectors: what the book quantised in this step, Shape [vectors, width].

        Returns:
            The dead codes, Shape [dead], and what becomes of them, Shape [dead, width].
        """
        dead = (uses < self.least_use).nonzero()[:, 0]
        if len(vectors) == 0:
            dead = dead[:0]
            return dead, entries[dead]
        # Two codes in one place would share what one of them could do.
        return dead, vectors[draw_rows(len(vectors), len(dead), vectors.device)]


class FrozenKMeans(nn.Module):
    """Codes not used since the last time are placed by k-means over recent vectors.

    Those used are left alone, as the decoder has learned what they stand for.

    Args:
        width: channels of an entry.
        books: codebooks.
        codes: entries of each.
        size: recent vectors kept for each book.
    """

    cache: Tensor
    cached: Tensor
    used: Tensor

    def __init__(self, width: int, books: int, codes: int, size: int) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(books, size, width))
        self.register_buffer("cached", torch.zeros(books, dtype=torch.long))  # so far, gone ones too
        self.register_buffer("used", torch.zeros(books, codes, dtype=torch.bool))

    def watch(self, book: int, vectors: Tensor, index: Tensor) -> None:
        """Take in what one step quantised: `vectors`, Shape [vectors, width], and their codes, Shape [vectors]."""
        self.used[book, index] = True
        size = self.cache.shape[1]
        if len(vectors) > size:
            vectors = vectors[torch.randperm(len(vectors), device=vectors.device)[:size]]
        places = (self.cached[book] + torch.arange(len(vectors), device=vectors.device)) % size
        self.cache[book, places] = vectors
        self.cached[book] += len(vectors)

    def recent(self, book: int) -> Tensor:
        """The vectors kept for a book, Shape [vectors, width], in no particular order."""
        return self.cache[book, : int(self.cached[book])]

    def revive(self, book: int, entries: Tensor, uses: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """As `RandomRestart.revive`; a code is dead if it was not used since the last call."""
        frozen = self.used[book].clone()
        self.used[book] = False
        dead = (~frozen).nonzero()[:, 0]
        return dead, frozen_kmeans(self.recent(book), entries, frozen)[dead]
