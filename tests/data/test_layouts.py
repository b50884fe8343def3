"""Layouts: each corpus is known by its marks, and its files, speakers and splits are those its makers describe."""

import csv

import pytest

from brevox.data.layouts import LAYOUTS, read_layouts
from brevox.errors import DataError, SettingsError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def table(path, *rows, columns=("client_id", "path", "sentence")):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join("\t".join(row) for row in (columns, *rows)) + "\n", encoding="utf-8")


def librispeech(folder):
    for part, speakers in (("train-clean-100", (19, 26)), ("train-other-500", (20,)), ("dev-clean", (84,))):
        touch(folder, *(f"{part}/{s}/198/{s}_198_0000{n}.wav" for s in speakers for n in range(2)))
        touch(folder, *(f"{part}/{s}/198/{s}_198.trans.tsv" for s in speakers))
    return touch(folder, "test-clean/61/70968/61-70968-0000.flac", "README.txt", "doc/train-notes.txt")


def common_voice(folder, tables=("train", "dev", "test")):
    for number, name in enumerate(tables):
        clips = [(f"{number}{speaker}", f"common_voice_de_{name}{speaker}.mp3", 'Er sagte: "so') for speaker in "abc"]
        table(folder / f"{name}.tsv", *clips)
        touch(folder, *(f"clips/{clip}" for _, clip, _ in clips))
    return folder


def vctk(folder):
    for speaker in ("p225", "p280", "s5"):
        for n in (1, 2):
            touch(folder, f"wav48_silence_trimmed/{speaker}/{speaker}_00{n}_mic1.flac", f"txt/{speaker}/x.txt")
            if speaker != "p280":  # the second microphone failed
                touch(folder, f"wav48_silence_trimmed/{speaker}/{speaker}_00{n}_mic2.flac")
    return touch(folder, "wav48_silence_trimmed/log.txt")


def folders(folder):
    return touch(folder, "ada/1.wav", "ada/2.MP3", "bob/1.opus", "bob/notes.txt", "cat/deep/1.flac")


MAKERS = {"librispeech": librispeech, "common-voice": common_voice, "vctk": vctk, "folders": folders}


def split_of_speakers(sources):
    return {source.speaker: source.split for source in sources}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_recognised_and_said(tmp_path, name):
    made = MAKERS[name](tmp_path / "x")
    sources, told = read_layouts([made])
    assert (sources, told) == read_layouts([made], name)
    assert LAYOUTS[name].title in told[0] and f"recordings: {len(sources)}," in told[0]
    assert all(source.path.is_file() for source in sources)
    assert len({source.path for source in sources}) == len(sources)
    assert {"train", "valid"} <= {source.split for source in sources} <= {"train", "valid", "test"}


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "folders"])
@pytest.mark.parametrize("made", MAKERS)
def test_a_layout_is_not_forced_on_what_has_another(tmp_path, name, made):
    folder = MAKERS[made](tmp_path / "x")
    if name != made:
        with pytest.raises(DataError, match=str(folder)):
            read_layouts([folder], name)


def test_librispeech(tmp_path):
    tree = librispeech(tmp_path / "LibriTTS")
    sources, _ = read_layouts([tree])
    assert split_of_speakers(sources) == {
        **{f"librispeech/{speaker}": "train" for speaker in (19, 26, 20)},
        "librispeech/84": "valid",
        "librispeech/61": "test",
    }
    assert len(sources) == 9
    # Parts by themselves are the same as their tree.
    parts, _ = read_layouts(sorted(tree.glob("*-*")))
    assert sorted(map(str, parts)) == sorted(str(source) for source in sources)


def test_a_part_alone_has_speakers_set_aside(tmp_path, monkeypatch):
    monkeypatch.chdir(librispeech(tmp_path) / "train-clean-100")
    for folder in (tmp_path / "train-clean-100", type(tmp_path)(".")):
        assert sorted(split_of_speakers(read_layouts([folder])[0]).values()) == ["train", "valid"]


