import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from brevox.audio import AudioReader, AudioWriter
from brevox.cli import main
from brevox.codec.bvx import read_model
from brevox.training.checkpoint import LAST, load_checkpoint
from voices import voice

RECIPE = Path(__file__).parents[2] / "recipes" / "speech-16k.yaml"
SMALL = [
    "data.crop_s=0.4",
    "data.batch=2",
    "model.encoder={name: spectral, width: 16, blocks: 1, fine_width: 16, fine_blocks: 1}",
    "model.decoder={name: spectral, width: 16, blocks: 1, fine_width: 16, fine_blocks: 1}",
    "model.bottleneck.codes=32",
    "run.valid_clips=1",
    "run.valid_clip_s=1",
]


@pytest.fixture
def brevox(monkeypatch, capsys):
    """Run a command line in this process; gives the exit status and what was printed, in one line."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["brevox", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, " ".join((printed.out + printed.err).split())

    return run


def test_from_recordings_to_a_decoded_file(brevox, recordings, tmp_path):
    corpus, run, model = tmp_path / "my corpus", tmp_path / "run", tmp_path / "mine.bvx"
    status, printed = brevox("data", "prepare", "--manifest", recordings, "-o", corpus, "--jobs", 1)
    assert status == 0, printed
    assert "6 clips" in printed
    assert "3 speakers" in printed

    for steps in (3, 5):  # the same command again goes on
        status, printed = brevox("train", RECIPE, f"data.corpus={corpus}", *SMALL, f"run.steps={steps}", "--run", run)
        assert status == 0, printed
        assert load_checkpoint(run / LAST)["step"] == steps

    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"licence": "MIT"}))
    status, printed = brevox("export", run, "-o", model, "--corpus", corpus, "--description", facts, "--name", "mine")
    assert status == 0, printed
    made = read_model(model)
    assert made.id.hex() in printed
    assert (made.info["name"], made.info["licence"]) == ("mine", "MIT")

    speech, coded, decoded = (tmp_path / name for name in ("speech.wav", "speech.sc", "decoded.wav"))
    audio = voice(1.234, 140)[None]
    with AudioWriter(speech, 16_000, 1) as writer:
        writer.write(audio)
    status, printed = brevox("encode", speech, "-o", coded, "--model", model)
    assert status == 0, printed
    status, printed = brevox("decode", coded, "-o", decoded, "--model", model)
    assert status == 0, printed
    with AudioReader(decoded) as reader:
        again = np.concatenate(list(reader.blocks(1 << 16)), axis=1)
    assert again.shape == audio.shape
    assert 20 * np.log10(again.std() / audio.std()) == pytest.approx(0, abs=1)


def test_one_speakers_recordings_are_enough_to_train_on(brevox, tmp_path):
    recordings, corpus = tmp_path / "mine", tmp_path / "corpus"
    recordings.mkdir()
    for take in range(3):
        with AudioWriter(recordings / f"{take}.wav", 16_000, 1) as writer:
            writer.write(voice(1.2, 140, seed=take)[None])
    status, printed = brevox("data", "prepare", recordings, "-o", corpus, "--jobs", 1)
    assert status == 0, printed
    assert "train 2 of 1 speaker, valid 1 of 1 speaker" in printed
    assert "training hears too" in printed
    status, printed = brevox("train", RECIPE, f"data.corpus={corpus}", *SMALL, "run.steps=1", "--run", tmp_path / "run")
    assert status == 0, printed


@pytest.mark.parametrize(
    "arguments, hint",
    [
        (["data", "prepare"], "folders of recordings or a manifest"),
        (["data", "prepare", "missing"], "not a folder"),
        (["data", "prepare", "--manifest", "missing.tsv"], "cannot read the manifest"),
        (["data", "prepare", ".", "--layout", "vtck"], "there is no layout 'vtck'"),
        (["data", "prepare", ".", "--layout", "vctk"], "is no VCTK"),
        (["data", "prepare", ".", "--synthetic", "noise"], "--synthetic"),
        (["data", "prepare", "--synthetic", "pink"], "noise, constant"),
        (["train", RECIPE, "data.corpus={corpus}", "data.augment=[{name: rum}]"], "room"),
        (["train", "missing.yaml"], "cannot read the recipe"),
        (["train", RECIPE, "run.stepz=3"], "stepz"),
        (["train", RECIPE, "data.corpus=missing"], "brevox data prepare"),
        (["train", RECIPE, "data.corpus={corpus}", "model.encoder.widht=3"], "widht"),
        (["train", RECIPE, "data.corpus={corpus}", *SMALL, "--start-from", "missing.ckpt"], "missing.ckpt"),
        (["export", "missing.ckpt", "-o", "x.bvx", "--corpus", "{corpus}"], "missing.ckpt"),
        (["export", RECIPE, "-o", "x.bvx", "--corpus", "{corpus}"], "not a checkpoint"),
        (["export", ".", "-o", "x.bvx", "--corpus", "{corpus}", "--card", "missing.md"], "card"),
    ],
    ids=lambda value: " ".join(map(str, value[:3])) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_a_sentence(brevox, corpus, tmp_path, monkeypatch, arguments, hint):
    monkeypatch.chdir(tmp_path)
    status, printed = brevox(*(str(a).replace("{corpus}", str(corpus)) for a in arguments))
    assert status == 2
    assert hint in printed
    assert "Traceback" not in printed
    assert not list(tmp_path.rglob("*.bvx"))


@pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_to_all_processes_saves_and_stops(corpus, tmp_path, number):
    """As a terminal and a cluster's scheduler send it: to the workers too."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "brevox", "train", str(RECIPE), f"data.corpus={corpus}", *SMALL]
    command += ["run.steps=1000000", "run.log_every=1", "data.workers=2", "--run", str(run)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while not (run / "train.csv").exists():
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.05)
            os.killpg(process.pid, number)
            printed, _ = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, printed
    assert "Traceback" not in printed
    step = load_checkpoint(run / LAST)["step"]
    assert f"stopped at step {step}" in printed
    assert not list(run.glob("*.part*"))
