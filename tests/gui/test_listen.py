"""Hearing before committing: both sides, their pictures, and a `.sc` without converting it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helping import FakeSink, add, wait_for
from PyQt6.QtCore import Qt

from brevox.codec.transcode import encode_file
from brevox.gui.pictures import outline, spectrogram
from brevox.gui.rows import Direction
from brevox.gui.sound import open_device
from brevox.gui.tracks import CompareTrack, StreamTrack


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


def test_a_recording_is_heard_against_its_preview(make_window, qtbot, clip, sink) -> None:
    window = make_window(sink)
    wait_for(qtbot, lambda: window.model.card is not None)
    add(qtbot, window, clip)
    window.view.doubleClicked.emit(window.queue.index(0, 0))
    listen = window.listen
    wait_for(qtbot, lambda: window.player.playing)
    assert listen.isVisible() and listen.original_view.has_sound and listen.coded_view.has_sound
    track = window.player.track
    assert isinstance(track, CompareTrack) and track.duration_s == pytest.approx(10.0, abs=0.01)
    assert "kbit/s" in listen.note.text()
    wait_for(qtbot, lambda: len(sink.played) > 20)
    for key, side in ((Qt.Key.Key_B, 1), (Qt.Key.Key_A, 0), (Qt.Key.Key_X, 1)):
        qtbot.keyClick(listen.play_button, key)
        assert track.side == side and listen.coded_view.active == bool(side)
    before = listen._compared
    window.encode_panel.kbps = 0.5  # made again at the new rate, and goes on where it was
    wait_for(qtbot, lambda: listen._compared is not before)
    assert listen._compared.preview.kbps < 0.7 and window.player.playing
    qtbot.keyClick(listen.play_button, Qt.Key.Key_Space)
    assert not window.player.playing and sink.held
    listen.close_button.click()
    assert not listen.isVisible() and sink.closed


def test_the_place_can_be_chosen(make_window, qtbot, clip, sink) -> None:
    window = make_window(sink)
    wait_for(qtbot, lambda: window.model.card is not None)
    add(qtbot, window, clip)
    window.listen_to_chosen()
    wait_for(qtbot, lambda: window.listen._compared is not None)
    first = window.listen._compared
    window.listen.place.triggerAction(window.listen.place.SliderAction.SliderToMaximum)
    wait_for(qtbot, lambda: window.listen._compared is not first)
    assert window.listen._compared.preview.start_s == pytest.approx(window.listen.place.maximum(), abs=0.2)


@pytest.fixture(scope="module")
def coded(tmp_path_factory, clip, codec) -> Path:
    path = tmp_path_factory.mktemp("coded") / "clip.sc"
    encode_file(clip, path, codec=codec)
    return path


def test_an_sc_plays_without_conversion_and_from_any_place(make_window, qtbot, coded, sink) -> None:
    window = make_window(sink)
    (row,) = add(qtbot, window, coded)
    window.view.doubleClicked.emit(window.queue.index(0, 0))
    wait_for(qtbot, lambda: window.player.playing and window.listen.coded_view.has_sound)
    assert not window.listen.original_view.isVisible()
    assert [path.name for path in coded.parent.iterdir()] == [coded.name]
    wait_for(qtbot, lambda: any(np.abs(piece).max() > 0.01 for piece in sink.played))
    window.listen.place.setValue(22)
    window.listen._placed(22)
    wait_for(qtbot, lambda: window.player.track.position_s > 22.3)
    sink.room = 48_000  # let it come to its end
    wait_for(qtbot, lambda: not window.player.playing)
    total = row.length_s
    assert total is not None and window.player.track.duration_s == pytest.approx(total, abs=0.01)


def test_an_sc_of_a_missing_model_says_so_and_offers_to_look(make_window, qtbot, foreign, sink) -> None:
    window = make_window(sink)
    (row,) = add(qtbot, window, foreign)
    window.listen_to_chosen()
    wait_for(qtbot, lambda: window.notice.isVisible())
    assert "“other”" in window.notice.label.text() and "other" in row.sentence
    assert "other" in window.listen.note.text()


def test_without_an_audio_device_the_pictures_remain(make_window, qtbot, clip) -> None:
    window = make_window(None)
    wait_for(qtbot, lambda: window.model.card is not None)
    add(qtbot, window, clip)
    window.listen_to_chosen()
    wait_for(qtbot, lambda: "No audio device" in window.listen.note.text())
    assert window.listen.coded_view.has_sound and not window.player.playing
    assert not window.listen.grab().isNull()


def test_what_cannot_be_heard_says_why(window, qtbot, tone, tmp_path) -> None:
    gone = tmp_path / "gone.wav"
    gone.write_bytes(tone.read_bytes())
    (row,) = add(qtbot, window, gone)
    gone.unlink()
    window.listen_to_chosen()
    wait_for(qtbot, lambda: "no file" in window.listen.note.text())
    assert "no file" in row.sentence


def test_the_real_device_is_opened_or_missing_but_never_a_crash(qtbot) -> None:
    sink = open_device()
    if sink is not None:
        sink.close()


def test_looks_are_kept_apart_by_direction(window, qtbot, tone, stream) -> None:
    add(qtbot, window, tone, stream)
    assert [len(window.queues[one].rows) for one in Direction] == [1, 1]


def test_switching_sides_has_no_gap_and_no_jump() -> None:
    rate = 48_000
    time = np.arange(rate) / rate
    one = np.sin(2 * np.pi * 100 * time)[None].astype(np.float32)
    track = CompareTrack((one, 0.5 * one), rate)
    track.read(rate // 4)
    track.side = 1
    switched = track.read(rate // 4)[:, 0]
    assert np.abs(np.diff(switched)).max() < 2 * np.pi * 100 / rate * 1.5  # steps of a sine, no click
    np.testing.assert_allclose(switched[rate // 10 :], 0.5 * one[0, rate // 4 + rate // 10 : rate // 2], atol=1e-5)
    assert np.abs(np.diff(np.concatenate([track.read(rate)[:, 0]]))).max() < 0.1  # nor where it begins again


def test_a_stream_never_waits_and_forgets_what_came_too_late() -> None:
    asked: list[tuple[int, float]] = []
    track = StreamTrack(100, lambda session, start_s: asked.append((session, start_s)))
    track.seek(0.0)
    assert track.buffering and not track.read(10).any() and track.position_s == 0
    late = asked[-1][0]
    track.seek(5.0)
    assert not track.give(late, np.ones((1, 50), np.float32))
    session, start_s = asked[-1]
    assert start_s == 5.0 and track.give(session, np.ones((2, 50), np.float32), 9.0)
    assert track.read(30).all() and track.position_s == 5.3 and track.duration_s == 9.0
    track.give(session, None)
    assert not track.ended
    assert track.read(30).sum() == 2 * 20 and track.ended


def test_a_tone_is_a_line_in_the_spectrogram_and_fills_the_outline() -> None:
    tone = np.sin(2 * np.pi * 2000 * np.arange(16_000) / 16_000).astype(np.float32)
    levels = spectrogram(tone, 16_000)
    assert levels.shape[1] >= 199 and levels.max() == 1.0
    rows = levels[:, 50:150].mean(axis=1)
    assert abs(int(rows.argmax()) / len(rows) - 0.75) < 0.02  # 2 of 8 kHz, from the top
    low, high = outline(tone, 100)
    assert (high > 0.9).all() and (low < -0.9).all()
    assert outline(np.zeros(3, np.float32), 10)[0].shape == (10,)
