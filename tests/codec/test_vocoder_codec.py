"""Laws of the vocoder as a codec: its rate, its chunks, its pitch, and what becomes of damaged files."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import brevox
from brevox.audio import AudioReader, resample
from brevox.audio.mono import write_mono
from brevox.codec import block_codes
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import CHUNK_FRAMES, Codec
from brevox.codec.models import find_model, known_models, open_model
from brevox.codec.playback import Playback
from brevox.codec.sc2 import DamagedChunk
from brevox.codec.sc2_reader import ScReader
from brevox.codec.stream import CodedStream
from brevox.codec.tokens import to_codes, tokenise_file
from brevox.codec.transcode import decode_file, encode_file
from brevox.codec.vocoder_codec import VocoderCodec
from brevox.errors import BrevoxError, ModelFileError, SettingsError, WrongModelError
from brevox.vocoder.blocks import BLOCK_HOP
from brevox.vocoder.pitch import coarse_pitch, refine_pitch

NAME = "vocoder-1200"
RATE = 8000
CHUNK = CHUNK_FRAMES * BLOCK_HOP
BITS_A_SECOND = 1200


@pytest.fixture(scope="module")
def vocoder() -> Codec:
    return brevox.load(NAME, threads=1)


@pytest.fixture(scope="module")
def talk(speech) -> np.ndarray:
    """The clip of speech at 8 kHz, 25 s: a chunk and a part of one. Shape: [samples]."""
    return resample(speech, 16_000, RATE)[0]


@pytest.fixture(scope="module")
def coded(vocoder, talk):
    return vocoder.encode(talk)


@pytest.fixture(scope="module")
def stored(vocoder, clip) -> bytes:
    """The clip as a file."""
    file = io.BytesIO()
    encode_file(clip, file, codec=vocoder)
    return file.getvalue()


def payload_bits(vocoder: Codec, codes) -> list[float]:
    """Bits a second of each chunk's payload; of less than a block, as if it were one."""
    rates = []
    for chunk in codes.chunks:
        samples = min(chunk.frames * BLOCK_HOP, codes.num_samples - chunk.first_frame * BLOCK_HOP)
        if chunk.codes.size:
            rates.append(8 * len(vocoder.entropy.encode(chunk.codes)) * RATE / max(samples, BLOCK_HOP))
    return rates


