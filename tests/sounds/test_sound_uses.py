"""What a trained VAE of sounds is used for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from brevox.audio import AudioReader
from brevox.cli.app import app
from brevox.data.notes import NotesFile
from brevox.errors import SettingsError
from brevox.sounds.evaluate import evaluate_sounds
from brevox.sounds.instrument import find_sound
from brevox.sounds.latents import look_at_latents
from brevox.sounds.morph import latent_morph, parameter_morph, through_model
from brevox.sounds.principal import PrincipalComponents
from brevox.sounds.reconstruct import reconstruct
from brevox.sounds.smoothness import smoothness
from brevox.synth.banks import Bank, read_bank, write_bank
from brevox.synth.voice import INIT_VOICE


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    path = tmp_path_factory.mktemp("bank") / "two.syx"
    write_bank(path, Bank([INIT_VOICE, INIT_VOICE.changed(algorithm=4, op2_output_level=80).named("BRIGHT")]))
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["synth", *map(str, arguments)])


def test_a_straight_row_has_no_detour_and_even_steps():
    line = np.linspace(0, 1, 5)[:, None, None] * np.full((3, 4), 10.0)
    path = smoothness(line)
    assert path.length_db == pytest.approx(10) and path.detour == pytest.approx(1)
    assert path.largest == pytest.approx(1)
    jump = smoothness(np.stack([line[0], line[0], line[0], line[-1], line[-1]]))
    assert jump.detour == pytest.approx(1) and jump.largest == pytest.approx(4)
    back = smoothness(np.stack([line[0], line[-1], line[0], line[-1]]))
    assert back.detour == pytest.approx(3)
    assert smoothness(np.zeros((3, 2, 2))).detour == 1


def test_principal_components_are_exact_where_there_are_enough():
    draw = np.random.default_rng(0)
    pictures = (draw.normal(size=(30, 3)) @ draw.normal(size=(3, 40)) + 1).reshape(30, 5, 8).astype(np.float32)
    found = PrincipalComponents(lambda i: pictures[i], 30, 3)
    assert found.reconstruct(pictures) == pytest.approx(pictures, abs=1e-3)
    assert np.abs(PrincipalComponents(lambda i: pictures[i], 30, 2).reconstruct(pictures) - pictures).max() > 0.1
    assert found.directions @ found.directions.T == pytest.approx(np.eye(3), abs=1e-3)


def test_a_sound_comes_back_as_files(instrument, bank, tmp_path):
    sound, voice = find_sound(bank, instrument.front, 60, 100)
    assert voice == INIT_VOICE and len(sound) == instrument.front.samples
    result = reconstruct(instrument, sound, tmp_path / "out", rounds=2)
    assert result.original.shape == result.decoded.shape == (48, 40)
    assert 0 < result.absolute_db < 120
    for name in ("original", "griffin-lim", "original-phase"):
        with AudioReader(tmp_path / "out" / f"{name}.wav") as reader:
            assert reader.sample_rate == 22_050
    assert (tmp_path / "out" / "reconstruction.png").stat().st_size > 1000
    again, _ = find_sound(tmp_path / "out" / "original.wav", instrument.front, 60, 100)
    assert np.abs(again - sound).max() < 0.001  # 16 bits


def test_morphs_begin_and_end_with_the_sounds(instrument, bank):
    first, last = (find_sound(bank, instrument.front, 60, 100, number) for number in (1, 2))
    morph = latent_morph(instrument, first[0], last[0], 4)
    ends = instrument.decode(instrument.encode(np.stack([instrument.front.picture(s[0]) for s in (first, last)])))
    assert morph.pictures[[0, -1]] == pytest.approx(ends, abs=1e-4)
    rendered = parameter_morph(instrument, first[1], last[1], 4, 60, 100)
    assert np.array_equal(rendered.sounds[0], first[0]) and len(rendered.sounds) == 4
    assert through_model(instrument, rendered).pictures[[0, -1]] == pytest.approx(ends, abs=1e-4)


def test_latents_are_shown(instrument, notes_path, tmp_path):
    result = look_at_latents(instrument, NotesFile(notes_path), tmp_path, "train", shown=2)
    assert result.values.shape[1] == 6 and (result.effects_db >= 0).all()
    facts = json.loads((tmp_path / "latents.json").read_text())
    assert facts["entanglement"] == pytest.approx(result.entanglement)
    assert {path.name for path in tmp_path.iterdir()} == {"latents.json", "correlations.png", "traversals.png"}


def test_all_is_measured(instrument, notes_path):
    facts = evaluate_sounds(instrument, NotesFile(notes_path), pairs=1, steps=3)
    errors = facts["reconstruction"]
    assert errors["principal_components"]["squared"] < errors["mean_picture"]["squared"]
    assert set(facts["morphs"]) >= {"latent", "parameters", "parameters_decoded"}
    assert facts["guesses"]["voices"] == 2 and 0 <= facts["guesses"]["choices_right"] <= 1


def test_sound_in_voice_out(sounds_run, bank, tmp_path):
    done = run("guess", sounds_run, bank, "--number", 2, "-o", tmp_path / "guess.syx")
    assert done.exit_code == 0, done.output
    voice = read_bank(tmp_path / "guess.syx").voices[0]
    assert voice.name == "two" and (tmp_path / "guess.syx").stat().st_size == 163


def test_commands(sounds_run, notes_path, bank, tmp_path):
    assert run("reconstruct", sounds_run, bank, "--rounds", 1, "-o", tmp_path / "r").exit_code == 0
    done = run("morph", sounds_run, bank, bank, "--numbers", 1, 2, "--steps", 3, "--rounds", 1, "-o", tmp_path / "m")
    assert done.exit_code == 0 and "detour" in done.output
    assert len(list((tmp_path / "m").glob("*.wav"))) == 9 and (tmp_path / "m" / "morph.png").exists()
    assert run("latents", sounds_run, notes_path, "-o", tmp_path / "l").exit_code == 0
    done = run("evaluate", sounds_run, "--notes", notes_path, "--pairs", 1, "-o", tmp_path / "e.json")
    assert done.exit_code == 0
    assert json.loads((tmp_path / "e.json").read_text())[str(sounds_run)]["notes"] == 6


def test_no_such_voice_is_told(instrument, bank):
    with pytest.raises(SettingsError, match="voices 1 to 32"):
        find_sound(bank, instrument.front, 60, 100, 33)
