"""A sentence above the queue, perhaps with something to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class Notice(QFrame):
    """Hidden until there is something to tell.

    Attributes:
        action: what its button does; None where there is nothing to do but to read.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.button = QPushButton(self.tr("Look for it…"))
        self.dismiss = QPushButton(self.tr("Dismiss"))
        self.action: Callable[[], None] | None = None
        layout = QHBoxLayout(self)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.dismiss)
        self.button.clicked.connect(self._act)
        self.dismiss.clicked.connect(self.hide)
        self.hide()

    def tell(self, text: str, act_text: str = "", act: Callable[[], None] | None = None) -> None:
        """Show a sentence, and a button with `act_text` if there is something to do."""
        self.label.setText(text)
        self.label.setAccessibleName(text)
        self.button.setText(act_text)
        self.button.setVisible(act is not None)
        self.action = act
        self.show()

    def _act(self) -> None:
        if self.action is not None:
            self.action()
