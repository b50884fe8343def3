"""Laws that every codec of the bench keeps, on real speech, with the real programs."""

from __future__ import annotations

from functools import cache

import av
import numpy as np
import pytest

from brevox.errors import SettingsError
from brevox.evaluation.alignment import align
from brevox.evaluation.peers.known import PEERS, make_peers
from brevox.evaluation.peers.neural import Dac, Encodec
from brevox.evaluation.peers.peer import Peer, PeerError
from brevox.evaluation.signals import RATE_HZ, read_mono, write_mono

SECONDS = 5
#: How late what they decode may be, in ms: of those whose files tell of no delay, what the codec has.
DELAY_MS = {"codec2": 45, "speex": 20}


def usable(peer: Peer) -> Peer:
    reason = peer.missing()
    if reason is not None:
        pytest.skip(f"{peer.name}: {reason}")
    _prepare(peer)
    return peer


@cache
def _prepare(peer: Peer) -> None:
    peer.prepare(1)


ALL = {peer.name: peer for peer in make_peers(list(PEERS)) if not isinstance(peer, Encodec | Dac)}
each = pytest.mark.parametrize("peer", ALL.values(), ids=ALL)


@pytest.fixture(scope="module")
def spoken(said) -> np.ndarray:
    return said[: SECONDS * RATE_HZ]


@pytest.fixture(scope="module")
def source(tmp_path_factory, spoken):
    path = tmp_path_factory.mktemp("a name with spaces") / "a clip.wav"
    write_mono(path, spoken)
    return path


@pytest.fixture(scope="module")
def coded(source):
    """File, decoded samples, by codec and rate; each made once."""

    @cache
    def make(peer: Peer, kbps: float):
        stored = source.with_name(f"{peer.name} {kbps:g}{peer.suffix}")
        target = stored.with_name(f"{stored.stem} out.wav")
        peer.encode(source, stored, kbps)
        peer.decode(stored, target)
        return stored, read_mono(target)

    return make


