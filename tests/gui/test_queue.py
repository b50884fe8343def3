"""The queue at work: many files, bad ones among them, stopping, and what exists already."""

from __future__ import annotations

import shutil
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from helping import add, choose, finish, wait_for, write_tone
from PyQt6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QMessageBox

from brevox.codec.describe import describe_file
from brevox.gui.rows import Direction, State
from brevox.gui.table import Column

_FILES = 200
_MOST_GAP_S = 0.1
_MOST_GROWTH_BYTES = 50e6


def test_200_files_and_three_bad_ones_while_the_window_answers(
    window, qtbot, stream, foreign, tmp_path, record_property
) -> None:
    folder = tmp_path / "in"
    for number in range(_FILES - 3):
        place = folder / f"day {number % 7}" / f"{number:03}.sc"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stream, place)
    shutil.copy(foreign, folder / "foreign.sc")
    (folder / "corrupt.sc").write_bytes(b"\x89SC" + bytes(500))
    unreadable = folder / "unreadable.sc"
    unreadable.symlink_to("/proc/self/mem")  # opens, and then cannot be read, not even by root
    window.decode_panel.output.edit.setText(str(tmp_path / "out"))
    beats = _Heart()
    rows = add(qtbot, window, folder)
    assert len(rows) == _FILES
    memory = psutil.Process().memory_info().rss
    window.start()
    finish(qtbot, window)
    grown = psutil.Process().memory_info().rss - memory
    longest = beats.stop()
    record_property("longest_gap_s", longest)
    record_property("grown_bytes", grown)
    failed = {row.source.name: row.sentence for row in rows if row.state is not State.DONE}
    assert set(failed) == {"corrupt.sc", "unreadable.sc", "foreign.sc"} and all(failed.values())
    assert len(list((tmp_path / "out").rglob("*.wav"))) == _FILES - 3
    assert (tmp_path / "out" / "in" / "day 3" / "003.wav").is_file()  # the tree is kept
    assert grown < _MOST_GROWTH_BYTES
    assert longest < _MOST_GAP_S, f"the window did not answer for {longest:.3f} s"


class _Heart:
    """Beats every 10 ms as long as the window answers, and knows its longest pause."""

    def __init__(self) -> None:
        self._longest, self._last = 0.0, time.monotonic()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(10)

    def _beat(self) -> None:
        now = time.monotonic()
        self._longest, self._last = max(self._longest, now - self._last), now

    def stop(self) -> float:
        self._timer.stop()
        return self._longest


@pytest.fixture
def two_hours(tmp_path) -> Path:
    """A recording of two hours, as fast as it can be made."""
    return write_tone(tmp_path / "long.wav", 7200.0, rate=8000)


def test_two_hours_move_every_second_and_stop_within_one(make_window, qtbot, two_hours) -> None:
    window = make_window()
    wait_for(qtbot, lambda: window.model.card is not None)
    (row,) = add(qtbot, window, two_hours)
    assert row.length_s == 7200
    window.start()
    wait_for(qtbot, lambda: row.done > 0)
    seen = [(time.monotonic(), row.done)]
    while len(seen) < 20:
        before = row.done
        qtbot.waitUntil(lambda: row.done != before, timeout=5000)  # noqa: B023 - waited for right here
        seen.append((time.monotonic(), row.done))
    assert max(after[0] - before[0] for before, after in pairwise(seen)) < 1.0
    _stop_and_look(window, qtbot, row, two_hours)


def test_stopping_while_the_level_is_heard_takes_no_longer(window, qtbot, two_hours) -> None:
    (row,) = add(qtbot, window, two_hours)
    window.start()
    wait_for(qtbot, lambda: row.state is State.WORKING)
    _stop_and_look(window, qtbot, row, two_hours)


def test_stopping_a_decoding_leaves_no_half_file(make_window, qtbot, codec, tmp_path, clip) -> None:
    from brevox.codec.transcode import encode_file

    source = write_tone(tmp_path / "talk.wav", 600.0)
    encode_file(source, tmp_path / "talk.sc", codec=codec)
    source.unlink()
    window = make_window()
    (row,) = add(qtbot, window, tmp_path / "talk.sc")
    window.start()
    wait_for(qtbot, lambda: row.done > 0)
    _stop_and_look(window, qtbot, row, tmp_path / "talk.sc")


def _stop_and_look(window, qtbot, row, source: Path) -> None:
    started = time.monotonic()
    window.cancel_button.click()
    wait_for(qtbot, lambda: not window.runner.running)
    assert time.monotonic() - started < 1.0
    assert row.state is State.STOPPED and window.start_button.isEnabled()
    assert [path.name for path in source.parent.iterdir() if path.is_file()] == [source.name]


