"""Principal components of pictures: the best that as many numbers can do by straight lines alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_PASS = 128  # pictures at a time


class PrincipalComponents:
    """The mean picture and the directions of most variance.

    Found from the products of all pictures with each other, as there are fewer pictures than pixels.

    Args:
        picture: gives picture i, of any shape.
        count: how many pictures there are.
        components: directions to keep; no more than there are pictures.
        progress: called with the share that is done.
    """

    def __init__(
        self,
        picture: Callable[[int], Array],
        count: int,
        components: int,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        flat = np.stack([picture(index).ravel() for index in range(count)]).astype(np.float32)
        self.mean: Array = flat.mean(axis=0)
        flat -= self.mean
        products = np.empty((count, count), dtype=np.float64)
        for start in range(0, count, _PASS):
            products[start : start + _PASS] = flat[start : start + _PASS] @ flat.T
            if progress is not None:
                progress((start + _PASS) / count)
        variances, vectors = np.linalg.eigh(products)
        kept = slice(-min(components, count), None)
        scale = np.sqrt(np.maximum(variances[kept], 1e-12))
        #: Shape [components, pixels], each of length 1.
        self.directions: Array = ((vectors[:, kept] / scale).T.astype(np.float32)) @ flat

    def reconstruct(self, pictures: Array) -> Array:
        """What is left of pictures in these directions. Shape: [batch, ...]."""
        flat = pictures.reshape(len(pictures), -1) - self.mean
        return np.asarray((flat @ self.directions.T) @ self.directions + self.mean).reshape(pictures.shape)
