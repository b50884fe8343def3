"""Opus, by the two roads by which people have it: the program opusenc, and the library inside ffmpeg."""

from __future__ import annotations

from pathlib import Path

from brevox.evaluation.peers.media import absent_codec, decode_with_ffmpeg, encode_with, library_version, packet_bytes
from brevox.evaluation.peers.peer import Peer
from brevox.evaluation.peers.program import absent, run
from brevox.evaluation.signals import RATE_HZ

#: Asked for less than the least, libopus makes the same packets.
_LEAST_KBPS, _MOST_KBPS = 4.5, 128.0
_OPUS_HZ = 48_000


class Opus(Peer):
    """opusenc and opusdec as they come: variable bit rate, Ogg."""

    name = "opus"
    title = "Opus (opusenc)"
    source = "RFC 6716; opus-codec.org"
    install = "apt-get install opus-tools"
    suffix = ".opus"
    default_kbps: tuple[float, ...] = (6, 9, 12, 16)

    def missing(self) -> str | None:
        return absent(("opusenc", "opusdec"), self.install)

    def version(self) -> str:
        return run(["opusenc", "--version"]).splitlines()[0]

    def nearest(self, kbps: float) -> float:
        return min(max(kbps, _LEAST_KBPS), _MOST_KBPS)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        # A fixed serial number: two runs make the same file.
        run(["opusenc", "--quiet", "--serial", "1", "--bitrate", f"{kbps:g}", source, stored])

    def decode(self, stored: Path, target: Path) -> None:
        run(["opusdec", "--quiet", "--rate", str(RATE_HZ), stored, target])

    def payload_bytes(self, stored: Path) -> float:
        return packet_bytes(stored)


class OpusLibrary(Opus):
    """libopus through PyAV, set for speech (`voip`)."""

    name = "opus-av"
    title = "Opus (libopus, voip)"
    install = "it comes with PyAV, on which Brevox depends"

    def missing(self) -> str | None:
        return absent_codec("libopus")

    def version(self) -> str:
        return library_version("libopus")

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        options = {"application": "voip", "vbr": "on"}
        encode_with("libopus", source, stored, rate_hz=_OPUS_HZ, kbps=kbps, container="ogg", options=options)

    def decode(self, stored: Path, target: Path) -> None:
        decode_with_ffmpeg(stored, target)
