"""What is shown as long as there are no files."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QLabel, QVBoxLayout

from brevox.gui import theme
from brevox.gui.rows import Direction

_PICTURE_PIXELS = 72


class Invitation(QFrame):
    """Says what can be dropped here, and what becomes of it."""

    def __init__(self, direction: Direction) -> None:
        super().__init__()
        self.setObjectName("panel")
        if direction is Direction.ENCODE:
            heading = QLabel(self.tr("Drop recordings or folders here"))
            text = self.tr("or press “Add files…”. Brevox makes speech a hundred times smaller, on this computer only.")
        else:
            heading = QLabel(self.tr("Drop .sc files or folders here"))
            text = self.tr("or press “Add files…”. Double-click one to listen to it without converting it.")
        font = heading.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        heading.setFont(font)
        hint = QLabel(text)
        hint.setObjectName("faint")
        hint.setWordWrap(True)
        picture = QLabel()
        picture.setPixmap(theme.app_icon().pixmap(_PICTURE_PIXELS, _PICTURE_PIXELS))
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        for label in (picture, heading, hint):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        layout.addStretch(1)
