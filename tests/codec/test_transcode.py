"""Files as users have them, to `.sc` and back: formats, pipes, tags, damage, and what cannot be coded."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import brevox
from brevox.audio import AudioReader, AudioWriter, Chapter, resample
from brevox.codec.bvx import write_model
from brevox.codec.codec import CHUNK_FRAMES, Codec
from brevox.codec.sc2 import Chunk
from brevox.codec.sc2_reader import ScReader
from brevox.codec.sc2_writer import ScWriter
from brevox.codec.stream import CodedStream
from brevox.codec.transcode import decode_file, encode_file
from brevox.errors import AudioFileError, OutputError, SettingsError, StreamError, WrongModelError
from fake_pipe import Pipe
from tiny_model import tiny_model

RATE = 16_000
CHUNK = CHUNK_FRAMES * 320
RATES = (8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)


def write(target, audio, rate=RATE, **settings):
    with AudioWriter(target, rate, audio.shape[0], **settings) as writer:
        writer.write(audio)
    return target


def read(source) -> tuple[np.ndarray, AudioReader]:
    with AudioReader(source) as reader:
        pieces = [np.zeros((reader.channels, 0), np.float32), *reader.blocks(1 << 16)]
        return np.concatenate(pieces, axis=1), reader


def wav_bytes(audio, rate=RATE) -> bytes:
    return write(io.BytesIO(), audio, rate, format="wav").getvalue()


def encoded(source, **options) -> bytes:
    target = io.BytesIO()
    encode_file(source, target, **options)
    return target.getvalue()


def decoded(stream: bytes, **options) -> np.ndarray:
    target = io.BytesIO()
    decode_file(io.BytesIO(stream), target, **options)
    target.seek(0)
    return read(target)[0]


def level_db(audio) -> np.ndarray:
    return 10 * np.log10(np.mean(np.square(audio, dtype=np.float64), axis=1))


def run_brevox(*arguments, stdin=b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "brevox", *map(str, arguments)], input=stdin, capture_output=True)


@pytest.fixture(scope="module")
def three_chunks(tiny, speech) -> bytes:
    """25 s of speech as a `.sc` file of the tiny model."""
    return encoded(io.BytesIO(wav_bytes(speech)), codec=tiny)


# ---- lengths, rates, channels


@settings(max_examples=40)
@given(
    st.integers(0, 500) | st.integers(0, 500_000),
    st.sampled_from(RATES),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from(RATES),
)
def test_any_recording_comes_back_with_its_length(tiny, speech, samples, rate, channels, stereo, out_rate):
    audio = np.resize(speech, (channels, samples))
    stream = encoded(io.BytesIO(wav_bytes(audio, rate)), codec=tiny, stereo=stereo)
    sound = decoded(stream, codec=tiny)
    assert sound.shape == (channels if stereo else 1, samples)
    other = decoded(stream, codec=tiny, sample_rate=out_rate)
    assert abs(other.shape[1] - samples * out_rate / rate) <= 0.5


@pytest.mark.parametrize("rate", RATES)
def test_level_of_speech_comes_back_at_any_rate(codec, speech, rate):
    audio = resample(speech[:, : 5 * RATE], RATE, rate)
    sound = decoded(encoded(io.BytesIO(wav_bytes(audio, rate)), codec=codec), codec=codec)
    assert sound.shape == audio.shape
    assert abs(level_db(sound) - level_db(audio)) < 0.5


def test_two_channels_are_kept_apart(codec, speech):
    audio = np.concatenate([speech, 0.1 * speech[:, ::-1]])[:, : 4 * RATE]
    stream = encoded(io.BytesIO(wav_bytes(audio)), codec=codec, stereo=True, kbps=6)
    sound = decoded(stream, codec=codec)
    assert np.abs(level_db(sound) - level_db(audio)).max() < 0.5
    left = encoded(io.BytesIO(wav_bytes(audio[:1])), codec=codec, kbps=6)
    assert len(stream) < 2.1 * len(left)


def test_eight_channels_become_their_average_or_the_first_two(tiny, tmp_path, speech):
    gains = np.array([0.5, 0.25, 0, 0, 0, 0, 0, 0.25], dtype=np.float32)[:, None]
    audio = gains * speech[:, : 2 * RATE]
    write(tmp_path / "eight.wav", audio)
    mono = decoded(encoded(tmp_path / "eight.wav", codec=tiny), codec=tiny)
    assert level_db(mono) == pytest.approx(level_db(audio.mean(axis=0, keepdims=True)), abs=0.5)
    stereo = decoded(encoded(tmp_path / "eight.wav", codec=tiny, stereo=True), codec=tiny)
    np.testing.assert_allclose(level_db(stereo), level_db(audio[:2]), atol=0.5)


def test_numbers_that_are_none_count_as_silence(tiny, tmp_path, speech):
    samples = speech[0, :RATE].copy()
    samples[::1000] = np.nan
    with av.open(str(tmp_path / "a.wav"), "w") as file:
        stream = file.add_stream("pcm_f32le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    sound = decoded(encoded(tmp_path / "a.wav", codec=tiny), codec=tiny)
    assert sound.shape == (1, RATE)
    assert level_db(sound) == pytest.approx(level_db(np.nan_to_num(samples)[None]), abs=0.5)


def test_silence_costs_next_to_nothing_and_comes_back_silent(codec):
    silence = np.zeros((1, 60 * 44_100), dtype=np.float32)
    stream = encoded(io.BytesIO(wav_bytes(silence, 44_100)), codec=codec)
    assert 8 * len(stream) < 0.1 * 3000 * 60
    sound = decoded(stream, codec=codec)
    assert sound.shape == silence.shape
    assert not sound.any()


def test_what_is_told_of_a_file(tiny, tmp_path, clip):
    said = []
    result = encode_file(clip, tmp_path / "a.sc", codec=tiny, progress=lambda *times: said.append(times))
    assert result.stream_bytes == (tmp_path / "a.sc").stat().st_size
    assert result.duration_s == pytest.approx(24.73)
    assert result.kbps == pytest.approx(8 * result.stream_bytes / 24_730)
    assert result.damage == ()
    assert said == sorted(said) and said[-1] == (pytest.approx(24.73), pytest.approx(24.73))
    said.clear()
    back = decode_file(tmp_path / "a.sc", tmp_path / "a.wav", codec=tiny, progress=lambda *times: said.append(times))
    assert (back.stream_bytes, back.duration_s) == (result.stream_bytes, result.duration_s)
    assert said == sorted(said) and 24 < said[-1][0] <= said[-1][1] == pytest.approx(24.73)


def test_the_file_has_the_codes_and_the_sound_of_the_codec(codec, clip, speech):
    codes = codec.encode(speech, books=6)
    stream = encoded(clip, codec=codec, books=6)
    chunks = list(CodedStream(io.BytesIO(stream), codec).chunks())
    for chunk, other in zip(chunks, codes.chunks, strict=True):
        np.testing.assert_array_equal(chunk.codes, other.codes)
    np.testing.assert_allclose(decoded(stream, codec=codec), np.clip(codec.decode(codes), -1, 1), atol=1e-4)


# ---- formats and pipes


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_any_format_in_and_out(codec, tmp_path, speech, form):
    audio = speech[:, : 3 * RATE]
    write(tmp_path / f"in.{form}", audio)
    encode_file(tmp_path / f"in.{form}", tmp_path / "a.sc", codec=codec)
    result = decode_file(tmp_path / "a.sc", tmp_path / f"out.{form}", codec=codec)
    source, reader = read(tmp_path / f"in.{form}")
    sound, out_reader = read(tmp_path / f"out.{form}")
    assert sound.shape == source.shape
    assert (out_reader.sample_rate, out_reader.format_name) == (reader.sample_rate, reader.format_name)
    assert result.duration_s == pytest.approx(3, abs=0.001)
    assert abs(level_db(sound) - level_db(audio)) < 1  # the formats' own losses included


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "m4a", "ogg"])
def test_a_pipe_instead_of_a_file(tiny, tmp_path, speech, form):
    """Short enough that its beginning, from which a pipe's level is taken, is all of it."""
    path = write(tmp_path / f"a.{form}", speech[:, : 5 * RATE])
    of_file, of_pipe = encoded(path, codec=tiny), encoded(io.BufferedReader(Pipe(path.read_bytes())), codec=tiny)
    sound, piped = decoded(of_file, codec=tiny), decoded(of_pipe, codec=tiny)
    if form == "mp3":  # a pipe keeps the padding at its end
        assert 0 < piped.shape[1] - sound.shape[1] < 1152
    else:
        assert of_pipe == of_file
    target = _Funnel()
    decode_file(io.BufferedReader(Pipe(of_file)), target, codec=tiny)
    np.testing.assert_array_equal(read(io.BytesIO(bytes(target.data)))[0], sound)


