"""A causal codec at work on sound that is still arriving."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NetworkStream:
    """What `NeuralCodec.streaming` gives: pieces of any size in, what they complete out, as if they were one.

    Args:
        encoder, decoder: causal, going on from call to call.
        hop: samples a frame.
        latent: channels between them.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, hop: int, latent: int) -> None:
        self._encoder, self._decoder, self._hop, self._latent = encoder, decoder, hop, latent
        self._rest: Tensor | None = None

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """The latent, before quantisation, of all frames that are complete now.

        Args:
            audio: Shape [batch, samples], any number of them.

        Returns:
            Shape [batch, latent, frames], perhaps no frames.
        """
        audio = audio if self._rest is None else torch.cat([self._rest, audio], dim=1)
        whole = audio.shape[1] // self._hop * self._hop
        self._rest = audio[:, whole:]
        if not whole:
            return audio.new_zeros(audio.shape[0], self._latent, 0)
        latent: Tensor = self._encoder(audio[:, :whole])
        return latent

    def finish(self) -> Tensor:
        """The last frame, filled up with zeros, if samples are left. Shape: [batch, latent, 1 or 0]."""
        rest = torch.zeros(1, 0) if self._rest is None else self._rest
        return self.encode(rest.new_zeros(rest.shape[0], -rest.shape[1] % self._hop))

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """Sound of the frames that come next. Shape: [batch, latent, frames] to [batch, frames * hop]."""
        if not latent.shape[-1]:
            return latent.new_zeros(latent.shape[0], 0)
        audio: Tensor = self._decoder(latent)
        return audio
