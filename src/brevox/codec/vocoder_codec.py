"""A vocoder as a codec: no networks, but harmonics, tables, and a search for the codes that the rate pays for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from brevox.audio.pitch import PITCH_CONTEXT, PITCH_HOP, PITCH_RATE_HZ
from brevox.codec.block_codes import BlockTables, choose_codes, to_blocks, to_targets
from brevox.codec.bvx import ModelFile
from brevox.codec.codec import ChannelDecoder, Codec, CodeChunk
from brevox.codec.sc2 import Chunk
from brevox.codec.window import Window
from brevox.errors import SettingsError
from brevox.vocoder import blocks as speech_blocks
from brevox.vocoder.analysis import analyse
from brevox.vocoder.blocks import BLOCK_HOP, FRAMES, Blocks, joined, to_frames
from brevox.vocoder.envelope import envelope_amplitudes
from brevox.vocoder.harmonics import HOP, RATE_HZ, Harmonics
from brevox.vocoder.synthesis import phase0, synthesise, wo_in_turns

#: Blocks around a chunk that its analysis sees: as many as the path of pitch depends on, and a window's.
CONTEXT = -(-PITCH_CONTEXT * PITCH_HOP * RATE_HZ // (PITCH_RATE_HZ * BLOCK_HOP)) + 1

#: What a bit may cost, in squared dB: a twelfth more each time.
_PRICES = 0.02 * (13 / 12) ** np.arange(128)
_USUAL_PRICE = 44  # of them
_STEPS_PER_OCTAVE = 14.0  # about how many prices halve the bits
#: No recording gets less than this share of the model's rate.
_LEAST_SHARE = 0.5
_INDEX_BYTES = 6  # what a chunk takes in the file's index, and the end of its payload, at most


class VocoderCodec(Codec):
    """A vocoder at work: speech at 8 kHz. All columns of its codes count as books.

    A chunk takes at most the model's rate; codes are chosen for what they are worth and what they cost, so that loud
    and changing sounds get more of it than pauses.
    """

    def _take(self, model: ModelFile, threads: int | None) -> None:
        if model.vocoder is None:
            raise self._unfit()
        self._tables = BlockTables.from_arrays(model.vocoder, model.codebooks)
        self.sends_pitch, self.side_columns = False, 0
        self.books = len(self._tables.sizes)
        most = model.info.get("most_bits_a_second")
        if (
            list(self.entropy.sizes) != self._tables.sizes
            or (self.sample_rate, self.hop) != (RATE_HZ, BLOCK_HOP)
            or not isinstance(most, int)
            or not 1 <= most <= 100_000
        ):
            raise self._unfit()
        #: The most bits a second that payloads of one channel take.
        self.most_bits_a_second = most

    @property
    def streams(self) -> bool:
        """It sees the whole chunk."""
        return False

    def check_rate(self, kbps: float | None, books: int | None) -> tuple[float | None, int]:
        """As of every codec; but with neither, the model's own rate, which is the most that it can use.

        Raises:
            SettingsError: both are given, one is out of its range, or the rate is less than the model can do with.
        """
        if kbps is None and books is None:
            return None, self.books
        if kbps is not None and books is None and kbps * 1000 < self.most_bits_a_second * _LEAST_SHARE:
            most = self.most_bits_a_second / 1000
            raise SettingsError(
                f"the model {self.name} is made for {most:g} kbit/s and needs at least {most * _LEAST_SHARE:g}, "
                f"not {kbps:g}; leave the rate out, or take another model"
            )
        return super().check_rate(kbps, books)

    def encode_windows(
        self,
        windows: Iterable[Window],
        kbps: float | None = None,
        *,
        books: int | None = None,
        spent_bits: float = 0.0,
    ) -> Iterator[CodeChunk]:
        """As of every codec. Payloads keep to the model's rate chunk by chunk, files to `kbps`, if that is less."""
        kbps, books = self.check_rate(kbps, books)
        saved = -spent_bits
        for window in windows:
            frames = -(-window.samples // self.hop)
            if not any(window.levels):
                none = np.zeros((len(window.audio), 0, frames), dtype=np.uint16)
                yield CodeChunk(window.first_frame, frames, none, window.levels)
                continue
            most = self._most_bits(window)
            if kbps is None:
                codes, _ = self._within(window, most)
            else:
                share = kbps * 1000 * window.samples / self.sample_rate
                around = 8 * (Chunk(0, 1, 1, window.levels, b"").file_bytes + _INDEX_BYTES)
                budget = share + saved - around
                codes, bits = self._within(window, min(max(budget, _LEAST_SHARE * most), most))
                saved = min(budget - bits, share)
            yield CodeChunk(window.first_frame, frames, np.ascontiguousarray(codes[:, :books]), window.levels)

    def _most_bits(self, window: Window) -> float:
        """Of a chunk's payload: what the rate gives for its sound, or for one block."""
        return self.most_bits_a_second * len(window.audio) * max(window.samples, self.hop) / self.sample_rate

    def _within(self, window: Window, budget: float) -> tuple[NDArray[np.uint16], float]:
        """The best codes whose payload has at most so many bits, Shape [channels, columns, frames], and its bits."""
        frames = -(-window.samples // self.hop)
        targets = [
            to_targets(
                speech_blocks.to_blocks(analyse(audio)).part(slice(window.left, window.left + frames)), self._tables
            )
            for audio in window.audio
        ]

        def at(price: int) -> tuple[NDArray[np.uint16], float]:
            codes = np.concatenate([choose_codes(one, self._tables, self.entropy, _PRICES[price]) for one in targets])
            return codes, 8.0 * len(self.entropy.encode(codes))

        # The lowest price that keeps to the budget: more bits the cheaper they are, but for odd steps.
        too_low, fits = -1, len(_PRICES)
        best: tuple[NDArray[np.uint16], float] | None = None
        guess = _USUAL_PRICE
        while fits - too_low > 1:
            price = min(max(guess, too_low + 1), fits - 1)
            found = at(price)
            if found[1] <= budget:
                fits, best = price, found
            else:
                too_low = price
            steps = _STEPS_PER_OCTAVE * np.log2(max(found[1], 1) / max(budget, 1))
            guess = price + (min(-1, round(steps)) if fits == price else max(1, round(steps)))
        return self._fewer(at(len(_PRICES) - 1)[0], budget) if best is None else best

    def _fewer(self, codes: NDArray[np.uint16], budget: float) -> tuple[NDArray[np.uint16], float]:
        """Where no price is high enough: as few columns as it takes, but one."""
        while codes.shape[1] > 1 and 8 * len(self.entropy.encode(codes)) > budget:
            codes = codes[:, :-1]
        return codes, 8.0 * len(self.entropy.encode(codes))

    def _decoder(self, channel: int, gain: float) -> ChannelDecoder:
        return _BlockDecoder(self._tables, channel, gain)


class _BlockDecoder(ChannelDecoder):
    """Plays one channel's chunks in order; the last block and the phase of the pitch go on into the next."""

    def __init__(self, tables: BlockTables, channel: int, gain: float) -> None:
        self.tables, self.channel, self.gain = tables, channel, gain
        self.last: Blocks | None = None
        self.turn = 0.0

    def decode(self, before: CodeChunk | None, here: CodeChunk, after: CodeChunk | None) -> NDArray[np.float32]:
        """Audio of the chunk `here`, Shape [frames * hop]."""
        blocks = self._blocks(here)
        if blocks is None:
            self.last, self.turn = None, 0.0
            return np.zeros(here.frames * BLOCK_HOP, dtype=np.float32)
        following = self._blocks(after)
        around = [self.last, blocks, None if following is None else following.part(slice(0, 1))]
        pieces = [piece for piece in around if piece is not None]
        left = 0 if self.last is None else FRAMES
        y, pitch, voiced = to_frames(joined(pieces))
        wo = pitch.astype(np.float32)
        turn = wo_in_turns(wo)
        turn += self.turn - turn[left]
        phases = phase0(y, wo, voiced, here.first_frame * FRAMES - left, turn)
        audio = synthesise(Harmonics(wo, voiced, envelope_amplitudes(y, wo), phases))
        self.last = blocks.part(slice(-1, None))
        if following is not None:
            self.turn = float(turn[left + FRAMES * len(blocks)] % (2 * np.pi))
        return audio[left * HOP :][: here.frames * BLOCK_HOP] / np.float32(self.gain)

    def _blocks(self, chunk: CodeChunk | None) -> Blocks | None:
        """What a chunk says; None where there is none, or silence."""
        if chunk is None or not chunk.codes.shape[1] or (chunk.levels and not chunk.levels[self.channel]):
            return None
        return to_blocks(chunk.codes[self.channel], self.tables)
