"""What is set before work starts: model, bit rate, channels, format, and where results go."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from brevox.gui import words
from brevox.gui.modelcard import ModelChoice

LEAST_KBPS, MOST_KBPS = 0.5, 6.0
_STEPS = 10  # of the slider, per kbit/s
FORMATS = ("wav", "mp3", "m4a", "flac", "ogg")


def section(title: str, *widgets: QWidget) -> QFrame:
    """A framed group with a heading."""
    frame = QFrame()
    frame.setObjectName("panel")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(12, 10, 12, 12)
    heading = QLabel(title)
    heading.setObjectName("heading")
    layout.addWidget(heading)
    for widget in widgets:
        layout.addWidget(widget)
    return frame


class OutputFolder(QWidget):
    """A folder, or none: then each result lies beside its source. `changed` when another is set."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(self.tr("beside each file"))
        self.edit.setAccessibleName(self.tr("Output folder"))
        self.edit.setClearButtonEnabled(True)
        self.button = QPushButton(self.tr("Choose…"))
        self.button.setAccessibleName(self.tr("Choose the output folder"))
        self.problem_label = QLabel()
        self.problem_label.setObjectName("bad")
        self.problem_label.setWordWrap(True)
        self.problem_label.hide()
        line = QHBoxLayout()
        line.addWidget(self.edit)
        line.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self.problem_label)
        self.button.clicked.connect(self._browse)
        self.edit.textChanged.connect(self._changed)

    @property
    def folder(self) -> Path | None:
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    @property
    def problem(self) -> str:
        """Why nothing can be written there; empty if it can, as far as one can see."""
        folder = self.folder
        if folder is None:
            return ""
        if not folder.is_absolute():
            return self.tr("Give the whole path, or choose a folder.")
        if folder.exists() and not folder.is_dir():
            return self.tr("This is a file, not a folder.")
        return ""

    def _browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Where results go"), self.edit.text())
        if name:
            self.edit.setText(name)

    def _changed(self) -> None:
        self.problem_label.setText(self.problem)
        self.problem_label.setVisible(bool(self.problem))
        self.changed.emit()


class EncodePanel(QWidget):
    """Settings of encoding.

    Signals:
        changed: any of them.
        sound_changed: one that changes how the result sounds.
    """

    changed = pyqtSignal()
    sound_changed = pyqtSignal()

    def __init__(self, model: ModelChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(LEAST_KBPS * _STEPS), round(MOST_KBPS * _STEPS))
        self.slider.setPageStep(5)
        self.slider.setAccessibleName(self.tr("Bit rate, kbit/s"))
        self.spin = QDoubleSpinBox()
        self.spin.setRange(LEAST_KBPS, MOST_KBPS)
        self.spin.setDecimals(1)
        self.spin.setSingleStep(0.1)
        self.spin.setSuffix(self.tr(" kbit/s"))
        self.spin.setAccessibleName(self.tr("Bit rate"))
        self.estimate = QLabel()
        self.estimate.setWordWrap(True)
        self.estimate.setAccessibleName(self.tr("Estimated size"))
        self.quality = QLabel()
        self.quality.setWordWrap(True)
        self.quality.setObjectName("faint")
        self.quality.setAccessibleName(self.tr("Expected quality"))
        self.stereo = QCheckBox(self.tr("Keep stereo"))
        self.stereo.setToolTip(self.tr("Both channels share the bit rate; speech in the middle gains nothing by it."))
        self.output = OutputFolder()
        rate = QWidget()
        line = QHBoxLayout(rate)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.slider, 1)
        line.addWidget(self.spin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(section(self.tr("Bit rate"), rate, self.estimate, self.quality, self.stereo))
        layout.addWidget(section(self.tr("Results go to"), self.output))
        layout.addWidget(section(self.tr("Model"), model))
        layout.addStretch(1)
        self._seconds, self._bytes_before, self._files = 0.0, 0, 0
        self.slider.valueChanged.connect(lambda value: self.spin.setValue(value / _STEPS))
        self.spin.valueChanged.connect(self._rate_changed)
        self.stereo.toggled.connect(self._sound_changed)
        self.output.changed.connect(self.changed)
        model.changed.connect(self._sound_changed)
        self.kbps = 3.0

    @property
    def kbps(self) -> float:
        return round(self.spin.value(), 1)

    @kbps.setter
    def kbps(self, value: float) -> None:
        self.spin.setValue(value)
        self._rate_changed()

    @property
    def missing(self) -> str:
        """What is still to be set before work can start, as a sentence; empty if nothing is."""
        if self.model.error is not None:
            return self.tr("Choose a model that works.")
        if self.model.card is None:
            return self.tr("The model is being read.")
        return self.output.problem

    def show_estimate(self, files: int, seconds: float, bytes_before: int) -> None:
        """What is to be encoded: files, seconds and bytes of those whose length is known."""
        self._files, self._seconds, self._bytes_before = files, seconds, bytes_before
        card = self.model.card
        if card is None:
            self.estimate.setText("")
            self.quality.setText("")
            return
        channels = 2 if self.stereo.isChecked() else 1
        if seconds:
            after = card.estimate_bytes(seconds, self.kbps, channels)
            text = self.tr("About {} for {} of sound").format(words.size(after), words.clock(seconds))
            if bytes_before > after > 0:
                text += self.tr(": {:.0f} times smaller").format(bytes_before / after)
        else:
            hour = card.estimate_bytes(3600.0, self.kbps, channels)
            text = self.tr("About {} an hour").format(words.size(hour))
        if channels * card.least_kbps > self.kbps:
            text += self.tr(". Stereo cannot go below {:.1f} kbit/s").format(channels * card.least_kbps)
        self.estimate.setText(text + ".")
        # Two channels share the rate: each sounds like one channel of half of it.
        self.quality.setText(words.quality(card.at(self.kbps / channels)))

    def _rate_changed(self) -> None:
        self.slider.setValue(round(self.spin.value() * _STEPS))
        self._sound_changed()

    def _sound_changed(self) -> None:
        self.show_estimate(self._files, self._seconds, self._bytes_before)
        self.changed.emit()
        self.sound_changed.emit()


class DecodePanel(QWidget):
    """Settings of decoding; `changed` when any of them is."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.format = QComboBox()
        self.format.addItems(FORMATS)
        self.format.setAccessibleName(self.tr("Format of results"))
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setObjectName("faint")
        self.output = OutputFolder()
        models = QLabel(
            self.tr(
                "Each file names the model that it was made with; Brevox finds it if it is the built-in one, or one"
            )
            + " "
            + self.tr("that you have chosen before. If not, it asks for it.")
        )
        models.setWordWrap(True)
        models.setObjectName("faint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(section(self.tr("Format"), self.format, self.about))
        layout.addWidget(section(self.tr("Results go to"), self.output))
        layout.addWidget(section(self.tr("Model"), models))
        layout.addStretch(1)
        self.format.currentTextChanged.connect(self._changed)
        self.output.changed.connect(self.changed)
        self._changed()

    @property
    def missing(self) -> str:
        """As `EncodePanel.missing`."""
        return self.output.problem

    def _changed(self) -> None:
        self.about.setText(
            {
                "wav": self.tr("Opens everywhere, edits best; large."),
                "mp3": self.tr("Opens everywhere; small. What most podcast hosts want."),
                "m4a": self.tr("AAC: small, for phones and Apple's programs."),
                "flac": self.tr("As exact as wav, about half the size."),
                "ogg": self.tr("Opus: small, for browsers and phones."),
            }[self.format.currentText()]
        )
        self.changed.emit()
