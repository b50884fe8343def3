"""A `.sc` heard while it is decoded: the same sound as decoding all of it, from any place on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brevox.audio import AudioReader
from brevox.codec.playback import Playback
from brevox.codec.transcode import decode_file, encode_file
from brevox.errors import StreamError, WrongModelError


@pytest.fixture(scope="module")
def stream(tmp_path_factory, clip, codec) -> Path:
    """The clip at 3 kbit/s: three chunks."""
    path = tmp_path_factory.mktemp("playback") / "clip.sc"
    encode_file(clip, path, codec=codec)
    return path


def heard(path: Path, codec, start: int = 0) -> np.ndarray:
    with Playback(path, codec) as playback:
        return np.concatenate([np.zeros((playback.channels, 0)), *playback.blocks(start)], axis=1)


def test_from_the_beginning_it_is_what_decoding_gives(stream, codec, tmp_path) -> None:
    decode_file(stream, tmp_path / "clip.wav", codec=codec)
    with AudioReader(tmp_path / "clip.wav") as reader:
        whole = np.concatenate(list(reader.blocks(65_536)), axis=1)
    here = heard(stream, codec)
    assert here.shape == whole.shape
    np.testing.assert_allclose(np.clip(here, -1, 1), whole, atol=1e-4)


@pytest.mark.parametrize("start", [1, 5_000, 163_840, 200_000, 327_680, 390_000])
def test_from_elsewhere_it_is_as_long_and_as_loud(stream, codec, start) -> None:
    whole, rest = heard(stream, codec)[:, start:], heard(stream, codec, start)
    assert rest.shape == whole.shape

    def powers(audio: np.ndarray) -> np.ndarray:  # of half seconds
        return np.sqrt(np.mean(audio[0, : audio.shape[1] // 8000 * 8000].reshape(-1, 8000) ** 2, axis=1))

    np.testing.assert_allclose(powers(rest), powers(whole), rtol=0.25, atol=2e-3)


def test_behind_the_end_there_is_nothing(stream, codec) -> None:
    assert heard(stream, codec, 10_000_000).shape[1] == 0


def test_blocks_are_no_longer_than_a_chunk_and_may_begin_again(stream, codec) -> None:
    with Playback(stream, codec) as playback:
        first = next(playback.blocks())
        assert first.shape == (1, 163_840)
        next(playback.blocks(200_000))
        np.testing.assert_array_equal(next(playback.blocks()), first)


def test_version_1_plays_from_any_chunk(clip, codec, tmp_path) -> None:
    encode_file(clip, tmp_path / "v1.sc", books=2, version=1, codec=codec)
    whole = heard(tmp_path / "v1.sc", codec)
    assert heard(tmp_path / "v1.sc", codec, 330_000).shape[1] == whole.shape[1] - 330_000


def test_a_damaged_chunk_is_silent_and_told_once(stream, codec, tmp_path) -> None:
    content = bytearray(stream.read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "bad.sc").write_bytes(content)
    with Playback(tmp_path / "bad.sc", codec) as playback:
        for _ in range(2):
            audio = np.concatenate(list(playback.blocks()), axis=1)
        assert len(playback.damage) == 1 and not audio[0, 200_000:300_000].any()


def test_errors_are_sentences(tmp_path, stream, tiny) -> None:
    with pytest.raises(StreamError, match="cannot read"):
        Playback(tmp_path / "none.sc")
    with pytest.raises(WrongModelError):
        Playback(stream, tiny)
