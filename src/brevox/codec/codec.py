"""The codec: audio to codes and back, whole or in blocks, with the same result.

A recording is cut into chunks of 512 frames, or 512 pitches (10.24 s), counted from its start. A chunk's codes depend
on the chunk and on as many frames around it as the network sees; so does its decoded audio. As chunks lie where they
lie whatever blocks the audio arrives in, the codes are equal, to the last one.

              |<------ chunk n-1 ------>|<------- chunk n ------->|<------ chunk n+1 ------>|
    network                      [ctx   |        chunk n          |   ctx]
    for n
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from brevox.audio.excitation import pulse_train, white_noise
from brevox.audio.loudness import LoudnessMeter
from brevox.audio.pitch import PITCH_CODES, PITCH_CONTEXT, PITCH_HOP, PITCH_RATE_HZ, track_pitch
from brevox.codec.bvx import ModelFile
from brevox.codec.choose import Chooser
from brevox.codec.entropy import EntropyModel
from brevox.codec.frugal import frugal_pitch
from brevox.codec.level import level_to_rms, rms_to_level
from brevox.codec.live import CodecStream
from brevox.codec.networks import Networks
from brevox.codec.pitch_columns import columns_to_pitch, pitch_to_columns
from brevox.codec.quantise import dequantise
from brevox.codec.sc2 import MOST_CHANNELS, Chunk
from brevox.codec.window import Window
from brevox.errors import ModelFileError, SettingsError, WrongModelError

T = TypeVar("T")

CHUNK_FRAMES = 512

#: The decoded level is mended towards the original's by no more than this factor.
_MOST_MENDING = 4.0
_RAMP_S = 0.01
_INDEX_BYTES = 6  # what a chunk takes in the file's index, and the end of its payload, at most


@dataclass(frozen=True)
class CodeChunk:
    """The codes of up to 512 frames.

    first_frame: counted from the recording's beginning.
    frames: at least 1; fewer than 512 only in the last chunk.
    codes: uint16, Shape [channels, columns, frames]; no columns = silence. The first ones are the pitch, if the
        model sends it; the others are books.
    levels: the level of each channel, see brevox.codec.level; empty where it was not kept (version 1 files).
    """

    first_frame: int
    frames: int
    codes: NDArray[np.uint16]
    levels: tuple[int, ...]


@dataclass(frozen=True)
class Codes:
    """A coded recording at the codec's sample rate.

    num_samples: of each channel.
    gain: by which the recording was multiplied before coding.
    """

    model_id: bytes
    channels: int
    num_samples: int
    gain: float
    chunks: list[CodeChunk] = field(repr=False)


class Codec:
    """A model at work. Make one with `brevox.load()`. A model without networks has a subclass of its own.

    Args:
        model: what the `.bvx` holds.
        threads: CPU threads; None for all cores.

    Raises:
        ModelFileError: the model's parts do not fit each other.
    """

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        self.info = model.info
        self.name = str(model.info["name"])
        self.id = model.id
        self.sample_rate = int(model.info["sample_rate"])
        self.hop = int(model.info["hop"])
        self.entropy = EntropyModel.from_tables(dict(model.entropy))
        self._encoder_context = int(model.info["encoder_context"])
        self._decoder_context = int(model.info["decoder_context"])
        #: In a chunk, but for the last one and for live ones.
        self.chunk_frames = CHUNK_FRAMES
        self._take(model, threads)
        if max(self._encoder_context, self._decoder_context) > self.chunk_frames:
            raise self._unfit()

    def _take(self, model: ModelFile, threads: int | None) -> None:
        """The parts of the model that differ from kind to kind."""
        self.books = len(model.codebooks)
        self.sends_pitch = bool(model.info.get("pitch", True))
        #: Those before the books, one for each pitch that a frame has.
        self.side_columns = self.hop // PITCH_HOP if self.sends_pitch else 0
        self.chunk_frames = max(1, CHUNK_FRAMES // max(1, self.side_columns))
        self._codebooks, self._keys = model.codebooks, model.keys
        self._chooser = Chooser(model.codebooks, model.keys, self.entropy)
        if self.entropy.sizes != (PITCH_CODES,) * self.side_columns + (self._codebooks.shape[1],) * self.books or (
            self.sends_pitch and (self.sample_rate != PITCH_RATE_HZ or self.hop % PITCH_HOP or not self.side_columns)
        ):
            raise self._unfit()
        self._networks = Networks(model, threads)
        if self.streams and self.sends_pitch:
            raise self._unfit()

    def _unfit(self) -> ModelFileError:
        return ModelFileError(f"the parts of the model {self.name} do not fit each other; get it again")

    @property
    def frame_rate_hz(self) -> float:
        """Code frames a second."""
        return self.sample_rate / self.hop

    @property
    def streams(self) -> bool:
        """Whether the networks carry on a state, so that sound can be coded while it arrives."""
        return self._networks.stateful

    def stream(self, books: int | None = None) -> CodecStream:
        """A channel to be coded while it arrives, from its beginning on; `books` as in `encode`, by default all.

        Raises:
            SettingsError: the model looks ahead, or has not so many books.
        """
        if not self.streams:
            raise SettingsError(
                f"the model {self.name} looks ahead, so it cannot code sound while it arrives; "
                "take one that can, such as one trained from recipes/soundstream-24k.yaml"
            )
        _, books = self.check_rate(None, self.books if books is None else books)
        keys = None if self._keys is None else self._keys[:books]
        return CodecStream(self._networks, self._codebooks, keys, self.hop, books)

    @contextmanager
    def streaming(self, books: int | None = None) -> Iterator[CodecStream]:
        """`stream` for a `with`, after which nothing of it is left."""
        yield self.stream(books)

    def encode(self, audio: NDArray[np.floating], kbps: float | None = None, *, books: int | None = None) -> Codes:
        """Code a whole recording.

        Args:
            audio: Shape [channels, samples], or [samples] for one channel, at `sample_rate`.
            kbps: most bits a second, in thousands, of all channels together as stored in a file.
            books: or the number of codebooks. With neither, 3 kbit/s.
        """
        audio = np.atleast_2d(np.asarray(audio))
        if audio.dtype.kind != "f" or audio.ndim != 2 or not np.isfinite(audio).all():
            raise SettingsError("audio must be finite floating-point numbers of the shape [channels, samples]")
        if not 1 <= len(audio) <= MOST_CHANNELS:
            raise SettingsError(
                f"audio of the shape {list(audio.shape)} would have {len(audio)} channels; the shape must be "
                f"[channels, samples], with 1 to {MOST_CHANNELS} channels"
            )
        audio = audio.astype(np.float32)
        meter = LoudnessMeter(self.sample_rate)
        meter.push(audio.mean(axis=0))
        gain = meter.gain()
        chunks = list(self.encode_blocks([audio], audio.shape[0], gain, kbps, books=books))
        return Codes(self.id, audio.shape[0], audio.shape[1], gain, chunks)

    def decode(self, codes: Codes) -> NDArray[np.float32]:
        """Decode a whole recording. Shape: [channels, samples], as many as were encoded.

        Raises:
            WrongModelError: the codes were made by another model.
        """
        if codes.model_id != self.id:
            raise WrongModelError(
                f"these codes need the model {codes.model_id.hex()}, this is {self.name} ({self.id.hex()})"
            )
        blocks = list(self.decode_chunks(codes.chunks, codes.channels, codes.gain))
        if not blocks:
            return np.zeros((codes.channels, 0), dtype=np.float32)
        return np.concatenate(blocks, axis=1)[:, : codes.num_samples]

    def encode_blocks(
        self,
        blocks: Iterable[NDArray[np.float32]],
        channels: int,
        gain: float,
        kbps: float | None = None,
        *,
        books: int | None = None,
    ) -> Iterator[CodeChunk]:
        """Code audio that arrives in blocks of any size, chunk by chunk.

        Args:
            blocks: each of the Shape [channels, samples], at `sample_rate`.
            channels: of every block.
            gain: brings the recording to the level of training; see `LoudnessMeter`.
            kbps, books: as in `encode`.
        """
        return self.encode_windows(self.windows(blocks, channels, gain), kbps, books=books)

    def windows(self, blocks: Iterable[NDArray[np.float32]], channels: int, gain: float) -> Iterator[Window]:
        """The first half of `encode_blocks`: cut, measure, find the pitch. A thread of its own may do this."""
        margin = self._encoder_context + (-(-PITCH_CONTEXT // self.side_columns) if self.sends_pitch else 0)
        for first_frame, left, audio, samples in self._cut(blocks, channels, margin):
            body = audio[:, left * self.hop :][:, :samples]
            rms = np.sqrt(np.mean(np.square(body, dtype=np.float64), axis=1))
            levels = tuple(int(level) for level in rms_to_level(rms))
            audio = audio * np.float32(gain)
            pitch = None
            if self.sends_pitch and any(levels):
                pitch = np.stack([track_pitch(channel) for channel in audio])
            yield Window(first_frame, left, samples, audio, pitch, levels)

    def encode_windows(
        self,
        windows: Iterable[Window],
        kbps: float | None = None,
        *,
        books: int | None = None,
        spent_bits: float = 0.0,
    ) -> Iterator[CodeChunk]:
        """The second half of `encode_blocks`: the network, and as many books as the rate pays for.

        What a chunk leaves of its bits, the next may spend. `spent_bits` are gone before the first: for a file's
        header.
        """
        kbps, books = self.check_rate(kbps, books)
        saved = -spent_bits
        for window in windows:
            frames = -(-window.samples // self.hop)
            share = 0.0 if kbps is None else kbps * 1000 * window.samples / self.sample_rate
            overhead = 8 * (Chunk(0, 1, 1, window.levels, b"").file_bytes + _INDEX_BYTES)
            budget, spent = share + saved - overhead, 0.0
            codes = np.zeros((len(window.audio), 0, frames), dtype=np.uint16)
            if any(window.levels):
                latents, sides = zip(*(self._hear(window, channel) for channel in range(len(codes))), strict=True)
                if kbps is None:
                    codes = self._chooser.with_books(latents, sides, books)
                else:
                    codes, spent = self._chooser.within(latents, sides, budget)
                    if self.sends_pitch and spent > budget:
                        side = slice(0, self.side_columns)
                        codes[:, side] = [frugal_pitch(channel[side], self.entropy) for channel in codes]
                        spent = float(self.entropy.cost_bits(codes).sum())
            saved = min(budget - spent, share)
            yield CodeChunk(window.first_frame, frames, codes, window.levels)

    def decode_chunks(self, chunks: Iterable[CodeChunk], channels: int, gain: float) -> Iterator[NDArray[np.float32]]:
        """Decode chunks as they come; yields one block, Shape [channels, frames * hop], for each.

        The last block is not cut: only who wrote the codes knows how many samples there were.
        """
        decoders = [self._decoder(channel, gain) for channel in range(channels)]
        if self.streams:  # nothing that comes after matters
            for chunk in chunks:
                yield np.stack([decoder.decode_on(chunk) for decoder in decoders])
            return
        before: CodeChunk | None = None
        here: CodeChunk | None = None
        for after in _with_end(chunks):
            if here is not None:
                yield np.stack([decoder.decode(before, here, after) for decoder in decoders])
            before, here = here, after

    def _decoder(self, channel: int, gain: float) -> ChannelDecoder:
        """For the chunks of one channel, from the first on."""
        return _NetworkDecoder(self, channel, gain)

    def encode_silence(self, frames: int, books: int) -> NDArray[np.uint16]:
        """Codes that sound like silence, where a format has no place for a chunk without codes.

        Returns:
            Shape [columns, frames].
        """
        audio = np.zeros((1, frames * self.hop), dtype=np.float32)
        pitch = np.zeros((1, frames * self.side_columns), dtype=np.uint8) if self.sends_pitch else None
        window = Window(0, 0, audio.shape[1], audio, pitch, (1,))
        (chunk,) = self.encode_windows([window], books=books)
        return chunk.codes[0]

    def check_rate(self, kbps: float | None, books: int | None) -> tuple[float | None, int]:
        """The bit rate to keep to, if any, and the most books to use, for what `encode` was given.

        Raises:
            SettingsError: both are given, or one is out of its range.
        """
        if kbps is not None and books is not None:
            raise SettingsError("give a bit rate or a number of books, not both")
        if books is not None:
            if not 1 <= books <= self.books:
                raise SettingsError(f"the model {self.name} has 1 to {self.books} books, not {books}")
            return None, books
        kbps = 3.0 if kbps is None else kbps
        if not 0.1 <= kbps <= 100:
            raise SettingsError(f"{kbps} kbit/s cannot be had; the model {self.name} is made for 0.5 to 6")
        return kbps, self.books

    def _cut(
        self, blocks: Iterable[NDArray[np.float32]], channels: int, context: int
    ) -> Iterator[tuple[int, int, NDArray[np.float32], int]]:
        """Cut audio into chunks with context.

        Yields:
            First frame of the chunk, frames of context before it, audio [channels, whole frames] with
            context on both sides where there is any, and the samples of the chunk itself.
        """
        chunk, margin = self.chunk_frames * self.hop, context * self.hop
        held = np.zeros((channels, 0), dtype=np.float32)
        first, left = 0, 0  # samples before the chunk: in all, and those of them that are held
        for block in _with_end(blocks):
            if block is not None:
                held = np.concatenate([held, block], axis=1)
            while (ready := held.shape[1] - left) > 0 and (block is None or ready >= chunk + margin):
                samples = min(ready, chunk)
                window = held[:, : left + chunk + margin]
                window = np.pad(window, ((0, 0), (0, -window.shape[1] % self.hop)))
                yield first // self.hop, left // self.hop, window, samples
                first += samples
                keep = min(left + samples, margin)
                held = held[:, left + samples - keep :]
                left = keep
                if samples < chunk:
                    break

    def _hear(self, window: Window, channel: int) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """What is to be quantised of a channel, Shape [latent, frames], and its columns before the books."""
        frames, side = -(-window.samples // self.hop), self.side_columns
        if window.latent is not None:
            return window.latent[channel], np.zeros((side, frames), dtype=np.uint16)
        # The pitch's own context is more than the network needs: cut down to what the network sees.
        begin = max(0, window.left - self._encoder_context)
        end = min(window.audio.shape[1] // self.hop, window.left + frames + self._encoder_context)
        here = slice(window.left - begin, window.left - begin + frames)
        audio = window.audio[channel, begin * self.hop : end * self.hop]
        if window.pitch is None:
            return self._networks.encode(audio)[:, here], np.zeros((0, frames), dtype=np.uint16)
        pitch = window.pitch[channel, begin * side : end * side]
        return self._networks.encode(audio, pitch)[:, here], pitch_to_columns(pitch, side)[:, here]


class ChannelDecoder(ABC):
    """Decodes one channel's chunks in order."""

    @abstractmethod
    def decode(self, before: CodeChunk | None, here: CodeChunk, after: CodeChunk | None) -> NDArray[np.float32]:
        """Audio of the chunk `here`, Shape [frames * hop]."""

    def decode_on(self, here: CodeChunk) -> NDArray[np.float32]:
        """Audio of the chunk `here`, Shape [frames * hop], by a model that carries on a state."""
        return self.decode(None, here, None)


