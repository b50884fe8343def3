"""MP3 and AAC: what recordings are mostly kept in."""

from __future__ import annotations

from pathlib import Path

from brevox.evaluation.peers.media import absent_codec, decode_with_ffmpeg, encode_with, library_version, packet_bytes
from brevox.evaluation.peers.peer import Peer, nearest_of
from brevox.evaluation.signals import RATE_HZ


class Mp3(Peer):
    """LAME, constant bit rate, 16 kHz."""

    name = "mp3"
    title = "MP3 (LAME)"
    source = "ISO/IEC 13818-3; lame.sourceforge.io"
    install = "it comes with PyAV, on which Brevox depends"
    suffix = ".mp3"
    default_kbps = (8, 16)

    def missing(self) -> str | None:
        return absent_codec("libmp3lame")

    def version(self) -> str:
        return library_version("libmp3lame")

    def nearest(self, kbps: float) -> float:
        # Those that the standard has at 16 kHz, as far as they make sense for one channel.
        return nearest_of((8, 16, 24, 32, 40, 48, 56, 64), kbps)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        encode_with("libmp3lame", source, stored, rate_hz=RATE_HZ, kbps=kbps, sample_format="s16p")

    def decode(self, stored: Path, target: Path) -> None:
        decode_with_ffmpeg(stored, target)

    def payload_bytes(self, stored: Path) -> float:
        return packet_bytes(stored)


class Aac(Mp3):
    """ffmpeg's own AAC-LC, in MP4."""

    name = "aac"
    title = "AAC-LC (ffmpeg)"
    source = "ISO/IEC 14496-3; ffmpeg.org"
    suffix = ".m4a"
    default_kbps = (12, 16)

    def missing(self) -> str | None:
        return absent_codec("aac")

    def version(self) -> str:
        return library_version("aac")

    def nearest(self, kbps: float) -> float:
        # Beyond these it makes, of one channel at 16 kHz, about what it makes of these.
        return min(max(kbps, 10.0), 64.0)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        encode_with("aac", source, stored, rate_hz=RATE_HZ, kbps=kbps, container="mp4", sample_format="fltp")
