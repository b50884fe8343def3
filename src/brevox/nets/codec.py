"""A speech codec as one network: encoder, bottleneck, decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

# Imported for their names in the registries.
import brevox.nets.bottlenecks.rvq
import brevox.nets.decoders.spectral
import brevox.nets.encoders.spectral  # noqa: F401
from brevox.audio.pitch import PITCH_CHANNELS
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.parts import BOTTLENECKS, DECODERS, ENCODERS
from brevox.registry import construct


class NeuralCodec(nn.Module):
    """What a recipe's `model` section describes.

    Args:
        sample_rate: Hz.
        hop: samples a code frame.
        latent: channels between encoder, bottleneck and decoder.
        encoder, bottleneck, decoder: sections naming the class and its settings.
    """

    def __init__(
        self,
        sample_rate: int,
        hop: int,
        latent: int,
        encoder: Mapping[str, Any],
        bottleneck: Mapping[str, Any],
        decoder: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.latent = sample_rate, hop, latent
        given = {"sample_rate": sample_rate, "hop": hop, "latent": latent, "condition": PITCH_CHANNELS}
        self.encoder: nn.Module = ENCODERS.build(encoder, **given)
        self.bottleneck: nn.Module = BOTTLENECKS.build(bottleneck, **given)
        self.decoder: nn.Module = DECODERS.build(decoder, **given)

    def forward(
        self, audio: Tensor, condition: Tensor, excitation: Tensor, books: Tensor | None = None
    ) -> tuple[Tensor, Quantised]:
        """Code and decode.

        Args:
            audio: Shape [batch, frames * hop].
            condition: the pitch, as `pitch_condition` gives it, Shape [batch, 2, frames].
            excitation: pulses and noise, Shape [batch, 2, frames * hop].
            books: how many books each item keeps, Shape [batch].

        Returns:
            The decoded audio, Shape [batch, frames * hop], and what the bottleneck made.
        """
        quantised = self.bottleneck(self.encoder(audio, condition), books)
        return self.decoder(quantised.latent, condition, excitation), quantised


def build_codec(settings: Mapping[str, Any]) -> NeuralCodec:
    """Make the codec that a recipe's `model` section describes.

    Raises:
        SettingsError: an entry is missing or unknown.
    """
    codec: NeuralCodec = construct("model", NeuralCodec, settings)
    return codec
