"""The application from start to end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QLibraryInfo, QLocale, QTimer, QTranslator
from PyQt6.QtWidgets import QApplication

import brevox
from brevox.errors import SettingsError
from brevox.gui import theme
from brevox.gui.settings import Settings
from brevox.gui.window import MainWindow

_LOOK_FOR_SIGNALS_MS = 200


def run(files: Sequence[str] = ()) -> int:
    """Open the window with files in its queues, and stay until it is closed. Returns the exit status.

    Raises:
        SettingsError: there is no screen to open it on.
    """
    _check_screen()
    # As in brevox.cli.main; the worker processes inherit it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app = make_app()
    window = MainWindow(colours=theme.Theme(app, Settings().text("scheme", "system")))
    window.show()
    window.add(Path(name) for name in files)
    signal.signal(signal.SIGINT, lambda *_: window.close())

    def leave(*_: object) -> None:
        window.runner.close()  # who logs out is not asked whether to stop
        app.quit()

    signal.signal(signal.SIGTERM, leave)
    # Python hears of signals only when it runs, and Qt's loop may sleep for long.
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(_LOOK_FOR_SIGNALS_MS)
    status = app.exec()
    window.runner.close()
    window.studio.close()
    return status


def _check_screen() -> None:
    """Without a screen Qt would end the process on the spot."""
    named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith(("linux", "freebsd")) and not named:
        raise SettingsError("there is no screen here to open a window on; brevox encode and decode need none")


def make_app() -> QApplication:
    """The Qt application: names, icon, and Qt's own words in the user's language."""
    app = QApplication([sys.argv[0]])
    app.setApplicationName("Brevox")
    app.setApplicationVersion(brevox.__version__)
    app.setOrganizationName("Brevox")
    app.setDesktopFileName("brevox")
    translator = QTranslator(app)
    if translator.load(QLocale(), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(translator)
    app.setWindowIcon(theme.app_icon())
    return app
