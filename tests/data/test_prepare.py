import csv
import json

import numpy as np
import pytest

from brevox.audio import AudioWriter
from brevox.data.corpus import Corpus
from brevox.data.layouts import folder_sources
from brevox.data.prepare import manifest_sources, prepare
from brevox.data.splits import decide_splits
from brevox.errors import DataError
from voices import voice


def write(path, audio, sample_rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.atleast_2d(audio)
    with AudioWriter(path, sample_rate, len(audio)) as writer:
        writer.write(audio)


def touch(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def manifest(folder, *lines, header=("path", "speaker", "split")):
    path = folder / "list.tsv"
    path.write_text("\n".join("\t".join(line) for line in (header, *lines)) + "\n", encoding="utf-8")
    return path


def clips_of(folder):
    """Each clip's line in clips.tsv, its samples and its pitch codes."""
    with (folder / "clips.tsv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            first, samples = int(row["first"]), int(row["samples"])
            audio = np.load(folder / f"shard-{int(row['shard']):04d}.audio.npy")
            pitch = np.load(folder / f"shard-{int(row['shard']):04d}.pitch.npy")
            yield row, audio[first : first + samples], pitch[first // 320 : (first + samples) // 320]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two speakers and a half: recordings of several kinds, and files that are none."""
    folder = tmp_path_factory.mktemp("recordings")
    write(folder / "ada" / "one.wav", voice(1.0, 110, seed=1))
    write(folder / "ada" / "two words.flac", voice(1.21, 110, seed=2, sample_rate=44_100), 44_100)
    write(folder / "bob" / "stereo.wav", np.stack([voice(0.9, 180, seed=3), voice(0.9, 180, seed=4)]))
    write(folder / "bob" / "quiet.wav", 0.02 * voice(1.0, 200, seed=5))
    write(folder / "bob" / "late.wav", np.concatenate([np.zeros(32_000), voice(0.8, 150, seed=6), np.zeros(32_000)]))
    write(folder / "bob" / "silent.wav", np.zeros(16_000))
    write(folder / "bob" / "short.wav", voice(0.1))
    touch(folder / "zoé" / "empty.wav")
    touch(folder / "zoé" / "letter.mp3", b"Dear Ada, this is no music.")
    touch(folder / "zoé" / "notes.txt", b"not even called audio")
    return folder


@pytest.fixture(scope="module")
def corpus(recordings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "corpus"
    calls = []
    result = prepare(
        decide_splits(folder_sources(recordings)), folder, jobs=1, progress=lambda *call: calls.append(call)
    )
    return folder, result, calls


def test_every_recording_becomes_a_clip_or_is_listed_with_a_reason(corpus):
    folder, result, calls = corpus
    assert {path.name for path, _ in result.failed} == {"empty.wav", "letter.mp3", "silent.wav", "short.wav"}
    assert all(path.name in reason for path, reason in result.failed)
    clips = list(clips_of(folder))
    assert len(clips) == result.clips == 5
    assert result.speakers == 2
    assert result.hours == pytest.approx(sum(len(audio) for _, audio, _ in clips) / 16_000 / 3600)
    assert calls == [(done, 9) for done in range(1, 10)]


def test_samples_and_pitch_fit(corpus):
    folder, _, _ = corpus
    clips = list(clips_of(folder))
    for row, audio, pitch in clips:
        assert audio.dtype == np.int16
        assert pitch.dtype == np.uint8
        assert len(audio) == int(row["samples"]) == 320 * len(pitch)
        assert np.count_nonzero(pitch) > len(pitch) / 4  # voices have a pitch
    # The shards hold the clips and nothing else.
    shards = json.loads((folder / "corpus.json").read_text())["shards"]
    assert sum(len(np.load(folder / f"shard-{n:04d}.audio.npy")) for n in range(shards)) == sum(
        len(audio) for _, audio, _ in clips
    )


def test_a_clip_is_its_recording_at_the_level_of_all(corpus, recordings):
    clips = {row["path"]: audio / 32767 for row, audio, _ in clips_of(corpus[0])}
    pieces_rms = {
        path: np.sqrt(np.mean(np.square(audio[: len(audio) // 6400 * 6400].reshape(-1, 6400)), axis=1)).max()
        for path, audio in clips.items()
    }
    # Loud pieces of all are near -20 dB, though one of the files was 34 dB below the others.
    assert all(rms == pytest.approx(0.1, rel=0.35) for rms in pieces_rms.values())
    whole = clips[str(recordings / "ada" / "one.wav")]
    original = np.round(voice(1.0, 110, seed=1) * 32768) / 32768
    gain = np.dot(whole, original) / np.dot(original, original)
    np.testing.assert_allclose(whole, gain * original, atol=1e-4)


def test_lengths(corpus, recordings):
    seconds = {row["path"]: len(audio) / 16_000 for row, audio, _ in clips_of(corpus[0])}
    # Resampled, and filled up to whole frames of 20 ms.
    assert seconds[str(recordings / "ada" / "one.wav")] == 1.0
    assert seconds[str(recordings / "ada" / "two words.flac")] == pytest.approx(1.22, abs=1e-6)
    # Long silence at the ends is cut down to a fifth of a second.
    assert 0.8 < seconds[str(recordings / "bob" / "late.wav")] <= 1.2 + 0.04


def test_speakers_lie_together(corpus):
    speakers = [row["speaker"] for row, _, _ in clips_of(corpus[0])]
    assert speakers == sorted(speakers)
    firsts = [int(row["first"]) for row, _, _ in clips_of(corpus[0])]
    assert firsts == sorted(firsts)


# Splits.


def test_the_test_split_is_left_out_and_paths_are_relative_to_the_manifest(tmp_path):
    for name in ("a", "b", "c"):
        write(tmp_path / "sounds" / f"{name}.wav", voice(0.5, seed=ord(name)))
    lines = [("sounds/a.wav", "ada", "train"), ("sounds/b.wav", "bob", "valid"), ("sounds/c.wav", "cat", "test")]
    lines.append((str(tmp_path / "sounds" / "gone.wav"), "ada", "train"))
    result = prepare(manifest_sources(manifest(tmp_path, *lines)), tmp_path / "corpus", jobs=1)
    assert [path.name for path, _ in result.failed] == ["gone.wav"]
    rows = [row for row, _, _ in clips_of(tmp_path / "corpus")]
    assert {(row["speaker"], row["split"]) for row in rows} == {("ada", "train"), ("bob", "valid")}
    assert [clip.speaker for clip in Corpus(tmp_path / "corpus", "valid").clips] == ["bob"]


def test_a_second_run_replaces_the_first(tmp_path):
    write(tmp_path / "x" / "a.wav", voice(0.5))
    write(tmp_path / "y" / "a.wav", voice(0.5))
    for name, speaker in (("x", "x"), ("y", "y")):
        prepare(decide_splits(folder_sources(tmp_path / name)), tmp_path / "corpus", jobs=1)
        assert [clip.speaker for clip in Corpus(tmp_path / "corpus", "train").clips] == [speaker]


# What can go wrong.


def test_nothing_usable(tmp_path):
    touch(tmp_path / "in" / "a.wav", b"no")
    with pytest.raises(DataError, match=r"none of the 1 recordings.*a\.wav"):
        prepare(decide_splits(folder_sources(tmp_path / "in")), tmp_path / "corpus", jobs=1)
    with pytest.raises(DataError):  # and no corpus is left that looks whole
        Corpus(tmp_path / "corpus", "train")


def test_nothing_but_a_test_split_leaves_an_earlier_corpus_alone(tmp_path):
    write(tmp_path / "a.wav", voice(0.5))
    corpus = tmp_path / "corpus"
    prepare(manifest_sources(manifest(tmp_path, ("a.wav", "ada", "train"))), corpus, jobs=1)
    with pytest.raises(DataError, match="split test are left out"):
        prepare(manifest_sources(manifest(tmp_path, ("a.wav", "ada", "test"))), corpus, jobs=1)
    assert len(Corpus(corpus, "train").clips) == 1


@pytest.mark.parametrize(
    "lines, header, hint",
    [
        ([("a.wav", "x", "train")], ("file", "speaker", "split"), "path, speaker, split"),
        ([], ("path", "speaker", "split"), "path, speaker, split"),
        ([("a.wav", "x", "train"), ("b.wav", "x")], ("path", "speaker", "split"), "line 3"),
        ([("a.wav", "x", "dev")], ("path", "speaker", "split"), "line 2.*train, valid, test"),
        ([("", "x", "train")], ("path", "speaker", "split"), "line 2"),
    ],
    ids=["other columns", "no lines", "cut line", "unknown split", "no path"],
)
def test_a_manifest_that_cannot_be_used(tmp_path, lines, header, hint):
    with pytest.raises(DataError, match=hint):
        manifest_sources(manifest(tmp_path, *lines, header=header))


def test_a_manifest_that_is_none(tmp_path):
    touch(tmp_path / "list.tsv", b"\xff\xfe\x00\x01")
    for path in (tmp_path / "list.tsv", tmp_path / "missing.tsv", tmp_path):
        with pytest.raises(DataError, match="cannot read the manifest"):
            manifest_sources(path)
