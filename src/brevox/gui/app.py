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
from brevox.gui import theme
from brevox.gui.settings import Settings
from brevox.gui.window import MainWindow

_LOOK_FOR_SIGNALS_MS = 200


def run(files: Sequence[str] = ()) -> int:
    """Open the window with files in its queues, and stay until it is closed. Returns the exit status."""
    # As in brevox.cli.main; the worker processes inherit it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app = make_app()
    window = MainWindow(colours=theme.Theme(app, Settings().text("scheme", "system")))
    window.show()
    window.add(Path(name) for name in files)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    signal.signal(signal.SIGTERM, lambda *_: app.quit())
    # Python hears of signals only when it runs, and Qt's loop may sleep for long.
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(_LOOK_FOR_SIGNALS_MS)
    status = app.exec()
    window.runner.close()
    window.studio.close()
    return status


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
