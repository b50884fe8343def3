"""Opus files, decoded with the network NoLACE, which mends what low bit rates do to speech."""

from __future__ import annotations

import json
import os
from importlib.resources import as_file, files
from pathlib import Path

import av
import numpy as np

from brevox.evaluation.peers.opus import Opus
from brevox.evaluation.peers.peer import PeerError
from brevox.evaluation.peers.program import absent, run
from brevox.evaluation.signals import write_mono

#: Names a folder with `node_modules` in it; the current folder by default.
FOLDER_VARIABLE = "BREVOX_OPUS_ML"
_PACKAGE = Path("node_modules/@wasm-audio-decoders/opus-ml")
_OPUS_HZ = 48_000
#: Below, opusenc leaves out what is above 4 kHz, and the network, which is made for wideband, does nothing.
_LEAST_KBPS = 9.0


class OpusNolace(Opus):
    """The files of `opus`, heard through libopus 1.5's decoder with NoLACE, compiled for Node."""

    name = "opus-nolace"
    title = "Opus + NoLACE"
    source = "Buethe et al., ICASSP 2024; npm package @wasm-audio-decoders/opus-ml"
    default_kbps: tuple[float, ...] = (9, 12)
    install = "npm install @wasm-audio-decoders/opus-ml@0.0.3"

    def missing(self) -> str | None:
        reason = super().missing() or absent(["node"], "apt-get install nodejs npm")
        if reason is None and not (_folder() / _PACKAGE / "package.json").is_file():
            reason = f"not installed: {self.install} in this folder, or name the folder with {FOLDER_VARIABLE}"
        return reason

    def version(self) -> str:
        package = json.loads((_folder() / _PACKAGE / "package.json").read_text(encoding="utf-8"))
        return f"{super().version()}; opus-ml {package['version']}, Node {run(['node', '--version']).strip()}"

    def nearest(self, kbps: float) -> float:
        return max(super().nearest(kbps), _LEAST_KBPS)

    def decode(self, stored: Path, target: Path) -> None:
        packets, decoded = stored.with_suffix(".packets"), stored.with_suffix(".f32")
        try:
            skip, samples = _unpack(stored, packets)
            with as_file(files("brevox.evaluation.peers") / "nolace.mjs") as program:
                run(["node", program, _folder().absolute(), packets.absolute(), decoded.absolute()])
            audio = np.frombuffer(decoded.read_bytes(), "<f4")
            write_mono(target, audio[skip : skip + samples], _OPUS_HZ)
        finally:
            packets.unlink(missing_ok=True)
            decoded.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE, "."))


def _unpack(stored: Path, packets: Path) -> tuple[int, int]:
    """Write the file's packets, and give what to skip before the sound, and how long it is, in samples at 48 kHz."""
    try:
        with av.open(str(stored)) as container:
            stream = container.streams.audio[0]
            # RFC 7845, section 5.1: 'OpusHead', version, channels, then the pre-skip.
            skip = int.from_bytes((stream.codec_context.extradata or b"")[10:12], "little")
            data = bytearray()
            for packet in container.demux(stream):
                if packet.size:
                    data += packet.size.to_bytes(2, "little") + bytes(packet)
        with av.open(str(stored)) as container:  # the end is trimmed by what the last page says
            samples = sum(frame.samples for frame in container.decode(audio=0))
    except (av.FFmpegError, IndexError) as error:
        raise PeerError(f"{stored.name} is no Opus file: {error}") from error
    packets.write_bytes(data)
    return skip, samples
