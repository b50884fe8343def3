"""The seed's own tests of its application, 6.01 to 7.10, by their numbers."""

from __future__ import annotations

import re
import zipfile
from html import escape
from pathlib import Path

import pytest
from helping import add, choose, finish, wait_for, write_tone
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from brevox.audio import AudioReader
from brevox.codec.bvx import write_model
from brevox.gui.rows import Direction, State
from tiny_model import tiny_model


def test_6_01_a_model_whose_contents_were_changed_is_refused(make_window, qtbot, tiny_path, tmp_path) -> None:
    content = bytearray(tiny_path.read_bytes())
    with zipfile.ZipFile(tiny_path) as archive:
        content[archive.getinfo("decoder.onnx").header_offset + 200] ^= 1
    path = tmp_path / "changed.bvx"
    path.write_bytes(content)
    window = make_window()
    choose(qtbot, window, path)
    assert "damaged" in window.model.error and "CRC" in window.model.error
    assert escape(window.model.error) in window.model.text.text() and not window.start_button.isEnabled()
    choose(qtbot, window, tiny_path)
    assert window.model.error is None


def test_6_02_a_model_of_a_newer_format_is_refused(make_window, qtbot, tmp_path) -> None:
    model = tiny_model()
    model.info["format"] = 99
    write_model(tmp_path / "newer.bvx", model)
    window = make_window()
    choose(qtbot, window, tmp_path / "newer.bvx")
    assert "format 99" in window.model.text.text()


def test_6_03_a_good_model_opens(window) -> None:
    assert window.model.error is None and window.model.combo.currentText().startswith("tiny")


def test_6_04_the_card_of_the_built_in_model_is_right(make_window, qtbot, codec) -> None:
    window = make_window()
    wait_for(qtbot, lambda: window.model.card is not None)
    text = window.model.text.text()
    for fact in ("speech-16k", "24 of 1024 codes", "640 samples at 16 kHz", "25 a second", "0.5 to 6.0 kbit/s", "MIT"):
        assert fact in text
    at_3 = codec.info["metrics"]["3 kbit/s"]
    assert all(figure in text for figure in re.findall(r"\d+\.\d+", at_3))


def test_6_05_the_card_follows_the_choice(window, qtbot, other_path) -> None:
    assert "3 of 16 codes" in window.model.text.text()
    choose(qtbot, window, other_path)
    assert "2 of 16 codes" in window.model.text.text()


def test_7_01_the_toggle_switches(window, qtbot) -> None:
    qtbot.mouseClick(window.decode_button, Qt.MouseButton.LeftButton)
    assert window.direction is Direction.DECODE and window.decode_panel.isVisible()
    qtbot.mouseClick(window.encode_button, Qt.MouseButton.LeftButton)
    assert window.direction is Direction.ENCODE and window.encode_panel.isVisible()


def test_7_02_picked_files_and_folders_appear(window, qtbot, tone, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(tone)], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    window.add_button.click()
    wait_for(qtbot, lambda: [row.source for row in window.queue.rows] == [tone])
    window.encode_panel.output.button.click()
    assert window.encode_panel.output.edit.text() == str(tmp_path)


def test_7_03_what_was_set_stays(window, make_window, qtbot, tone, tmp_path) -> None:
    add(qtbot, window, tone)
    window.encode_panel.output.edit.setText(str(tmp_path))
    window.encode_panel.kbps = 1.5
    window.set_direction(Direction.DECODE)
    window.set_direction(Direction.ENCODE)
    assert [row.source for row in window.queue.rows] == [tone]
    assert window.encode_panel.output.edit.text() == str(tmp_path)
    window.close()
    again = make_window()
    assert again.encode_panel.kbps == 1.5 and again.encode_panel.output.folder == tmp_path
    wait_for(qtbot, lambda: again.model.card is not None)
    assert again.model.card.name == "tiny"


def test_7_04_start_can_be_pressed_once_all_is_set(make_window, qtbot, tiny_path, tone, tmp_path) -> None:
    window = make_window()
    window.model.choose(tmp_path / "missing.bvx")
    assert not window.start_button.isEnabled()
    choose(qtbot, window, tiny_path)
    assert not window.start_button.isEnabled() and "Add files" in window.summary.text()
    add(qtbot, window, tone)
    assert window.start_button.isEnabled()
    window.encode_panel.output.edit.setText(str(tone))
    assert not window.start_button.isEnabled() and "not a folder" in window.summary.text()
    window.encode_panel.output.edit.setText(str(tmp_path / "new"))
    assert window.start_button.isEnabled()


