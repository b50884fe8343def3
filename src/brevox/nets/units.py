"""A VQ-VAE that learns discrete units of speech (van den Oord et al. 2017; Chorowski et al. 2019; seed 003)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import brevox.nets.bottlenecks.vq
import brevox.nets.decoders.deconv
import brevox.nets.decoders.wavenet
import brevox.nets.encoders.mfcc  # noqa: F401
from brevox.audio.features import BANDS, COEFFICIENTS, FEATURE_HOP, FEATURE_RATE_HZ
from brevox.errors import SettingsError
from brevox.nets.bottlenecks.jitter import TimeJitter
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.model import Model
from brevox.nets.parts import BOTTLENECKS, DECODERS, ENCODERS
from brevox.registry import construct

#: Of a frame, by kind.
DIMS = {"mfcc": 3 * COEFFICIENTS, "filterbank": BANDS}
#: Frames of features that a code stands for.
FRAMES_A_CODE = 2


class Observed(NamedTuple):
    """Some utterances as a model sees them.

    codes: Shape [batch, frames].
    latent: what the encoder made, before it was quantised, Shape [batch, frames, latent].
    """

    codes: Tensor
    latent: Tensor


class UnitsModel(Model):
    """Features of speech to codes of 20 ms, and with a speaker's voice back to features or sound.

    Args:
        encoder, bottleneck, decoder: sections naming the class and its settings.
        inputs: what the encoder sees: `mfcc` or `filterbank`.
        target: what the decoder makes: one of these, or `audio`.
        latent: channels of a code's vector.
        speaker: channels of the embedding that is learned of each speaker, for the decoder.
        jitter: probability of `TimeJitter`.
        normalize: whether features are brought to a mean of 0 and a deviation of 1 by what the corpus has of them.
        speakers: how many there are.
        statistics: mean and deviation of each kind of features, Shape [2, dims]; of a model whose weights are read
            nothing needs to be known.

    Raises:
        SettingsError: there is no such `inputs` or `target`.
    """

    sample_rate, hop = FEATURE_RATE_HZ, FRAMES_A_CODE * FEATURE_HOP

    def __init__(
        self,
        encoder: Mapping[str, Any],
        bottleneck: Mapping[str, Any],
        decoder: Mapping[str, Any],
        speakers: int,
        statistics: Mapping[str, NDArray[np.float32]],
        inputs: str = "mfcc",
        target: str = "mfcc",
        latent: int = 64,
        speaker: int = 64,
        jitter: float = 0.0,
        normalize: bool = True,
    ) -> None:
        super().__init__()
        for name, value, known in (("inputs", inputs, [*DIMS]), ("target", target, [*DIMS, "audio"])):
            if value not in known:
                raise SettingsError(f"the model's {name} are one of {', '.join(known)}, not {value!r}")
        self.inputs, self.target = inputs, target
        given = {"latent": latent, "speaker": speaker, "hop": self.hop}
        self.encoder = ENCODERS.build(encoder, dims=DIMS[inputs], latent=latent)
        self.bottleneck = BOTTLENECKS.build(bottleneck, latent=latent)
        self.jitter = TimeJitter(jitter)
        self.voices = nn.Embedding(speakers, speaker)
        self.decoder = DECODERS.build(decoder, **(given if target == "audio" else given | {"dims": DIMS[target]}))
        for name, kind in (("input", inputs), ("target", target)):
            if kind in DIMS:
                scale = torch.tensor([[0.0], [1.0]]).expand(2, DIMS[kind]).clone()
                if normalize and kind in statistics:
                    scale = torch.from_numpy(np.array(statistics[kind]))
                self.register_buffer(f"{name}_scale", scale)

    def forward(self, features: Tensor, target: Tensor, speaker: Tensor) -> tuple[Tensor, Quantised]:
        """How far off what is decoded is, and the codes it was decoded of.

        Args:
            features: Shape [batch, 2 * frames, dims].
            target: features, Shape [batch, 2 * frames, dims], or sound, Shape [batch, 320 * frames].
            speaker: numbers, Shape [batch].
        """
        quantised: Quantised = self.bottleneck(self.encode(features))
        if self.target != "audio":
            target = self._scaled("target", target)
        loss: Tensor = self.decoder(self.jitter(quantised.latent), self.voices(speaker), target)
        return loss, quantised

    def encode(self, features: Tensor) -> Tensor:
        """The latent before it is quantised. Shape: [batch, 2 * frames, dims] to [batch, latent, frames]."""
        latent: Tensor = self.encoder(self._scaled("input", features))
        return latent

    @torch.no_grad()
    def observe(self, features: Tensor) -> Observed:
        """Codes and latents. Shape: [batch, 2 * frames, dims]."""
        latent = self.encode(features)
        return Observed(self.bottleneck(latent).codes[:, 0], latent.transpose(1, 2))

    @torch.no_grad()
    def decode(self, codes: Tensor, speaker: Tensor) -> Tensor:
        """What codes sound like in a voice.

        Args:
            codes: Shape [batch, frames].
            speaker: numbers, Shape [batch].

        Returns:
            Features, Shape [batch, 2 * frames, dims], or sound, Shape [batch, 320 * frames].
        """
        quantiser, decoder = cast(Any, self.bottleneck), cast(Any, self.decoder)
        decoded: Tensor = decoder.decode(quantiser.decode(codes[:, None]), self.voices(speaker))
        if self.target == "audio":
            return decoded
        mean, deviation = self.get_buffer("target_scale")
        return decoded.transpose(1, 2) * deviation + mean

    def _scaled(self, name: str, features: Tensor) -> Tensor:
        """Normalised, time last."""
        mean, deviation = self.get_buffer(f"{name}_scale")
        return ((features - mean) / deviation).transpose(1, 2)

    def example(self) -> dict[str, Tensor]:
        frames = self.sample_rate // FEATURE_HOP
        audio = self.target == "audio"
        target = torch.zeros(1, self.sample_rate) if audio else torch.zeros(1, frames, DIMS[self.target])
        return {
            "features": torch.zeros(1, frames, DIMS[self.inputs]),
            "target": target,
            "speaker": torch.zeros(1, dtype=torch.long),
        }


def build_units(
    settings: Mapping[str, Any], speakers: int, statistics: Mapping[str, NDArray[np.float32]] | None = None
) -> UnitsModel:
    """Make the model that a recipe's `model` section describes; other arguments as those of `UnitsModel`.

    Raises:
        SettingsError: an entry is missing or unknown.
    """
    model: UnitsModel = construct("model", UnitsModel, settings, speakers=speakers, statistics=statistics or {})
    return model
