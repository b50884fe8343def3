"""Keys, names for screen readers, colours, and what the parts must not do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helping import add, finish
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPalette
from PyQt6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QLineEdit
from typer.testing import CliRunner

import brevox.gui.app
from brevox.cli.app import app as commands
from brevox.gui import theme, words
from brevox.gui.rows import Row, State, beside, targets


def test_it_never_imports_torch_and_its_workers_no_qt() -> None:
    code = "import sys, brevox.gui.app; print('torch' in sys.modules)"
    assert _printed(code) == "False"
    code = "import sys, brevox.gui.work; print('torch' in sys.modules or any('PyQt6' in name for name in sys.modules))"
    assert _printed(code) == "False"


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_it_uses_the_public_rooms_only() -> None:
    from pathlib import Path

    for path in Path(brevox.gui.app.__file__).parent.glob("*.py"):
        for line in path.read_text().splitlines():
            if line.startswith(("from brevox.", "import brevox.")):
                assert line.split()[1].split(".")[1] in ("gui", "codec", "audio", "background", "processes", "errors")


@pytest.mark.parametrize("kind", [QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox])
def test_everything_to_press_has_a_name(window, kind) -> None:
    nameless = [
        widget
        for widget in window.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.objectName().startswith("qt_")
        and not isinstance(widget.parent(), (QComboBox, QLineEdit))
        and type(widget).__name__ != "QScrollBar"
    ]
    assert [(type(widget).__name__, widget.parent()) for widget in nameless] == []


def test_tab_goes_through_the_window_from_top_to_bottom(window, qtbot, tone) -> None:
    add(qtbot, window, tone)
    window.view.selectRow(0)
    window.encode_button.setFocus()
    seen = []
    for _ in range(30):
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    wanted = [window.add_button, window.view, window.encode_panel.slider, window.start_button]
    places = [seen.index(widget) for widget in wanted]
    assert places == sorted(places)


def test_all_of_it_goes_by_keyboard(window, qtbot, tone, tmp_path) -> None:
    window.encode_panel.output.edit.setText(str(tmp_path))
    (row,) = add(qtbot, window, tone)
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.decode_button.isChecked()
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert window.runner.running
    finish(qtbot, window)
    assert row.state is State.DONE
    window.view.setFocus()
    window.view.selectRow(0)
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    assert window.listen.isVisible()
    qtbot.keyClick(window.view, Qt.Key.Key_Delete)
    assert window.queue.rows == [] and not window.listen.isVisible()


def test_light_and_dark_follow_the_system_or_the_user(make_window, qapp, monkeypatch) -> None:
    window = make_window()
    window.colours = theme.Theme(qapp, "system")
    shades = {}

    def look(name: str) -> None:
        palette = window.palette()
        shades[name] = palette.color(QPalette.ColorRole.Window).lightness()
        assert abs(palette.color(QPalette.ColorRole.WindowText).lightness() - shades[name]) > 120
        assert not window.grab().isNull()

    look("system")
    window.set_scheme("dark")
    look("dark")
    window.set_scheme("light")
    look("light")
    assert shades["system"] == shades["light"] > 200 > 80 > shades["dark"]
    window.set_scheme("system")
    monkeypatch.setattr(theme, "is_dark", lambda scheme: True)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)  # the system changes its mind
    look("at night")
    assert shades["at night"] == shades["dark"] and window.settings.text("scheme") == "system"
    window.colours.choose("light")


def test_figures_read_well() -> None:
    assert [words.size(count) for count in (None, 0, 999, 1000, 1_234_567, 99_960_000)] == [
        "",
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.2 MB",
        "100 MB",
    ]
    assert [words.clock(seconds) for seconds in (None, 0, 59.6, 3725)] == ["", "0:00", "1:00", "1:02:05"]
    assert words.left(0.2) == "1 s left" and words.left(7200) == "2.0 h left"
    assert "fault of Brevox" in words.fault("Traceback\n  x\nValueError: y") and "ValueError: y" in words.fault(
        "ValueError: y"
    )


def test_results_have_names_of_their_own(tmp_path) -> None:
    rows = [Row(tmp_path / "a" / name, path_below) for name, path_below in _named("talk.mp3", "talk.wav", "x.wav")]
    assert [path.name for path in targets(rows, None, ".sc")] == ["talk.mp3.sc", "talk.wav.sc", "x.sc"]
    assert targets(rows, tmp_path / "out", ".sc")[2] == tmp_path / "out" / "in" / "x.sc"
    (tmp_path / "x.sc").touch()
    assert beside(tmp_path / "x.sc", {tmp_path / "x (2).sc"}).name == "x (3).sc"


def _named(*names: str):
    from pathlib import Path

    return [(name, Path("in") / name) for name in names]


def test_the_command_says_what_to_install_or_opens(monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(brevox.gui.app, "run", lambda files: opened.append(files) or 0)
    assert CliRunner().invoke(commands, ["gui", "talk.wav"]).exit_code == 0
    assert opened == [["talk.wav"]]
    assert "application" in CliRunner().invoke(commands, ["gui", "--help"]).output


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
def test_without_a_screen_a_sentence_says_so(monkeypatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    result = subprocess.run([sys.executable, "-m", "brevox.gui"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and "no screen" in result.stderr and "Traceback" not in result.stderr
