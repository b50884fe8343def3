"""Features of the vocoder as items to train on: some frames each, the same whenever an item is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from brevox.errors import DataError

Batch = dict[str, Tensor]


class FrameItems(Dataset[Batch]):
    """Each item is `ncat` frames that follow each other. All of them come in a new order in each round.

    The features lie in memory, and a batch is taken out of them at once: `__getitems__` gives one, ready made.

    Args:
        inputs: Shape [frames, columns].
        target: Shape [frames, columns].
        starts: where items may begin, Shape [starts].
        ncat: frames of an item.
        items: how many there are in all rounds.
        seed: of the orders.

    Raises:
        DataError: there is nothing to begin with.
    """

    def __init__(
        self, inputs: Tensor, target: Tensor, starts: NDArray[np.int64], ncat: int, items: int, seed: int
    ) -> None:
        if not len(starts):
            raise DataError(
                "no frame of these features is to be trained on: there are too few, or data.frames chooses none of them"
            )
        self.inputs, self.target, self.starts = inputs, target, starts
        self.ncat, self.items, self.seed = ncat, items, seed
        self._round, self._order = -1, starts

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> Batch:
        return {name: values[0] for name, values in self.__getitems__([index]).items()}

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Shapes: [items, ncat, columns]."""
        rounds, places = np.divmod(np.asarray(indices, np.int64), len(self.starts))
        begin = np.empty_like(places)
        for number in np.unique(rounds):
            now = rounds == number
            begin[now] = self._in_round(int(number))[places[now]]
        taken = torch.from_numpy(begin[:, None] + np.arange(self.ncat))
        return {"inputs": self.inputs[taken], "target": self.target[taken]}

    def _in_round(self, number: int) -> NDArray[np.int64]:
        if number != self._round:
            draw = np.random.default_rng([self.seed, number])
            self._round, self._order = number, draw.permutation(self.starts)
        return self._order


def starts_of(chosen: NDArray[np.bool_], ncat: int) -> NDArray[np.int64]:
    """Where `ncat` frames begin that are all chosen. Shape: [frames] to [starts]."""
    if len(chosen) < ncat:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.lib.stride_tricks.sliding_window_view(chosen, ncat).all(axis=1)).astype(np.int64)
