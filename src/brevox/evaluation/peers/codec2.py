"""Codec 2: a vocoder for radio, at 8 kHz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brevox.evaluation.peers.media import read_pcm, write_pcm
from brevox.evaluation.peers.peer import Peer, PeerError, nearest_of
from brevox.evaluation.peers.program import absent, run

_RATE_HZ = 8000
_MODES = {3.2: "3200", 2.4: "2400", 1.3: "1300", 1.2: "1200", 0.7: "700C"}
#: Bits of a frame in each mode.
_FRAME_BITS = {"3200": 64, "2400": 48, "1300": 52, "700C": 28, "1200": 48}


class Codec2(Peer):
    """c2enc and c2dec. One byte before their frames says the mode, which they do not."""

    name = "codec2"
    title = "Codec 2"
    source = "Rowe, 'Techniques for Harmonic Sinusoidal Coding', 1997; rowetel.com/codec2.html"
    install = "apt-get install codec2"
    suffix = ".c2"
    default_kbps = (0.7, 1.3, 2.4, 3.2)

    def missing(self) -> str | None:
        return absent(("c2enc", "c2dec"), self.install)

    def version(self) -> str:
        return "c2enc does not tell its version"

    def nearest(self, kbps: float) -> float:
        return nearest_of(tuple(_MODES), kbps)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        mode = _MODES[kbps]
        raw = stored.with_suffix(".raw")
        coded = stored.with_suffix(".coded")
        try:
            raw.write_bytes(read_pcm(source, _RATE_HZ).astype("<i2").tobytes())
            run(["c2enc", mode, raw, coded])
            # One byte for the mode: without it the file could not be decoded.
            stored.write_bytes(bytes([list(_FRAME_BITS).index(mode)]) + coded.read_bytes())
        finally:
            raw.unlink(missing_ok=True)
            coded.unlink(missing_ok=True)

    def decode(self, stored: Path, target: Path) -> None:
        mode, data = _split(stored)
        coded, raw = stored.with_suffix(".coded"), stored.with_suffix(".raw")
        try:
            coded.write_bytes(data)
            run(["c2dec", mode, coded, raw])
            write_pcm(target, np.frombuffer(raw.read_bytes(), "<i2"), _RATE_HZ)
        finally:
            raw.unlink(missing_ok=True)
            coded.unlink(missing_ok=True)

    def payload_bytes(self, stored: Path) -> float:
        """Bits of the frames: c2enc fills each up to whole bytes."""
        mode, data = _split(stored)
        frame_bytes = -(-_FRAME_BITS[mode] // 8)
        return len(data) / frame_bytes * _FRAME_BITS[mode] / 8


def _split(stored: Path) -> tuple[str, bytes]:
    data = stored.read_bytes()
    if len(data) < 2 or data[0] >= len(_FRAME_BITS):
        raise PeerError(f"{stored.name} holds no Codec 2 frames")
    return list(_FRAME_BITS)[data[0]], data[1:]
