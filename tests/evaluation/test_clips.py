from __future__ import annotations

import numpy as np
import pytest

from brevox.errors import AudioFileError, SettingsError
from brevox.evaluation.clips import make_clips
from brevox.evaluation.signals import RATE_HZ, write_mono


def write(folder, name: str, seconds: float, seed: int = 0):
    folder.mkdir(parents=True, exist_ok=True)
    audio = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)).astype(np.float32)
    write_mono(folder / name, audio)
    return folder / name


def test_short_recordings_of_one_speaker_are_joined_and_nothing_is_lost(tmp_path):
    for number in range(7):
        write(tmp_path / "anna", f"{number}.wav", 3, number)
    write(tmp_path / "bert", "0.wav", 3)
    clips = make_clips([tmp_path], clip_s=8).clips
    assert [(clip.speaker, clip.seconds) for clip in clips] == [("anna", 9.0), ("anna", 12.0), ("bert", 3.0)]


def test_a_long_recording_is_cut_into_equal_clips_and_nothing_is_lost(tmp_path, speech):
    path = tmp_path / "talk.flac"
    write_mono(path, speech[0])
    clips = make_clips([path], clip_s=7).clips
    assert len(clips) == int(speech.shape[1] / RATE_HZ / 7)
    assert all(clip.seconds >= 7 for clip in clips)
    np.testing.assert_allclose(np.concatenate([clip.audio for clip in clips]), speech[0], atol=1e-4)


def test_librispeech_names_tell_the_speaker(tmp_path):
    for name in ("12-3-0000.flac", "12-4-0001.flac", "77-3-0000.flac"):
        write(tmp_path, name, 2)
    assert {clip.speaker for clip in make_clips([tmp_path], clip_s=1).clips} == {"12", "77"}


def test_so_many_clips_at_most_from_all_over(tmp_path):
    for number in range(9):
        write(tmp_path / str(number), "a.wav", 2)
    clips = make_clips([tmp_path], clip_s=2, most=3).clips
    assert [clip.speaker for clip in clips] == ["0", "4", "8"]


@pytest.mark.parametrize("layout", ["a.txt", "a.normalized.txt", "librispeech"])
def test_transcripts_lie_beside_the_recordings(tmp_path, layout):
    name = "1-2-0003" if layout == "librispeech" else "a"
    write(tmp_path, f"{name}.flac", 2)
    if layout == "librispeech":
        (tmp_path / "1-2.trans.txt").write_text("1-2-0002 NOT THIS\n1-2-0003 HELLO THERE\n")
    else:
        (tmp_path / layout).write_text("HELLO THERE\n")
    (clip,) = make_clips([tmp_path], clip_s=1).clips  # what has a transcript is not cut
    assert clip.text == "HELLO THERE"


def test_a_joined_clip_has_a_text_only_if_all_its_parts_do(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, f"{name}.wav", 2)
        (tmp_path / f"{name}.txt").write_text(name)
    assert make_clips([tmp_path], clip_s=4).clips[0].text == "a b"
    (tmp_path / "a.txt").unlink()
    assert make_clips([tmp_path], clip_s=4).clips[0].text is None


def test_what_cannot_be_read_is_told_and_the_rest_is_taken(tmp_path):
    write(tmp_path, "a.wav", 2)
    for name in ("b.wav", "c.sc"):
        (tmp_path / name).write_text("no sound")
    made = make_clips([tmp_path, tmp_path / "c.sc"], clip_s=1)
    assert {clip.name.partition("-")[0] for clip in made.clips} == {"a"}
    assert set(made.unread) == {tmp_path / "b.wav", tmp_path / "c.sc"}
    assert "brevox decode" in made.unread[tmp_path / "c.sc"]
    with pytest.raises(AudioFileError, match=r"b\.wav"):
        make_clips([tmp_path / "b.wav"])


def test_bad_input_is_told(tmp_path):
    with pytest.raises(AudioFileError, match="does not exist"):
        make_clips([tmp_path / "none.wav"])
    with pytest.raises(AudioFileError, match="no recordings found"):
        make_clips([tmp_path])
    with pytest.raises(SettingsError, match="too short"):
        make_clips([tmp_path], clip_s=0.1)
