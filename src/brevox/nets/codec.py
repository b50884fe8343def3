"""A speech codec as one network: encoder, bottleneck, decoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

# Imported for their names in the registries.
import brevox.nets.bottlenecks.energy
import brevox.nets.bottlenecks.factorised
import brevox.nets.bottlenecks.rvq
import brevox.nets.bottlenecks.som
import brevox.nets.decoders.seanet
import brevox.nets.decoders.soundstream
import brevox.nets.decoders.spectral
import brevox.nets.encoders.seanet
import brevox.nets.encoders.soundstream
import brevox.nets.encoders.spectral  # noqa: F401
from brevox.audio.pitch import PITCH_CHANNELS, PITCH_HOP, PITCH_RATE_HZ
from brevox.errors import SettingsError
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.causal.past import going_on
from brevox.nets.model import Model
from brevox.nets.parts import BOTTLENECKS, DECODERS, ENCODERS
from brevox.nets.streaming import NetworkStream
from brevox.registry import construct


class NeuralCodec(Model):
    """What a recipe's `model` section describes.

    Args:
        sample_rate: Hz.
        hop: samples a code frame.
        latent: channels between encoder, bottleneck and decoder.
        encoder, bottleneck, decoder: sections naming the class and its settings.
        pitch: whether the pitch is sent beside the codes, and networks see it: the encoder as a condition, the
            decoder as a condition and an excitation.

    Raises:
        SettingsError: a pitch is wanted at another rate or hop than it is tracked at.
    """

    def __init__(
        self,
        sample_rate: int,
        hop: int,
        latent: int,
        encoder: Mapping[str, Any],
        bottleneck: Mapping[str, Any],
        decoder: Mapping[str, Any],
        pitch: bool = True,
    ) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.latent, self.pitch = sample_rate, hop, latent, pitch
        if pitch and (sample_rate != PITCH_RATE_HZ or hop % PITCH_HOP):
            raise SettingsError(
                f"the pitch is tracked at {PITCH_RATE_HZ} Hz, every {PITCH_HOP} samples, which does not fit a model at "
                f"{sample_rate} Hz with a hop of {hop}; change these, or do without: model.pitch=false"
            )
        given = {"sample_rate": sample_rate, "hop": hop, "latent": latent}
        if pitch:
            given |= {"condition": PITCH_CHANNELS, "conditions": hop // PITCH_HOP}
        self.encoder = ENCODERS.build(encoder, **given)
        self.bottleneck = BOTTLENECKS.build(bottleneck, **given)
        self.decoder = DECODERS.build(decoder, **given)

    def forward(
        self,
        audio: Tensor,
        condition: Tensor | None = None,
        excitation: Tensor | None = None,
        books: Tensor | None = None,
    ) -> tuple[Tensor, Quantised]:
        """Code and decode.

        Args:
            audio: Shape [batch, frames * hop].
            condition: the pitch, as `pitch_condition` gives it, Shape [batch, 2, pitches]; with `pitch` only;
                every 320 samples have theirs, so that there may be several a code frame.
            excitation: pulses and noise, Shape [batch, 2, frames * hop]; with `pitch` only.
            books: how many books each item keeps, Shape [batch].

        Returns:
            The decoded audio, Shape [batch, frames * hop], and what the bottleneck made.
        """
        quantised = self.bottleneck(self.encode(audio, condition), books)
        return self.decode(quantised.latent, condition, excitation), quantised

    def encode(self, audio: Tensor, condition: Tensor | None = None) -> Tensor:
        """The latent before quantisation, Shape [batch, latent, frames]; arguments as above."""
        latent: Tensor = self.encoder(audio, condition) if self.pitch else self.encoder(audio)
        return latent

    def decode(self, latent: Tensor, condition: Tensor | None = None, excitation: Tensor | None = None) -> Tensor:
        """The sound of a latent, Shape [batch, frames * hop]; arguments as above."""
        audio: Tensor = self.decoder(latent, condition, excitation) if self.pitch else self.decoder(latent)
        return audio

    @property
    def causal(self) -> bool:
        """Whether no part sees the future, so that sound can be coded while it arrives."""
        parts = (self.encoder, self.bottleneck, self.decoder)
        return not self.pitch and all(getattr(part, "causal", False) for part in parts)

    @contextmanager
    def streaming(self, batch: int = 1) -> Iterator[NetworkStream]:
        """Code sound that arrives in pieces: within it, encoder and decoder go on from call to call.

        Args:
            batch: items of every piece.

        Raises:
            SettingsError: a part of the model sees the future.
        """
        if not self.causal:
            raise SettingsError(
                "this model sees the future, so it cannot code sound while it arrives; a causal one has encoder and "
                "decoder `soundstream`, the bottleneck `rvq`, `som`, `vq` or `factorised`, and no pitch"
            )
        with going_on(self.encoder, batch), going_on(self.decoder, batch):
            yield NetworkStream(self.encoder, self.decoder, self.hop, self.latent)

    def example(self) -> dict[str, Tensor]:
        frames = round(self.sample_rate / self.hop)
        inputs = {"audio": torch.zeros(1, frames * self.hop)}
        if self.pitch:
            inputs["condition"] = torch.zeros(1, PITCH_CHANNELS, frames * self.hop // PITCH_HOP)
            inputs["excitation"] = torch.zeros(1, 2, frames * self.hop)
        return inputs


class Hearing(nn.Module):
    """What makes the latent that is quantised: the encoder, and what the bottleneck does before it quantises.

    Shape: what the encoder takes, to [batch, latent, frames].
    """

    def __init__(self, model: NeuralCodec) -> None:
        super().__init__()
        self.encoder = model.encoder
        self.before = getattr(model.bottleneck, "before", nn.Identity())

    def forward(self, *heard: Tensor) -> Tensor:
        latent: Tensor = self.before(self.encoder(*heard))
        return latent


def build_codec(settings: Mapping[str, Any]) -> NeuralCodec:
    """Make the codec that a recipe's `model` section describes.

    Raises:
        SettingsError: an entry is missing or unknown.
    """
    codec: NeuralCodec = construct("model", NeuralCodec, settings)
    return codec
