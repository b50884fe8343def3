"""Sound coded while it arrives, by a model whose networks carry on a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from brevox.codec.level import rms_to_level
from brevox.codec.networks import Networks
from brevox.codec.quantise import dequantise, quantise
from brevox.codec.window import Window

if TYPE_CHECKING:
    from brevox.codec.codec import Codec


class CodecStream:
    """One channel on its way through a codec, in pieces of any size; what `Codec.streaming` gives.

    Encoder and decoder each begin at the recording's beginning, and go on with every call. The codes and the sound are
    those of the whole, however it is cut.

    Args:
        networks: which carry on a state.
        codebooks: Shape [books, codes, latent].
        keys: of the books to be used, or None, see `brevox.codec.quantise`.
        hop: samples a frame.
        books: how many to use.
    """

    def __init__(
        self,
        networks: Networks,
        codebooks: NDArray[np.float32],
        keys: NDArray[np.float32] | None,
        hop: int,
        books: int,
    ) -> None:
        self._networks, self._codebooks, self._keys = networks, codebooks, keys
        self._hop, self._books = hop, books
        self._heard, self._spoken = networks.first_state("encoder"), networks.first_state("decoder")
        self._rest = np.zeros(0, dtype=np.float32)

    def encode(self, audio: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Codes of all frames that are complete now.

        Args:
            audio: at the codec's sample rate and at the level of training, Shape [samples], any number of them.

        Returns:
            Shape [books, frames], perhaps no frames.
        """
        return quantise(self.hear(audio), self._codebooks[: self._books], self._keys)

    def hear(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `encode`, but what is to be quantised. Shape: [latent, frames]."""
        audio = np.concatenate([self._rest, audio])
        whole = len(audio) // self._hop * self._hop
        self._rest = audio[whole:]
        if not whole:
            return np.zeros((self._codebooks.shape[2], 0), dtype=np.float32)
        latent, self._heard = self._networks.encode_on(audio[:whole], self._heard)
        return latent

    def finish(self) -> NDArray[np.uint16]:
        """Codes of the last frame, filled up with zeros, if samples are left. Shape: [books, 1 or 0]."""
        return self.encode(np.zeros(-len(self._rest) % self._hop, dtype=np.float32))

    def decode(self, codes: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Sound of the frames that come next. Shape: [books, frames] to [frames * hop]; fewer books will do."""
        if not codes.shape[1]:
            return np.zeros(0, dtype=np.float32)
        latent = dequantise(codes, self._codebooks)
        audio, self._spoken = self._networks.decode_on(latent, self._spoken)
        return audio


def live_windows(
    codec: Codec, blocks: Iterable[NDArray[np.float32]], channels: int, gain: float, frames: int
) -> Iterator[Window]:
    """As `Codec.windows`, but of so few frames, and coded at once: nothing waits for what comes after.

    Args:
        codec: whose model carries on a state.
        blocks: each of the Shape [channels, samples], as they arrive.
        channels: of every block.
        gain: brings them to the level of training.
        frames: of a window, but for the last.

    Raises:
        SettingsError: the model cannot do that.
    """
    streams = [codec.stream() for _ in range(channels)]
    held, first, size = np.zeros((channels, 0), dtype=np.float32), 0, frames * codec.hop

    def coded(audio: NDArray[np.float32]) -> Window:
        rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=1))
        levels = tuple(int(level) for level in rms_to_level(rms))
        filled = np.pad(audio, ((0, 0), (0, -audio.shape[1] % codec.hop))) * np.float32(gain)
        latent = np.stack([stream.hear(channel) for stream, channel in zip(streams, filled, strict=True)])
        return Window(first, 0, audio.shape[1], filled, None, levels, latent)

    for block in blocks:
        held = np.concatenate([held, block], axis=1)
        while held.shape[1] >= size:
            yield coded(held[:, :size])
            held, first = held[:, size:], first + frames
    if held.shape[1]:
        yield coded(held)
