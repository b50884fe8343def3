"""Which model, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QFileDialog, QLabel, QVBoxLayout, QWidget

from brevox.codec.card import ModelCard
from brevox.codec.models import known_models
from brevox.gui.work import Answer, ReadCard

Ask = Callable[[ReadCard, Callable[[Answer], None]], object]


class ModelChoice(QWidget):
    """A list of the known models, the way to another file, and the card of what is chosen.

    Args:
        ask: has a card read.
        also: further model files that were chosen before.

    Signals:
        changed: another model is chosen, or the chosen one turned out not to work.
    """

    changed = pyqtSignal()

    def __init__(self, ask: Ask, also: tuple[Path, ...] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ask = ask
        self.path: Path | None = None
        self.card: ModelCard | None = None
        self.error: str | None = None
        self.also = also
        self.combo = QComboBox()
        self.combo.setAccessibleName(self.tr("Model"))
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAccessibleName(self.tr("What the model says about itself"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo)
        layout.addWidget(self.text)
        self._fill()
        self.combo.activated.connect(self._choose)

    def start(self, remembered: str = "") -> None:
        """Choose what was chosen last time, if it is still there, else the built-in model."""
        at = next((i for i in range(self.combo.count() - 1) if str(self.combo.itemData(i)) == remembered), 0)
        self.combo.setCurrentIndex(at)
        self._choose(at)

    def choose(self, path: Path) -> None:
        """Choose a model file; it joins the list if it works."""
        self.path, self.card, self.error = path, None, None
        self.text.setText(self.tr("Reading {} …").format(escape(path.name)))
        self._ask(ReadCard(path), lambda answer: self._take(path, answer))
        self.changed.emit()

    def adopt(self, path: Path) -> None:
        """A further model file is known from now on."""
        if path not in self.also and path not in known_models():
            self.also = (*self.also, path)
            self._fill()

    def _fill(self) -> None:
        self.combo.clear()
        for path in known_models():
            built_in = path.parent.name == "assets"
            self.combo.addItem(self.tr("{} (built in)").format(path.stem) if built_in else path.stem, path)
        for path in self.also:
            self.combo.addItem(f"{path.stem} ({path.parent})", path)
        self.combo.addItem(self.tr("Another file…"), None)
        self._show_chosen()

    def _show_chosen(self) -> None:
        for at in range(self.combo.count() - 1):
            if self.combo.itemData(at) == self.path:
                self.combo.setCurrentIndex(at)

    def _choose(self, at: int) -> None:
        path = self.combo.itemData(at)
        if path is None:
            name, _ = QFileDialog.getOpenFileName(
                self, self.tr("Choose a model"), str(Path.home()), self.tr("Brevox models (*.bvx)")
            )
            if not name:
                self._show_chosen()
                return
            path = Path(name)
        self.choose(path)

    def _take(self, path: Path, answer: Answer) -> None:
        if path != self.path:  # another one was chosen in the meantime
            return
        self.card, self.error = answer.value, answer.error
        if answer.error is not None:
            self.text.setText(f"<b>{self.tr('This model cannot be used.')}</b><br>{escape(answer.error)}")
        else:
            self.adopt(path)
            self._show_chosen()
            self.text.setText(self._as_html(answer.value))
        self.changed.emit()

    def _as_html(self, card: ModelCard) -> str:
        least, most = card.least_kbps, card.book_kbps * card.books
        facts = [
            (self.tr("Name"), f"{card.name} {card.version}".strip()),
            (self.tr("Id"), f"{card.id[:16]}<br>{card.id[16:]}"),
            (self.tr("Codebooks"), self.tr("{} of {} codes").format(card.books, card.codes)),
            (self.tr("Hop"), self.tr("{} samples at {:g} kHz").format(card.hop, card.sample_rate / 1000)),
            (self.tr("Frames"), self.tr("{:g} a second").format(card.frame_rate_hz)),
            (self.tr("Bit rate"), self.tr("{:.1f} to {:.1f} kbit/s").format(least, most)),
        ]
        if card.epochs is not None:
            facts.append((self.tr("Trained"), self.tr("{:,} epochs").format(card.epochs)))
        elif card.steps is not None:
            facts.append((self.tr("Trained"), self.tr("{:,} steps").format(card.steps)))
        if card.licence:
            facts.append((self.tr("Licence"), card.licence))
        rows = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{value}</td></tr>" for name, value in _safe(facts))
        text = f"<p>{escape(card.description)}</p>" if card.description else ""
        text += f"<table cellspacing=1>{rows}</table>"
        if card.measured:
            names = ("kbit/s", self.tr("file"), "PESQ", "ESTOI", self.tr("misheard"))
            lines = [
                (
                    f"{m.kbps:g}",
                    f"{m.file_kbps:.2f}",
                    _figure(m.pesq),
                    _figure(m.estoi),
                    _figure(m.misheard, "{:.0f}\u00a0%"),
                )
                for m in card.measured
            ]
            table = "".join(f"<tr><td>{'</td><td>&nbsp;'.join(line)}</td></tr>" for line in [names, *lines])
            text += f"<p><b>{self.tr('Measured on unheard speakers')}</b></p><table cellspacing=1>{table}</table>"
        return text


def _safe(facts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(escape(name), escape(value).replace("&lt;br&gt;", "<br>")) for name, value in facts]


def _figure(value: float | None, form: str = "{:.2f}") -> str:
    return "–" if value is None else form.format(value)
