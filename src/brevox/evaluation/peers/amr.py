"""AMR: the codecs of mobile telephones, narrowband and wideband."""

from __future__ import annotations

import ctypes
import ctypes.util
from pathlib import Path

import numpy as np

from brevox.evaluation.peers.media import (
    absent_codec,
    decode_with_ffmpeg,
    encode_with,
    library_version,
    packets_of,
    read_pcm,
)
from brevox.evaluation.peers.peer import Peer, nearest_of
from brevox.evaluation.signals import RATE_HZ

_NARROW_HZ = 8000
#: In the order of the standards' modes.
_NARROW_KBPS = (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)
_WIDE_KBPS = (6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85)
_WIDE_MAGIC = b"#!AMR-WB\n"
_WIDE_FRAME = RATE_HZ // 50
_FRAME_MS = 20
#: Samples: both look ahead by 5 ms, and wideband loses 0.94 ms more in its filters. Their files do not tell.
_NARROW_DELAY, _WIDE_DELAY = 40, 95


class AmrNarrow(Peer):
    """AMR-NB: 300 to 3,400 Hz."""

    name = "amr-nb"
    title = "AMR-NB"
    source = "3GPP TS 26.071; opencore-amr"
    install = "it comes with PyAV, on which Brevox depends"
    suffix = ".amr"
    default_kbps = (4.75, 12.2)

    def missing(self) -> str | None:
        return absent_codec("libopencore_amrnb")

    def version(self) -> str:
        return library_version("libopencore_amrnb")

    def nearest(self, kbps: float) -> float:
        return nearest_of(_NARROW_KBPS, kbps)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        encode_with("libopencore_amrnb", source, stored, rate_hz=_NARROW_HZ, kbps=kbps)

    def decode(self, stored: Path, target: Path) -> None:
        decode_with_ffmpeg(stored, target, _NARROW_DELAY)

    def payload_bytes(self, stored: Path) -> float:
        return _speech_bytes(stored, _NARROW_KBPS)


class AmrWide(Peer):
    """AMR-WB, by Debian's library: ffmpeg can only decode it."""

    name = "amr-wb"
    title = "AMR-WB"
    source = "3GPP TS 26.171, ITU-T G.722.2; vo-amrwbenc"
    install = "apt-get install libvo-amrwbenc0"
    suffix = ".awb"
    default_kbps = (6.6, 12.65)

    def missing(self) -> str | None:
        if _find_library() is None:
            return f"not installed: {self.install}"
        return absent_codec("amrwb")

    def version(self) -> str:
        return f"{_find_library()}; decoder: {library_version('amrwb')}"

    def nearest(self, kbps: float) -> float:
        return nearest_of(_WIDE_KBPS, kbps)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        library = ctypes.CDLL(_find_library())
        library.E_IF_init.restype = ctypes.c_void_p
        library.E_IF_encode.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int,
        ]
        library.E_IF_exit.argtypes = [ctypes.c_void_p]
        samples = read_pcm(source, RATE_HZ)
        # Frames until all of the sound is in them, the look-ahead too.
        frames = -(-(len(samples) + _WIDE_DELAY) // _WIDE_FRAME)
        samples = np.pad(samples, (0, frames * _WIDE_FRAME - len(samples)))
        packet = ctypes.create_string_buffer(64)
        data = bytearray(_WIDE_MAGIC)
        state = library.E_IF_init()
        try:
            for frame in samples.reshape(frames, _WIDE_FRAME):
                frame = np.ascontiguousarray(frame)
                size = library.E_IF_encode(state, _WIDE_KBPS.index(kbps), frame.ctypes.data, packet, 0)
                data += packet.raw[:size]
        finally:
            library.E_IF_exit(state)
        stored.write_bytes(data)

    def decode(self, stored: Path, target: Path) -> None:
        decode_with_ffmpeg(stored, target, _WIDE_DELAY)

    def payload_bytes(self, stored: Path) -> float:
        return _speech_bytes(stored, _WIDE_KBPS)


def _speech_bytes(stored: Path, kbps_of_modes: tuple[float, ...]) -> float:
    """The standard's bits of speech. A frame in the file has a byte for its mode, and is filled up to whole bytes."""
    modes = [packet[0] >> 3 & 15 for packet in packets_of(stored)]
    return sum(kbps_of_modes[mode] * _FRAME_MS for mode in modes) / 8


def _find_library() -> str | None:
    return ctypes.util.find_library("vo-amrwbenc")
