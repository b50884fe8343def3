"""Laws that every codec of the bench keeps, on real speech, with the real programs."""

from __future__ import annotations

import struct
from functools import cache

import av
import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from brevox.errors import SettingsError
from brevox.evaluation.alignment import align
from brevox.evaluation.peers.known import PEERS, make_peers
from brevox.evaluation.peers.media import packets_of, read_pcm
from brevox.evaluation.peers.neural import Dac, Encodec
from brevox.evaluation.peers.peer import Peer, PeerError
from brevox.evaluation.signals import RATE_HZ, read_mono, write_mono

SECONDS = 5
#: How late what they decode may be, in ms. Codec 2's files tell of no delay; Speex's do, but see there.
DELAY_MS = {"codec2": 30, "speex": 20}


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


@pytest.mark.parametrize("name", ["opus", "opus-nolace", "opus-av", "speex", "amr-nb", "amr-wb", "mp3", "aac"])
def test_codecs_of_waveforms_are_in_step_with_the_original(name, coded, spoken):
    """To 2 samples. Above 300 Hz: high-pass filters, which they have, move what is below."""
    peer = usable(ALL[name])
    band = butter(4, [300, 3400], "bandpass", fs=RATE_HZ, output="sos")
    reference = sosfiltfilt(band, spoken)
    decoded = sosfiltfilt(band, coded(peer, peer.default_kbps[-1])[1])
    size = len(reference) + len(decoded)
    agreement = np.fft.irfft(np.conj(np.fft.rfft(reference, size)) * np.fft.rfft(decoded, size), size)
    assert abs((agreement.argmax() + size // 2) % size - size // 2) <= 2


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


def test_what_amr_needs_is_what_its_mode_says(coded):
    """Whatever a file adds to each of its frames of 20 ms."""
    for name in ("amr-nb", "amr-wb"):
        peer = usable(ALL[name])
        for kbps in peer.default_kbps:
            stored, _ = coded(peer, kbps)
            assert peer.payload_bytes(stored) * 8 == pytest.approx(kbps * 20 * len(packets_of(stored)))


def test_codecs_get_the_samples_of_the_recording(tmp_path):
    """To the last bit, however loud."""
    loud = np.arange(-32768, 32768, 7, dtype=np.int16)
    write_mono(tmp_path / "loud.wav", loud.astype(np.float32) / 32768)
    assert np.array_equal(read_pcm(tmp_path / "loud.wav", RATE_HZ), loud)


def test_opus_makes_no_less_than_its_least(source, tmp_path):
    for name in ("opus", "opus-av"):
        peer = usable(ALL[name])
        packets = []
        for kbps in (1, peer.nearest(1), 5, 6):
            peer.encode(source, tmp_path / "a.opus", kbps)
            packets.append(packets_of(tmp_path / "a.opus"))
        assert packets[0] == packets[1]
        assert sum(map(len, packets[1])) < sum(map(len, packets[2])) < sum(map(len, packets[3]))


def test_codec2_files_hold_the_bits_of_their_frames(coded):
    """A frame is 20 ms in mode 3200, 40 ms in 700C."""
    peer = usable(ALL["codec2"])
    for kbps, frame_s in ((3.2, 0.02), (0.7, 0.04)):
        assert peer.payload_bytes(coded(peer, kbps)[0]) * 8 == round(kbps * 1000 * SECONDS / frame_s) * frame_s


def test_nolace_changes_what_is_heard_of_a_file_and_for_the_better(coded, spoken):
    from pesq import pesq

    plain, enhanced = usable(ALL["opus"]), usable(ALL["opus-nolace"])
    for kbps in enhanced.default_kbps:  # at each: where Opus codes no wideband, the network does nothing
        assert coded(plain, kbps)[0].read_bytes() == coded(enhanced, kbps)[0].read_bytes()
        before, after = (align(spoken, coded(peer, kbps)[1])[1] for peer in (plain, enhanced))
        assert ((after - before) ** 2).mean() > 0.01 * (before**2).mean()
        assert pesq(RATE_HZ, spoken, after, "wb") > pesq(RATE_HZ, spoken, before, "wb") + 0.05
    assert enhanced.nearest(6) == enhanced.default_kbps[0]


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
        for content in (b"", b"\x10" * 8, struct.pack("<IIB", 320, 1, 2) + b"\1" * 2):
            (tmp_path / "a.codes").write_bytes(content)
            with pytest.raises(PeerError, match="cut short"):
                peer.decode(tmp_path / "a.codes", tmp_path / "out.wav")

    @pytest.mark.parametrize(
        ("samples", "frames", "books"), [(0, 0, 0), (100, 5, 0), (100, 5, 40), (100, 0, 2), (16_000, 1, 2), (0, 1, 2)]
    )
    def test_a_file_that_cannot_be_is_told(self, samples, frames, books, tmp_path):
        (tmp_path / "a.codes").write_bytes(struct.pack("<IIB", samples, frames, books) + bytes(1000))
        with pytest.raises(PeerError, match="damaged"):
            Encodec(True).decode(tmp_path / "a.codes", tmp_path / "out.wav")

    def test_weights_in_a_folder_are_used(self, said, monkeypatch, tmp_path):
        drawn = usable(Encodec(True))
        drawn._model.save_pretrained(tmp_path / "weights")
        monkeypatch.setenv("BREVOX_ENCODEC", str(tmp_path / "weights"))
        peer = Encodec()
        assert peer.missing() is None
        assert str(tmp_path / "weights") in peer.version()
        peer.prepare(1)
        write_mono(tmp_path / "in.wav", said[:RATE_HZ])
        for coder, name in ((drawn, "a.codes"), (peer, "b.codes")):
            coder.encode(tmp_path / "in.wav", tmp_path / name, 3)
        assert (tmp_path / "a.codes").read_bytes() == (tmp_path / "b.codes").read_bytes()

    def test_a_folder_without_a_model_is_told(self, monkeypatch, tmp_path):
        monkeypatch.setenv("BREVOX_ENCODEC", str(tmp_path))
        assert "config.json" in (Encodec().missing() or "")
        (tmp_path / "config.json").write_text("{}", encoding="utf-8")
        with pytest.raises(PeerError, match="cannot be loaded"):
            Encodec().prepare(1)

    def test_without_weights_there_is_a_reason_and_a_way(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        monkeypatch.delenv("BREVOX_DAC", raising=False)
        monkeypatch.delenv("HF_HUB_CACHE", raising=False)
        assert "BREVOX_DAC" in (Dac().missing() or "")
        snapshot = tmp_path / "hub" / "models--descript--dac_16khz" / "snapshots" / "1"
        snapshot.mkdir(parents=True)
        assert Dac().missing() is not None  # a download that was broken off
        (snapshot / "config.json").touch()
        assert Dac().missing() is None


class TestByName:
    def test_all_are_known_and_a_model_file_is_one(self, tiny_path):
        assert [peer.name for peer in make_peers(["opus", str(tiny_path), "codec2"])] == ["opus", "tiny", "codec2"]
        assert [peer.name for peer in make_peers(list(PEERS))] == list(PEERS)

    def test_a_known_model_is_one_by_its_name(self):
        """And brings the rate that it is made for."""
        (peer,) = make_peers(["vocoder-1200"])
        assert (peer.name, peer.default_kbps, peer.nearest(3)) == ("vocoder-1200", (1.2,), 1.2)

    def test_what_is_not_known_is_told(self):
        with pytest.raises(SettingsError, match="did you mean 'codec2'"):
            make_peers(["codec3"])

    def test_two_models_of_one_name_are_told(self, tmp_path):
        with pytest.raises(SettingsError, match="two codecs are called m"):
            make_peers([str(tmp_path / "a" / "m.bvx"), str(tmp_path / "b" / "m.bvx")])

    def test_a_codec_that_this_pyav_lacks_is_missing(self, monkeypatch):
        monkeypatch.setattr(av, "codecs_available", set())
        for name in ("opus-av", "amr-nb", "mp3", "aac"):
            assert "this PyAV has no" in (ALL[name].missing() or "")

    def test_a_program_that_is_not_there_is_missing(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert ALL["opus"].missing() == "not installed: apt-get install opus-tools (there is no opusenc)"
