"""A window on no screen, with settings of its own, a tiny model, and loudspeakers that keep what they played."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helping import FakeSink, choose, write_tone
from PyQt6.QtCore import QSettings
from PyQt6.QtWidgets import QMessageBox

from brevox.codec.bvx import write_model
from brevox.codec.codec import Codec
from brevox.codec.models import MODELS_FOLDER_VARIABLE
from brevox.codec.transcode import encode_file
from brevox.gui.window import MainWindow
from tiny_model import tiny_model


@pytest.fixture(autouse=True)
def _own_settings(tmp_path, monkeypatch) -> None:
    """Nothing of the user's is read or written, and known models are the built-in one."""
    monkeypatch.setenv(MODELS_FOLDER_VARIABLE, str(tmp_path / "no models"))
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture
def questions(monkeypatch) -> list[QMessageBox]:
    """Message boxes that were shown; each is answered with Cancel. A box nobody expects must not hang a test."""
    shown: list[QMessageBox] = []

    def answer(box: QMessageBox) -> int:
        shown.append(box)
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answer)
    return shown


@pytest.fixture
def make_window(qtbot, questions) -> Iterator[Callable[..., MainWindow]]:
    """Makes a window; all are closed in the end."""
    windows = []

    def make(sink: FakeSink | None = None) -> MainWindow:
        window = MainWindow(lambda: sink)
        windows.append(window)
        window.show()
        return window

    yield make
    for window in windows:
        window.runner.close()
        window.close()


@pytest.fixture
def window(make_window, qtbot, tiny_path) -> MainWindow:
    """With the tiny model chosen."""
    made = make_window()
    choose(qtbot, made, tiny_path)
    return made


@pytest.fixture(scope="session")
def other_path(tmp_path_factory) -> Path:
    """Another model, called other."""
    path = tmp_path_factory.mktemp("other") / "other.bvx"
    write_model(path, tiny_model(1, "other", books=2))
    return path


@pytest.fixture(scope="session")
def tone(tmp_path_factory) -> Path:
    """Three seconds of a recording."""
    return write_tone(tmp_path_factory.mktemp("tone") / "tone.wav", 3.0)


@pytest.fixture(scope="session")
def stream(tmp_path_factory, tone, tiny) -> Path:
    """The tone as a `.sc` of the tiny model."""
    path = tmp_path_factory.mktemp("stream") / "tone.sc"
    encode_file(tone, path, codec=tiny)
    return path


@pytest.fixture(scope="session")
def foreign(tmp_path_factory, tone) -> Path:
    """A `.sc` of the other model."""
    path = tmp_path_factory.mktemp("foreign") / "foreign.sc"
    encode_file(tone, path, codec=Codec(tiny_model(1, "other", books=2), 1))
    return path
