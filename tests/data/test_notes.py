"""Notes to learn from: which are rendered, and what the file gives back."""

from __future__ import annotations

import numpy as np
import pytest

from brevox.data.notes import NoteItems, NotesFile, plan_notes, plan_recordings, render_note, write_notes
from brevox.errors import DataError
from brevox.synth.files import write_sound
from brevox.synth.spectrogram import FrontEnd
from brevox.synth.variation import between, varied
from brevox.synth.voice import INIT_VOICE, SOUNDING

FRONT = FrontEnd(bands=20, frames=12)


def some_voices(count):
    return [INIT_VOICE.changed(op1_coarse=1 + i % 31, feedback=i % 8).named(f"VOICE {i}") for i in range(count)]


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    path = tmp_path_factory.mktemp("notes") / "notes.h5"
    planned = plan_notes(some_voices(12), each=3)
    assert write_notes(planned, path, FRONT, jobs=1) == []
    return planned, NotesFile(path)


def test_voices_are_in_one_split_each():
    planned = plan_notes(some_voices(40), each=4)
    coarse = {
        split: {(n.voice["op1_coarse"], n.voice["algorithm"]) for n in planned if n.split == split}
        for split in ("train", "valid", "test")
    }
    names = {split: {n.name for n in planned if n.split == split} for split in coarse}
    assert not names["train"] & names["valid"] and not names["train"] & names["test"]
    assert not names["valid"] & names["test"]
    assert [len(names[split]) for split in ("train", "valid", "test")] == [32, 4, 4]
    assert sum(n.split == "train" for n in planned) == 32 * 4


def test_voices_that_differ_in_name_alone_are_one():
    twice = [*some_voices(20), *(voice.named("COPY") for voice in some_voices(20))]
    assert len({n.name for n in plan_notes(twice, each=1)}) == 20


def test_held_out_voices_are_unchanged_and_plans_are_repeatable():
    voices = some_voices(30)
    planned = plan_notes(voices, each=5, seed=3)
    assert planned == plan_notes(voices, each=5, seed=3) != plan_notes(voices, each=5, seed=4)
    assert all(n.voice in voices for n in planned if n.split != "train")
    assert any(n.voice not in voices for n in planned if n.split == "train")
    assert {n.note for n in plan_notes(voices, each=9, notes=[48, 60]) if n.split == "train"} == {48, 60}


def test_too_few_voices_are_told():
    with pytest.raises(DataError, match="too few"):
        plan_notes(some_voices(3), each=2)


def test_what_was_rendered_comes_back(notes):
    planned, file = notes
    number = next(i for i, note in enumerate(planned) if note.split == "train")
    note = planned[number]
    levels = FRONT.levels(render_note(note.voice, note.note, note.velocity, FRONT))
    assert file.front.denormalised(file.picture(number)) == pytest.approx(levels, abs=0.1)
    item = file.item(number)
    assert bytes(item["parameters"]) == note.voice.values
    assert (item["note"], item["velocity"]) == (note.note, note.velocity)
    assert file.has_voices and len(file.names) == len(planned)


def test_training_pictures_fill_the_range(notes):
    _, file = notes
    pictures = np.stack([file.picture(int(number)) for number in file.of_split("train")])
    assert pictures.min() == pytest.approx(-1, abs=1e-3) and pictures.max() == pytest.approx(1, abs=1e-3)


def test_every_note_comes_once_a_round_and_items_are_repeatable(notes):
    _, file = notes
    count = len(file.of_split("train"))
    items, again = NoteItems(file, 3 * count, seed=5), NoteItems(file, 3 * count, seed=5)
    sums = sorted(float(items[i]["picture"].sum()) for i in range(count))
    assert sums == sorted(float(items[i]["picture"].sum()) for i in range(count, 2 * count))
    assert all(np.array_equal(items[i]["picture"], again[i]["picture"]) for i in (2 * count, 3, count + 1))


def test_recordings_are_notes_too(tmp_path):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for number in range(12):
        tone = np.sin(np.arange(4000) * 0.05 * (number + 1)).astype(np.float32)
        write_sound(folder / f"tone{number}_n{40 + number}_v90.wav", tone, 22_050)
    (folder / "broken.wav").write_bytes(b"nothing")
    planned = plan_recordings(folder)
    failed = write_notes(planned, tmp_path / "notes.h5", FRONT, jobs=1)
    assert [path.name for path, _ in failed] == ["broken.wav"]
    file = NotesFile(tmp_path / "notes.h5")
    assert not file.has_voices
    assert sum(len(file.of_split(split)) for split in ("train", "valid", "test")) == 12
    place = file.names.index("tone3_n43_v90")
    assert (file.notes[place], file.velocities[place]) == (43, 90)


def test_no_such_file_is_told(tmp_path):
    with pytest.raises(DataError, match="brevox synth notes"):
        NotesFile(tmp_path / "none.h5")
    with pytest.raises(DataError, match="too few"):
        plan_recordings(tmp_path)


def test_variations_keep_what_makes_the_voice():
    voice = some_voices(3)[2]
    draw = np.random.default_rng(0)
    for _ in range(20):
        other = varied(voice, draw, share=0.5, spread=0.2)
        for parameter in SOUNDING:
            if parameter.is_choice or parameter.name in ("transpose", "op1_fine"):
                assert other[parameter.name] == voice[parameter.name]
    assert varied(voice, draw, share=0.0) == voice


def test_the_line_between_two_voices_has_both_at_its_ends():
    first, *_, last = between(INIT_VOICE, some_voices(8)[7], 5)
    assert first == INIT_VOICE and last.values[:-10] == some_voices(8)[7].values[:-10]
    middle = between(INIT_VOICE.changed(op1_output_level=40), INIT_VOICE.changed(op1_output_level=80), 3)[1]
    assert middle["op1_output_level"] == 60
