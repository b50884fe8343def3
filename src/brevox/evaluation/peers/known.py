"""All codecs that the bench knows, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from brevox.codec.models import known_models
from brevox.errors import SettingsError
from brevox.evaluation.peers.amr import AmrNarrow, AmrWide
from brevox.evaluation.peers.brevox import BrevoxPeer
from brevox.evaluation.peers.codec2 import Codec2
from brevox.evaluation.peers.music import Aac, Mp3
from brevox.evaluation.peers.neural import Dac, Encodec
from brevox.evaluation.peers.nolace import OpusNolace
from brevox.evaluation.peers.opus import Opus, OpusLibrary
from brevox.evaluation.peers.peer import Peer
from brevox.evaluation.peers.speex import Speex
from brevox.registry import meant

PEERS: dict[str, Callable[[], Peer]] = {
    "brevox": BrevoxPeer,
    "opus": Opus,
    "opus-nolace": OpusNolace,
    "opus-av": OpusLibrary,
    "codec2": Codec2,
    "speex": Speex,
    "amr-nb": AmrNarrow,
    "amr-wb": AmrWide,
    "mp3": Mp3,
    "aac": Aac,
    "encodec": Encodec,
    "dac": Dac,
}
#: What there is nothing to learn from by default: the other road to Opus.
_ON_REQUEST = ("opus-av",)


def make_peers(names: Sequence[str] | None = None) -> list[Peer]:
    """The codecs of these names.

    Args:
        names: of known codecs or models, or paths of `.bvx` files; all codecs but for doubles if none are given.

    Raises:
        SettingsError: there is none of that name, or two models have one name.
    """
    if names is None:
        names = [name for name in PEERS if name not in _ON_REQUEST]
    peers = [_make(name) for name in dict.fromkeys(names)]
    called = [peer.name for peer in peers]
    for name in called:
        if called.count(name) > 1:
            raise SettingsError(f"two codecs are called {name}; rename one of the model files")
    return peers


def _make(name: str) -> Peer:
    if name.endswith(".bvx") or (name not in PEERS and name in [path.stem for path in known_models()]):
        return BrevoxPeer(name)
    if name not in PEERS:
        raise SettingsError(
            f"there is no codec {name!r}{meant(name, PEERS)}; there are: {', '.join(PEERS)}, models and .bvx files"
        )
    return PEERS[name]()