def envelope(audio: np.ndarray) -> np.ndarray:
    """Level of frames of 20 ms in dB, above a floor."""
    frames = audio[: len(audio) // 320 * 320].reshape(-1, 320)
    return 10 * np.log10((frames**2).mean(axis=1) + 1e-6)


@each
def test_speech_comes_back(peer, coded, spoken):
    peer = usable(peer)
    for kbps in peer.default_kbps:
        _, decoded = coded(peer, kbps)
        assert abs(len(decoded) - len(spoken)) < 0.05 * RATE_HZ
        reference, aligned, delay = align(spoken, decoded)
        assert abs(delay) * 1000 / RATE_HZ <= DELAY_MS.get(peer.name, 2)
        assert np.corrcoef(envelope(reference), envelope(aligned))[0, 1] > 0.85


@each
def test_files_are_as_large_as_their_rate(peer, coded):
    peer = usable(peer)
    sizes = []
    for kbps in peer.default_kbps:
        stored, _ = coded(peer, kbps)
        payload = peer.payload_bytes(stored)
        assert 0 < payload <= stored.stat().st_size
        # Variable bit rates and five seconds of speech: what is asked for is met roughly, what is more is more.
        assert 0.6 < payload * 8 / 1000 / SECONDS / kbps < 1.35
        sizes.append(stored.stat().st_size)
    assert sizes == sorted(set(sizes))


@each
def test_the_same_recording_makes_the_same_file(peer, coded, source, tmp_path):
    peer = usable(peer)
    stored, _ = coded(peer, peer.default_kbps[0])
    again = tmp_path / stored.name
    peer.encode(source, again, peer.default_kbps[0])
    if peer.name == "speex":  # its Ogg pages have a random number each time
        assert peer.payload_bytes(again) == peer.payload_bytes(stored)
    else:
        assert again.read_bytes() == stored.read_bytes()


@each
def test_what_is_no_file_of_its_own_is_told(peer, tmp_path):
    peer = usable(peer)
    for content in (b"", b"nothing of the kind " * 20):
        broken = tmp_path / f"broken{peer.suffix}"
        broken.write_bytes(content)
        if peer.name == "codec2" and content:
            continue  # any bytes are Codec 2 frames
        with pytest.raises(PeerError):
            peer.decode(broken, tmp_path / "out.wav")


@each
def test_the_nearest_rate_is_one_that_it_has(peer):
    for kbps in (0.1, 0.7, 1.9, 3.3, 7, 13, 64, 500):
        nearest = peer.nearest(kbps)
        assert peer.nearest(nearest) == nearest
    assert [peer.nearest(kbps) for kbps in peer.default_kbps] == list(peer.default_kbps)


@pytest.mark.parametrize(("name", "container"), [("opus", "ogg"), ("speex", "ogg"), ("amr-wb", "amr"), ("mp3", "mp3")])
def test_files_are_what_they_claim(name, container, coded):
    peer = usable(ALL[name])
    with av.open(str(coded(peer, peer.default_kbps[0])[0])) as file:
        assert container in file.format.name


def test_amr_wideband_frames_are_as_long_as_the_standard_says(coded):
    """3GPP TS 26.201, table 2: 132 and 253 bits of speech in modes 0 and 2; RFC 4867: one byte before each frame."""
    peer = usable(ALL["amr-wb"])
    for kbps, bits in ((6.6, 132), (12.65, 253)):
        data = coded(peer, kbps)[0].read_bytes()
        frame = 1 + -(-bits // 8)
        assert (len(data) - len(b"#!AMR-WB\n")) % frame == 0
        assert data[9::frame] == data[9:10] * (len(data) // frame)


def test_codec2_files_hold_the_bits_of_their_frames(coded):
    """A frame is 20 ms in mode 3200, 40 ms in 700C."""
    peer = usable(ALL["codec2"])
    for kbps, frame_s in ((3.2, 0.02), (0.7, 0.04)):
        assert peer.payload_bytes(coded(peer, kbps)[0]) * 8 == round(kbps * 1000 * SECONDS / frame_s) * frame_s


def test_nolace_changes_what_is_heard_of_a_file_and_for_the_better(coded, spoken):
    from pesq import pesq

    plain, enhanced = usable(ALL["opus"]), usable(ALL["opus-nolace"])
    heard = {peer.name: align(spoken, coded(peer, 9)[1])[1] for peer in (plain, enhanced)}
    assert coded(plain, 9)[0].read_bytes() == coded(enhanced, 9)[0].read_bytes()
    scores = {name: pesq(RATE_HZ, spoken, audio, "wb") for name, audio in heard.items()}
    assert scores["opus-nolace"] > scores["opus"] + 0.05


class TestNeural:
    """Untrained: their shapes, rates and files are those of the papers, their sound is noise."""

    @pytest.mark.parametrize(
        ("peer", "parameters_m", "bits_a_second"),
        [(Encodec(True), 14.85, 750), (Dac(True), 74.14, 500)],
        ids=["encodec", "dac"],
    )
    def test_rates_and_sizes_are_the_published_ones(self, peer, parameters_m, bits_a_second, said, tmp_path):
        peer = usable(peer)
        assert sum(p.numel() for p in peer._model.parameters()) / 1e6 == pytest.approx(parameters_m, abs=0.01)
        write_mono(tmp_path / "in.wav", said[:RATE_HZ])
        for kbps in peer.default_kbps[:2]:
            stored = tmp_path / f"{kbps}.codes"
            peer.encode(tmp_path / "in.wav", stored, kbps)
            assert kbps * 1000 % bits_a_second == 0
            assert peer.payload_bytes(stored) == -(-kbps * 1000 // 8)
            peer.decode(stored, tmp_path / "out.wav")
            assert abs(len(read_mono(tmp_path / "out.wav")) - RATE_HZ) < 200

    def test_a_file_cut_short_is_told(self, tmp_path):
        peer = usable(Encodec(True))
        for content in (b"", b"\x10" * 8, b"\xff" * 20):
            (tmp_path / "a.codes").write_bytes(content)
            with pytest.raises(PeerError, match="cut short"):
                peer.decode(tmp_path / "a.codes", tmp_path / "out.wav")

    def test_without_weights_there_is_a_reason_and_a_way(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        monkeypatch.delenv("BREVOX_DAC", raising=False)
        assert "BREVOX_DAC" in (Dac().missing() or "")


class TestByName:
    def test_all_are_known_and_a_model_file_is_one(self, tiny_path):
        assert [peer.name for peer in make_peers(["opus", str(tiny_path), "codec2"])] == ["opus", "tiny", "codec2"]
        assert [peer.name for peer in make_peers(list(PEERS))] == list(PEERS)

    def test_what_is_not_known_is_told(self):
        with pytest.raises(SettingsError, match="did you mean 'codec2'"):
            make_peers(["codec3"])

    def test_two_models_of_one_name_are_told(self, tmp_path):
        with pytest.raises(SettingsError, match="two codecs are called m"):
            make_peers([str(tmp_path / "a" / "m.bvx"), str(tmp_path / "b" / "m.bvx")])

    def test_a_program_that_is_not_there_is_missing(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert ALL["opus"].missing() == "not installed: apt-get install opus-tools (there is no opusenc)"