def test_a_speaker_in_two_parts_of_different_splits(tmp_path):
    touch(librispeech(tmp_path), "dev-clean/19/1/19-1-1.flac")
    with pytest.raises(DataError, match="librispeech/19"):
        read_layouts([tmp_path])


def test_common_voice(tmp_path):
    sources, _ = read_layouts([common_voice(tmp_path)])
    splits = {source.path.name: (source.speaker, source.split) for source in sources}
    assert splits["common_voice_de_traina.mp3"] == ("common-voice/0a", "train")
    assert splits["common_voice_de_devb.mp3"] == ("common-voice/1b", "valid")
    assert splits["common_voice_de_testc.mp3"] == ("common-voice/2c", "test")


def test_common_voice_without_official_splits(tmp_path):
    sources, _ = read_layouts([common_voice(tmp_path, ["validated"])])
    assert sorted(split_of_speakers(sources).values()) == ["train", "train", "valid"]


def test_vctk_takes_every_utterance_once_by_its_first_microphone(tmp_path):
    sources, _ = read_layouts([vctk(tmp_path)])
    assert len(sources) == 6
    assert all("mic1" in source.path.name for source in sources)
    assert set(split_of_speakers(sources)) == {"vctk/p225", "vctk/p280", "vctk/s5"}


def test_vctk_before_092_and_with_one_microphone_missing(tmp_path):
    touch(tmp_path / "old", "wav48/p225/p225_001.wav", "wav48/p226/p226_001.wav")
    touch(tmp_path / "new", "wav48_silence_trimmed/p225/p225_001_mic2.flac")
    for name, count in (("old", 2), ("new", 1)):
        assert len(read_layouts([tmp_path / name])[0]) == count


def test_folders_are_speakers(tmp_path):
    sources, _ = read_layouts([folders(tmp_path / "x")])
    assert {(s.path.relative_to(tmp_path / "x").as_posix(), s.speaker.replace("\\", "/")) for s in sources} == {
        ("ada/1.wav", "x/ada"),
        ("ada/2.MP3", "x/ada"),
        ("bob/1.opus", "x/bob"),
        ("cat/deep/1.flac", "x/cat/deep"),
    }


def test_several_corpora_at_once(tmp_path):
    made = [MAKERS[name](tmp_path / name) for name in MAKERS]
    sources, told = read_layouts(made)
    assert [LAYOUTS[name].title in line for name, line in zip(MAKERS, told, strict=True)] == [True] * 4
    assert len(sources) == 9 + 9 + 6 + 4


# What can go wrong.


def test_folders_without_recordings(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        read_layouts([tmp_path / "missing"])
    with pytest.raises(DataError, match=r"no recordings.*\.wav"):
        read_layouts([tmp_path])
    with pytest.raises(SettingsError, match=r"librispeach.*librispeech"):
        read_layouts([tmp_path], "librispeach")


@pytest.mark.parametrize(
    "content, hint",
    [
        (b"speaker\tfile\na\tb.mp3\n", "line 2.*client_id and path"),
        (b"client_id\tpath\na\tb.mp3\nc\n", "line 3.*client_id and path"),
        (b"client_id\tpath\n", "list no clips"),
        (b"", "list no clips"),
        (b"\xff\xfe\x00", "cannot read"),
        (b"client_id\tpath\n" + b"x" * (csv.field_size_limit() + 1), "cannot read"),
    ],
    ids=["other columns", "cut line", "no lines", "empty", "no text", "one endless line"],
)
def test_a_table_of_common_voice_that_cannot_be_used(tmp_path, content, hint):
    touch(tmp_path, "clips/b.mp3")
    (tmp_path / "train.tsv").write_bytes(content)
    with pytest.raises(DataError, match=hint):
        read_layouts([tmp_path])