class _NetworkDecoder(ChannelDecoder):
    """Decodes one channel's chunks in order, carrying on the phase of the pitch and the mending of the level."""

    def __init__(self, codec: Codec, channel: int, gain: float) -> None:
        self.codec, self.channel, self.gain = codec, channel, gain
        self.phase = 0.0
        self.pulses_before = np.zeros(0, dtype=np.float32)
        self.mending: float | None = None
        self.stream = codec.stream() if codec.streams else None

    def decode_on(self, here: CodeChunk) -> NDArray[np.float32]:
        """Audio of the chunk `here`, Shape [frames * hop], by a model that carries on a state."""
        if self.stream is None or not here.codes.shape[1]:
            self.stream, self.mending = self.codec.stream(), None
            return np.zeros(here.frames * self.codec.hop, dtype=np.float32)
        audio = self.stream.decode(here.codes[self.channel])
        return self._mend_level(audio, here.levels[self.channel] if here.levels else None)

    def decode(self, before: CodeChunk | None, here: CodeChunk, after: CodeChunk | None) -> NDArray[np.float32]:
        """Audio of the chunk `here`, Shape [frames * hop]."""
        codec = self.codec
        side, context = codec.side_columns, codec._decoder_context
        if here.codes.shape[1] <= side:
            self.phase, self.pulses_before, self.mending = 0.0, np.zeros(0, dtype=np.float32), None
            return np.zeros(here.frames * codec.hop, dtype=np.float32)
        pieces = [
            self._codes(before)[:, -context:] if context else self._codes(None),
            here.codes[self.channel],
            self._codes(after)[:, : context + 1],
        ]
        left = pieces[0].shape[1]
        frames = left + here.frames + min(pieces[2].shape[1], context)
        latent = np.concatenate([dequantise(piece[side:], codec._codebooks) for piece in pieces], axis=1)[:, :frames]
        if codec.sends_pitch:
            pitch = [columns_to_pitch(piece[:side]) for piece in pieces]
            excitation = self._excitation(here.first_frame * side, *pitch)
            audio = codec._networks.decode(latent, np.concatenate(pitch)[: frames * side], excitation)
        else:
            audio = codec._networks.decode(latent)
        audio = audio[left * codec.hop :][: here.frames * codec.hop]
        return self._mend_level(audio, here.levels[self.channel] if here.levels else None)

    def _excitation(
        self,
        first: int,
        before: NDArray[np.uint16],
        here: NDArray[np.uint16],
        after: NDArray[np.uint16],
    ) -> NDArray[np.float32]:
        """Pulses and noise for a chunk and its context, from pitch codes; `after` may be a frame longer than that.

        The chunk begins with the recording's pitch `first`.

        Returns:
            Shape [2, samples].
        """
        left, right = len(before), min(len(after), self.codec._decoder_context * self.codec.side_columns)
        pitch_before = int(before[-1]) if left else 0
        next_pitch = int(after[0]) if len(after) else 0
        pulses, self.phase = pulse_train(here, pitch_before, next_pitch, self.phase)
        beyond = int(after[right]) if len(after) > right else 0
        pulses_after, _ = pulse_train(after[:right], int(here[-1]), beyond, self.phase)
        pulses_left = self.pulses_before[len(self.pulses_before) - left * PITCH_HOP :]
        self.pulses_before = pulses
        noise = white_noise(first - left, left + len(here) + right)
        return np.stack([np.concatenate([pulses_left, pulses, pulses_after]), noise])

    def _codes(self, chunk: CodeChunk | None) -> NDArray[np.uint16]:
        """A neighbour's codes of this channel; of no frames where there is none, or silence."""
        if chunk is None or chunk.codes.shape[1] <= self.codec.side_columns:
            return np.zeros((self.codec.side_columns + 1, 0), dtype=np.uint16)
        return chunk.codes[self.channel]

    def _mend_level(self, audio: NDArray[np.float32], level: int | None) -> NDArray[np.float32]:
        """Bring the chunk to the level of the original, gliding from the chunk before."""
        audio = audio / np.float32(self.gain)
        if level is None:
            return audio
        wanted, actual = float(level_to_rms(level)), float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
        factor = wanted / actual if actual > 0 else 0.0
        if level > 0:
            factor = min(max(factor, 1 / _MOST_MENDING), _MOST_MENDING)
        factors = np.full(len(audio), factor, dtype=np.float32)
        if self.mending is not None:
            ramp = min(len(audio), int(_RAMP_S * self.codec.sample_rate))
            factors[:ramp] = np.linspace(self.mending, factor, ramp, endpoint=False)
        self.mending = factor
        return audio * factors


def _with_end(items: Iterable[T]) -> Iterator[T | None]:
    """The items, then None."""
    yield from items
    yield None
