"""Colours for light and dark, and icons drawn in them."""

from __future__ import annotations

from importlib.resources import files
from typing import cast

from PyQt6.QtCore import QByteArray, QObject, QSize, Qt
from PyQt6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap, QStyleHints
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QApplication

_LIGHT = {
    QPalette.ColorRole.Window: "#f4f5f7",
    QPalette.ColorRole.WindowText: "#1b1f24",
    QPalette.ColorRole.Base: "#ffffff",
    QPalette.ColorRole.AlternateBase: "#ffffff",
    QPalette.ColorRole.Text: "#1b1f24",
    QPalette.ColorRole.Button: "#e9ebee",
    QPalette.ColorRole.ButtonText: "#1b1f24",
    QPalette.ColorRole.BrightText: "#b3261e",
    QPalette.ColorRole.Highlight: "#0b7285",
    QPalette.ColorRole.HighlightedText: "#ffffff",
    QPalette.ColorRole.Link: "#0b7285",
    QPalette.ColorRole.ToolTipBase: "#1b1f24",
    QPalette.ColorRole.ToolTipText: "#f4f5f7",
    QPalette.ColorRole.PlaceholderText: "#68707a",
    QPalette.ColorRole.Light: "#ffffff",
    QPalette.ColorRole.Midlight: "#eef0f2",
    QPalette.ColorRole.Mid: "#c3c8ce",
    QPalette.ColorRole.Dark: "#9aa1a9",
    QPalette.ColorRole.Shadow: "#5d646c",
}
_DARK = {
    QPalette.ColorRole.Window: "#1f2328",
    QPalette.ColorRole.WindowText: "#e6e8eb",
    QPalette.ColorRole.Base: "#16191d",
    QPalette.ColorRole.AlternateBase: "#2a3037",
    QPalette.ColorRole.Text: "#e6e8eb",
    QPalette.ColorRole.Button: "#2d333a",
    QPalette.ColorRole.ButtonText: "#e6e8eb",
    QPalette.ColorRole.BrightText: "#ff8a80",
    QPalette.ColorRole.Highlight: "#3bb3c7",
    QPalette.ColorRole.HighlightedText: "#0b1316",
    QPalette.ColorRole.Link: "#3bb3c7",
    QPalette.ColorRole.ToolTipBase: "#e6e8eb",
    QPalette.ColorRole.ToolTipText: "#16191d",
    QPalette.ColorRole.PlaceholderText: "#949ca5",
    QPalette.ColorRole.Light: "#3a4149",
    QPalette.ColorRole.Midlight: "#343a42",
    QPalette.ColorRole.Mid: "#454c55",
    QPalette.ColorRole.Dark: "#14171a",
    QPalette.ColorRole.Shadow: "#000000",
}
_FADED = {False: "#8b929a", True: "#6c747d"}

# 24 x 24, strokes of 2 in the colour of text.
_SHAPES = {
    "add": "M12 5v14M5 12h14",
    "folder": "M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
    "remove": "M6 6l12 12M18 6L6 18",
    "listen": "M4 14v-2a8 8 0 0 1 16 0v2M4 14h3v6H5a1 1 0 0 1-1-1zM20 14h-3v6h2a1 1 0 0 0 1-1z",
    "play": "M7 5l12 7-12 7z",
    "pause": "M8 5v14M16 5v14",
    "start": "M5 12h13M13 6l6 6-6 6",
    "stop": "M6 6h12v12H6z",
    "retry": "M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",
    "good": "M5 13l4 4L19 7",
    "bad": "M12 4l9 16H3zM12 10v4M12 17v.5",
}


#: Where colours come from: the system's choice, or the user's, as some Linux desktops do not tell Qt theirs.
SCHEMES = ("system", "light", "dark")


def is_dark(scheme: str = "system") -> bool:
    """Whether windows are to be dark."""
    return scheme == "dark" or (scheme == "system" and _hints().colorScheme() == Qt.ColorScheme.Dark)


class Theme(QObject):
    """Keeps the application in the colours of a scheme, now and whenever the system changes its mind."""

    def __init__(self, app: QApplication, scheme: str) -> None:
        super().__init__(app)
        self._app = app
        self.scheme = scheme if scheme in SCHEMES else "system"
        app.setStyle("Fusion")
        _hints().colorSchemeChanged.connect(lambda _: self.choose(self.scheme))
        self.choose(self.scheme)

    def choose(self, scheme: str) -> None:
        """Change to one of `SCHEMES`."""
        self.scheme = scheme
        _apply(self._app, is_dark(scheme))