def test_one_row_is_stopped_and_the_others_go_on(window, qtbot, two_hours, tone) -> None:
    long, short = add(qtbot, window, two_hours, shutil.copy(tone, two_hours.parent / "tone.wav"))
    window.start()
    wait_for(qtbot, lambda: long.state is State.WORKING)
    window.runner.cancel(long)
    finish(qtbot, window)
    assert (long.state, short.state) == (State.STOPPED, State.DONE)


def test_removing_a_row_that_is_worked_on_stops_it(window, qtbot, two_hours) -> None:
    (row,) = add(qtbot, window, two_hours)
    window.start()
    wait_for(qtbot, lambda: row.state is State.WORKING)
    window.view.selectRow(0)
    qtbot.keyClick(window.view, Qt.Key.Key_Delete)
    assert window.queue.rows == []
    finish(qtbot, window)
    assert row.state is State.STOPPED


def test_a_process_that_is_killed_costs_only_its_file(window, qtbot, two_hours, tone) -> None:
    long, short = add(qtbot, window, two_hours, shutil.copy(tone, two_hours.parent / "tone.wav"))
    window.start()
    wait_for(qtbot, lambda: long.done > 0)
    for one in window.runner._background._processes:
        one.process.kill()
    finish(qtbot, window)
    assert long.state is State.FAILED and "ended unexpectedly" in long.sentence
    assert short.state is State.DONE


@pytest.mark.parametrize("answer", ["Keep both", "Skip", "Replace", "Cancel"])
def test_what_exists_is_not_replaced_without_asking(window, qtbot, tone, tmp_path, monkeypatch, answer) -> None:
    source = shutil.copy(tone, tmp_path / "talk.wav")
    (tmp_path / "talk.sc").write_bytes(b"precious")
    shown = []

    def press(box: QMessageBox) -> int:
        shown.append(box.informativeText())
        for button in box.buttons():
            if button.text().replace("&", "") == answer:
                button.click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    (row,) = add(qtbot, window, source)
    window.start()
    finish(qtbot, window)
    assert shown == [str(tmp_path / "talk.sc")]
    kept = (tmp_path / "talk.sc").read_bytes() == b"precious"
    expected = {
        "Keep both": (True, State.DONE, {"talk.wav", "talk.sc", "talk (2).sc"}),
        "Skip": (True, State.STOPPED, {"talk.wav", "talk.sc"}),
        "Replace": (False, State.DONE, {"talk.wav", "talk.sc"}),
        "Cancel": (True, State.READY, {"talk.wav", "talk.sc"}),
    }
    assert (kept, row.state, {path.name for path in tmp_path.iterdir() if path.is_file()}) == expected[answer]


def test_what_appears_after_the_question_is_not_replaced(window, qtbot, tone, tmp_path) -> None:
    (row,) = add(qtbot, window, shutil.copy(tone, tmp_path / "talk.wav"))
    window.start()
    (tmp_path / "talk.sc").write_bytes(b"precious")
    finish(qtbot, window)
    assert row.state is State.FAILED and "appeared" in row.sentence
    assert (tmp_path / "talk.sc").read_bytes() == b"precious"


def test_a_failed_file_is_tried_again(window, qtbot, tone, tmp_path) -> None:
    (row,) = add(qtbot, window, shutil.copy(tone, tmp_path / "talk.wav"))
    (tmp_path / "talk.wav").rename(tmp_path / "away.wav")
    window.start()
    finish(qtbot, window)
    assert row.state is State.FAILED and "there is no file" in row.sentence
    (tmp_path / "away.wav").rename(tmp_path / "talk.wav")
    window.retry_button.click()
    finish(qtbot, window)
    assert row.state is State.DONE


def test_figures_beside_a_finished_file(window, qtbot, tone, tmp_path) -> None:
    window.encode_panel.output.edit.setText(str(tmp_path))
    add(qtbot, window, tone)
    window.start()
    finish(qtbot, window)
    size = (tmp_path / "tone.sc").stat().st_size
    texts = [window.queue.data(window.queue.index(0, column)) for column in Column]
    assert texts == ["tone.wav", "0:03", "96.1 kB", f"{size} bytes", f"{size * 8 / 3000:.2f}", "Done"]
    assert "became" in window.summary.text()
    window.remove_done()
    assert window.queue.rows == []


