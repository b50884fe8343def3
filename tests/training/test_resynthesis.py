import csv

import numpy as np
import pytest
from typer.testing import CliRunner

from brevox.audio import AudioReader
from brevox.cli.app import app

WAVENET = (
    "model.target=audio",
    "model.decoder={name: wavenet, width: 6, skip: 6, condition: 6, layers: 3, cycles: 1}",
    "run.steps=2",
    "run.validate_every=2",
    "data.crop_s=0.1",
    "run.valid_clip_s=0.2",
)


@pytest.fixture(scope="module")
def speaking(small, train, tmp_path_factory):
    """The folder of a run whose decoder makes sound."""
    folder = tmp_path_factory.mktemp("speaking")
    train(small(*WAVENET), folder)
    return folder


@pytest.fixture(scope="module")
def short(features, tmp_path_factory):
    """0.4 s of a recording that training did not hear."""
    from brevox.audio import AudioWriter

    with AudioReader(features.parent / "low3.wav") as reader:
        audio = next(reader.blocks(6400))
    path = tmp_path_factory.mktemp("clip") / "short.wav"
    with AudioWriter(path, 16_000, 1) as writer:
        writer.write(audio)
    return path


def test_nats_a_sample_are_logged_as_audio(speaking):
    for kind in ("train", "valid"):
        with (speaking / f"{kind}.csv").open(newline="") as file:
            values = {name: float(value) for _, name, value in csv.reader(file)}
        assert 0 < values["audio"] < 8
        assert values["total"] == pytest.approx(values["audio"] + 0.25 * values["commitment"], rel=1e-4)


def test_a_clip_is_said_in_either_voice_the_same_each_time(speaking, short, tmp_path):
    said = []
    for name, speaker in (("a", "low"), ("b", "low"), ("c", "high")):
        output = tmp_path / f"{name}.wav"
        result = CliRunner().invoke(
            app, ["resynth", str(speaking), str(short), "-o", str(output), "--speaker", speaker]
        )
        assert result.exit_code == 0, result.output
        assert "x real time" in result.output
        with AudioReader(output) as reader:
            assert reader.sample_rate == 16_000
            said.append(np.concatenate(list(reader.blocks(1 << 16)), axis=1))
    assert said[0].shape == (1, 6400)
    assert np.array_equal(said[0], said[1])
    assert not np.array_equal(said[0], said[2])


def test_mistakes_are_told_in_a_sentence(speaking, short, small, train, tmp_path):
    train(small("run.steps=1"), tmp_path / "mfcc")
    for run, arguments, hint in (
        (speaking, ["--speaker", "nobody"], "it knows: high, low"),
        (tmp_path / "mfcc", [], "makes mfcc, not sound"),
        (tmp_path / "nothing", [], "cannot read"),
    ):
        result = CliRunner().invoke(app, ["resynth", str(run), str(short), "-o", str(tmp_path / "x.wav"), *arguments])
        assert result.exit_code != 0
        assert hint in str(result.exception)
    assert not (tmp_path / "x.wav").exists()