class _Funnel(io.RawIOBase):
    """Takes bytes; cannot seek."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)


class _Drops(io.RawIOBase):
    """Gives one byte at a time, as a slow line may."""

    def __init__(self, data):
        self._rest = list(data[::-1])

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._rest:
            return 0
        buffer[0] = self._rest.pop()
        return 1


@pytest.mark.parametrize("version", [1, 2])
def test_a_stream_that_drips(tiny, speech, version):
    stream = encoded(io.BytesIO(wav_bytes(speech[:, :RATE])), codec=tiny, version=version)
    target = io.BytesIO()
    decode_file(_Drops(stream), target, codec=tiny)
    target.seek(0)
    np.testing.assert_array_equal(read(target)[0], decoded(stream, codec=tiny))


def test_a_pipe_of_the_system_s_through_the_command(codec, speech, tmp_path):
    wav = wav_bytes(speech[:, : 3 * RATE])
    coded = run_brevox("encode", "-", "-k", "1.5", stdin=wav)
    assert coded.returncode == 0, coded.stderr
    assert coded.stdout == encoded(io.BytesIO(wav), codec=codec, kbps=1.5)
    back = run_brevox("decode", "-", "-o", tmp_path / "a.flac", stdin=coded.stdout)
    assert back.returncode == 0, back.stderr
    np.testing.assert_array_equal(read(tmp_path / "a.flac")[0], decoded(coded.stdout, codec=codec))
    (tmp_path / "a.sc").write_bytes(coded.stdout)
    piped = run_brevox("decode", tmp_path / "a.sc", "-o", "-")
    np.testing.assert_array_equal(read(io.BytesIO(piped.stdout))[0], decoded(coded.stdout, codec=codec))


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_a_pipe_with_a_name_is_read_once(tiny, tmp_path, speech):
    wav = wav_bytes(speech[:, : 5 * RATE])
    os.mkfifo(tmp_path / "pipe")
    sender = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(wav,), daemon=True)
    sender.start()
    assert encoded(tmp_path / "pipe", codec=tiny) == encoded(io.BytesIO(wav), codec=tiny)
    sender.join(10)


@pytest.mark.parametrize("kbps", [1.5, 3, 6])
def test_a_file_is_no_larger_than_its_rate_allows(codec, tmp_path, clip, kbps):
    """Header, index and trailer included."""
    result = encode_file(clip, tmp_path / "a.sc", kbps, codec=codec)
    assert 0.85 * kbps < result.kbps <= kbps


@pytest.mark.parametrize("form, magic", [("flac", b"fLaC"), ("ogg", b"OggS"), ("wav", b"RIFF")])
def test_a_stream_gets_the_format_it_is_meant_to_have(tiny, clip, form, magic):
    stream, decoded = io.BytesIO(), io.BytesIO()
    encode_file(clip, stream, codec=tiny)
    stream.seek(0)
    decode_file(stream, decoded, codec=tiny, stream_format=form)
    assert decoded.getvalue().startswith(magic)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_sound_are_silence_and_told(codec, tmp_path, speech, bad):
    audio = speech[:, :16_000].copy()
    audio[0, 5000:5010] = bad
    soundfile = tmp_path / "in.wav"
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + audio.nbytes,
        b"WAVE",
        b"fmt ",
        16,
        3,
        1,
        16_000,
        64_000,
        4,
        32,
        b"data",
        audio.nbytes,
    )
    soundfile.write_bytes(header + audio.tobytes())
    result = encode_file(soundfile, tmp_path / "a.sc", codec=codec)
    assert "10 of its samples" in result.damage[0]


# ---- tags and chapters


@pytest.mark.parametrize("form", ["mp3", "m4a"])
def test_tags_and_chapters_are_carried_through(tiny, tmp_path, speech, form):
    tags = {"title": "Gespräch №1", "artist": "某人", "album": "A", "date": "2024", "comment": "x" * 5000}
    chapters = [Chapter(0, 1.5, "Anfang"), Chapter(1.5, 3, "終わり")]
    write(tmp_path / f"in.{form}", speech[:, : 3 * RATE], tags=tags, chapters=chapters)
    encode_file(tmp_path / f"in.{form}", tmp_path / "a.sc", codec=tiny)
    decode_file(tmp_path / "a.sc", tmp_path / f"out.{form}", codec=tiny)
    _, before = read(tmp_path / f"in.{form}")
    _, after = read(tmp_path / f"out.{form}")
    assert {key: before.tags[key] for key in tags} == tags
    assert after.tags == before.tags
    assert after.chapters == before.chapters == chapters


def test_a_tag_too_long_for_a_stream_is_left_out_and_told(tiny, tmp_path, speech):
    tags = {"title": "Talk", "lyrics": "ö" * 600_000}
    write(tmp_path / "in.flac", speech[:, :RATE], tags=tags)
    result = encode_file(tmp_path / "in.flac", tmp_path / "a.sc", codec=tiny)
    assert len(result.damage) == 1
    assert "lyrics" in result.damage[0]
    with (tmp_path / "a.sc").open("rb") as file:
        assert ScReader(file).header.tags == {"title": "Talk"}


strange = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([1e308, 1e18, -1.0, 2**63])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["start_s", "end_s", "title"]), inner),
    max_leaves=8,
)
chapter_like = st.fixed_dictionaries({"start_s": strange, "end_s": strange}, optional={"title": strange})


@settings(max_examples=60)
@given(
    st.dictionaries(st.text(max_size=5), strange, max_size=3),
    st.none() | st.lists(chapter_like | strange, max_size=3) | strange,
    st.sampled_from(["wav", "flac", "mp3", "m4a", "ogg"]),
)
def test_tags_of_a_stranger_s_file_do_no_harm(tiny, three_chunks, tmp_path_factory, tags, chapters, form):
    header = replace(ScReader(io.BytesIO(three_chunks)).header, tags=tags | {"chapters": chapters}, num_samples=0)
    stream = io.BytesIO()
    ScWriter(stream, header).close()
    stream.seek(0)
    path = tmp_path_factory.mktemp("tags") / f"a.{form}"
    try:
        decode_file(stream, path, codec=tiny)
    except OutputError:  # some formats do not take every name of a tag
        assert not path.exists()


# ---- version 1


@pytest.mark.parametrize("kbps", [0.5, 1.5, 3, 6, 100])
def test_version_1(codec, speech, kbps):
    audio = speech[:, : 3 * RATE + 100]
    stream = encoded(io.BytesIO(wav_bytes(audio)), codec=codec, version=1, kbps=kbps)
    books, frames = stream[8] - codec.side_columns, -(-audio.shape[1] // codec.hop)
    bits, seconds = 8 * (len(stream) - 27), frames / codec.frame_rate_hz
    assert bits <= max(kbps, 1) * 1000 * seconds + 8
    assert books == codec.books or bits > (kbps - 0.5) * 1000 * seconds
    chunks = list(CodedStream(io.BytesIO(stream), codec).chunks())
    for chunk, expected in zip(chunks, codec.encode(audio, books=books).chunks, strict=True):
        np.testing.assert_array_equal(chunk.codes, expected.codes)
    sound = decoded(stream, codec=codec)
    assert sound.shape == (1, frames * codec.hop)


def test_silence_in_version_1_sounds_like_it(codec, speech):
    """Which has no chunks without codes."""
    audio = np.concatenate([speech[:, :CHUNK], np.zeros((1, CHUNK), np.float32), speech[:, :CHUNK]], axis=1)
    sound = decoded(encoded(io.BytesIO(wav_bytes(audio)), codec=codec, version=1), codec=codec)
    quiet = sound[:, CHUNK + RATE : 2 * CHUNK - RATE]
    assert np.abs(quiet).max() < 0.03 * np.abs(sound[:, :CHUNK]).max()


@pytest.mark.parametrize("options", [{"version": 3}, {"version": 1, "stereo": True}, {"version": 1, "kbps": np.nan}])
def test_options_that_do_not_fit(tiny, clip, tmp_path, options):
    with pytest.raises(SettingsError):
        encode_file(clip, tmp_path / "a.sc", codec=tiny, **options)
    assert not (tmp_path / "a.sc").exists()


@pytest.mark.parametrize("rate", [0, -1, 768_001, 10**12])
def test_rates_that_cannot_be_written(tiny, three_chunks, tmp_path, rate):
    with pytest.raises(SettingsError, match="sample rate"):
        decode_file(io.BytesIO(three_chunks), tmp_path / "a.wav", codec=tiny, sample_rate=rate)
    assert not (tmp_path / "a.wav").exists()


# ---- other models


def test_a_stream_of_another_model_says_which_and_is_not_decoded(codec, tmp_path, speech, monkeypatch):
    monkeypatch.setenv("BREVOX_MODELS", str(tmp_path / "models"))
    model = tiny_model(seed=5, name="radio-8k")
    other = Codec(model, threads=1)
    stream = encoded(io.BytesIO(wav_bytes(speech[:, :RATE])), codec=other)
    (tmp_path / "a.sc").write_bytes(stream)
    for wanted in (None, codec):
        with pytest.raises(WrongModelError, match="radio-8k") as caught:
            decode_file(tmp_path / "a.sc", tmp_path / "a.wav", codec=wanted)
        assert other.id.hex() in str(caught.value)
    told = run_brevox("decode", tmp_path / "a.sc")
    assert told.returncode == 2
    assert b"radio-8k" in told.stderr and other.id.hex().encode() in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.sc"]

    # Once the model is in its folder, it is found.
    (tmp_path / "models").mkdir()
    write_model(tmp_path / "models" / "any name.bvx", model)
    (tmp_path / "models" / "broken.bvx").write_bytes(b"no model")
    decode_file(tmp_path / "a.sc", tmp_path / "a.wav")
    np.testing.assert_array_equal(read(tmp_path / "a.wav")[0], decoded(stream, codec=other))


def test_nothing_in_the_current_folder_stands_in_for_the_built_in_model(codec, tmp_path, monkeypatch):
    (tmp_path / "speech-16k").mkdir()
    monkeypatch.chdir(tmp_path)
    assert brevox.load(threads=1).id == brevox.load("speech-16k", threads=1).id == codec.id


# ---- damage


def chunk_places(stream: bytes) -> list[tuple[int, Chunk]]:
    """Where in the file each chunk begins."""
    reader = ScReader(io.BytesIO(stream))
    return [(reader.offset, chunk) for chunk in reader.chunks() if isinstance(chunk, Chunk)]


@pytest.mark.parametrize("as_pipe", [False, True])
def test_a_damaged_chunk_costs_only_itself(tiny, three_chunks, speech, as_pipe):
    whole = decoded(three_chunks, codec=tiny)
    damaged = bytearray(three_chunks)
    damaged[chunk_places(three_chunks)[1][0] + 100] ^= 1
    target = io.BytesIO()
    source = io.BufferedReader(Pipe(bytes(damaged))) if as_pipe else io.BytesIO(damaged)
    result = decode_file(source, target, codec=tiny)
    assert len(result.damage) == 1 and "10.2 s from 10.2 s on are silence" in result.damage[0]
    target.seek(0)
    sound = read(target)[0]
    assert sound.shape == whole.shape == speech.shape
    assert not sound[:, CHUNK : 2 * CHUNK].any()
    heard = 2 * 320  # so far into its neighbours; and they are given their level as wholes
    np.testing.assert_allclose(sound[:, : CHUNK - heard], whole[:, : CHUNK - heard], atol=0.002)
    assert np.abs(level_db(sound[:, 2 * CHUNK :]) - level_db(whole[:, 2 * CHUNK :])) < 0.5


@pytest.mark.parametrize("flow", ["file to file", "file to pipe", "pipe to pipe", "pipe to file"])
def test_damage_shows_in_the_exit_code(tiny_path, three_chunks, tmp_path, speech, flow):
    damaged = bytearray(three_chunks)
    damaged[chunk_places(three_chunks)[1][0] + 100] ^= 1
    (tmp_path / "a.sc").write_bytes(damaged)
    source, target = ("-" if side == "pipe" else None for side in flow.split(" to "))
    result = run_brevox(
        *("decode", source or tmp_path / "a.sc", "-o", target or tmp_path / "a.wav", "-m", tiny_path),
        stdin=bytes(damaged) if source else b"",
    )
    assert result.returncode == 1
    assert b"are silence" in result.stderr and b"Traceback" not in result.stderr
    sound = read(io.BytesIO(result.stdout) if target else tmp_path / "a.wav")[0]
    assert sound.shape == speech.shape


@settings(max_examples=30)
@given(st.floats(0, 0.999), st.booleans())
def test_a_cut_file_gives_what_is_left(tiny, three_chunks, share, as_pipe):
    whole = decoded(three_chunks, codec=tiny)
    cut = three_chunks[: int(share * len(three_chunks))]
    source = io.BufferedReader(Pipe(cut)) if as_pipe else io.BytesIO(cut)
    target = io.BytesIO()
    try:
        result = decode_file(source, target, codec=tiny)
    except StreamError:
        offset, first = chunk_places(three_chunks)[0]
        assert len(cut) < offset + first.file_bytes
        return
    assert result.damage
    target.seek(0)
    sound = read(target)[0]
    left = [chunk for offset, chunk in chunk_places(three_chunks) if offset + chunk.file_bytes <= len(cut)]
    assert left and sound.shape[1] == 320 * sum(chunk.frames for chunk in left)
    same = max(0, min(sound.shape[1], whole.shape[1]) - 2 * 320)
    np.testing.assert_allclose(sound[:, :same], whole[:, :same], atol=0.002)


def test_a_cut_recording_is_coded_as_far_as_it_goes(tiny, speech):
    wav = wav_bytes(speech[:, : 4 * RATE])
    target = io.BytesIO()
    result = encode_file(io.BytesIO(wav[: len(wav) // 2]), target, codec=tiny)
    assert len(result.damage) == 1 and "cut short" in result.damage[0]
    assert result.duration_s == pytest.approx(2, abs=0.01)
    assert decoded(target.getvalue(), codec=tiny).shape[1] == round(result.duration_s * RATE)


# ---- paths, and what is no recording


def test_a_path_with_spaces_in_any_script(tiny, tmp_path, speech):
    folder = tmp_path / "Мои записи 語 é"
    folder.mkdir()
    name = "語" * 80  # as long as a file system allows, nearly
    write(folder / f"{name}.wav", speech[:, :RATE])
    encode_file(folder / f"{name}.wav", folder / f"{name}.sc", codec=tiny)
    decode_file(folder / f"{name}.sc", folder / f"{name}.flac", codec=tiny)
    assert read(folder / f"{name}.flac")[0].shape == (1, RATE)
    assert len(list(folder.iterdir())) == 3


NO_RECORDINGS = {
    "text.mp3": b"This is a text.\n" * 100,
    "empty.wav": b"",
    "zeros.flac": bytes(10_000),
    "noise.ogg": np.random.default_rng(0).bytes(10_000),
}


@pytest.mark.parametrize("name", NO_RECORDINGS)
def test_what_is_no_recording(tiny, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(NO_RECORDINGS[name])
    with pytest.raises(AudioFileError, match=name):
        encode_file(path, tmp_path / "a.sc", codec=tiny)
    with pytest.raises(StreamError):
        decode_file(path, tmp_path / "a.wav", codec=tiny)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_what_is_not_there(tiny, tmp_path, clip, three_chunks):
    with pytest.raises(AudioFileError, match="there is no file"):
        encode_file(tmp_path / "none.wav", tmp_path / "a.sc", codec=tiny)
    with pytest.raises(StreamError, match=r"none\.sc"):
        decode_file(tmp_path / "none.sc", tmp_path / "a.wav", codec=tiny)
    with pytest.raises(OutputError, match="does not exist; create it"):
        encode_file(clip, tmp_path / "none" / "a.sc", codec=tiny)
    with pytest.raises(OutputError, match="does not exist; create it"):
        decode_file(io.BytesIO(three_chunks), tmp_path / "none" / "a.wav", codec=tiny)
    with pytest.raises(SettingsError, match="formats that can be written"):
        decode_file(io.BytesIO(three_chunks), tmp_path / "a.doc", codec=tiny)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_file(tiny, tmp_path, clip, three_chunks):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioFileError, match="folder"):
        encode_file(tmp_path / "a.wav", tmp_path / "a.sc", codec=tiny)
    with pytest.raises(StreamError, match=r"a\.wav"):
        decode_file(tmp_path / "a.wav", tmp_path / "b.wav", codec=tiny)
    with pytest.raises(OutputError, match="folder"):
        decode_file(io.BytesIO(three_chunks), tmp_path / "a.wav", codec=tiny)
    with pytest.raises(OutputError, match="folder"):
        encode_file(clip, tmp_path / "a.wav", codec=tiny)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]
