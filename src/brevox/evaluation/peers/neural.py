"""EnCodec and DAC, through `transformers`: their speed always, their quality where their weights are."""

from __future__ import annotations

import os
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brevox.evaluation.peers.peer import Peer, PeerError, nearest_of
from brevox.evaluation.signals import read_mono, write_mono

_HEADER = struct.Struct("<IIB")  # samples at the codec's rate, frames, books
_CODE_BITS = 10


class NeuralPeer(Peer):
    """A codec of PyTorch's world. Its files are 9 bytes, then 10 bits a code: none of their own exists.

    Args:
        untrained: with weights drawn by lot. The arithmetic, and so the speed, is the same; the sound is noise.
    """

    folder_variable: ClassVar[str]
    hub_name: ClassVar[str]
    rate_hz: ClassVar[int]
    frame_hz: ClassVar[int]
    most_books: ClassVar[int]
    suffix = ".codes"

    def __init__(self, untrained: bool = False) -> None:
        self.untrained = untrained

    def missing(self) -> str | None:
        if find_spec("torch") is None or find_spec("transformers") is None:
            return f"not installed: {self.install}"
        folder = os.environ.get(self.folder_variable)
        if folder and not self.untrained and not (Path(folder) / "config.json").is_file():
            return f"{self.folder_variable} names {folder}, where no model is: there is no config.json"
        if self.untrained or folder or _in_cache(self.hub_name):
            return None
        return (
            f"its weights are not here: hf download {self.hub_name}, or name their folder with {self.folder_variable}"
        )

    def version(self) -> str:
        import torch
        import transformers

        weights = "weights drawn by lot, for speed only" if self.untrained else self._weights()
        return f"transformers {transformers.__version__}, torch {torch.__version__}; {weights}"

    def prepare(self, threads: int | None = None) -> None:
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        try:
            self._model = (self._untrained() if self.untrained else self._trained()).eval()
        except OSError as error:
            why = " ".join(str(error).split())
            raise PeerError(f"{self.name} cannot be loaded from {self._weights()}: {why}") from error

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        import torch

        audio = read_mono(source, self.rate_hz)
        books = round(kbps * 1000 / (_CODE_BITS * self.frame_hz))
        with torch.inference_mode():
            codes = self._encode(torch.from_numpy(audio)[None, None], books).numpy().astype(np.uint16)
        bits = (codes.T[..., None] >> np.arange(_CODE_BITS)[::-1]) & 1
        packed = np.packbits(bits.astype(np.uint8).ravel()).tobytes()
        stored.write_bytes(_HEADER.pack(len(audio), codes.shape[1], books) + packed)

    def decode(self, stored: Path, target: Path) -> None:
        import torch

        samples, codes = self._unpack(stored.read_bytes())
        with torch.inference_mode():
            audio = self._decode(torch.from_numpy(codes.astype(np.int64))[None]).float().numpy().ravel()
        write_mono(target, audio[:samples], self.rate_hz)

    def payload_bytes(self, stored: Path) -> float:
        return stored.stat().st_size - _HEADER.size

    def _unpack(self, data: bytes) -> tuple[int, NDArray[np.uint16]]:
        """Samples, and codes of Shape [books, frames]."""
        try:
            samples, frames, books = _HEADER.unpack_from(data)
        except struct.error:
            raise PeerError("the file is cut short") from None
        if not (1 <= books <= self.most_books and 1 <= samples <= frames * (self.rate_hz // self.frame_hz)):
            raise PeerError(f"the file is damaged: {samples} samples, {frames} frames, {books} books cannot be")
        bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=_HEADER.size))
        if len(bits) < frames * books * _CODE_BITS:
            raise PeerError("the file is cut short")
        digits = bits[: frames * books * _CODE_BITS].reshape(frames, books, _CODE_BITS).astype(np.uint16)
        return samples, (digits << np.arange(_CODE_BITS, dtype=np.uint16)[::-1]).sum(axis=-1, dtype=np.uint16).T

    def _weights(self) -> str:
        """A folder, or a name in Hugging Face's cache."""
        return os.environ.get(self.folder_variable) or self.hub_name

    def _untrained(self) -> Any:
        raise NotImplementedError

    def _trained(self) -> Any:
        raise NotImplementedError

    def _encode(self, audio: Any, books: int) -> Any:
        """Shape [1, 1, samples] to [books, frames]."""
        raise NotImplementedError

    def _decode(self, codes: Any) -> Any:
        """Shape [1, books, frames] to any with as many samples."""
        raise NotImplementedError


class Encodec(NeuralPeer):
    """The causal 24 kHz model: 75 frames a second, up to 32 books."""

    name = "encodec"
    title = "EnCodec 24 kHz"
    source = "Defossez et al., 'High Fidelity Neural Audio Compression', 2022"
    install = "pip install torch transformers"
    default_kbps = (1.5, 3, 6)
    folder_variable = "BREVOX_ENCODEC"
    hub_name = "facebook/encodec_24khz"
    rate_hz, frame_hz, most_books = 24_000, 75, 32

    def nearest(self, kbps: float) -> float:
        return nearest_of((1.5, 3, 6, 12, 24), kbps)

    def _untrained(self) -> Any:
        from transformers import EncodecConfig, EncodecModel

        return EncodecModel(EncodecConfig())

    def _trained(self) -> Any:
        from transformers import EncodecModel

        return EncodecModel.from_pretrained(self._weights(), local_files_only=True, use_safetensors=True)

    def _encode(self, audio: Any, books: int) -> Any:
        kbps = books * _CODE_BITS * self.frame_hz / 1000
        return self._model.encode(audio, bandwidth=kbps).audio_codes[0, 0]

    def _decode(self, codes: Any) -> Any:
        return self._model.decode(codes[None], [None]).audio_values


class Dac(NeuralPeer):
    """The 16 kHz model: 50 frames a second, up to 12 books."""

    name = "dac"
    title = "DAC 16 kHz"
    source = "Kumar et al., 'High-Fidelity Audio Compression with Improved RVQGAN', NeurIPS 2023"
    install = "pip install torch transformers"
    default_kbps = (1.5, 3, 6)
    folder_variable = "BREVOX_DAC"
    hub_name = "descript/dac_16khz"
    rate_hz, frame_hz, most_books = 16_000, 50, 12

    def nearest(self, kbps: float) -> float:
        return nearest_of(tuple(books / 2 for books in range(1, self.most_books + 1)), kbps)

    def _untrained(self) -> Any:
        from transformers import DacConfig, DacModel

        # As published: github.com/descriptinc/descript-audio-codec, conf/final/16khz.yml.
        return DacModel(DacConfig(downsampling_ratios=[2, 4, 5, 8], n_codebooks=12))

    def _trained(self) -> Any:
        from transformers import DacModel

        return DacModel.from_pretrained(self._weights(), local_files_only=True, use_safetensors=True)

    def _encode(self, audio: Any, books: int) -> Any:
        import torch

        # Whole frames, as the model's own front end makes them.
        padded = torch.nn.functional.pad(audio, (0, -audio.shape[-1] % (self.rate_hz // self.frame_hz)))
        return self._model.encode(padded, n_quantizers=books).audio_codes[0, :books]

    def _decode(self, codes: Any) -> Any:
        return self._model.decode(audio_codes=codes).audio_values


def _in_cache(name: str) -> bool:
    """Whether a model lies in Hugging Face's cache; asked without importing anything slow."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    return any((hub / f"models--{name.replace('/', '--')}").glob("snapshots/*/config.json"))
