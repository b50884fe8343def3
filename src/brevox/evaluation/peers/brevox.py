"""Brevox itself, with any model."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path

import brevox
from brevox.codec.codec import Codec
from brevox.codec.models import BUILT_IN, find_model
from brevox.codec.sc2 import DamagedChunk
from brevox.codec.sc2_reader import ScReader
from brevox.errors import BrevoxError, ModelFileError
from brevox.evaluation.peers.peer import Peer, PeerError


class BrevoxPeer(Peer):
    """`brevox encode` and `brevox decode`.

    Args:
        model: a `.bvx` file or the name of a known model; the built-in one if none is given.
    """

    source = "this project"
    install = "pip install brevox"
    suffix = ".sc"
    default_kbps: tuple[float, ...] = (0.5, 1.5, 3, 6)

    def __init__(self, model: str | None = None) -> None:
        self.model = model
        self.name = "brevox" if model is None else Path(model).stem
        self.title = f"Brevox ({BUILT_IN if model is None else self.name})"
        self._threads: int | None = None
        with suppress(ModelFileError):  # what is wrong with a model is told where it is used
            if model is not None and (own := find_model(model).info.get("most_bits_a_second")):
                self.default_kbps = (own / 1000,)

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        model = find_model(self.model)
        return f"version {brevox.__version__}, model {model.info['name']} (id {model.id.hex()})"

    def nearest(self, kbps: float) -> float:
        return min(max(kbps, self.default_kbps[0]), self.default_kbps[-1])

    def prepare(self, threads: int | None = None) -> None:
        self._threads = threads
        self._codec  # noqa: B018 - loads it

    @cached_property
    def _codec(self) -> Codec:
        return brevox.load(self.model, self._threads)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        try:
            brevox.encode_file(source, stored, kbps, codec=self._codec)
        except BrevoxError as error:
            raise PeerError(str(error)) from error

    def decode(self, stored: Path, target: Path) -> None:
        try:
            brevox.decode_file(stored, target, codec=self._codec)
        except BrevoxError as error:
            raise PeerError(str(error)) from error

    def payload_bytes(self, stored: Path) -> float:
        """Of the chunks' entropy-coded codes."""
        with stored.open("rb") as file:
            chunks = list(ScReader(file).chunks())
        return sum(len(chunk.payload) for chunk in chunks if not isinstance(chunk, DamagedChunk))
