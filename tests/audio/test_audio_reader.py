"""Files as users have them: other formats, pipes, glued, cut, damaged, and no audio at all."""

from __future__ import annotations

import errno
import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from audio_files import at_16_bits, read_all, tones, write_all

from brevox.audio import WRITABLE_FORMATS, AudioReader
from brevox.errors import AudioFileError

RATE = 16000
AUDIO = tones(4 * RATE, RATE) + 0.02 * np.random.default_rng(0).standard_normal((1, 4 * RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, bytes]:
    """The same four seconds in every format."""
    folder = tmp_path_factory.mktemp("written")
    for form in WRITABLE_FORMATS:
        write_all(folder / f"a.{form}", AUDIO, RATE)
    return {form: (folder / f"a.{form}").read_bytes() for form in WRITABLE_FORMATS}


class Pipe(io.RawIOBase):
    """Bytes that come in dribs and drabs and never come back."""

    def __init__(self, data: bytes, fails: BaseException | None = None) -> None:
        self._file = io.BytesIO(data)
        self._fails = fails

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._file.read(min(len(buffer), 1000))
        if not data and self._fails:
            raise self._fails
        buffer[: len(data)] = data
        return len(data)


def pcm_file(path: Path, samples: np.ndarray, codec: str, sample_format: str) -> None:
    """Mono samples written by PyAV itself. Shape: [samples]."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format=sample_format, layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def video_file(path: Path, with_sound: bool) -> None:
    with av.open(str(path), "w") as file:
        picture = file.add_stream("mpeg4", rate=10, width=32, height=32)
        sound = file.add_stream("aac", rate=RATE, layout="mono") if with_sound else None
        for i in range(20):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), i, np.uint8), format="rgb24")))
        file.mux(picture.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(AUDIO, format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            file.mux(sound.encode(frame))
            file.mux(sound.encode(None))


# ---- what can be read


@pytest.mark.parametrize(
    ("codec", "sample_format", "dtype", "full_scale"),
    [
        ("pcm_s16le", "s16", np.int16, 2**15),
        ("pcm_s24le", "s32", np.int32, 2**31),
        ("pcm_s32le", "s32", np.int32, 2**31),
        ("pcm_f32le", "flt", np.float32, 1),
        ("pcm_f64le", "dbl", np.float64, 1),
    ],
)
def test_any_sample_format(tmp_path, codec, sample_format, dtype, full_scale):
    scaled = AUDIO[0] * (full_scale if full_scale > 1 else 2)  # floating point may exceed full scale
    samples = scaled.astype(dtype)
    pcm_file(tmp_path / "a.wav", samples, codec, sample_format)
    back, _ = read_all(tmp_path / "a.wav")
    np.testing.assert_allclose(back[0], samples / full_scale, rtol=1e-6, atol=2**-23)


def test_eight_bits(tmp_path):
    samples = np.arange(256, dtype=np.uint8)
    pcm_file(tmp_path / "a.wav", samples, "pcm_u8", "u8")
    np.testing.assert_array_equal(read_all(tmp_path / "a.wav")[0][0], (samples.astype(float) - 128) / 128)


def test_g722(tmp_path):
    pcm_file(tmp_path / "a.g722", (AUDIO[0] * 32768).astype(np.int16), "g722", "s16")
    back, reader = read_all(tmp_path / "a.g722")
    assert (reader.sample_rate, reader.channels, back.shape[1]) == (16000, 1, AUDIO.shape[1])
    assert np.corrcoef(back[0, 22:], AUDIO[0, :-22])[0, 1] > 0.99


def test_silence_in_g722_is_not_taken_for_a_text(tmp_path):
    pcm_file(tmp_path / "a.g722", np.zeros(RATE, np.int16), "g722", "s16")
    back, _ = read_all(tmp_path / "a.g722")
    assert back.shape[1] == RATE
    assert np.abs(back).max() < 0.01


def test_what_the_file_says(tmp_path):
    write_all(tmp_path / "a.wav", np.repeat(AUDIO, 2, axis=0), RATE)
    with AudioReader(str(tmp_path / "a.wav")) as reader:
        assert (reader.sample_rate, reader.channels, reader.duration_s) == (RATE, 2, 4.0)
        assert (reader.format_name, reader.codec_name, reader.bit_rate) == ("wav", "pcm_s16le", 2 * 16 * RATE)
        assert (reader.tags, reader.chapters, reader.name) == ({}, [], str(tmp_path / "a.wav"))


def test_numbers_that_are_none_are_read_as_silence(tmp_path):
    samples = AUDIO[0].copy()
    samples[[5, 100, 50_000]] = np.nan, np.inf, -np.inf
    pcm_file(tmp_path / "a.wav", samples, "pcm_f32le", "flt")
    back, reader = read_all(tmp_path / "a.wav")
    assert reader.bad_samples == 3
    assert reader.damaged is None
    np.testing.assert_array_equal(back[0], np.where(np.isfinite(samples), samples, 0))


def test_the_sound_of_a_video(tmp_path):
    video_file(tmp_path / "a.mp4", with_sound=True)
    back, reader = read_all(tmp_path / "a.mp4")
    assert (reader.sample_rate, reader.codec_name) == (RATE, "aac")
    assert np.corrcoef(back[0, : AUDIO.shape[1]], AUDIO[0])[0, 1] > 0.9


def test_wrong_suffix_and_none(tmp_path, written):
    for name in ("a.txt", "a.mp3", "a.ogg", "a"):
        (tmp_path / name).write_bytes(written["flac"])
        np.testing.assert_array_equal(read_all(tmp_path / name)[0], at_16_bits(AUDIO))


@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_a_pipe_gives_what_the_file_gives(written, form):
    whole, of_file = read_all(io.BytesIO(written[form]))
    for pipe in (Pipe(written[form]), io.BufferedReader(Pipe(written[form]))):
        piped, of_pipe = read_all(pipe)
        if form == "mp3":  # ffmpeg learns of the padding at the end only if it can look there
            assert 0 < piped.shape[1] - whole.shape[1] < 1152
            piped = piped[:, : whole.shape[1]]
        np.testing.assert_array_equal(piped, whole)
        assert of_pipe.tags == of_file.tags
        assert of_pipe.damaged is None
        assert not pipe.closed


def test_files_glued_together_keep_the_first_ones_shape(tmp_path):
    parts = []
    for rate, channels in ((RATE, 1), (RATE, 2), (44100, 2), (RATE, 1)):
        write_all(tmp_path / "part.mp3", tones(rate, rate, channels), rate)
        parts.append((tmp_path / "part.mp3").read_bytes())
    for order in (parts, parts[::-1], parts[1:], parts[2:]):
        (tmp_path / "a.mp3").write_bytes(b"".join(order))
        back, reader = read_all(tmp_path / "a.mp3")
        assert back.shape[1] == pytest.approx(len(order) * reader.sample_rate, rel=0.1)
        rms = np.sqrt(np.mean(back[:, : reader.sample_rate // 2] ** 2, axis=1))
        np.testing.assert_allclose(rms, 0.28, atol=0.03)


def test_chained_ogg(written):
    back, reader = read_all(io.BytesIO(written["ogg"] * 3))
    assert back.shape == (1, 3 * 4 * 48000)
    assert reader.damaged is None


def test_open_file_of_the_caller_stays_open(tmp_path, written):
    file = io.BytesIO(written["wav"])
    read_all(file)
    assert not file.closed


# ---- what is damaged


@pytest.mark.parametrize("kept", [0.3, 0.9])
@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "ogg"])
def test_a_cut_file_gives_what_is_left(written, form, kept):
    data = written[form]
    whole, _ = read_all(io.BytesIO(data))
    back, reader = read_all(io.BytesIO(data[: int(kept * len(data))]))
    assert 0.1 * whole.shape[1] < back.shape[1] < whole.shape[1]
    np.testing.assert_allclose(back, whole[:, : back.shape[1]], atol=1e-6)
    assert "cut short" in reader.damaged


def test_an_m4a_without_its_index_is_told(written):
    data = written["m4a"]
    for source in (io.BytesIO(data[: len(data) // 2]), Pipe(data[: len(data) // 2])):
        with pytest.raises(AudioFileError, match="cut short: its index"):
            AudioReader(source)


@pytest.mark.parametrize("form", ["flac", "mp3", "m4a", "ogg"])
@pytest.mark.parametrize("filling", ["zeros", "noise"])
def test_a_hole_in_a_file_costs_little_more_than_itself(written, form, filling):
    whole, _ = read_all(io.BytesIO(written[form]))
    data = bytearray(written[form])
    start, length = len(data) // 2, len(data) // 20
    noise = np.random.default_rng(1).bytes(length)
    data[start : start + length] = bytes(length) if filling == "zeros" else noise
    back, reader = read_all(io.BytesIO(bytes(data)))
    assert reader.damaged is not None
    assert reader.name in reader.damaged
    least = 0.3 if form == "ogg" else 0.8  # a page of Ogg holds a second
    assert least * whole.shape[1] < back.shape[1] <= 1.01 * whole.shape[1]
    assert np.abs(back).max() < 2  # no bursts of noise


def test_damage_in_flac_is_left_out_not_played(written):
    data = bytearray(written["flac"])
    for place in np.linspace(0.3, 0.9, 7):
        data[int(place * len(data))] ^= 0x10
    back, reader = read_all(io.BytesIO(bytes(data)))
    assert reader.damaged is not None
    frames = [at_16_bits(AUDIO)[:, i : i + 1152] for i in range(0, AUDIO.shape[1] - 1152, 1152)]
    kept = [back[:, i : i + 1152] for i in range(0, back.shape[1] - 1152, 1152)]
    assert len(frames) - 7 <= len(kept) < len(frames)
    for frame in kept:
        assert any(np.array_equal(frame, other) for other in frames)


def test_a_header_without_the_sound_it_promises(written):
    with pytest.raises(AudioFileError, match="no sound in it can be decoded"):
        AudioReader(io.BytesIO(written["flac"][:8300]))


def test_a_header_that_promises_nothing_is_an_empty_recording():
    header = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80>\0\0\0}\0\0\x02\0\x10\0data"
    assert "has 100 channels" in refused(io.BytesIO(header.replace(b"\x01\0\x01\0", b"\x01\0\x64\0") + bytes(300)))
    for size in (0, 0xFFFFFFFF):
        back, reader = read_all(io.BytesIO(header + size.to_bytes(4, "little")))
        assert (back.shape, reader.sample_rate) == ((1, 0), 16000)
    one, _ = read_all(io.BytesIO(header + b"\2\0\0\0\0\x40"))
    np.testing.assert_array_equal(one, [[0.5]])


# ---- what is no audio


def refused(source) -> str:
    with pytest.raises(AudioFileError) as caught:
        AudioReader(source)
    return str(caught.value)


TEXTS = {
    "prose": "This is a text. Dies ist ein Text. Это текст.\n" * 200,
    "word": "hello\n",
    "page": "<!DOCTYPE html><html><body>404 Not found</body></html>",
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 50,
    "lyrics": "[00:01.00]la\n[00:02.00]la\n" * 50,
    "playlist": "#EXTM3U\n#EXTINF:10,\nhttp://localhost:1/a.mp3\n",
    "cyrillic": "Это текст, и в нём нет ничего, кроме букв" * 100,
    "toml": "[a]\nb = 1\n" * 300,
}


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".g722", ".aac", ".flac", ".txt", ""])
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_no_audio(tmp_path, text, suffix):
    path = tmp_path / f"a{suffix}"
    for encoding in ("utf-8", "utf-16", "latin-1"):
        path.write_bytes(TEXTS[text].encode(encoding, errors="replace"))
        assert refused(path) == f"{path} is a text, not an audio file"


def test_a_text_that_names_an_audio_file_does_not_open_it(tmp_path, written):
    (tmp_path / "secret.wav").write_bytes(written["wav"])
    (tmp_path / "a.mp3").write_text("ffconcat version 1.0\nfile secret.wav\n")
    assert "is a text" in refused(tmp_path / "a.mp3")


@pytest.mark.parametrize("size", [1, 10, 1000, 20_000, 500_000])
@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".m4a", ".ogg", ".aac", ""])
def test_random_bytes_are_no_audio(tmp_path, suffix, size):
    path = tmp_path / f"a{suffix}"
    for seed in range(5 if size < 1000 else 2):
        path.write_bytes(b"\0" + np.random.default_rng(seed).bytes(size - 1))
        assert str(path) in refused(path)


def test_zeros_are_no_audio(tmp_path):
    (tmp_path / "a.mp3").write_bytes(bytes(10_000))
    assert "no audio file" in refused(tmp_path / "a.mp3")


def test_a_picture_and_a_silent_film_have_no_sound(tmp_path):
    video_file(tmp_path / "a.mp4", with_sound=False)
    assert refused(tmp_path / "a.mp4") == f"{tmp_path / 'a.mp4'} has no audio track (only video)"
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as file:
        stream = file.add_stream("png", rate=1, width=16, height=16)
        stream.pix_fmt = "rgb24"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode(None))
    (tmp_path / "a.png").rename(tmp_path / "b.mp3")
    assert "has no audio track" in refused(tmp_path / "b.mp3")


def test_empty_missing_folder(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    assert "is empty (0 bytes)" in refused(tmp_path / "a.wav")
    assert "is empty" in refused(Pipe(b""))
    assert refused(tmp_path / "b.wav") == f"there is no file {tmp_path / 'b.wav'}"
    assert "is a folder" in refused(tmp_path)
    assert "cannot read" in refused("a\0b.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "a.wav").chmod(0)
    assert "no permission" in refused(tmp_path / "a.wav")


def test_a_disk_that_fails_is_told(written):
    for data in (written["wav"] * 20, written["wav"][:5000]):  # while it is read, while it is opened
        pipe = Pipe(data[: len(data) // 2], fails=OSError(errno.EIO, "Input/output error"))
        with pytest.raises(AudioFileError, match="Input/output error"), AudioReader(pipe) as reader:
            list(reader.blocks(1000))


@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_interrupting_a_read_is_not_the_end_of_the_file(written, form):
    """Ctrl-C while ffmpeg waits for bytes: PyAV alone would print it and go on as if the pipe had ended."""
    half = written[form][: len(written[form]) // 2]
    with pytest.raises(KeyboardInterrupt), AudioReader(Pipe(half, fails=KeyboardInterrupt())) as reader:
        list(reader.blocks(1000))
