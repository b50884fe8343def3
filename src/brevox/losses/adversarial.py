"""The game between codec and discriminator, and feature matching."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from brevox.registry import Registry

#: What a discriminator returns: for each of its scales the logits and the feature maps before them.
Judgement = Sequence[tuple[Tensor, list[Tensor]]]

GAMES = Registry("adversarial loss")


@GAMES.register("hinge")
class HingeGame:
    """Real should score above 1, decoded below -1; beyond that nothing is gained (SoundStream, seed 001)."""

    def discriminator_loss(self, real: Judgement, decoded: Judgement) -> Tensor:
        """What the discriminator minimises, averaged over its scales."""
        return _mean(
            torch.relu(1 - real_logits).mean() + torch.relu(1 + decoded_logits).mean()
            for (real_logits, _), (decoded_logits, _) in zip(real, decoded, strict=True)
        )

    def codec_loss(self, decoded: Judgement) -> Tensor:
        """What the codec minimises: decoded should score above 1."""
        return _mean(torch.relu(1 - logits).mean() for logits, _ in decoded)


@GAMES.register("least_squares")
class LeastSquaresGame:
    """Real should score 1, decoded 0 (LSGAN, Mao et al. 2017; HiFi-GAN, DAC)."""

    def discriminator_loss(self, real: Judgement, decoded: Judgement) -> Tensor:
        """What the discriminator minimises, averaged over its scales."""
        return _mean(
            (1 - real_logits).square().mean() + decoded_logits.square().mean()
            for (real_logits, _), (decoded_logits, _) in zip(real, decoded, strict=True)
        )

    def codec_loss(self, decoded: Judgement) -> Tensor:
        """What the codec minimises: decoded should score 1."""
        return _mean((1 - logits).square().mean() for logits, _ in decoded)


def feature_matching_loss(
    real: Judgement, decoded: Judgement, mean: Callable[[Tensor], Tensor] = lambda sizes: sizes
) -> Tensor:
    """Mean absolute difference of feature maps, each relative to the mean size of the real one.

    Args:
        real, decoded: what the discriminator returned.
        mean: over all devices, of the sizes; so that all of them go by those of the whole batch.
    """
    pairs = [
        (real_map.detach(), decoded_map)
        for (_, real_maps), (_, decoded_maps) in zip(real, decoded, strict=True)
        for real_map, decoded_map in zip(real_maps, decoded_maps, strict=True)
    ]
    sizes = mean(torch.stack([real_map.abs().mean() for real_map, _ in pairs])).clamp(min=1e-5)
    return _mean((ours - theirs).abs().mean() / size for (theirs, ours), size in zip(pairs, sizes, strict=True))


def _mean(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean()
