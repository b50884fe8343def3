"""What shall become of files that exist already: nothing is overwritten without being asked."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from PyQt6.QtCore import QCoreApplication
from PyQt6.QtWidgets import QMessageBox, QWidget

_MOST_SHOWN = 5


class Decision(Enum):
    """What the user wants of results that exist."""

    KEEP_BOTH = "both"
    SKIP = "skip"
    REPLACE = "replace"
    CANCEL = "cancel"


def ask_about_existing(parent: QWidget, there: Sequence[Path]) -> Decision:
    """Ask, and wait for the answer; one for all of them."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(_tr("Some results exist"))
    if len(there) == 1:
        box.setText(_tr("This file exists already. What shall become of it?"))
    else:
        box.setText(_tr("{} of the results exist already. What shall become of them?").format(len(there)))
    more = "\n…" if len(there) > _MOST_SHOWN else ""
    box.setInformativeText("\n".join(str(path) for path in there[:_MOST_SHOWN]) + more)
    roles = QMessageBox.ButtonRole
    keep = box.addButton(_tr("Keep both"), roles.AcceptRole)
    answers = {
        keep: Decision.KEEP_BOTH,
        box.addButton(_tr("Skip"), roles.AcceptRole): Decision.SKIP,
        box.addButton(_tr("Replace"), roles.DestructiveRole): Decision.REPLACE,
    }
    box.setDefaultButton(keep)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return answers.get(box.clickedButton(), Decision.CANCEL)  # type: ignore[arg-type]


def _tr(text: str) -> str:
    return QCoreApplication.translate("existing", text)