def log_spectra(audio: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(audio, 512)[::256] * np.hanning(512)
    return 10 * np.log10(np.abs(np.fft.rfft(frames)) ** 2 + 1e-6)


class TestRate:
    def test_speech_uses_what_it_may(self, vocoder, coded):
        rates = payload_bits(vocoder, coded)
        assert max(rates) <= BITS_A_SECOND
        assert rates[0] > 0.97 * BITS_A_SECOND

    @pytest.mark.parametrize("kind", ["noise", "silence", "faint", "clicks", "square", "full scale", "one sample"])
    def test_no_sound_takes_more(self, vocoder, kind):
        generator = np.random.default_rng(3)
        samples = 1 if kind == "one sample" else 4 * RATE
        noise = generator.standard_normal(samples)
        sound = {
            "noise": 0.1 * noise,
            "silence": 0 * noise,
            "faint": 1e-7 * noise,
            "clicks": (generator.random(samples) < 1e-3) * 1.0,
            "square": 0.3 * np.sign(np.sin(np.cumsum(0.05 + 0.03 * np.cumsum(noise) / samples))),
            "full scale": np.clip(5 * noise, -1, 1),
            "one sample": noise,
        }[kind].astype(np.float32)
        codes = vocoder.encode(sound)
        rates = payload_bits(vocoder, codes)
        assert max(rates, default=0) <= BITS_A_SECOND
        assert (not rates) == (kind == "silence")
        decoded = vocoder.decode(codes)
        assert decoded.shape == (1, samples) and np.isfinite(decoded).all()
        assert (kind != "silence") or not decoded.any()

    def test_each_channel_has_its_own(self, vocoder, talk):
        stereo = np.stack([talk[: 2 * RATE], 0 * talk[: 2 * RATE]])
        codes = vocoder.encode(stereo)
        assert max(payload_bits(vocoder, codes)) <= 2 * BITS_A_SECOND
        decoded = vocoder.decode(codes)
        assert decoded[0].any() and not decoded[1].any()

    def test_a_file_keeps_to_less_where_less_is_asked_for(self, vocoder, talk, tmp_path):
        write_mono(tmp_path / "talk.wav", talk[: 10 * RATE], RATE)
        for kbps in (1.2, 0.8):
            file = io.BytesIO()
            result = encode_file(tmp_path / "talk.wav", file, kbps, codec=vocoder)
            assert 0.9 * kbps < result.kbps <= kbps

    def test_what_cannot_be_had_is_told(self, vocoder):
        for kbps in (0.1, 0.5, 0.59):
            with pytest.raises(SettingsError, match=r"made for 1\.2 kbit/s and needs at least 0\.6"):
                vocoder.encode(np.zeros(100, np.float32), kbps)
        with pytest.raises(SettingsError, match="books"):
            vocoder.encode(np.zeros(100, np.float32), books=vocoder.books + 1)
        with pytest.raises(SettingsError, match="looks ahead"):
            vocoder.stream()


class TestChunks:
    def test_blocks_and_wholes_have_the_same_codes(self, vocoder, talk, coded):
        generator = np.random.default_rng(0)
        cuts = np.sort(generator.integers(0, len(talk), 40))
        blocks = np.split(talk[None], cuts, axis=1)
        chunks = list(vocoder.encode_blocks(blocks, 1, coded.gain))
        assert len(chunks) == len(coded.chunks) == 2
        for chunk, whole in zip(chunks, coded.chunks, strict=True):
            assert (chunk.first_frame, chunk.frames, chunk.levels) == (whole.first_frame, whole.frames, whole.levels)
            assert np.array_equal(chunk.codes, whole.codes)

    def test_every_way_to_decode_gives_the_same(self, vocoder, coded, stored, tmp_path):
        whole = vocoder.decode(coded)[0]
        apart = np.concatenate(list(vocoder.decode_chunks(iter(coded.chunks), 1, coded.gain)), axis=1)[0]
        assert np.array_equal(apart[: len(whole)], whole)
        path = tmp_path / "talk.sc"
        path.write_bytes(stored)
        with Playback(path, vocoder) as playback:
            played = np.concatenate(list(playback.blocks()), axis=1)[0]
        decode_file(path, tmp_path / "talk.wav", codec=vocoder, sample_rate=RATE)
        with AudioReader(tmp_path / "talk.wav") as reader:
            from_file = np.concatenate(list(reader.blocks(1 << 16)), axis=1)[0]
        n = min(len(played), len(from_file))
        assert n > 24 * RATE and np.abs(played[:n] - from_file[:n]).max() < 2**-15

    def test_nothing_is_heard_of_where_chunks_meet(self, vocoder, coded):
        """The second chunk's decoder goes on with the wave itself: a step would be a click."""
        whole = vocoder.decode(coded)[0]
        jumps = np.abs(np.diff(whole, 2))
        around = jumps[CHUNK - 3 : CHUNK + 3].max()
        assert around <= np.quantile(jumps[CHUNK - RATE // 2 : CHUNK + RATE // 2], 0.999)
        # Cut elsewhere, the same codes sound the same: what a chunk does not know is only its neighbour's prediction.
        alone = next(iter(vocoder.decode_chunks(coded.chunks[:1], 1, coded.gain)))[0]
        assert np.allclose(alone[: CHUNK - 160], whole[: CHUNK - 160], atol=1e-6)

    def test_silence_between_sounds(self, vocoder, talk):
        audio = np.concatenate([talk[:RATE], np.zeros(2 * CHUNK - RATE, np.float32), talk[:RATE]])
        codes = vocoder.encode(audio)
        assert [chunk.codes.shape[1] > 0 for chunk in codes.chunks] == [True, False, True]
        decoded = vocoder.decode(codes)[0]
        assert decoded[:RATE].any() and not decoded[CHUNK : 2 * CHUNK].any() and decoded[2 * CHUNK :].any()


class TestSound:
    def test_speech_is_like_itself(self, vocoder, talk, coded):
        """Pausing, spectrum and level are those of the original, and not those of other speech."""
        decoded = vocoder.decode(coded)[0]
        assert len(decoded) == len(talk)
        original, ours = log_spectra(talk), log_spectra(decoded)
        other = np.roll(original, 100, axis=0)
        assert np.corrcoef(original.ravel(), ours.ravel())[0, 1] > 0.75
        assert np.corrcoef(other.ravel(), ours.ravel())[0, 1] < 0.6
        loudness = 20 * np.log10(np.std(decoded) / np.std(talk))
        assert abs(loudness) < 2

    @pytest.mark.parametrize("hz", [70.0, 113.0, 205.0, 330.0])
    def test_the_pitch_of_harmonics_comes_back(self, vocoder, hz):
        """To half a step of the quantiser and what a refined tracker may err."""
        time = np.arange(2 * RATE) / RATE
        voice = sum(np.cos(2 * np.pi * m * hz * time + m * m) / (1 + m * hz / 700) for m in range(1, int(3700 / hz)))
        codes = vocoder.encode((0.1 * voice).astype(np.float32))
        decoded = vocoder.decode(codes)[0]
        frames = len(decoded) // 80
        heard = refine_pitch(decoded, coarse_pitch(decoded, frames))[20:-20]
        step = 1 / block_codes.PITCH_STEPS
        assert np.quantile(np.abs(np.log2(heard / hz)), 0.9) <= 0.55 * step

    def test_level_follows(self, vocoder, talk):
        for gain in (0.01, 1.0):
            decoded = vocoder.decode(vocoder.encode(gain * talk[: 4 * RATE]))[0]
            assert abs(20 * np.log10(np.std(decoded) / (gain * np.std(talk[: 4 * RATE])))) < 2.5


class TestFiles:
    def test_codes_come_back_from_the_file(self, vocoder, clip, stored):
        codes = list(CodedStream(io.BytesIO(stored)).chunks())
        with ScReaderOf(stored) as chunks:
            payload = sum(len(chunk.payload) for chunk in chunks)
        seconds = sum(chunk.frames for chunk in codes) / vocoder.frame_rate_hz
        assert 8 * payload <= BITS_A_SECOND * seconds
        again = [vocoder.entropy.encode(chunk.codes) for chunk in codes]
        assert sum(map(len, again)) == payload
        tokens = tokenise_file(clip, vocoder)
        assert np.array_equal(tokens.codes, np.concatenate([chunk.codes[0] for chunk in codes], axis=1))
        sound = vocoder.decode(to_codes(tokens, vocoder))
        assert sound.shape[1] == tokens.samples

    def test_it_is_found_by_what_the_file_says(self, stored, tmp_path, monkeypatch):
        decode_file(io.BytesIO(stored), tmp_path / "talk.wav")
        assert NAME in [path.stem for path in known_models()]
        monkeypatch.setattr("brevox.codec.models.known_models", lambda: [])
        with pytest.raises(WrongModelError, match=NAME):
            decode_file(io.BytesIO(stored), tmp_path / "again.wav")

    def test_version_1_holds_it_too(self, vocoder, clip, tmp_path):
        file = io.BytesIO()
        encode_file(clip, file, codec=vocoder, version=1)
        file.seek(0)
        assert decode_file(file, tmp_path / "talk.wav").duration_s == pytest.approx(25, abs=0.5)

    def test_damage_ends_in_an_error_or_in_what_is_left(self, vocoder, talk, tmp_path):
        chance = random.Random(7)
        ends = {"refused": 0, "flagged": 0, "played": 0}
        write_mono(tmp_path / "short.wav", talk[:RATE], RATE)
        short = io.BytesIO()
        encode_file(tmp_path / "short.wav", short, codec=vocoder)
        for _ in range(200):
            damaged = bytearray(short.getvalue())
            if chance.random() < 0.3:
                damaged = damaged[: chance.randrange(len(damaged))]
            for _ in range(chance.choice([0, 1, 1, 3, 30])):
                if damaged:
                    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            try:
                stream = CodedStream(io.BytesIO(bytes(damaged)), vocoder)
                blocks = list(vocoder.decode_chunks(stream.chunks(), stream.header.channels, stream.header.gain))
            except BrevoxError:
                ends["refused"] += 1
                continue
            assert all(np.isfinite(block).all() for block in blocks)
            ends["flagged" if stream.damage else "played"] += 1
        assert min(ends.values()) > 0

    def test_any_codes_can_be_heard(self, vocoder):
        """What a payload says may be nonsense, but it is sound."""
        generator = np.random.default_rng(1)
        for columns in range(1, vocoder.books + 1):
            codes = vocoder.entropy.decode(generator.bytes(400), columns, 40, 1)
            chunk = brevox.codec.codec.CodeChunk(0, 40, codes, (20_000,))
            (sound,) = vocoder.decode_chunks([chunk], 1, 1.0)
            assert sound.shape == (1, 40 * BLOCK_HOP) and np.isfinite(sound).all()

    def test_codes_that_the_model_does_not_have_are_errors(self, vocoder, coded):
        codes = coded.chunks[0].codes.copy()
        codes[0, 0, 3] = block_codes.PITCHES
        with pytest.raises(ValueError):
            vocoder.entropy.encode(codes)
        with pytest.raises(WrongModelError):
            vocoder.decode(replace(coded, model_id=bytes(16)))


class TestModelFile:
    def test_it_is_small_and_comes_back(self, tmp_path):
        path = next(path for path in known_models() if path.stem == NAME)
        assert path.stat().st_size < 2_000_000
        model = read_model(path)
        write_model(tmp_path / "again.bvx", model)
        assert (tmp_path / "again.bvx").read_bytes() == path.read_bytes()

    def test_parts_that_do_not_fit(self):
        model = find_model(NAME)
        assert isinstance(open_model(model), VocoderCodec)
        for name in model.vocoder:
            for changed in ({}, {name: model.vocoder[name][:-1]}, {name: model.vocoder[name] * np.float16(np.nan)}):
                arrays = {key: value for key, value in model.vocoder.items() if key != name} | changed
                with pytest.raises(ModelFileError):
                    open_model(replace(model, vocoder=arrays))
        for info in ({"hop": 160}, {"sample_rate": 16_000}, {"most_bits_a_second": "1200"}, {"most_bits_a_second": 0}):
            with pytest.raises(ModelFileError):
                open_model(replace(model, info={**model.info, **info}))
        with pytest.raises(ModelFileError):
            open_model(replace(model, codebooks=model.codebooks[:-1]))

    def test_from_the_command_line_without_torch(self, clip, tmp_path):
        write_mono(tmp_path / "talk.wav", 0.1 * np.sin(np.arange(16_000) / 9).astype(np.float32), 16_000)
        program = (
            "import sys\nfrom brevox.cli import main\n"
            "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
            "assert 'torch' not in sys.modules"
        )
        for words in (
            ["encode", "talk.wav", "--model", NAME],
            ["info", "talk.sc"],
            ["decode", "talk.sc", "-o", "a.wav"],
        ):
            done = subprocess.run(
                [sys.executable, "-c", program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, done.stderr
        with AudioReader(tmp_path / "a.wav") as reader:
            assert reader.sample_rate == 16_000


class ScReaderOf:
    """Whole chunks of a file in memory, for a `with`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __enter__(self):
        return [chunk for chunk in ScReader(io.BytesIO(self.data)).chunks() if not isinstance(chunk, DamagedChunk)]

    def __exit__(self, *_) -> None:
        pass
