"""brevox vocoder on real speech: features out, speech back, and tables of vectors."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from brevox.audio import resample
from brevox.cli.app import app
from brevox.errors import BrevoxError
from brevox.evaluation.alignment import align
from brevox.vocoder.feature_files import read_features
from brevox.vocoder.resynthesis import from_features
from brevox.vocoder.speech_files import read_speech, write_speech
from brevox.vocoder.stages import search


@pytest.fixture(scope="module")
def features(clip, tmp_path_factory):
    """Beginning of the names of the demo clip's features."""
    stem = tmp_path_factory.mktemp("features") / "talk"
    done = call("analyse", clip, "-o", stem)
    assert "frames of 10 ms" in done.stderr
    return stem


def call(*arguments):
    done = CliRunner().invoke(app, ["vocoder", *map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done


def named(stem, end):
    return stem.with_name(stem.name + end)


def quality(original, made):
    """PESQ-NB."""
    from pesq import pesq

    wide = [resample(audio[None], 8000, 16_000)[0] for audio in (original, made)]
    wide = [wide[0], align(*wide)[0]]
    return pesq(8000, *(resample(audio[None], 16_000, 8000)[0] for audio in wide), "nb")


@pytest.mark.parametrize(
    ("made_of", "least"),
    [(["--b", "_b.f32"], 2.5), (["--b", "_b.f32", "--y", "_y.f32"], 2.7), (["--model", ".model"], 3.0)],
    ids=["b", "y", "model"],
)
def test_speech_comes_back(features, clip, tmp_path, made_of, least):
    files = [named(features, part) if part[0] in "_." else part for part in made_of]
    call("synth", *files, "-o", tmp_path / "out.wav")
    original, made = read_speech(clip), read_speech(tmp_path / "out.wav")
    assert 0 <= len(made) - len(original) < 80
    assert quality(original, made) > least
    loudness = [np.sqrt(np.mean(audio**2)) for audio in (original, made)]
    assert loudness[1] == pytest.approx(loudness[0], rel=0.15)


def test_raw_samples_are_those_of_the_wav(features, tmp_path):
    for name in ("out.wav", "out.raw"):
        call("synth", "--model", named(features, ".model"), "--phase0", "-o", tmp_path / name)
    assert (tmp_path / "out.raw").stat().st_size % 160 == 0
    steps = [np.rint(read_speech(tmp_path / name) * 32768) for name in ("out.wav", "out.raw")]
    np.testing.assert_allclose(*steps, atol=1)


def test_phases_that_were_sent_are_nearer_than_those_that_were_not(features, clip, tmp_path):
    original, correlation = read_speech(clip), []
    for phases in ([], ["--phase0"]):
        call("synth", "--model", named(features, ".model"), *phases, "-o", tmp_path / "out.raw")
        correlation.append(np.corrcoef(original, read_speech(tmp_path / "out.raw")[: len(original)])[0, 1])
    assert correlation[0] > 0.85 > 0.5 > correlation[1]


def test_vectors_are_quantised_as_from_python(features, tmp_path):
    b = named(features, "_b.f32")
    done = call("vq-train", b, "-k", 22, "--first", 20, "-n", "16,8", "-o", tmp_path / "vq")
    assert "16" in done.stdout and "8" in done.stdout
    tables = [read_features(tmp_path / f"vq{number}.f32", 20) for number in (1, 2)]
    assert [len(table) for table in tables] == [16, 8]
    out, indices = tmp_path / "q.f32", tmp_path / "q.i32"
    command = ["vq-search", b, "-k", 22, "--first", 20, "-t", tmp_path / "vq1.f32", "-t", tmp_path / "vq2.f32"]
    done = call(*command, "-o", out, "--indices", indices, "--mbest", 3)
    assert "7 bits each" in done.stderr
    rows, quantised = read_features(b, 22), read_features(out, 22)
    found = np.fromfile(indices, "<i4").reshape(-1, 2)
    np.testing.assert_array_equal(found, search(rows[:, :20], tables, 3))
    np.testing.assert_array_equal(quantised[:, 20:], rows[:, 20:])
    np.testing.assert_allclose(quantised[:, :20], tables[0][found[:, 0]] + tables[1][found[:, 1]], rtol=1e-5)
    assert np.isfinite(from_features(quantised)).all()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["synth", "-o", "x.wav"], "name one of them"),
        (["synth", "--b", "{y}", "-o", "x.wav"], "no multiple of 22 columns"),
        (["synth", "--b", "{nan}", "-o", "x.wav"], "holds nan in row 0"),
        (["synth", "--b", "{zeros}", "-o", "x.wav"], "no pitch of 50 to 400 Hz"),
        (["synth", "--b", "{b}", "--y", "{short}", "-o", "x.wav"], "not of one recording"),
        (["synth", "--model", "{b}", "-o", "x.wav"], "model"),
        (["synth", "--b", "{b}", "--phase0", "-o", "x.wav"], "is for --model"),
        (["vq-train", "{b}", "-k", "21", "-n", "4", "-o", "x"], "no multiple of 21 columns"),
        (["vq-train", "{b}", "-k", "22", "-n", "four", "-o", "x"], "whole numbers"),
        (["vq-train", "{b}", "-k", "22", "-n", "99999", "-o", "x"], "too few"),
        (["vq-train", "{b}", "-k", "22", "--first", "30", "-n", "4", "-o", "x"], "more than the 22 columns"),
        (["vq-search", "{b}", "-k", "22", "-t", "none.f32", "-o", "x"], "none.f32"),
        (["analyse", "none.wav"], "none.wav"),
        (["analyse", "{empty}"], "empty"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(features, tmp_path, monkeypatch, command, sentence):
    monkeypatch.chdir(tmp_path)
    files = {"b": named(features, "_b.f32"), "y": tmp_path / "y.f32"}
    made = {"y": np.zeros(79), "nan": np.full(22, np.nan), "zeros": np.zeros(22), "short": np.zeros(2 * 79)}
    for name, numbers in made.items():
        files[name] = tmp_path / f"{name}.f32"
        numbers.astype("<f4").tofile(files[name])
    files["empty"] = tmp_path / "empty.wav"
    files["empty"].write_bytes(b"")
    with pytest.raises(BrevoxError, match=sentence):
        call(*(part.format(**files) for part in command))
    assert not any((tmp_path / name).exists() for name in ("x", "x.wav", "x1.f32"))


def test_what_is_too_loud_is_clipped(tmp_path):
    write_speech(tmp_path / "loud.raw", np.array([2.0, -2.0, 0.0]))
    np.testing.assert_allclose(read_speech(tmp_path / "loud.raw"), [32767 / 32768, -1, 0])
