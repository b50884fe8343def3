"""Hearing a recording against its preview, and a `.sc` while it is decoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from brevox.codec.preview import PREVIEW_S
from brevox.gui import theme, words
from brevox.gui.pictures import SoundView
from brevox.gui.rows import Row
from brevox.gui.sound import Player
from brevox.gui.studio import Studio
from brevox.gui.tracks import CompareTrack, StreamTrack
from brevox.gui.work import Answer, Compare, Compared, Hear, Heard

_SETTLE_MS = 300  # a slider that is still moving asks for nothing

#: Gives model, bit rate and whether stereo is kept, for a preview; None while there is no model.
Sounding = Callable[[], tuple[Path, float, bool] | None]


class ListenPane(QFrame):
    """Plays what the queue's row `open` was called with.

    Args:
        studio: decodes.
        player: plays.
        sounding: what a preview is made with.
        models: further model files.

    Signals:
        closed: the user has heard enough.
        failed: the row, and an `Answer` that says why it cannot be heard.
    """

    closed = pyqtSignal()
    failed = pyqtSignal(object, object)

    def __init__(
        self,
        studio: Studio,
        player: Player,
        sounding: Sounding,
        models: Callable[[], tuple[Path, ...]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("listen")
        self._studio, self.player, self._sounding, self._models = studio, player, sounding, models
        self.row: Row | None = None
        self.streaming = False
        self._source: Path | None = None
        self._task: Any = None
        self._play_when_ready = False
        self._block_start_s = 0.0
        self._shown: list[tuple[float, Any]] = []
        self._compared: Compared | None = None
        self._make()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._ask_preview)
        player.moved.connect(self._moved)
        player.changed.connect(self._show_playing)
        player.silent.connect(self._tell_silent)

    def _make(self) -> None:
        self.title = QLabel()
        self.title.setObjectName("heading")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setObjectName("faint")
        self.note.setAccessibleName(self.tr("About what is heard"))
        self.close_button = QToolButton()
        self.close_button.setAccessibleName(self.tr("Close listening"))
        self.close_button.setToolTip(self.tr("Close"))
        self.play_button = QPushButton()
        self.play_button.setMinimumWidth(104)
        self.play_button.setToolTip(self.tr("Space"))
        self.original_button = QPushButton(self.tr("A  Original"))
        self.coded_button = QPushButton(self.tr("B  Brevox"))
        self.sides = QButtonGroup(self)
        for side, button in enumerate((self.original_button, self.coded_button)):
            button.setCheckable(True)
            self.sides.addButton(button, side)
        self.original_button.setChecked(True)
        self.original_button.setToolTip(self.tr("Hear the original (A; X switches)"))
        self.coded_button.setToolTip(self.tr("Hear what Brevox makes of it (B; X switches)"))
        self.place = QSlider(Qt.Orientation.Horizontal)
        self.place.setAccessibleName(self.tr("Place in the recording"))
        self.place_label = QLabel()
        self.place_label.setMinimumWidth(110)
        self.place_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.original_view = SoundView(self.tr("Original"))
        self.coded_view = SoundView(self.tr("Brevox"))
        top = QHBoxLayout()
        top.addWidget(self.title)
        top.addWidget(self.note, 1)
        top.addWidget(self.close_button)
        line = QHBoxLayout()
        for widget in (self.play_button, self.original_button, self.coded_button):
            line.addWidget(widget)
        line.addWidget(self.place, 1)
        line.addWidget(self.place_label)
        views = QHBoxLayout()
        views.addWidget(self.original_view)
        views.addWidget(self.coded_view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 12)
        layout.addLayout(top)
        layout.addLayout(views, 1)
        layout.addLayout(line)
        self.close_button.clicked.connect(self.close_row)
        self.play_button.clicked.connect(self.toggle)
        self.sides.idClicked.connect(self.set_side)
        self.place.sliderMoved.connect(self._placed)
        self.place.actionTriggered.connect(lambda _: self._placed(self.place.sliderPosition()))
        self.original_view.chosen.connect(self._clicked)
        self.coded_view.chosen.connect(self._clicked)
        self.dress()
        self._show_playing(False)

    def dress(self) -> None:
        """Take the icons of the present colours."""
        self.close_button.setIcon(theme.icon("remove"))
        self._show_playing(self.player.playing)
        for view in (self.original_view, self.coded_view):
            view.redraw()

    def open(self, row: Row, stream: Path | None = None, play: bool = True) -> None:
        """Listen to a row: a `.sc` if `stream` names one, else its recording against a preview."""
        self.close_row(quietly=True)
        self.row, self._source, self.streaming = row, stream or row.source, stream is not None
        self._play_when_ready = play
        self.title.setText(self._source.name)
        for widget in (self.original_button, self.coded_button, self.original_view):
            widget.setVisible(not self.streaming)
        self.coded_view.set_active(self.streaming)
        length_s = row.length_s or 0.0
        self.place.setMaximum(max(0, int(length_s if self.streaming else length_s - PREVIEW_S)))
        self.place.setValue(0)
        self.place.setEnabled(self.place.maximum() > 0)
        self._tell_place(0.0)
        self.note.setText(self.tr("One moment …"))
        if self.streaming:
            self._open_stream()
        else:
            self.set_side(self.sides.checkedId())
            self._ask_preview()

    def close_row(self, quietly: bool = False) -> None:
        """Stop, and forget the row."""
        self._settle.stop()
        self._studio.give_up(self._task)
        self._task, self.row, self._compared = None, None, None
        self._shown = []
        self.player.set_track(None)
        for view in (self.original_view, self.coded_view):
            view.show_sound(None)
            view.set_head(None)
        if not quietly:
            self.closed.emit()

    def refresh(self) -> None:
        """Settings have changed: make the preview again, once they rest."""
        if self.row is not None and not self.streaming:
            self._settle.start()

    def toggle(self) -> None:
        """Play or pause."""
        if self.player.playing:
            self.player.pause()
        else:
            self.player.play()

    def set_side(self, side: int) -> None:
        """Hear the original (0) or the preview (1)."""
        button = self.sides.button(side)
        if button is not None:
            button.setChecked(True)
        if isinstance(self.player.track, CompareTrack):
            self.player.track.side = side
        self.original_view.set_active(side == 0)
        self.coded_view.set_active(side == 1 or self.streaming)

    def switch_side(self) -> None:
        """Hear the other one."""
        if not self.streaming:
            self.set_side(1 - self.sides.checkedId())

    def _ask_preview(self) -> None:
        wanted = self._sounding()
        if self.row is None or wanted is None or self._source is None:
            return
        self._studio.give_up(self._task)
        model, kbps, stereo = wanted
        request = Compare(self._source, model, kbps, stereo, float(self.place.value()), self.player.rate())
        self.note.setText(self.tr("Preparing 10 s at {:g} kbit/s …").format(kbps))
        self._task = self._studio.ask(request, self._take_preview, urgent=True)

    def _take_preview(self, answer: Answer) -> None:
        self._task = None
        if answer.error is not None or not isinstance(answer.value, Compared):
            self.note.setText(answer.error or "")
            self.failed.emit(self.row, answer)
            return
        compared = self._compared = answer.value
        made = compared.preview
        peak = max(float(abs(side.mean(axis=0)).max(initial=0.0)) for side in (made.original, made.decoded))
        self.original_view.show_sound(made.original, made.sample_rate, peak=peak)
        self.coded_view.show_sound(made.decoded, made.sample_rate, peak=peak)
        before = self.player.track.position_s if isinstance(self.player.track, CompareTrack) else 0.0
        track = CompareTrack((compared.original, compared.decoded), compared.rate)
        track.seek(before)
        self.player.set_track(track)
        self.set_side(self.sides.checkedId())
        self._tell_place(made.start_s)
        self.note.setText(
            self.tr("These {:.0f} s take {:.2f} kbit/s. Both are played equally loud.").format(
                track.duration_s, made.kbps
            )
        )
        self._moved(before)
        self._start_playing()

    def _open_stream(self) -> None:
        track = StreamTrack(self.player.rate(), self._ask_block)
        self._track = track
        self.player.set_track(track)
        track.seek(0.0)

    def _ask_block(self, session: int, start_s: float) -> None:
        if self._source is None:
            return
        request = Hear(self._source, self._models(), session, start_s, self.player.rate())
        track = self._track

        def take(answer: Answer) -> None:
            self._task = None
            if self.player.track is track:
                self._take_block(track, session, answer)

        self._task = self._studio.ask(request, take, urgent=True)

    def _take_block(self, track: StreamTrack, session: int, answer: Answer) -> None:
        if answer.error is not None:
            self.note.setText(answer.error)
            self.failed.emit(self.row, answer)
            track.give(session, None)
            return
        heard = answer.value
        if not isinstance(heard, Heard):
            track.give(session, None)
            return
        begins_s = track.next_s
        if track.give(session, heard.audio, heard.duration_s) and heard.audio.shape[1]:
            self._shown = [*self._shown[-8:], (begins_s, heard.audio)]
        if heard.duration_s is not None and self.row is not None:
            self.place.setMaximum(int(heard.duration_s))
            self.place.setEnabled(True)
        self.note.setText("; ".join(heard.damage) or self.tr("Decoded while you listen."))
        self._moved(track.position_s)
        self._start_playing()

    def _start_playing(self) -> None:
        if self._play_when_ready:
            self._play_when_ready = False
            self.player.play()

    def _placed(self, second: int) -> None:
        self._tell_place(float(second))
        if self.streaming:
            self._shown = []
            self.player.seek(float(second))
        else:
            self._settle.start()

    def _clicked(self, second: float) -> None:
        if self.streaming:
            self._shown = []
        self.player.seek(second)

    def _moved(self, second: float) -> None:
        for view in (self.original_view, self.coded_view):
            view.set_head(second)
        if not self.streaming:
            return
        if not self.place.isSliderDown():
            self.place.setValue(int(second))
            self._tell_place(second)
        for begins_s, audio in self._shown:
            if begins_s <= second < begins_s + audio.shape[1] / self.player.rate() and begins_s != self._block_start_s:
                self._show_block(begins_s, audio)
        if not self.coded_view.has_sound and self._shown:
            self._show_block(*self._shown[0])

    def _show_block(self, begins_s: float, audio: Any) -> None:
        self._block_start_s = begins_s
        self.coded_view.show_sound(audio, self.player.rate(), begins_s)

    def _tell_place(self, second: float) -> None:
        row = self.row
        length = words.clock(row.length_s) if row is not None and row.length_s else "?"
        if self.streaming:
            self.place_label.setText(f"{words.clock(second)} / {length}")
        else:
            self.place_label.setText(self.tr("from {} of {}").format(words.clock(second), length))

    def _show_playing(self, playing: bool) -> None:
        self.play_button.setText(self.tr("Pause") if playing else self.tr("Play"))
        self.play_button.setIcon(theme.icon("pause" if playing else "play"))

    def _tell_silent(self) -> None:
        silent = self.tr("No audio device was found: there is nothing to play on.")
        self.note.setText(silent if self._compared is None else f"{self.note.text()} {silent}")
