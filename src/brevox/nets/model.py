"""What every trained model has, whatever it is for."""

from __future__ import annotations

from torch import Tensor, nn


class Model(nn.Module):
    """A front end's output through an encoder, a bottleneck and a decoder.

    Attributes:
        sample_rate: Hz of the sound.
        hop: samples of it that a frame of codes stands for.
    """

    sample_rate: int
    hop: int
    encoder: nn.Module
    bottleneck: nn.Module
    decoder: nn.Module

    def example(self) -> dict[str, Tensor]:
        """What `forward` takes, for about a second of silence: whole frames."""
        raise NotImplementedError
