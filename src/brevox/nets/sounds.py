"""A variational autoencoder of spectrograms of notes, and what it tells of the voice that played them (seed 002)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import brevox.nets.bottlenecks.gaussian
import brevox.nets.decoders.spectrogram_cnn
import brevox.nets.encoders.spectrogram_cnn  # noqa: F401
from brevox.nets.bottlenecks.gaussian import Drawn
from brevox.nets.model import Model
from brevox.nets.parts import BOTTLENECKS, DECODERS, ENCODERS
from brevox.nets.voice_head import VoiceHead
from brevox.registry import construct
from brevox.synth.spectrogram import FrontEnd


class Heard(NamedTuple):
    """What the model makes of a batch.

    decoded: pictures, Shape [batch, rows, frames].
    drawn: latents.
    voice: what the head says of the voice's parameters, Shape [batch, outputs]; nothing without a head.
    """

    decoded: Tensor
    drawn: Drawn
    voice: Tensor | None


class SoundModel(Model):
    """Pictures to latents and back.

    Args:
        front: what the pictures are made of.
        latent: dimensions.
        encoder, bottleneck, decoder: sections naming the class and its settings.
        head: settings of a `VoiceHead`, if one is to guess the voice.
    """

    def __init__(
        self,
        front: FrontEnd,
        encoder: Mapping[str, Any],
        bottleneck: Mapping[str, Any],
        decoder: Mapping[str, Any],
        latent: int = 256,
        head: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.front, self.latent = front, latent
        # One latent stands for a whole picture.
        self.sample_rate, self.hop = front.sample_rate, front.frames * front.hop
        given = {"rows": front.rows, "frames": front.frames, "latent": latent}
        self.encoder = ENCODERS.build(encoder, **given)
        self.bottleneck = BOTTLENECKS.build(bottleneck, latent=latent)
        self.decoder = DECODERS.build(decoder, **given)
        self.head: nn.Module | None = None
        if head is not None:
            self.head = construct("model.head", VoiceHead, head, latent=latent)

    def forward(self, picture: Tensor, note: Tensor, velocity: Tensor) -> Heard:
        """Encode and decode.

        Args:
            picture: levels in [-1, 1], Shape [batch, rows, frames].
            note, velocity: MIDI numbers, Shape [batch].
        """
        drawn: Drawn = self.bottleneck(self.encoder(picture))
        decoded = self.decoder(drawn.latent)
        return Heard(decoded, drawn, None if self.head is None else self.head(drawn.latent, note, velocity))

    @torch.no_grad()
    def encode(self, picture: Tensor) -> Tensor:
        """The latent that stands for a picture. Shape: [batch, rows, frames] to [batch, latent]."""
        drawn: Drawn = self.bottleneck(self.encoder(picture))
        return drawn.latent

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """The picture that a latent stands for. Shape: [batch, latent] to [batch, rows, frames]."""
        picture: Tensor = self.decoder(latent)
        return picture

    def example(self) -> dict[str, Tensor]:
        return {
            "picture": torch.zeros(1, self.front.rows, self.front.frames),
            "note": torch.full((1,), 60.0),
            "velocity": torch.full((1,), 100.0),
        }


def build_sounds(settings: Mapping[str, Any], front: FrontEnd) -> SoundModel:
    """Make the model that a recipe's `model` section describes.

    Raises:
        SettingsError: an entry is missing or unknown.
    """
    model: SoundModel = construct("model", SoundModel, settings, front=front)
    return model