@pytest.mark.parametrize("direction", list(Direction))
def test_7_05_and_7_06_start_shows_progress_and_greys_the_settings(
    window, qtbot, tone, stream, tmp_path, direction
) -> None:
    add(qtbot, window, tone if direction is Direction.ENCODE else stream)
    assert window.direction is direction
    panel = window.encode_panel if direction is Direction.ENCODE else window.decode_panel
    panel.output.edit.setText(str(tmp_path / "out"))
    qtbot.mouseClick(window.start_button, Qt.MouseButton.LeftButton)
    assert window.progress.isVisible() and not panel.isEnabled() and not window.encode_button.isEnabled()
    finish(qtbot, window)
    assert not window.progress.isVisible() and panel.isEnabled()
    assert window.queue.rows[0].state is State.DONE
    assert (tmp_path / "out" / f"tone{'.sc' if direction is Direction.ENCODE else '.wav'}").is_file()


def test_7_07_recordings_of_many_kinds_and_back_to_as_many(window, qtbot, tmp_path) -> None:
    kinds = ("wav", "mp3", "m4a", "flac", "ogg")
    files = [write_tone(tmp_path / f"{kind}.{kind}", 1.0) for kind in kinds]
    add(qtbot, window, *files)
    window.start()
    finish(qtbot, window)
    assert [row.sentence for row in window.queue.rows if row.state is not State.DONE] == []
    add(qtbot, window, *[path.with_suffix(".sc") for path in files])
    window.decode_panel.output.edit.setText(str(tmp_path / "back"))
    for kind in kinds:
        window.set_direction(Direction.DECODE)
        window.decode_panel.format.setCurrentText(kind)
        for row in window.queue.rows:
            row.state = State.READY
        window.start()
        finish(qtbot, window)
        with AudioReader(tmp_path / "back" / f"flac.{kind}") as reader:
            assert sum(block.shape[1] for block in reader.blocks(4096)) == reader.sample_rate


@pytest.mark.parametrize("name", ["noise.wav", "text.mp3", "empty.flac"])
def test_7_08_what_is_no_recording_is_told_beside_it(window, qtbot, tmp_path, name) -> None:
    content = {"noise.wav": bytes(range(256)) * 40, "text.mp3": b"This is a text. " * 90, "empty.flac": b""}[name]
    (tmp_path / name).write_bytes(content)
    (row,) = add(qtbot, window, tmp_path / name)
    assert row.state is State.FAILED and name in row.sentence
    assert row.sentence in window.queue.status(row)
    assert window.isEnabled() and not window.start_button.isEnabled()


def test_7_09_a_damaged_sc_is_told_beside_it(window, qtbot, tmp_path, stream) -> None:
    (tmp_path / "bad.sc").write_bytes(b"nothing of the kind" * 9)
    content = stream.read_bytes()
    (tmp_path / "short.sc").write_bytes(content[:-30])
    (tmp_path / "half.sc").write_bytes(content[: len(content) // 2])  # of the only chunk
    bad, short, half = add(qtbot, window, *(tmp_path / name for name in ("bad.sc", "short.sc", "half.sc")))
    assert bad.state is State.FAILED and ".sc" in bad.sentence
    window.start()
    finish(qtbot, window)
    assert short.state is State.DONE and "damaged" in window.queue.status(short)
    assert half.state is State.FAILED and "no sound is left" in window.queue.status(half)
    assert (tmp_path / "short.wav").exists() and not (tmp_path / "half.wav").exists()
    assert window.retry_button.isEnabled()


def test_7_10_a_wrong_model_is_named_and_looked_for(
    window, qtbot, foreign, other_path, tiny_path, tmp_path, monkeypatch
) -> None:
    (row,) = add(qtbot, window, foreign)
    window.decode_panel.output.edit.setText(str(tmp_path))
    window.start()
    finish(qtbot, window)
    assert row.state is State.FAILED and row.needs is not None and row.needs[1] == "other"
    assert window.notice.isVisible() and "“other”" in window.notice.label.text()
    picked: list[Path] = [tiny_path, other_path]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(picked.pop(0)), ""))
    window.notice.button.click()
    wait_for(qtbot, lambda: "not the one that is needed" in window.notice.label.text())
    window.notice.button.click()
    wait_for(qtbot, lambda: row.state is State.DONE)
    finish(qtbot, window)
    assert not window.notice.isVisible() and (tmp_path / "foreign.wav").is_file()
