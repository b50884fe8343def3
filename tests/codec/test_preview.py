"""Some seconds before and after coding; and what a file says at a glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brevox.audio import AudioReader, AudioWriter
from brevox.audio.loudness import speech_gain
from brevox.codec.glance import glance_at_recording, glance_at_stream
from brevox.codec.preview import excerpt, preview
from brevox.codec.transcode import encode_file
from brevox.errors import AudioFileError, StreamError


@pytest.fixture(scope="module", params=["wav", "flac", "mp3", "m4a", "ogg"])
def recording(request, tmp_path_factory, speech) -> Path:
    """The clip twice, 50 s, in stereo with its right half silent, in every format."""
    path = tmp_path_factory.mktemp("excerpt") / f"talk.{request.param}"
    with AudioWriter(path, 16_000, 2) as writer:
        for _ in range(2):
            writer.write(np.concatenate([speech, np.zeros_like(speech)]))
    return path


def test_an_excerpt_is_ten_seconds_from_where_it_says(recording, codec, speech) -> None:
    piece = excerpt(recording, codec, 30.0)
    assert piece.audio.shape == (1, 160_000) and piece.start_s == pytest.approx(30.0, abs=0.2)
    begin = round(piece.start_s * 16_000) - speech.shape[1]
    wanted = speech[0, begin : begin + 160_000] / 2
    here = piece.audio[0, : len(wanted)]
    shifts = np.fft.irfft(np.fft.rfft(here, 1 << 19) * np.conj(np.fft.rfft(wanted, 1 << 19)))
    shift = (int(np.argmax(shifts)) + (1 << 18)) % (1 << 19) - (1 << 18)
    assert abs(shift) < 0.15 * 16_000  # it is this very place, not just as long


def test_near_the_end_it_moves_forward(recording, codec) -> None:
    assert excerpt(recording, codec, 49.9).audio.shape[1] > 8 * 16_000


def test_stereo_is_kept_if_wanted(recording, codec) -> None:
    assert excerpt(recording, codec, stereo=True).audio.shape[0] == 2


def test_both_sides_are_equally_long_and_loud_and_the_rate_is_kept(clip, codec) -> None:
    made = preview(excerpt(clip, codec, 3.0), codec, 1.5)
    assert made.original.shape == made.decoded.shape and 1.2 < made.kbps <= 1.5
    gains = [speech_gain(side[0], made.sample_rate) for side in (made.original, made.decoded)]
    assert gains[0] == pytest.approx(gains[1], rel=0.01)


def test_silence_and_an_empty_recording(tmp_path, codec) -> None:
    for name, samples in (("silence.wav", 8000), ("empty.wav", 0)):
        with AudioWriter(tmp_path / name, 8000, 1) as writer:
            writer.write(np.zeros((1, samples), np.float32))
    made = preview(excerpt(tmp_path / "silence.wav", codec), codec, 3.0)
    assert made.decoded.shape == (1, 16_000) and not made.decoded.any()
    with pytest.raises(AudioFileError, match="no sound"):
        excerpt(tmp_path / "empty.wav", codec)


def test_a_reader_that_skipped_says_where_it_is(recording, speech) -> None:
    with AudioReader(recording) as reader:
        assert reader.skip_to(20.0) == pytest.approx(20.0, abs=0.2)
        samples = sum(block.shape[1] for block in reader.blocks(4096))
        assert samples / reader.sample_rate == pytest.approx(2 * speech.shape[1] / 16_000 - 20.0, abs=0.3)


def test_a_glance_tells_length_size_and_model(clip, codec, tmp_path) -> None:
    told = glance_at_recording(clip)
    assert told.duration_s == pytest.approx(24.7, abs=0.5) and told.size_bytes == clip.stat().st_size
    encode_file(clip, tmp_path / "clip.sc", codec=codec)
    coded = glance_at_stream(tmp_path / "clip.sc")
    assert coded.duration_s == pytest.approx(told.duration_s, abs=0.01)
    assert (coded.model_id, coded.model_name) == (codec.id, codec.name) and 2.5 < (coded.kbps or 0) < 3.1
    encode_file(clip, tmp_path / "old.sc", books=2, version=1, codec=codec)
    assert glance_at_stream(tmp_path / "old.sc").model_id == codec.id
    with pytest.raises(StreamError):
        glance_at_stream(clip)
    with pytest.raises(StreamError, match="cannot read"):
        glance_at_stream(tmp_path / "none.sc")
