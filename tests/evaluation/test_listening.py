"""The page of a listening test: blind, self-contained, and with the very sounds that went in."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest
from listeners import make_results

from brevox.audio import AudioReader
from brevox.errors import SettingsError
from brevox.evaluation.listening import (
    ANCHOR,
    KEY_NAME,
    REFERENCE,
    Trial,
    level_gain_db,
    low_pass_anchor,
    write_listening_test,
)
from brevox.evaluation.listening_analysis import analyse
from brevox.evaluation.signals import RATE_HZ


@pytest.fixture(scope="module")
def voice(speech) -> np.ndarray:
    """3 s of speech. Shape [samples]."""
    return speech[0, RATE_HZ : 4 * RATE_HZ].copy()


@pytest.fixture(scope="module")
def trials(voice) -> list[Trial]:
    """Two, of conditions with names that occur nowhere else; quieter, delayed, longer, shorter ones."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.003, len(voice)).astype(np.float32)
    return [
        Trial(
            "Zwieback one",
            voice,
            {"Quagga & <b>": voice * 0.5, "Xylem": np.pad(voice + noise, (160, 4000)), "Kumquat": voice[:-1600]},
        ),
        Trial("Zwieback two", voice[::-1].copy(), {"Quagga & <b>": voice[::-1] + noise, "Xylem": voice[::-1] * 2}),
    ]


@pytest.fixture(scope="module")
def written(trials, tmp_path_factory) -> tuple[str, dict, dict]:
    """The page's text, what it holds, and the key."""
    folder = tmp_path_factory.mktemp("listening") / "new"
    page = write_listening_test(folder, trials, title="A <i>title</i>").read_text(encoding="utf-8")
    return page, _held(page), json.loads((folder / KEY_NAME).read_text(encoding="utf-8"))


def _held(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="test">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def _decode(uri: str, folder) -> np.ndarray:
    kind, _, data = uri.partition(";base64,")
    assert kind == "data:audio/flac"
    path = folder / "sound.flac"
    path.write_bytes(base64.b64decode(data, validate=True))
    with AudioReader(path) as reader:
        assert reader.sample_rate == RATE_HZ
        return np.concatenate(list(reader.blocks(1 << 16)), axis=1)[0]


def _sounds(held: dict, key: dict, folder) -> dict[str, dict[str, np.ndarray]]:
    """What a listener hears: by name of the trial and condition."""
    return {
        key["trials"][trial["id"]]["name"]: {
            "reference": _decode(trial["reference"], folder),
            **{
                key["trials"][trial["id"]]["sounds"][sound]["condition"]: _decode(uri, folder)
                for sound, uri in trial["sounds"].items()
            },
        }
        for trial in held["trials"]
    }


def test_the_page_does_not_tell_what_is_what(written, trials):
    page, held, _ = written
    text = re.sub(r"base64,[A-Za-z0-9+/=]*", "", page)
    for trial in trials:
        for name in (trial.name, *trial.conditions, REFERENCE, ANCHOR):
            assert name not in text
        for word in ("Zwieback", "Quagga", "Xylem", "Kumquat", "anchor"):
            assert word not in text
    assert [one["id"] for one in held["trials"]] == sorted(one["id"] for one in held["trials"])
    for one in held["trials"]:
        assert list(one["sounds"]) == sorted(one["sounds"])


def test_the_page_asks_nothing_of_a_network(written):
    page = written[0]
    assert not re.search(r"https?://|@import|\bsrc=|fetch\(|XMLHttpRequest", page)
    assert "default-src 'none'" in page


def test_a_title_is_text(written):
    assert "<i>" not in written[0] and "A &lt;i&gt;title&lt;/i&gt;" in written[0]


def test_page_and_key_name_the_same_sounds(written, trials):
    _, held, key = written
    assert held["test"] == key["test"]
    assert {one["id"]: set(one["sounds"]) for one in held["trials"]} == {
        trial: set(one["sounds"]) for trial, one in key["trials"].items()
    }
    by_name = {one["name"]: {told["condition"] for told in one["sounds"].values()} for one in key["trials"].values()}
    assert by_name == {trial.name: {REFERENCE, ANCHOR, *trial.conditions} for trial in trials}
    ids = [sound for one in key["trials"].values() for sound in one["sounds"]]
    assert len(set(ids)) == len(ids)


def test_listeners_hear_the_very_samples(written, trials, tmp_path):
    _, held, key = written
    heard = _sounds(held, key, tmp_path)["Zwieback one"]
    reference = np.rint(trials[0].reference * 32768) / 32768
    assert np.array_equal(heard["reference"], reference.astype(np.float32))
    assert np.array_equal(heard[REFERENCE], heard["reference"])
    # Half as loud becomes as loud; delayed by 10 ms and longer becomes in step and as long; cut stays cut, padded.
    assert np.abs(heard["Quagga & <b>"] - reference).max() <= 1 / 32768
    # The missing end lowers its level by a trifle.
    assert np.allclose(heard["Kumquat"][:-1600], heard["reference"][:-1600], rtol=0.01, atol=1 / 32768)
    assert not heard["Kumquat"][-1600:].any()
    assert np.sqrt(np.mean((heard["Xylem"] - reference) ** 2)) == pytest.approx(0.003, rel=0.1)
    assert {len(sound) for sound in heard.values()} == {len(reference)}
    told = {one["condition"]: one for trial in key["trials"].values() for one in trial["sounds"].values()}
    assert told["Xylem"]["gain_db"] == pytest.approx(-6.02, abs=0.01)  # in the second trial it is twice as loud
    first = {
        one["condition"]: one
        for trial in key["trials"].values()
        for one in trial["sounds"].values()
        if trial["name"] == "Zwieback one"
    }
    assert first["Quagga & <b>"]["gain_db"] == pytest.approx(6.02, abs=0.01)
    assert first["Xylem"]["delay_ms"] == 10


def test_sounds_beyond_full_scale_make_the_whole_trial_quieter(voice, tmp_path):
    loud = voice / np.abs(voice).max()
    peaky = loud.copy()
    peaky[8000] = 2.0  # one click
    page = write_listening_test(tmp_path, [Trial("a", loud, {"Peaky": peaky})]).read_text(encoding="utf-8")
    key = json.loads((tmp_path / KEY_NAME).read_text(encoding="utf-8"))
    heard = _sounds(_held(page), key, tmp_path)["a"]
    gain = 10 ** (next(iter(key["trials"].values()))["gain_db"] / 20)
    assert gain == pytest.approx(0.5, rel=0.02)
    assert np.abs(heard["reference"] - loud * gain).max() < 0.001
    assert np.abs(heard["Peaky"]).max() == pytest.approx(1, abs=1e-3)


def test_the_same_seed_gives_the_same_ids_and_others_others(voice, tmp_path):
    trial = Trial("a", voice, {"b": voice})
    keys = []
    for number, seed in enumerate((1, 1, 2, None, None)):
        write_listening_test(tmp_path / str(number), [trial], seed)
        keys.append(json.loads((tmp_path / str(number) / KEY_NAME).read_text(encoding="utf-8")))
    assert keys[0]["trials"] == keys[1]["trials"] and keys[0]["test"] == keys[1]["test"]
    assert len({key["test"] for key in keys}) == 4


def test_key_and_page_give_back_what_listeners_said(written, trials, tmp_path):
    _, _, key = written
    (tmp_path / KEY_NAME).write_text(json.dumps(key))
    wanted = {REFERENCE: 98, ANCHOR: 20, "Quagga & <b>": 40, "Xylem": 60, "Kumquat": 77}
    make_results(tmp_path / "a.json", key, "Ann", lambda _, condition: wanted[condition])
    found = analyse([tmp_path / "a.json"], tmp_path / KEY_NAME)
    assert {one.condition: one.mean for one in found.conditions} == wanted
    assert {one.condition: one.ratings for one in found.conditions} == {
        REFERENCE: 2,
        ANCHOR: 2,
        "Quagga & <b>": 2,
        "Xylem": 2,
        "Kumquat": 1,
    }
    assert any("not every trial has every condition" in warning for warning in found.warnings)


def test_the_anchor_ends_at_3500_hz_without_delay():
    impulse = np.zeros(1601, np.float32)
    impulse[800] = 1
    response = low_pass_anchor(impulse)
    assert np.allclose(response, response[::-1], atol=1e-7)  # linear phase, no delay
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(response, 16000)) + 1e-12)  # bins of 1 Hz
    assert np.abs(spectrum[:3201]).max() < 0.1
    assert spectrum[3500] == pytest.approx(-6, abs=0.1)
    assert spectrum[4000:].max() < -50
    for length in (1, 100, 145, 5000):
        assert len(low_pass_anchor(np.ones(length, np.float32))) == length


