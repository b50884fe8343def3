"""What is written comes back: samples, lengths, channels, tags and chapters, in every format."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from audio_files import at_16_bits, lag, read_all, snr_db, sweeps, tones, write_all
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio import WRITABLE_FORMATS, AudioReader, AudioWriter, Chapter, output_length, resample

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000]
LOSSLESS = ["wav", "flac"]
LOSSY = ["mp3", "m4a", "ogg", "opus"]


def heard_rate(writer):
    """The rate at which a written file is read: Opus always plays at 48 kHz."""
    return 48000 if writer.format in ("ogg", "opus") else writer.file_rate


@settings(max_examples=40, deadline=None)
@given(
    form=st.sampled_from(LOSSLESS),
    rate=st.sampled_from([*RATES, 96000, 37123]),
    channels=st.sampled_from([1, 2, 3, 8]),
    samples=st.integers(0, 9000),
    write_block=st.integers(1, 5000),
    read_block=st.integers(1, 5000),
    seed=st.integers(0, 99),
)
def test_lossless_formats_return_every_sample(form, rate, channels, samples, write_block, read_block, seed):
    audio = np.random.default_rng(seed).uniform(-1.2, 1.2, (channels, samples)).astype(np.float32)
    file = io.BytesIO()
    write_all(file, audio, rate, max(write_block, samples // 50 + 1), format=form)
    file.seek(0)
    back, reader = read_all(file, max(read_block, samples // 50 + 1))
    np.testing.assert_array_equal(back, at_16_bits(audio))
    assert (reader.sample_rate, reader.channels, reader.damaged, reader.bad_samples) == (rate, channels, None, 0)
    assert reader.duration_s == pytest.approx(samples / rate, abs=1e-6) or samples == 0


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [*RATES, 96000])
@pytest.mark.parametrize("form", LOSSY)
def test_lossy_formats_keep_length_place_and_channels(tmp_path, form, rate, channels):
    if form == "mp3" and channels > 2:
        pytest.skip("MP3 has two channels")
    audio = sweeps(rate // 5 + 17, rate, channels)
    writer = write_all(tmp_path / f"a.{form}", audio, rate)
    back, reader = read_all(tmp_path / f"a.{form}")
    assert reader.sample_rate == heard_rate(writer)
    assert writer.file_rate >= min(rate, 48000)
    samples = output_length(audio.shape[1], rate, writer.file_rate)
    assert back.shape == (channels, samples * reader.sample_rate // writer.file_rate)
    expected = resample(resample(audio, rate, writer.file_rate), writer.file_rate, reader.sample_rate)
    for channel in range(channels):
        assert snr_db(expected[channel], back[channel]) > 10
        assert lag(expected[channel], back[channel]) == 0
    assert reader.damaged is None


@pytest.mark.parametrize("samples", [1, 47, 48, 100, 1023, 1024, 1025, 1152])
@pytest.mark.parametrize("form", LOSSY)
def test_short_recordings_keep_their_length(tmp_path, form, samples):
    write_all(tmp_path / f"a.{form}", tones(samples, 48000), 48000)
    back, _ = read_all(tmp_path / f"a.{form}")
    assert back.shape[1] == (max(samples, 47) if form == "mp3" else samples)


@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_an_empty_recording_is_a_valid_file(tmp_path, form):
    write_all(tmp_path / f"a.{form}", np.zeros((2, 0), np.float32), 16000)
    back, reader = read_all(tmp_path / f"a.{form}")
    assert reader.channels == 2
    if form in LOSSLESS:
        assert back.shape[1] == 0
    else:
        assert 0 < back.shape[1] < 50
        assert np.abs(back).max() < 1e-3


@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_neither_writing_nor_reading_depends_on_the_block_size(tmp_path, form):
    audio = tones(20_000, 44100, 2)
    files, heard = [], []
    for number, block in enumerate((20_000, 4096, 333)):
        path = tmp_path / f"{number}.{form}"
        write_all(path, audio, 44100, block)
        heard += [read_all(path, size)[0] for size in (1, 959, 10**9)[number:]]
        files.append(path.read_bytes())
    assert len(set(map(len, files))) == 1
    for other in heard[1:]:
        np.testing.assert_array_equal(other, heard[0])


@pytest.mark.parametrize("form", LOSSY)
def test_bit_rate_is_kept(tmp_path, form):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 96000)).astype(np.float32)
    sizes = []
    for bit_rate in (24_000, 96_000):
        write_all(tmp_path / f"a.{form}", noise, 48000, bit_rate=bit_rate)
        sizes.append((tmp_path / f"a.{form}").stat().st_size)
    assert 2.5 < sizes[1] / sizes[0] < 5


TAGS = {
    "title": "Über alles; 日本",
    "artist": "A. B.",
    "album": "Folge 1",
    "comment": "=x= y",
    "date": "2024",
    "genre": "Speech",
}
CHAPTERS = [Chapter(0, 0.5, "Eins"), Chapter(0.5, 1.75, "Zwei ä"), Chapter(1.75, 2, "Drei")]


@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_tags_and_chapters_survive(tmp_path, form):
    write_all(tmp_path / f"a.{form}", tones(32000, 16000), 16000, tags=TAGS, chapters=CHAPTERS)
    back, reader = read_all(tmp_path / f"a.{form}")
    assert reader.tags == TAGS
    if form == "wav":
        assert reader.chapters == []
    else:
        assert [c.title for c in reader.chapters] == [c.title for c in CHAPTERS]
        np.testing.assert_allclose([c.start_s for c in reader.chapters], [c.start_s for c in CHAPTERS], atol=0.002)
        np.testing.assert_allclose([c.end_s for c in reader.chapters], [c.end_s for c in CHAPTERS], atol=0.01)
    assert back.shape[1] == 2 * reader.sample_rate


@settings(max_examples=25, deadline=None)
@given(starts_ms=st.lists(st.integers(0, 100 * 3600 * 1000 - 1), min_size=1, max_size=8, unique=True).map(sorted))
def test_flac_chapters_start_where_they_should(starts_ms):
    file = io.BytesIO()
    chapters = [Chapter(ms / 1000, ms / 1000 + 1, f"at {ms}") for ms in starts_ms]
    write_all(file, tones(100, 16000), 16000, format="flac", chapters=chapters)
    file.seek(0)
    with AudioReader(file) as reader:
        assert [(c.start_s, c.title) for c in reader.chapters] == [(c.start_s, c.title) for c in chapters]


@pytest.mark.parametrize("form", ["flac", "ogg"])
def test_formats_with_room_keep_any_tag(tmp_path, form):
    write_all(tmp_path / f"a.{form}", tones(100, 16000), 16000, tags={"Bird": "Parus major"})
    with AudioReader(tmp_path / f"a.{form}") as reader:
        assert reader.tags == {"bird": "Parus major"}


def test_wav_is_what_pythons_own_reader_reads(tmp_path):
    audio = tones(1234, 16000, 2)
    write_all(tmp_path / "a.wav", audio, 16000, tags=TAGS)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (2, 2, 16000, 1234)
        samples = np.frombuffer(file.readframes(10**6), "<i2").reshape(-1, 2).T
    np.testing.assert_array_equal(samples / 32768, at_16_bits(audio))


def test_loud_and_impossible_samples_are_clipped(tmp_path):
    audio = np.array([[2, -2, 1, -1, np.nan, np.inf, -np.inf, 0.5]], np.float32)
    write_all(tmp_path / "a.wav", audio, 16000)
    top = 32767 / 32768
    np.testing.assert_array_equal(read_all(tmp_path / "a.wav")[0], [[top, -1, top, -1, 0, top, -1, 0.5]])


def test_names_with_spaces_and_other_letters(tmp_path):
    path = tmp_path / "Gespräch mit  Жанна 日本.flac"
    write_all(path, tones(500, 16000), 16000)
    back, reader = read_all(str(path))
    assert back.shape[1] == 500
    assert reader.name == str(path)


def test_a_longer_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"x" * 100_000)
    with AudioWriter(path, 8000, 1) as writer:
        writer.write(np.zeros((1, 10)))
        assert path.stat().st_size == 100_000  # untouched until all is well
    assert read_all(path)[0].shape == (1, 10)
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]
