"""Codes chosen for what they are worth and for what they cost, within a budget.

First every frame gets the codes that come nearest to it. Then, a turn for even frames and one for odd ones, it gets
those of least error + price * bits (Chou, Lookabaugh and Gray 1989, "Entropy-constrained vector quantization"): the
bits of its own codes after the frame before, and of the next frame's after them. Of books there are as many as the
budget then pays for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.codec.entropy import EntropyModel
from brevox.codec.quantise import best_ways, dequantise, quantisations

#: What a bit may cost, in mean squared errors of a coefficient, and about what share of the bits is left then. The
#: first is the best bargain: at it, an error costs about as much to avoid by a book more.
_PRICES = ((2.0, 0.95), (4.0, 0.92), (6.0, 0.9))
#: For the first book, without which nothing is heard.
_HIGHEST_PRICE = 8.0


@dataclass(frozen=True)
class Chooser:
    """What choosing goes by.

    codebooks: Shape [books, codes, latent].
    keys: as of `brevox.codec.quantise`; with them codes are not chosen for what they cost.
    entropy: tells that.
    """

    codebooks: NDArray[np.float32]
    keys: NDArray[np.float32] | None
    entropy: EntropyModel

    def with_books(
        self, latents: Sequence[NDArray[np.float32]], sides: Sequence[NDArray[np.uint16]], books: int
    ) -> NDArray[np.uint16]:
        """The codes nearest with so many books, whatever they cost. Arguments and result as of `within`."""
        *_, codes = self._by_books(latents, sides, books)
        return codes

    def within(
        self, latents: Sequence[NDArray[np.float32]], sides: Sequence[NDArray[np.uint16]], budget: float
    ) -> tuple[NDArray[np.uint16], float]:
        """The best codes for so many bits.

        Args:
            latents: of each channel, Shape [latent, frames].
            sides: the columns before the books of each channel, Shape [columns, frames].
            budget: bits.

        Returns:
            Shape [channels, columns, frames], and the bits that they take: no more than the budget, but of one book.
        """
        candidates: list[tuple[NDArray[np.uint16], float]] = []
        for codes in self._by_books(latents, sides, len(self.codebooks)):
            bits = float(self.entropy.cost_bits(codes).sum())
            if candidates and bits * (_PRICES[-1][1] if self.keys is None else 1) > budget:
                break
            candidates.append((codes, bits))
        else:
            if bits <= budget:  # there is nothing to save for
                return codes, bits
        for codes, bits in reversed(candidates):
            for price, share in _PRICES if self.keys is None else ():
                if bits * share <= budget:
                    cheaper = self._priced(latents, codes, price)
                    cost = float(self.entropy.cost_bits(cheaper).sum())
                    if cost <= budget:
                        return cheaper, cost
            if bits <= budget:
                return codes, bits
        if self.keys is None:
            codes = self._priced(latents, codes, _HIGHEST_PRICE)
        return codes, float(self.entropy.cost_bits(codes).sum())

    def _by_books(
        self, latents: Sequence[NDArray[np.float32]], sides: Sequence[NDArray[np.uint16]], most: int
    ) -> Iterator[NDArray[np.uint16]]:
        """Codes with one book, with two ..., nearest to what is to be coded."""
        searches = [quantisations(latent, self.codebooks[:most], self.keys) for latent in latents]
        for books in zip(*searches, strict=True):
            yield np.stack([np.concatenate(columns) for columns in zip(sides, books, strict=True)])

    def _priced(
        self, latents: Sequence[NDArray[np.float32]], codes: NDArray[np.uint16], price: float
    ) -> NDArray[np.uint16]:
        side = len(self.entropy.sizes) - len(self.codebooks)
        pairs = list(zip(latents, codes, strict=True))
        errors = [np.mean(np.square(latent - dequantise(channel[side:], self.codebooks))) for latent, channel in pairs]
        each = price * float(np.mean(errors))
        return np.stack([self._channel(latent, channel, each) for latent, channel in pairs])

    def _channel(self, latent: NDArray[np.float32], codes: NDArray[np.uint16], price: float) -> NDArray[np.uint16]:
        """Codes of less error + price * bits. Shapes: [latent, frames], [columns, frames] to [columns, frames]."""
        frames = codes.shape[1]
        chosen = codes.astype(np.int64)
        for first in range(min(2, frames)):
            turn = np.arange(first, frames, 2)
            chosen[:, turn] = self._turn(latent, chosen, turn, price)
        return chosen.astype(np.uint16)

    def _turn(
        self, latent: NDArray[np.float32], codes: NDArray[np.int64], turn: NDArray[np.int64], price: float
    ) -> NDArray[np.int64]:
        """New codes for some frames, none beside another. Shape: [columns, frames of the turn]."""
        side = len(self.entropy.sizes) - len(self.codebooks)
        before, after = codes[:, np.maximum(turn - 1, 0)], codes[:, np.minimum(turn + 1, codes.shape[1] - 1)]
        first, last = turn == 0, turn == codes.shape[1] - 1
        left = np.ascontiguousarray(latent.T[turn])[:, None]
        spent = np.zeros((len(turn), 1), dtype=np.float32)
        paths = codes[:side, turn].T[:, None]
        for column in range(side, len(codes)):
            above = paths[:, :, -1] if column else np.zeros(paths.shape[:2], dtype=np.int64)
            here = self.entropy.bits_of_each(column, before[column][:, None], above)
            here[first] = self.entropy.bits_of_each(column, None, above[first])
            then = self.entropy.bits_of_next(column, after[column], after[column - 1] if column else None)
            then[last] = 0
            here += then[:, None]
            here *= price / 2
            entries = self.codebooks[column - side]
            spent, left, paths = best_ways(left, spent, paths, entries, here)
        return paths[:, 0].T