def icon(name: str, role: QPalette.ColorRole = QPalette.ColorRole.ButtonText) -> QIcon:
    """An icon in the colours of the palette."""
    palette = QGuiApplication.palette()
    made = QIcon()
    for mode, group in ((QIcon.Mode.Normal, QPalette.ColorGroup.Active), (QIcon.Mode.Disabled, _DISABLED)):
        made.addPixmap(_drawn(_SHAPES[name], palette.color(group, role)), mode)
    return made


def app_icon() -> QIcon:
    """The application's own."""
    svg = (files("brevox.gui") / "icons" / "brevox.svg").read_bytes()
    made = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        made.addPixmap(render(svg, size))
    return made


def render(svg: bytes, size: int) -> QPixmap:
    """An SVG picture as pixels, square."""
    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg)).render(painter)
    painter.end()
    return pixmap


_DISABLED = QPalette.ColorGroup.Disabled
_ICON_PIXELS = 48


def _drawn(path: str, colour: QColor) -> QPixmap:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'stroke="{colour.name()}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">'
        f'<path d="{path}"/></svg>'
    )
    return render(svg.encode(), _ICON_PIXELS)


def _hints() -> QStyleHints:
    return cast(QStyleHints, QGuiApplication.styleHints())


def _apply(app: QApplication, dark: bool) -> None:
    palette = QPalette()
    for role, colour in (_DARK if dark else _LIGHT).items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(_DISABLED, role, QColor(_FADED[dark]))
    palette.setColor(_DISABLED, QPalette.ColorRole.Highlight, palette.color(QPalette.ColorRole.Mid))
    app.setPalette(palette)
    app.setStyleSheet(_sheet(palette))


def _sheet(palette: QPalette) -> str:
    """What the Fusion style has no colour role for."""

    def name(role: QPalette.ColorRole) -> str:
        return palette.color(role).name()

    roles = QPalette.ColorRole
    accent, on_accent, line = name(roles.Highlight), name(roles.HighlightedText), name(roles.Mid)
    faded = palette.color(_DISABLED, roles.ButtonText).name()
    return f"""
    QToolTip {{ color: {name(roles.ToolTipText)}; background: {name(roles.ToolTipBase)}; border: 0; padding: 4px; }}
    QPushButton, QToolButton {{ padding: 5px 12px; border: 1px solid {line}; border-radius: 5px;
        background: {name(roles.Button)}; color: {name(roles.ButtonText)}; }}
    QFileDialog QToolButton {{ padding: 3px; }}
    QFileDialog QToolButton:focus {{ padding: 2px; }}
    QPushButton:hover, QToolButton:hover {{ background: {name(roles.Midlight)}; border-color: {accent}; }}
    QPushButton:pressed, QToolButton:pressed {{ background: {line}; }}
    QPushButton:focus, QToolButton:focus {{ border: 2px solid {accent}; padding: 4px 11px; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {faded}; background: {name(roles.Window)}; }}
    QPushButton:checked, QToolButton:checked {{ background: {accent}; color: {on_accent}; border-color: {accent}; }}
    QPushButton#primary {{ background: {accent}; color: {on_accent}; border-color: {accent}; font-weight: bold;
        padding: 8px 22px; }}
    QPushButton#primary:focus {{ border: 2px solid {name(roles.WindowText)}; padding: 7px 21px; }}
    QPushButton#primary:disabled {{ background: {name(roles.Button)}; color: {faded}; border-color: {line}; }}
    QProgressBar {{ border: 0; border-radius: 4px; background: {name(roles.Mid)}; min-height: 8px; max-height: 8px; }}
    QProgressBar::chunk {{ background: {accent}; border-radius: 4px; }}
    QFrame#panel, QFrame#listen {{ background: {name(roles.AlternateBase)}; border: 1px solid {line};
        border-radius: 8px; }}
    QFrame#notice {{ background: {name(roles.Base)}; border: 1px solid {name(roles.BrightText)}; border-radius: 6px; }}
    QLabel#heading {{ font-weight: bold; }}
    QLabel#faint {{ color: {name(roles.PlaceholderText)}; }}
    QLabel#bad {{ color: {name(roles.BrightText)}; }}
    QTableView {{ border: 1px solid {line}; border-radius: 8px; gridline-color: transparent;
        selection-background-color: {name(roles.Midlight)}; selection-color: {name(roles.Text)}; }}
    QTableView::item {{ padding: 0 8px; }}
    QTableView:focus {{ border-color: {accent}; }}
    QHeaderView {{ background: transparent; border: 0; }}
    QHeaderView::section {{ background: transparent; border: 0; border-bottom: 1px solid {line}; padding: 5px 8px;
        color: {name(roles.PlaceholderText)}; }}
    QTableCornerButton::section {{ background: transparent; border: 0; }}
    """
