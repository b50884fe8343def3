import json
import pickle
from multiprocessing import get_context

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from brevox.audio import AudioWriter
from brevox.audio.features import log_filterbank, mfcc_with_deltas
from brevox.cli.app import app
from brevox.data.alignment import Alignments
from brevox.data.features import FeatureCrops, FeatureFile, extract_features
from brevox.data.layouts import read_layouts
from brevox.data.prepare import Source
from brevox.data.splits import decide_splits
from brevox.errors import DataError, SettingsError
from voices import voice

TONES = [(0.5, 0.9, 300), (0.9, 1.2, 700), (1.4, 1.9, 1500)]  # seconds and Hz: a language of tones


def write_clip(path, audio):
    path.parent.mkdir(parents=True, exist_ok=True)
    with AudioWriter(path, 16_000, 1) as writer:
        writer.write(np.asarray(audio, dtype=np.float32)[None])


def tones():
    """Silence, then tones: what is spoken when is known to the sample."""
    audio = np.zeros(round(2.4 * 16_000), dtype=np.float32)
    for start, end, hz in TONES:
        t = np.arange(round(start * 16_000), round(end * 16_000))
        audio[t] = 0.2 * np.sin(2 * np.pi * hz * t / 16_000)
    return audio


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three speakers with three utterances each, alignments of all, and recordings nothing can be made of."""
    folder = tmp_path_factory.mktemp("vctk")
    for number, speaker in enumerate(("p225", "p226", "p227")):
        for take in range(3):
            write_clip(folder / f"wav48/{speaker}/{speaker}_{take}.wav", voice(1.2, 110 + 40 * number, seed=take))
    write_clip(folder / "wav48/p225/p225_tones.wav", tones())
    write_clip(folder / "wav48/p225/p225_empty.wav", np.zeros(0))
    write_clip(folder / "wav48/p225/p225_silent.wav", np.zeros(16_000))
    (folder / "wav48/p226/p226_broken.wav").write_bytes(b"RIFF oh no")
    (folder / "lab").mkdir()
    lines = [f"{round(a * 1e7)} {round(b * 1e7)} {hz}Hz" for a, b, hz in TONES]
    (folder / "lab/p225_tones.lab").write_text("0 5000000 sil\n" + "\n".join(lines) + "\n")
    (folder / "lab/p225_0.lab").write_text("0 100 k\n50000000 oops t\n")
    return folder


@pytest.fixture(scope="module")
def made(folder):
    """The features of these, and what was told of it."""
    result = extract_features(
        read_layouts([folder])[0], folder / "corpus.h5", alignments=Alignments(folder / "lab"), jobs=1
    )
    return FeatureFile(folder / "corpus.h5"), result


def find(file, name):
    (found,) = (utterance for utterance in file.utterances if utterance.name == name)
    return found


def test_what_cannot_be_used_is_told_and_the_rest_is_there(made):
    file, result = made
    assert result.utterances == len(file.utterances) == 10
    assert sorted(path.stem for path, _ in result.failed) == ["p225_empty", "p225_silent", "p226_broken"]
    assert len(result.unaligned) == 9
    reasons = {path.stem: reason for path, reason in result.unaligned}
    assert "HTS" in reasons["p225_0"]
    assert "no alignment of" in reasons["p226_1"]
    assert sorted(file.speakers) == ["vctk/p225", "vctk/p226", "vctk/p227"]


def test_known_boundaries_are_where_the_sound_changes(made):
    """Times of phones follow what was cut off: in every frame that a phone fills, its tone is what is heard."""
    file, _ = made
    utterance = find(file, "p225_tones")
    segments = file.segments(utterance)
    assert [s.label for s in segments] == [f"{hz}Hz" for *_, hz in TONES]
    audio = file.read("audio", utterance.first_frame, utterance.frames)
    assert abs(segments[0].start_s - 0.2) < 0.02  # all but a fifth of a second of the silence was cut off
    for segment, (start, end, hz) in zip(segments, TONES, strict=True):
        assert segment.end_s - segment.start_s == pytest.approx(end - start)
        heard = audio[round(segment.start_s * 16_000) : round(segment.end_s * 16_000)]
        spectrum = np.abs(np.fft.rfft(heard))
        assert abs(spectrum.argmax() * 16_000 / len(heard) - hz) < 5
        before = audio[round(segment.start_s * 16_000) - 400 : round(segment.start_s * 16_000) - 8]
        assert np.abs(np.fft.rfft(before, 16_000))[hz] < 0.1 * np.abs(np.fft.rfft(heard[:392], 16_000))[hz]
    filterbank = file.read("filterbank", utterance.first_frame, utterance.frames)
    loudest = [filterbank[round(100 * s.start_s) + 3 : round(100 * s.end_s) - 3].argmax(axis=1) for s in segments]
    assert [len(np.unique(bands)) for bands in loudest] == [1, 1, 1]
    assert len({bands[0] for bands in loudest}) == 3


def test_features_are_those_of_the_sound_beside_them(made):
    file, _ = made
    for utterance in file.utterances:
        place = (utterance.first_frame, utterance.frames)
        audio = file.read("audio", *place)
        assert np.abs(audio).max() == 1.0
        assert len(audio) == 160 * utterance.frames
        assert utterance.frames % 2 == 0
        filterbank = log_filterbank(audio)
        np.testing.assert_array_equal(file.read("filterbank", *place), filterbank)
        np.testing.assert_array_equal(file.read("mfcc", *place), mfcc_with_deltas(filterbank))


def test_statistics_are_those_of_the_training_split(made):
    file, _ = made
    train = file.of_split("train")
    assert {u.split for u in file.utterances} == {"train", "valid"}
    for kind in ("mfcc", "filterbank"):
        frames = np.concatenate([file.read(kind, u.first_frame, u.frames) for u in train])
        expected = np.stack([frames.mean(axis=0), frames.std(axis=0)])
        np.testing.assert_allclose(file.statistics[kind], expected, rtol=1e-3, atol=1e-3)


def test_several_processes_write_the_same(folder, made, tmp_path):
    extract_features(read_layouts([folder])[0], tmp_path / "x.h5", alignments=Alignments(folder / "lab"), jobs=2)
    file, _ = made
    other = FeatureFile(tmp_path / "x.h5")
    assert other.utterances == file.utterances
    frames = sum(u.frames for u in file.utterances)
    for kind in ("audio", "mfcc", "filterbank"):
        np.testing.assert_array_equal(other.read(kind, 0, frames), file.read(kind, 0, frames))


def read_elsewhere(file, queue):
    queue.put(file.read("mfcc", 3, 5))


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_other_processes_open_the_file_for_themselves(made, how):
    if how == "fork" and not hasattr(__import__("os"), "fork"):
        pytest.skip("no fork here")
    file, _ = made
    assert len(pickle.dumps(file)) < 100_000  # no contents
    context = get_context(how)
    queue = context.Queue()
    process = context.Process(target=read_elsewhere, args=(file, queue))
    process.start()
    np.testing.assert_array_equal(queue.get(timeout=60), file.read("mfcc", 3, 5))
    process.join()


def test_crops_are_a_function_of_seed_and_number_and_lie_in_one_speaker(made):
    file, _ = made
    crops = FeatureCrops(file, ["mfcc", "audio"], 30, 200, seed=4)
    again = FeatureCrops(file, ["mfcc", "audio"], 30, 10, seed=4)
    everything = file.read("mfcc", 0, sum(u.frames for u in file.utterances))
    by_frame = {u.first_frame + n: u for u in file.utterances for n in range(u.frames)}
    starts = set()
    for number in range(len(crops)):
        item = crops[number]
        assert item["audio"].shape == (4800,)
        # Digital silence is alike everywhere: there may be several places.
        places = [n for n in range(len(everything) - 29) if np.array_equal(everything[n : n + 30], item["mfcc"])]
        heard = [{(by_frame[n].speaker, by_frame[n].split) for n in range(first, first + 30)} for first in places]
        assert {(item["speaker"], "train")} in heard
        starts.add(places[0])
        if number < 10:
            np.testing.assert_array_equal(again[number]["mfcc"], item["mfcc"])
    assert len(starts) > 100
    with pytest.raises(DataError, match="crop_s"):
        FeatureCrops(file, ["mfcc"], 10_000, 1, seed=0)


def test_splits_are_by_speaker_or_by_utterance_and_follow_the_seed(folder):
    sources = [Source(folder / f"{s}/{s}{n}.wav", s, "") for s in "abcdefgh" for n in range(10)]
    by_speaker, by_utterance = (decide_splits(sources, 0.25, by) for by in ("speaker", "utterance"))
    assert len({s.speaker for s in by_speaker if s.split == "valid"}) == 2
    assert not {s.speaker for s in by_speaker if s.split == "valid"} & {
        s.speaker for s in by_speaker if s.split == "train"
    }
    held = [s for s in by_utterance if s.split == "valid"]
    assert {sum(s.speaker == name for s in held) for name in "abcdefgh"} == {2}
    for by in ("speaker", "utterance"):
        assert decide_splits(sources, 0.25, by, seed=1) == decide_splits(sources, 0.25, by, seed=1)
        assert decide_splits(sources, 0.25, by, seed=1) != decide_splits(sources, 0.25, by, seed=2)
    with pytest.raises(SettingsError, match="by 'moon'"):
        decide_splits(sources, by="moon")


def test_the_command_writes_tells_and_goes_on(folder, tmp_path):
    output = tmp_path / "c.h5"
    command = ["data", "features", str(folder), "-o", str(output), "--alignments", str(folder / "lab"), "-j", "1"]
    result = CliRunner().invoke(app, [*command, "--split-by", "utterance", "--valid", "0.3"])
    assert result.exit_code == 0, result.output
    told = result.output
    assert "VCTK" in told
    assert "10 utterances" in told
    assert "3 kinds of phones" in told
    assert "left out" in told and "p226_broken" in told
    assert "without phones:" in told and "p225_0" in told
    file = FeatureFile(output)
    assert {u.speaker for u in file.of_split("valid")} == {u.speaker for u in file.of_split("train")} == {0, 1, 2}


def test_mistakes_are_told_in_a_sentence(folder, tmp_path):
    (tmp_path / "no.h5").write_text("no HDF5")
    with pytest.raises(DataError, match="brevox data features"):
        FeatureFile(tmp_path / "no.h5")
    with pytest.raises(DataError, match="brevox data features"):
        FeatureFile(tmp_path / "missing.h5")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["format"] = 0
    with pytest.raises(DataError, match="another version"):
        FeatureFile(tmp_path / "old.h5")
    with pytest.raises(DataError, match="none of the 1 recordings"):
        extract_features([Source(folder / "wav48/p225/p225_empty.wav", "a", "train")], tmp_path / "x.h5", jobs=1)
    assert not (tmp_path / "x.h5").exists()
    (tmp_path / "lines.jsonl").write_text(json.dumps({"id": "x"}))
    for arguments in (["-o", "x.h5"], [str(folder), "--alignments", str(tmp_path / "lines.jsonl")]):
        assert CliRunner().invoke(app, ["data", "features", *arguments]).exit_code != 0