def test_level_is_measured_where_there_is_speech(voice):
    quiet = np.concatenate([voice, np.zeros(5 * RATE_HZ, np.float32)])
    assert level_gain_db(quiet, quiet * 0.25) == pytest.approx(12, abs=0.05)
    # Noise in pauses does not count.
    hissing = quiet * 0.5
    hissing[len(voice) + RATE_HZ :] += np.random.default_rng(0).normal(0, 0.05, 4 * RATE_HZ).astype(np.float32)
    assert level_gain_db(quiet, hissing) == pytest.approx(6.02, abs=0.05)
    assert level_gain_db(voice, voice * 1e-6) == 12
    assert level_gain_db(voice, np.zeros_like(voice)) == 0
    assert level_gain_db(np.zeros_like(voice), voice) == 0


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({}, "0 conditions"),
        ({str(i): np.ones(9, np.float32) for i in range(11)}, "11 conditions"),
        ({REFERENCE: np.ones(9, np.float32)}, "another name"),
    ],
)
def test_what_cannot_be_a_test_is_refused(conditions, sentence, tmp_path):
    with pytest.raises(SettingsError, match=sentence):
        write_listening_test(tmp_path, [Trial("a", np.ones(9, np.float32), conditions)])
    assert not any(tmp_path.iterdir())


def test_trials_need_names_of_their_own_and_sound(tmp_path):
    good = Trial("a", np.ones(9, np.float32), {"b": np.ones(9, np.float32)})
    for trials in ([], [good, good], [Trial("a", np.zeros(0, np.float32), good.conditions)]):
        with pytest.raises(SettingsError):
            write_listening_test(tmp_path, trials)


def test_silence_and_numbers_that_are_none_do_no_harm(tmp_path):
    odd = {"silent": np.zeros(400, np.float32), "nothing": np.zeros(0, np.float32), "nan": np.full(500, np.nan, "f")}
    page = write_listening_test(tmp_path, [Trial("a", np.zeros(700, np.float32), odd)]).read_text(encoding="utf-8")
    key = json.loads((tmp_path / KEY_NAME).read_text(encoding="utf-8"))
    for sound in _sounds(_held(page), key, tmp_path)["a"].values():
        assert len(sound) == 700 and not sound.any()
