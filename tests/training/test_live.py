"""A causal codec: trained, exported with its state, and used while sound arrives."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from brevox.audio import AudioReader, AudioWriter
from brevox.audio.live import LiveReader
from brevox.cli.app import app
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import CHUNK_FRAMES, Codec, CodeChunk
from brevox.codec.sc2_reader import ScReader
from brevox.codec.transcode import decode_file, encode_file
from brevox.data.prepare import manifest_sources, prepare
from brevox.errors import AudioFileError, ModelFileError, SettingsError
from brevox.training.checkpoint import LAST
from brevox.training.export import export_model
from fake_pipe import Pipe
from voices import voice

HOP, RATE = 64, 24_000
SOUNDSTREAM = (
    "name=tiny-soundstream",
    f"model.sample_rate={RATE}",
    f"model.hop={HOP}",
    "model.pitch=false",
    "model.encoder={name: soundstream, strides: [8, 8], base_width: 4}",
    "model.decoder={name: soundstream, strides: [8, 8], base_width: 4, layers: {name: multires}}",
)


@pytest.fixture(scope="module")
def corpus_24k(recordings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared-24k") / "corpus"
    prepare(manifest_sources(recordings), folder, sample_rate=RATE, jobs=1)
    return folder


@pytest.fixture(scope="module")
def codec_file(tiny, train, corpus_24k, tmp_path_factory):
    folder = tmp_path_factory.mktemp("soundstream")
    train(tiny(*SOUNDSTREAM, f"data.corpus={corpus_24k}"), folder)
    model = export_model(folder / LAST, corpus_24k, name="tiny-soundstream", description={}, card="")
    write_model(folder / "soundstream.bvx", model)
    return folder / "soundstream.bvx"


@pytest.fixture(scope="module")
def codec(codec_file):
    return Codec(read_model(codec_file), threads=1)


def wav(audio, rate=RATE, kind="pcm_s16le", size=None):
    """A WAV as a recorder writes it into a pipe; `size` is what its header says of the length."""
    data = (np.round(audio * 32767)).astype("<i2").T.tobytes()
    if kind == "pcm_f32le":
        data = audio.astype("<f4").T.tobytes()
    code, width = (3, 4) if kind == "pcm_f32le" else (1, 2)
    channels = len(audio)
    form = struct.pack("<HHIIHH", code, channels, rate, rate * channels * width, channels * width, 8 * width)
    size = len(data) if size is None else size
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data


def test_a_corpus_of_another_rate_has_its_rate(codec):
    assert codec.sample_rate == RATE
    assert codec.streams and not codec.sends_pitch


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 40 * HOP), max_size=6))
def test_streaming_gives_the_codes_and_the_sound_of_the_whole(codec, cuts):
    audio = voice(1.5, 120)[: 100 * HOP - 5]
    whole = codec.encode(audio[None], books=codec.books)
    offline = np.concatenate([chunk.codes[0] for chunk in whole.chunks], axis=1)
    sound = np.concatenate(list(codec.decode_chunks([CodeChunk(0, 100, offline[None], ())], 1, 1.0)), axis=1)[0]
    with codec.streaming() as stream:
        pieces = np.split(np.float32(whole.gain) * audio, sorted(min(cut, len(audio)) for cut in cuts))
        codes = [stream.encode(piece) for piece in pieces]
        codes.append(stream.finish())
        heard = np.concatenate([stream.decode(piece) for piece in codes])
    np.testing.assert_array_equal(np.concatenate(codes, axis=1), offline)
    np.testing.assert_allclose(heard, sound, atol=1e-4)


def test_chunks_of_any_length_sound_alike(codec):
    """What live chunks decode to is what long ones decode to."""
    audio = voice(1.2, 130)
    codes = np.concatenate([chunk.codes for chunk in codec.encode(audio[None], books=2).chunks], axis=2)
    frames = codes.shape[2]
    sounds = []
    for size in (1, 7, CHUNK_FRAMES):
        chunks = [
            CodeChunk(first, min(size, frames - first), codes[:, :, first : first + size], ())
            for first in range(0, frames, size)
        ]
        sounds.append(np.concatenate(list(codec.decode_chunks(chunks, 1, 1.0)), axis=1))
    np.testing.assert_allclose(sounds[0], sounds[2], atol=1e-4)
    np.testing.assert_allclose(sounds[1], sounds[2], atol=1e-4)


@pytest.mark.parametrize("kind", ["pcm_s16le", "pcm_f32le"])
def test_live_from_a_pipe_and_back(codec, tmp_path, kind):
    audio = np.stack([voice(2, 140), voice(2, 140)])
    with (tmp_path / "live.sc").open("wb") as target:
        told = encode_file(Pipe(wav(audio, 44_100, kind)), target, codec=codec, live_s=0.05)
    assert told.duration_s == pytest.approx(audio.shape[1] / 44_100)
    decode_file(tmp_path / "live.sc", tmp_path / "live.wav", codec=codec)
    with AudioReader(tmp_path / "live.wav") as reader:
        assert reader.sample_rate == 44_100
        assert sum(block.shape[1] for block in reader.blocks(1000)) == audio.shape[1]


def test_a_chunk_is_written_before_the_next_one_is_read(codec):
    """The law of bounded latency: after the first second, what was read beyond the last chunk written is no chunk."""
    audio = voice(5, 150)[None]
    data, chunk_s = wav(audio), 0.1

    class Watched(Pipe):
        def readinto(self, buffer):
            read.append(sum(read[-1:]) + min(len(buffer), 480))
            written.append(target.tell())
            return super().readinto(memoryview(buffer)[:480])

    read, written, target = [0], [0], io.BytesIO()
    target.close = lambda: None
    encode_file(Watched(data), target, codec=codec, live_s=chunk_s)
    grown = np.flatnonzero(np.diff(written)) + 1
    after = grown[[read[at] > 2 * RATE * 1.2 for at in grown]]
    gaps = np.diff([read[at] for at in after]) / (2 * RATE)
    assert len(gaps) > 10
    assert gaps.max() <= chunk_s + 480 / (2 * RATE) + 1e-6 + HOP / RATE


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(0, 700), st.sampled_from([0, 0xFFFFFFFF, 0x7FFFFFFF]), st.integers(1, 300))
def test_the_reader_gives_every_sample_however_the_pipe_gives_bytes(channels, samples, size, block):
    audio = np.random.default_rng(samples).uniform(-1, 1, (channels, samples)).astype(np.float32)
    with LiveReader(Pipe(wav(audio, size=size))) as reader:
        assert (reader.sample_rate, reader.channels) == (RATE, channels)
        blocks = list(reader.blocks(block))
    heard = np.concatenate([np.zeros((channels, 0)), *blocks], axis=1)
    np.testing.assert_allclose(heard, np.round(audio * 32767) / 32768, atol=1e-7)


def test_what_follows_the_sound_is_not_heard():
    with LiveReader(Pipe(wav(np.zeros((1, 100))) + b"LIST\x04\0\0\0abcd")) as reader:
        assert sum(block.shape[1] for block in reader.blocks(64)) == 100


@pytest.mark.parametrize("data", [b"", b"RIFF", b"OggS" + bytes(40), wav(np.zeros((1, 10)))[:30]])
def test_what_is_no_wav_is_told(data):
    with pytest.raises(AudioFileError, match="WAV"):
        LiveReader(Pipe(data))


def test_only_pipes_and_models_that_can_are_live(codec, tmp_path):
    with AudioWriter(tmp_path / "a.wav", RATE, 1) as writer:
        writer.write(voice(1, 140)[None])
    with pytest.raises(SettingsError, match="pipe"):
        encode_file(tmp_path / "a.wav", tmp_path / "a.sc", codec=codec, live_s=0.1)
    with pytest.raises(SettingsError, match="looks ahead"):
        encode_file(Pipe(wav(np.zeros((1, 10)))), io.BytesIO(), live_s=0.1)
    for wrong in (0, 1e-4, 1e3):
        with pytest.raises(SettingsError, match="ms"):
            encode_file(Pipe(wav(np.zeros((1, 10)))), io.BytesIO(), codec=codec, live_s=wrong)
    with pytest.raises(SettingsError, match="version"):
        encode_file(Pipe(wav(np.zeros((1, 10)))), io.BytesIO(), codec=codec, live_s=0.1, version=1)


def test_a_model_that_lies_about_its_state_is_told(codec_file, tmp_path):
    model = read_model(codec_file)
    assert model.info["format"] == 2
    bare = {name: value for name, value in model.info.items() if not name.endswith("_state")}
    with pytest.raises(ModelFileError, match="inputs"):
        Codec(replace(model, info=bare))
    short = Codec(replace(model, info={**model.info, "encoder_state": 5}))
    with pytest.raises(ModelFileError):
        short.encode(voice(0.5, 120)[None])
    write_model(tmp_path / "a.bvx", replace(model, info={**model.info, "decoder_state": -1}))
    with pytest.raises(ModelFileError, match="decoder_state"):
        read_model(tmp_path / "a.bvx")


def test_live_on_the_command_line(codec_file, tmp_path):
    command = ["encode", "--live", "--chunk-ms", "50", "--model", str(codec_file), "-", "-o", str(tmp_path / "a.sc")]
    result = CliRunner().invoke(app, command, input=wav(voice(2, 140)[None]))
    assert result.exit_code == 0, result.output
    with (tmp_path / "a.sc").open("rb") as file:
        chunks = list(ScReader(file).chunks())
    assert {chunk.frames for chunk in chunks[:-1]} == {round(0.05 * RATE / HOP)}
    refused = CliRunner().invoke(app, ["encode", "--live", str(tmp_path / "a.sc")])
    assert isinstance(refused.exception, SettingsError) and "pipe" in str(refused.exception)


def test_a_recipe_and_a_corpus_of_two_rates_are_told(tiny, train, corpus_24k, corpus, tmp_path):
    with pytest.raises(SettingsError, match="--rate 24000"):
        train(tiny(*SOUNDSTREAM, f"data.corpus={corpus}"), tmp_path / "a")
    with pytest.raises(SettingsError, match="at 24000 Hz"):
        train(tiny(f"data.corpus={corpus_24k}"), tmp_path / "b")
