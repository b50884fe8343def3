"""A VAE of sounds that is trained for a few steps on tiny pictures."""

from __future__ import annotations

import lightning as L
import numpy as np
import pytest

from brevox.data.notes import plan_notes, write_notes
from brevox.sounds.instrument import load_instrument
from brevox.synth.spectrogram import FrontEnd
from brevox.synth.voice import INIT_VOICE
from brevox.training.recipe import load_recipe
from brevox.training.trainer import Trainer

FRONT = FrontEnd(bands=48, frames=40, hop=512)


def tone_voices(count):
    draw = np.random.default_rng(0)
    return [
        INIT_VOICE.changed(
            algorithm=int(draw.integers(32)),
            op2_output_level=int(draw.integers(50, 90)),
            op3_output_level=int(draw.integers(99)),
            op1_level_3=int(draw.integers(40, 99)),
            op1_rate_2=int(draw.integers(20, 90)),
        ).named(f"TONE {i}")
        for i in range(count)
    ]


@pytest.fixture(scope="session")
def notes_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("sounds") / "notes.h5"
    write_notes(plan_notes(tone_voices(16), each=4, notes=[60]), path, FRONT, jobs=1)
    return path


@pytest.fixture(scope="session")
def sounds_recipe(notes_path, request):
    path = request.config.rootpath / "recipes" / "dx7-vae.yaml"

    def make(*overrides):
        shape = [f"model.{part}.shape=flowsynth" for part in ("encoder", "decoder")]  # fewer parameters
        small = [*shape, "model.latent=6", "data.batch=8", "data.workers=0", "run.log_every=10", "model.head.hidden=16"]
        rate = ["optimiser.learning_rate=5e-3", "run.steps=30", "run.validate_every=30"]
        return load_recipe(path, [f"data.corpus={notes_path}", *small, *rate, *overrides])

    return make


@pytest.fixture(scope="session")
def sounds_run(sounds_recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    Trainer(sounds_recipe(), folder, L.Fabric(accelerator="cpu", devices=1)).run()
    return folder


@pytest.fixture(scope="session")
def instrument(sounds_run):
    return load_instrument(sounds_run)
