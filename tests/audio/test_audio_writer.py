"""Files appear whole or not at all, pipes get their bytes, and what cannot be written is told."""

from __future__ import annotations

import errno
import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from audio_files import at_16_bits, read_all, tones, write_all

from brevox.audio import WRITABLE_FORMATS, AudioWriter
from brevox.errors import OutputError, SettingsError

AUDIO = tones(20_000, 16000)


class Pipe(io.RawIOBase):
    """Takes bytes, up to `room` of them."""

    def __init__(self, room: float = float("inf"), fails: BaseException | None = None) -> None:
        self.data = b""
        self._room = room
        self._fails = fails or OSError(errno.ENOSPC, "No space left on device")

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        if len(self.data) + len(data) > self._room:
            raise self._fails
        self.data += bytes(data)
        return len(data)


@pytest.mark.parametrize("form", [form for form in WRITABLE_FORMATS if form != "m4a"])
def test_a_pipe_gets_a_file_that_can_be_read(form):
    pipe = Pipe()
    write_all(pipe, AUDIO, 16000, format=form)
    assert not pipe.closed
    back, reader = read_all(io.BytesIO(pipe.data))
    assert reader.damaged is None
    if form in ("wav", "flac"):
        np.testing.assert_array_equal(back, at_16_bits(AUDIO))
    elif form == "mp3":
        assert 20_000 <= back.shape[1] < 20_000 + 3000  # delay and padding could not be noted in it
    else:
        assert back.shape[1] == 3 * 20_000


def test_wav_in_a_pipe_says_that_its_length_is_unknown():
    pipe = Pipe()
    write_all(pipe, AUDIO, 16000, format="wav")
    assert pipe.data[4:8] == b"\xff\xff\xff\xff"
    data = pipe.data.index(b"data")
    assert pipe.data[data + 4 : data + 8] == b"\xff\xff\xff\xff"
    assert len(pipe.data) == data + 8 + 2 * AUDIO.shape[1]


def test_a_seekable_file_gets_its_true_length():
    file = io.BytesIO()
    write_all(file, AUDIO, 16000, format="wav")
    file.seek(0)
    with wave.open(file) as wav:
        assert wav.getnframes() == AUDIO.shape[1]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError("another file"), KeyboardInterrupt()])
@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_an_exception_leaves_no_file_and_stays_what_it_was(tmp_path, form, error):
    path = tmp_path / f"a.{form}"
    for before in (None, b"old"):
        if before:
            path.write_bytes(before)
        with pytest.raises(type(error)) as caught, AudioWriter(path, 16000, 1) as writer:
            writer.write(AUDIO)
            raise error
        assert caught.value is error
        assert [file.read_bytes() for file in tmp_path.iterdir()] == ([before] if before else [])


@pytest.mark.parametrize("room", [0, 30, 5000])
@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "ogg"])
def test_a_full_disk_is_told(form, room, capfd):
    with pytest.raises(OutputError, match="No space left"), AudioWriter(Pipe(room), 16000, 1, format=form) as writer:
        for _ in range(20):
            writer.write(AUDIO)
    assert capfd.readouterr().err == ""  # PyAV prints exceptions that it loses


@pytest.mark.parametrize("form", WRITABLE_FORMATS)
def test_a_full_disk_leaves_no_file(tmp_path, monkeypatch, form):
    class Full(Pipe):
        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")  # a buffer to be written before

    monkeypatch.setattr(Path, "open", lambda *_: Full(3000))
    with (
        pytest.raises(OutputError, match=f"cannot write .*a.{form}: No space left"),
        AudioWriter(tmp_path / f"a.{form}", 16000, 1) as writer,
    ):
        for _ in range(20):
            writer.write(AUDIO)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_interrupting_a_write_is_not_lost():
    with (
        pytest.raises(KeyboardInterrupt),
        AudioWriter(Pipe(5000, fails=KeyboardInterrupt()), 16000, 1, format="wav") as writer,
    ):
        for _ in range(20):
            writer.write(AUDIO)


def test_a_closed_pipe_is_told():
    broken = Pipe(5000, fails=BrokenPipeError(errno.EPIPE, "Broken pipe"))
    with pytest.raises(OutputError, match="Broken pipe"):
        write_all(broken, AUDIO, 16000, format="wav")


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="does not exist"), AudioWriter(tmp_path / "no" / "a.wav", 16000, 1):
        pass
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(OutputError, match="a folder of that name"), AudioWriter(tmp_path / "b.wav", 16000, 1):
        pass


@pytest.mark.parametrize("name", ["a.xyz", "a.wma", "a", "a.wav.bak", ".wav"])
def test_unknown_formats_are_told_with_the_known_ones(tmp_path, name):
    with pytest.raises(SettingsError, match="wav, flac, mp3, m4a, ogg, opus"):
        AudioWriter(tmp_path / name, 16000, 1)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_work(tmp_path):
    for form, channels in (("mp3", 3), ("flac", 9), ("m4a", 9), ("ogg", 65), ("wav", 65), ("wav", 0)):
        with pytest.raises(SettingsError, match="channels"):
            AudioWriter(tmp_path / f"a.{form}", 16000, channels)
    with pytest.raises(SettingsError, match="sample rate"):
        AudioWriter(tmp_path / "a.wav", 0, 1)
    with pytest.raises(SettingsError, match="pipe"):
        AudioWriter(Pipe(), 16000, 1, format="m4a")
    with pytest.raises(SettingsError, match="bit rate"), AudioWriter(tmp_path / "a.ogg", 16000, 1, bit_rate=3):
        pass
    with pytest.raises(ValueError, match=r"\[1, samples\]"), AudioWriter(tmp_path / "a.wav", 16000, 1) as writer:
        writer.write(np.zeros(5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("form", ["wav", "flac", "m4a", "ogg"])
def test_many_channels_stay_apart_and_in_order(tmp_path, form, channels):
    """None is low-passed as a subwoofer's, none is swapped (ffmpeg's Opus does both in its default layouts)."""
    rate = 48000
    t = np.arange(rate // 4) / rate
    audio = np.stack([0.2 * np.sin(2 * np.pi * (900 + 230 * c) * t) for c in range(channels)]).astype(np.float32)
    write_all(tmp_path / f"a.{form}", audio, rate)
    back, _ = read_all(tmp_path / f"a.{form}")
    gains = audio @ back.T / np.sum(audio[0] ** 2)
    np.testing.assert_allclose(gains, np.eye(channels), atol=0.15)


def test_wav_and_opus_take_many_channels(tmp_path):
    audio = np.repeat(AUDIO[:, :500], 64, axis=0)
    for form in ("wav", "ogg"):
        write_all(tmp_path / f"a.{form}", audio, 16000)
        assert read_all(tmp_path / f"a.{form}")[1].channels == 64


def test_long_files_have_room_for_64_bit_sizes(tmp_path):
    """ffmpeg turns this chunk into RF64's `ds64` past 4 GiB."""
    write_all(tmp_path / "a.wav", AUDIO, 16000)
    assert (tmp_path / "a.wav").read_bytes()[12:20] == b"JUNK\x1c\0\0\0"


def test_mp3_has_the_header_that_players_trim_by(tmp_path):
    write_all(tmp_path / "a.mp3", AUDIO, 16000)
    with av.open(str(tmp_path / "a.mp3")) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) == AUDIO.shape[1]
