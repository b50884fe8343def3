"""Brevox: learned compression of speech to 0.5-6 kbit/s, offline, on an ordinary laptop.

import brevox
codec = brevox.load()
codes = codec.encode(audio, kbps=3)
brevox.encode_file("talk.m4a", "talk.sc", kbps=3)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Codec", "Codes", "Transcoded", "decode_file", "encode_file", "load"]

if TYPE_CHECKING:
    from brevox.codec.codec import Codec, Codes
    from brevox.codec.models import load
    from brevox.codec.transcode import Transcoded, decode_file, encode_file

_HOMES = {
    "Codec": "brevox.codec.codec",
    "Codes": "brevox.codec.codec",
    "load": "brevox.codec.models",
    "Transcoded": "brevox.codec.transcode",
    "encode_file": "brevox.codec.transcode",
    "decode_file": "brevox.codec.transcode",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: `brevox --help` must not wait for the runtime of the networks.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'brevox' has no attribute {name!r}")
