"""Speex: what free telephony used before Opus."""

from __future__ import annotations

from pathlib import Path

from brevox.evaluation.peers.media import packet_bytes
from brevox.evaluation.peers.peer import Peer, PeerError, nearest_of
from brevox.evaluation.peers.program import absent, run

#: Wideband, constant bit rate: quality by kbit/s, as the Speex manual has them.
_QUALITY = {3.95: 0, 5.75: 1, 7.75: 2, 9.8: 3, 12.8: 4, 16.8: 5, 20.6: 6, 23.8: 7, 27.8: 8}
_WAV_HEADER_BYTES = 44


class Speex(Peer):
    """speexenc and speexdec, wideband, constant bit rate: what --quality means is a table then.

    Of a file whose sound fits one Ogg page (5.1 s at 3.95 kbit/s, 4 s at 7.75) speexdec gives back what it should skip:
    that is 14 ms late, and 9 ms short at its end. Longer ones are in step.
    """

    name = "speex"
    title = "Speex (wideband)"
    source = "Valin, 'The Speex Codec Manual', version 1.2; speex.org"
    install = "apt-get install speex"
    suffix = ".spx"
    default_kbps = (3.95, 7.75)

    def missing(self) -> str | None:
        return absent(("speexenc", "speexdec"), self.install)

    def version(self) -> str:
        return run(["speexenc", "--version"]).splitlines()[0]

    def nearest(self, kbps: float) -> float:
        return nearest_of(tuple(_QUALITY), kbps)

    def encode(self, source: Path, stored: Path, kbps: float) -> None:
        run(["speexenc", "--wideband", "--quality", str(_QUALITY[kbps]), source, stored])

    def decode(self, stored: Path, target: Path) -> None:
        target.unlink(missing_ok=True)
        said = run(["speexdec", stored, target])
        if not target.is_file() or target.stat().st_size <= _WAV_HEADER_BYTES:  # of which it makes no error
            raise PeerError(f"speexdec found no sound in {stored.name}: {' '.join(said.split())}")

    def payload_bytes(self, stored: Path) -> float:
        return packet_bytes(stored)