def test_bit_rate_and_stereo_reach_the_file(make_window, qtbot, tmp_path) -> None:
    window = make_window()
    wait_for(qtbot, lambda: window.model.card is not None)
    add(qtbot, window, write_tone(tmp_path / "both.wav", 12.0, channels=2))
    window.encode_panel.kbps = 1.5
    window.encode_panel.stereo.setChecked(True)
    window.start()
    finish(qtbot, window)
    facts = describe_file(tmp_path / "both.sc")
    assert "2 channels" in facts["source"] and float(facts["bit rate"].split()[0]) <= 1.5


def test_dropped_files_go_where_they_belong(window, qtbot, tone, stream, tmp_path) -> None:
    folder = tmp_path / "dropped"
    folder.mkdir()
    shutil.copy(stream, folder)
    _drop(window, folder)
    wait_for(qtbot, lambda: bool(window.queues[Direction.DECODE].rows))
    assert window.direction is Direction.DECODE  # as there was nothing else in it
    _drop(window, folder, tone)
    wait_for(qtbot, lambda: bool(window.queues[Direction.ENCODE].rows))
    assert len(window.queues[Direction.DECODE].rows) == 1  # twice the same is once


def _drop(window, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, keys))


def test_of_two_that_would_become_one_the_first_is_done_and_the_other_says_so(window, qtbot, tone, tmp_path) -> None:
    for folder in ("a", "b", "out"):
        (tmp_path / folder).mkdir()
    sources = [shutil.copy(tone, tmp_path / folder / "talk.wav") for folder in "ab"]
    window.encode_panel.output.edit.setText(str(tmp_path / "out"))
    first, second = add(qtbot, window, *sources)
    window.start()
    finish(qtbot, window)
    assert first.state is State.DONE and (tmp_path / "out" / first.target.name).is_file()
    assert second.state is State.FAILED and str(first.source) in second.sentence
    window.encode_panel.output.edit.setText("")
    window.retry_button.click()
    finish(qtbot, window)
    assert second.state is State.DONE and (tmp_path / "b" / "talk.sc").is_file()


def test_what_is_there_already_is_told(window, qtbot, tone) -> None:
    add(qtbot, window, tone)
    window.add([tone])
    wait_for(qtbot, lambda: window.notice.isVisible())
    assert "already" in window.notice.label.text() and len(window.queue.rows) == 1


def test_an_empty_folder_is_told(window, qtbot, tmp_path) -> None:
    window.add([tmp_path])
    wait_for(qtbot, lambda: window.notice.isVisible())
    assert "no recordings" in window.notice.label.text()


def test_closing_while_it_works_asks_and_leaves_nothing_half(window, qtbot, two_hours, monkeypatch) -> None:
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    (row,) = add(qtbot, window, two_hours)
    window.start()
    wait_for(qtbot, lambda: row.done > 0)
    assert not window.close() and window.runner.running
    assert window.close()
    assert [path.name for path in two_hours.parent.iterdir() if path.is_file()] == ["long.wav"]
    assert not any("long.wav" in " ".join(child.cmdline()) for child in psutil.Process().children(recursive=True))


def test_estimate_tells_what_will_come(make_window, qtbot, clip, tmp_path) -> None:
    window = make_window()
    wait_for(qtbot, lambda: window.model.card is not None)
    (row,) = add(qtbot, window, clip)
    window.encode_panel.output.edit.setText(str(tmp_path))
    estimate = window.model.card.estimate_bytes(row.length_s, 3.0)
    assert f"{estimate / 1000:.1f} kB" in window.encode_panel.estimate.text()
    assert f"PESQ {window.model.card.at(3.0).pesq:.1f}" in window.encode_panel.quality.text()
    window.start()
    finish(qtbot, window)
    assert row.after == pytest.approx(estimate, rel=0.05)
    window.encode_panel.kbps = 0.5
    assert "words are lost" in window.encode_panel.quality.text()
    choose(qtbot, window, tmp_path / "none.bvx")
    assert not window.start_button.isEnabled()


def test_what_is_done_can_be_done_again_at_another_rate(make_window, qtbot, tmp_path, clip) -> None:
    (tmp_path / "talk.flac").write_bytes(clip.read_bytes())
    window = make_window()
    wait_for(qtbot, lambda: window.model.card is not None)
    done, failed = add(qtbot, window, tmp_path / "talk.flac", _text(tmp_path / "notes.wav"))
    window.start()
    finish(qtbot, window)
    size = done.target.stat().st_size
    window.view.selectRow(window.queue.rows.index(done))
    assert window.retry_button.isEnabled()
    window.encode_panel.kbps = 0.5
    done.target.unlink()
    window.retry()
    finish(qtbot, window)
    assert done.state is State.DONE and done.target.stat().st_size < size / 2
    assert failed.state is State.FAILED and failed not in window.runner.batch


def _text(path: Path) -> Path:
    path.write_text("no sound")
    return path
