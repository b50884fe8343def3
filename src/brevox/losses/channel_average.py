"""The channel average: a decoder's stages should look like the signal at their rates (seed 004)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def channel_average_loss(stages: Sequence[Tensor], target: Tensor) -> Tensor:
    """Mean absolute difference of each stage's mean over channels and the signal at that stage's rate.

    The signal is averaged over the samples that become one, which keeps what is slow and cannot run ahead in time.

    Args:
        stages: what the upsampling stages give, each of the Shape [batch, channels, 1, samples / factor].
        target: Shape [batch, samples].

    Returns:
        The mean over stages; zero where all means are the signal.
    """
    distances = []
    for stage in stages:
        ours = stage.float().mean(dim=1).flatten(1)
        theirs = target.view(len(target), ours.shape[1], -1).mean(dim=2)
        distances.append((ours - theirs).abs().mean())
    return torch.stack(distances).mean()
