"""The one window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QPoint, Qt, QUrl
from PyQt6.QtGui import (
    QAction,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeySequence,
    QShortcut,
)
from PyQt6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

import brevox
from brevox.audio.source import AUDIO_SUFFIXES
from brevox.codec.glance import Glance
from brevox.gui import theme, words
from brevox.gui.existing import Decision, ask_about_existing
from brevox.gui.invitation import Invitation
from brevox.gui.listen import ListenPane
from brevox.gui.modelcard import ModelChoice
from brevox.gui.notice import Notice
from brevox.gui.panel import DecodePanel, EncodePanel
from brevox.gui.rows import Direction, Row, State, beside, targets
from brevox.gui.runner import Runner
from brevox.gui.settings import Settings
from brevox.gui.sound import Player, Sink, open_device
from brevox.gui.studio import Studio
from brevox.gui.table import QueueModel, QueueView, common_folder
from brevox.gui.work import Answer, Collect, Collected, Decode, Encode, FindModel, Look

_PANEL_WIDTH = 316


class MainWindow(QMainWindow):
    """Two queues, one to encode and one to decode, what is set for each, and a place to listen.

    Args:
        open_sink: opens the audio device.
        colours: of the application; None leaves them as they are.
    """

    def __init__(self, open_sink: Callable[[], Sink | None] = open_device, colours: theme.Theme | None = None) -> None:
        super().__init__()
        self.colours = colours
        self.setWindowTitle("Brevox")
        self.setAcceptDrops(True)
        self.settings = Settings()
        self.studio = Studio(self)
        self.runner = Runner(self)
        self.player = Player(open_sink, self)
        self.direction = Direction.ENCODE
        self._looking: dict[Row, Any] = {}
        self._make_parts()
        self._lay_out()
        self._make_actions()
        self._connect()
        self._restore()
        self._dress()

    # -- making -------------------------------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        also = self.settings.paths("models")
        self.model = ModelChoice(lambda request, done: self.studio.ask(request, done, urgent=True), also)
        self.encode_panel = EncodePanel(self.model)
        self.decode_panel = DecodePanel()
        self.queues = {direction: QueueModel(self) for direction in Direction}
        self.views = {direction: QueueView(self.queues[direction]) for direction in Direction}
        self.listen = ListenPane(self.studio, self.player, self._sounding, lambda: self.model_files)
        self.listen.hide()
        self.encode_button = QPushButton(self.tr("&Encode"))
        self.decode_button = QPushButton(self.tr("&Decode"))
        self.encode_button.setToolTip(self.tr("Recordings become small .sc files"))
        self.decode_button.setToolTip(self.tr(".sc files become recordings again"))
        self.modes = QButtonGroup(self)
        for number, button in enumerate((self.encode_button, self.decode_button)):
            button.setCheckable(True)
            self.modes.addButton(button, number)
        self.add_button = QPushButton(self.tr("Add &files…"))
        self.folder_button = QPushButton(self.tr("Add f&older…"))
        self.listen_button = QPushButton(self.tr("&Listen"))
        self.retry_button = QPushButton(self.tr("Re&try"))
        self.remove_button = QPushButton(self.tr("&Remove"))
        self.start_button = QPushButton()
        self.start_button.setObjectName("primary")
        self.cancel_button = QPushButton(self.tr("&Cancel"))
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress of all files"))
        self.summary = QLabel()
        self.summary.setAccessibleName(self.tr("What is going on"))
        self.notice = Notice()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(6)
        for widget in (self.encode_button, self.decode_button):
            bar.addWidget(widget)
        bar.addStretch(1)
        for widget in (
            self.add_button,
            self.folder_button,
            self.listen_button,
            self.retry_button,
            self.remove_button,
        ):
            bar.addWidget(widget)
        self.stacks: dict[Direction, QStackedWidget] = {}
        self.pages = QStackedWidget()
        for direction in Direction:
            stack = self.stacks[direction] = QStackedWidget()
            stack.addWidget(Invitation(direction))
            stack.addWidget(self.views[direction])
            self.pages.addWidget(stack)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.pages)
        self.splitter.addWidget(self.listen)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setChildrenCollapsible(False)
        self.panels = QStackedWidget()
        self.panels.addWidget(_scrolling(self.encode_panel))
        self.panels.addWidget(_scrolling(self.decode_panel))
        self.panels.setFixedWidth(_PANEL_WIDTH)
        bottom = QHBoxLayout()
        state = QVBoxLayout()
        state.addWidget(self.summary)
        state.addWidget(self.progress)
        bottom.addLayout(state, 1)
        bottom.addSpacing(12)
        bottom.addWidget(self.cancel_button)
        bottom.addWidget(self.start_button)
        left = QVBoxLayout()
        left.addLayout(bar)
        left.addWidget(self.notice)
        left.addWidget(self.splitter, 1)
        left.addLayout(bottom)
        whole = QWidget()
        layout = QHBoxLayout(whole)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(12)
        layout.addLayout(left, 1)
        layout.addWidget(self.panels)
        self.setCentralWidget(whole)
        chain: list[QWidget] = [
            self.encode_button,
            self.decode_button,
            self.add_button,
            self.folder_button,
            self.listen_button,
        ]
        chain += [self.retry_button, self.remove_button, self.notice.button, self.notice.dismiss]
        chain += [*self.views.values(), self.listen.play_button, self.listen.original_button]
        chain += [self.listen.coded_button, self.listen.place, self.encode_panel.slider]
        chain += [self.encode_panel.spin, self.encode_panel.stereo, self.encode_panel.output.edit]
        chain += [self.encode_panel.output.button, self.model.combo, self.decode_panel.format]
        chain += [self.decode_panel.output.edit, self.decode_panel.output.button]
        chain += [self.cancel_button, self.start_button]
        for before, after in pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _make_actions(self) -> None:
        """Keys; those with a menu entry are found by everybody."""
        bar = self.menuBar()
        if bar is None:
            return
        menus = {
            name: QMenu(name, self)
            for name in (self.tr("&File"), self.tr("&Queue"), self.tr("&Sound"), self.tr("&View"), self.tr("&Help"))
        }
        for menu in menus.values():
            bar.addMenu(menu)
        file, queue, sound, look, about = menus.values()
        self._action(file, self.tr("Add files…"), QKeySequence.StandardKey.Open, self.pick_files)
        self._action(file, self.tr("Add folder…"), "Ctrl+Shift+O", self.pick_folder)
        file.addSeparator()
        self._action(file, self.tr("Quit"), QKeySequence.StandardKey.Quit, self.close)
        self._action(queue, self.tr("Start"), "Ctrl+Return", self.start)
        self._action(queue, self.tr("Cancel"), "Esc", self.cancel)
        self._action(queue, self.tr("Retry"), "Ctrl+R", self.retry)
        self._action(queue, self.tr("Remove"), "Ctrl+Backspace", self.remove)
        self._action(queue, self.tr("Remove what is done"), "Ctrl+Shift+Backspace", self.remove_done)
        self._action(queue, self.tr("Open the folder"), "Ctrl+Shift+F", self.open_folder)
        queue.addSeparator()
        self._action(queue, self.tr("Encode"), "Ctrl+1", partial(self.set_direction, Direction.ENCODE))
        self._action(queue, self.tr("Decode"), "Ctrl+2", partial(self.set_direction, Direction.DECODE))
        self._action(sound, self.tr("Listen"), "Ctrl+L", self.listen_to_chosen)
        self._action(sound, self.tr("Play or pause"), "Ctrl+P", self._toggle_sound)
        self._action(sound, self.tr("Hear the other side (A/B)"), "Ctrl+B", self.listen.switch_side)
        names = (self.tr("Colours as the system has them"), self.tr("Light"), self.tr("Dark"))
        for scheme, name in zip(theme.SCHEMES, names, strict=True):
            self._action(look, name, None, partial(self.set_scheme, scheme))
        self._action(about, self.tr("About Brevox"), None, self._tell_about)
        for key, act in (
            ("Space", self.listen.toggle),
            ("X", self.listen.switch_side),
            ("A", partial(self.listen.set_side, 0)),
            ("B", partial(self.listen.set_side, 1)),
        ):
            shortcut = QShortcut(QKeySequence(key), self.listen)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def _action(self, menu: QMenu, text: str, key: Any, act: Callable[[], Any]) -> None:
        action = QAction(text, self)
        if key is not None:
            action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda: act())
        menu.addAction(action)

    def _connect(self) -> None:
        self.modes.idClicked.connect(lambda number: self.set_direction(list(Direction)[number]))
        self.add_button.clicked.connect(self.pick_files)
        self.folder_button.clicked.connect(self.pick_folder)
        self.listen_button.clicked.connect(self.listen_to_chosen)
        self.retry_button.clicked.connect(self.retry)
        self.remove_button.clicked.connect(self.remove)
        self.start_button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        for view in self.views.values():
            view.opened.connect(self.listen_to)
            view.unwanted.connect(self.remove)
            view.customContextMenuRequested.connect(self._show_menu)
            selection = view.selectionModel()
            if selection is not None:
                selection.selectionChanged.connect(lambda *_: self._refresh())
        self.encode_panel.changed.connect(self._refresh)
        self.encode_panel.sound_changed.connect(self.listen.refresh)
        self.decode_panel.changed.connect(self._refresh)
        self.runner.changed.connect(self._row_changed)
        self.runner.ticked.connect(self._ticked)
        self.runner.ended.connect(self._ended)
        self.listen.closed.connect(self.listen.hide)
        self.listen.failed.connect(self._cannot_be_heard)

    def _restore(self) -> None:
        settings = self.settings
        self.encode_panel.kbps = settings.number("kbps", 3.0, 0.5, 6.0)
        self.encode_panel.stereo.setChecked(settings.flag("stereo"))
        self.encode_panel.output.edit.setText(settings.text("encode_folder"))
        self.decode_panel.output.edit.setText(settings.text("decode_folder"))
        self.decode_panel.format.setCurrentText(settings.text("format", "wav"))
        self.model.start(settings.text("model"))
        self.resize(1120, 720)
        if settings.raw("geometry") is not None:
            self.restoreGeometry(settings.raw("geometry"))
        known = {direction.value: direction for direction in Direction}
        self.set_direction(known.get(settings.text("direction"), Direction.ENCODE))

    def _remember(self) -> None:
        for name, value in {
            "kbps": self.encode_panel.kbps,
            "stereo": self.encode_panel.stereo.isChecked(),
            "encode_folder": self.encode_panel.output.edit.text(),
            "decode_folder": self.decode_panel.output.edit.text(),
            "format": self.decode_panel.format.currentText(),
            "model": self.model.path or "",
            "models": self.model.also,
            "direction": self.direction.value,
            "geometry": self.saveGeometry(),
        }.items():
            self.settings.set(name, value)

    def _dress(self) -> None:
        """Icons in the present colours."""
        for button, name in (
            (self.add_button, "add"),
            (self.folder_button, "folder"),
            (self.listen_button, "listen"),
            (self.retry_button, "retry"),
            (self.remove_button, "remove"),
            (self.cancel_button, "stop"),
        ):
            button.setIcon(theme.icon(name))
        self.listen.dress()

    # -- what is there ------------------------------------------------------------------------------------------------

    @property
    def queue(self) -> QueueModel:
        return self.queues[self.direction]

    @property
    def view(self) -> QueueView:
        return self.views[self.direction]

    @property
    def model_files(self) -> tuple[Path, ...]:
        """Further model files than the known ones."""
        chosen = () if self.model.path is None or self.model.error is not None else (self.model.path,)
        return (*chosen, *self.model.also)

    def _sounding(self) -> tuple[Path, float, bool] | None:
        if self.model.path is None or self.model.card is None:
            return None
        return self.model.path, self.encode_panel.kbps, self.encode_panel.stereo.isChecked()

    @property
    def missing(self) -> str:
        """Why work cannot start, as a sentence; empty if it can."""
        if not any(row.can_start for row in self.queue.rows):
            return self.tr("Add files to begin.") if not self.queue.rows else self.tr("Nothing is left to do.")
        return (self.encode_panel if self.direction is Direction.ENCODE else self.decode_panel).missing

    # -- adding and removing ------------------------------------------------------------------------------------------

    def set_direction(self, direction: Direction) -> None:
        """Show the other queue. Not while there is work to watch."""
        if self.runner.running:
            direction = self.direction
        self.direction = direction
        number = list(Direction).index(direction)
        button = self.modes.button(number)
        if button is not None:
            button.setChecked(True)
        self.pages.setCurrentIndex(number)
        self.panels.setCurrentIndex(number)
        self._refresh()

    def pick_files(self) -> None:
        """Ask for files to add."""
        if self.direction is Direction.ENCODE:
            endings = " ".join(f"*{suffix}" for suffix in sorted(AUDIO_SUFFIXES))
            kinds = self.tr("Recordings ({})").format(endings) + ";;" + self.tr("All files (*)")
        else:
            kinds = self.tr("Brevox files (*.sc)")
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Add files"), self.settings.text("last_folder"), kinds)
        if names:
            self.settings.set("last_folder", Path(names[0]).parent)
            self.add(Path(name) for name in names)

    def pick_folder(self) -> None:
        """Ask for a folder whose files are added."""
        name = QFileDialog.getExistingDirectory(self, self.tr("Add a folder"), self.settings.text("last_folder"))
        if name:
            self.settings.set("last_folder", name)
            self.add([Path(name)])

    def add(self, paths: Iterable[Path]) -> None:
        """Add files and all that lies in folders, each to the queue it belongs to."""
        listed = tuple(path.absolute() for path in paths)
        if listed:
            self.studio.ask(Collect(listed), self._take_collected, urgent=True)

    def _take_collected(self, answer: Answer) -> None:
        found = answer.value
        if not isinstance(found, Collected):
            self.notice.tell(answer.error or "")
            return
        if not (found.recordings or found.streams):
            self.notice.tell(self.tr("There are no recordings and no .sc files in there."))
            return
        new: dict[Direction, list[Row]] = {}
        for direction, pairs in ((Direction.ENCODE, found.recordings), (Direction.DECODE, found.streams)):
            new[direction] = self.queues[direction].add([Row(source, relative) for source, relative in pairs])
            for row in new[direction]:
                request = Look(row.source, direction is Direction.DECODE)
                self._looking[row] = self.studio.ask(request, partial(self._take_look, direction, row))
        if not any(new.values()):
            self.notice.tell(self.tr("All of that is here already. What is done is done again by Retry."))
        other = Direction.DECODE if self.direction is Direction.ENCODE else Direction.ENCODE
        if new[other] and not new[self.direction]:
            self.set_direction(other)  # what was dropped should be seen
        self._refresh()

    def _take_look(self, direction: Direction, row: Row, answer: Answer) -> None:
        self._looking.pop(row, None)
        if row.state is not State.READY:
            return
        if isinstance(answer.value, Glance):
            glance = answer.value
            row.length_s, row.before = glance.duration_s, glance.size_bytes
            if direction is Direction.DECODE:
                row.kbps, row.model_id = glance.kbps, glance.model_id.hex()
        elif answer.error is not None:
            row.state, row.sentence = State.FAILED, words.trouble(row.source, answer.error, answer.needs)
        self.queues[direction].tell(row)
        self._refresh()

    def remove(self) -> None:
        """Take the chosen rows out of the queue; files stay. What is being worked on is given up first."""
        chosen = self.view.chosen()
        for row in chosen:
            if row.at_work:
                self.runner.cancel(row)
            self.studio.give_up(self._looking.pop(row, None))
            if row is self.listen.row:
                self.listen.close_row()
        self.queue.remove(chosen)
        self._refresh()

    def remove_done(self) -> None:
        """Take out what is done."""
        self.queue.remove([row for row in self.queue.rows if row.state is State.DONE])
        self._refresh()

    # -- working ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Do all that is ready."""
        if not self.runner.running and not self.missing:
            self._start([row for row in self.queue.rows if row.can_start])

    def retry(self) -> None:
        """Do the chosen rows once more, what is done too: at another rate, perhaps. Without any, all that failed."""
        if not (self.encode_panel if self.direction is Direction.ENCODE else self.decode_panel).missing:
            self._start(self._to_retry())

    def _to_retry(self) -> list[Row]:
        ended = (State.FAILED, State.STOPPED)
        chosen = [row for row in self.view.chosen() if row.state in (*ended, State.DONE)]
        return chosen or [row for row in self.queue.rows if row.state in ended]

    def cancel(self) -> None:
        """Stop all work."""
        self.runner.cancel()

    def _start(self, rows: Sequence[Row]) -> None:
        panel = self.encode_panel if self.direction is Direction.ENCODE else self.decode_panel
        suffix = ".sc" if self.direction is Direction.ENCODE else f".{self.decode_panel.format.currentText()}"
        places = dict(zip(rows, targets(rows, panel.output.folder, suffix), strict=True))
        there = [row for row in rows if places[row].exists()]
        replace = False
        if there:
            decision = ask_about_existing(self, [places[row] for row in there])
            if decision is Decision.CANCEL:
                return
            replace = decision is Decision.REPLACE
            for row in there:
                if decision is Decision.SKIP:
                    del places[row]
                    row.state, row.sentence = State.STOPPED, self.tr("Skipped: its result exists")
                    self.queue.tell(row)
                elif decision is Decision.KEEP_BOTH:
                    places[row] = beside(places[row], set(places.values()))
        for row, first in _clashes(places).items():
            sentence = self.tr("It would become {}, as {} does. Choose another folder, then Retry.")
            row.state, row.sentence = State.FAILED, sentence.format(places.pop(row), first.source)
            self.queue.tell(row)
        if self.notice.action is None:  # what it told of is over
            self.notice.hide()
        self._remember()
        requests = []
        for row, target in places.items():
            row.target = target
            requests.append((row, self._request(row, target, replace)))
        self.runner.start(requests)
        self._refresh()

    def _request(self, row: Row, target: Path, replace: bool) -> Any:
        if self.direction is Direction.DECODE:
            return Decode(row.source, target, self.model_files, replace)
        assert self.model.path is not None
        panel = self.encode_panel
        return Encode(row.source, target, self.model.path, panel.kbps, panel.stereo.isChecked(), replace)

    def _row_changed(self, row: Row) -> None:
        self.queue.tell(row)
        if row.state is State.FAILED and row.needs is not None:
            self._offer_search(row.needs)
        if not row.at_work:
            self._refresh()

    def _ticked(self, share: float, left_s: float) -> None:
        self.progress.setValue(round(1000 * share))
        over = sum(not row.at_work for row in self.runner.batch)
        text = self.tr("{} of {} files").format(over, len(self.runner.batch))
        self.summary.setText(f"{text}, {words.left(left_s)}" if left_s >= 0 else text)

    def _ended(self) -> None:
        batch = self.runner.batch
        done = [row for row in batch if row.state is State.DONE]
        failed = sum(row.state is State.FAILED for row in batch)
        text = self.tr("{} of {} files done").format(len(done), len(batch))
        before, after = sum(row.before or 0 for row in done), sum(row.after or 0 for row in done)
        if self.direction is Direction.ENCODE and after:
            text += self.tr(": {} became {}").format(words.size(before), words.size(after))
        if failed:
            text += self.tr("; {} failed, the reason stands beside each").format(failed)
        self._refresh()
        self.summary.setText(text + ".")

    # -- models that are missing --------------------------------------------------------------------------------------

    def _offer_search(self, needs: tuple[str, str]) -> None:
        model_id, name = needs
        count = sum(row.needs == needs for row in self.queue.rows)
        files = self.tr("A file needs") if count < 2 else self.tr("{} files need").format(count)
        called = f"“{name}”" if name else self.tr("with the id {}").format(model_id)
        self.notice.tell(
            self.tr("{} the model {}, which is not here.").format(files, called),
            self.tr("Look for it…"),
            partial(self.look_for_model, model_id, name),
        )

    def look_for_model(self, model_id: str, name: str) -> None:
        """Ask where a missing model is, and try the files again that need it."""
        chosen, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Where is the model “{}”?").format(name or model_id),
            self.settings.text("last_folder"),
            self.tr("Brevox models (*.bvx)"),
        )
        if chosen:
            self.try_model(model_id, name, Path(chosen))

    def try_model(self, model_id: str, name: str, place: Path) -> None:
        """Take a model that may be the missing one."""
        self.studio.ask(FindModel(model_id, name, place), partial(self._take_found, model_id), urgent=True)

    def _take_found(self, model_id: str, answer: Answer) -> None:
        if not isinstance(answer.value, Path):
            self.notice.tell(answer.error or "", self.notice.button.text(), self.notice.action)
            return
        self.notice.hide()
        self.model.adopt(answer.value)
        self._remember()
        waiting = [row for row in self.queue.rows if row.needs is not None and row.needs[0] == model_id]
        if self.runner.running:
            for row in waiting:
                row.state, row.sentence, row.needs = State.READY, "", None
                self.queue.tell(row)
        elif waiting:
            self._start(waiting)

    # -- listening ----------------------------------------------------------------------------------------------------

    def listen_to_chosen(self) -> None:
        """Listen to the first row that is chosen, or the first there is."""
        for row in (self.view.chosen() or self.queue.rows)[:1]:
            self.listen_to(row)

    def listen_to(self, row: Row) -> None:
        """Play a `.sc`, or compare a recording with its preview."""
        self.listen.show()
        self.listen.open(row, row.source if self.direction is Direction.DECODE else None)
        self.listen.play_button.setFocus()

    def play_result(self, row: Row) -> None:
        """Play the `.sc` that a recording became."""
        if row.target is not None:
            self.listen.show()
            self.listen.open(row, row.target)

    def _cannot_be_heard(self, row: Row, answer: Answer) -> None:
        if row.at_work or row.state is State.DONE:
            return
        row.state, row.needs = State.FAILED, answer.needs
        row.sentence = words.trouble(row.source, answer.error or "", answer.needs)
        self.queue.tell(row)
        if row.needs is not None:
            self._offer_search(row.needs)
        self._refresh()

    def _toggle_sound(self) -> None:
        if self.listen.row is None:
            self.listen_to_chosen()
        else:
            self.listen.toggle()

    # -- showing ------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """What can be pressed, and what is said."""
        running, rows, chosen = self.runner.running, self.queue.rows, self.view.chosen()
        for direction, stack in self.stacks.items():
            stack.setCurrentIndex(1 if self.queues[direction].rows else 0)
        for widget in (self.encode_button, self.decode_button, self.panels):
            widget.setEnabled(not running)
        missing = self.missing
        ready = sum(row.can_start for row in rows)
        self.start_button.setText(
            (self.tr("Encode {}") if self.direction is Direction.ENCODE else self.tr("Decode {}")).format(
                self.tr("1 file") if ready == 1 else self.tr("{} files").format(ready) if ready else ""
            )
        )
        self.start_button.setEnabled(not running and not missing)
        self.start_button.setToolTip(missing)
        self.cancel_button.setEnabled(running)
        self.cancel_button.setVisible(running)
        self.progress.setVisible(running)
        self.remove_button.setEnabled(bool(chosen))
        self.listen_button.setEnabled(bool(rows))
        self.retry_button.setEnabled(not running and bool(self._to_retry()))
        if not running:
            self.summary.setText(missing or self.tr("Double-click a file to hear it first."))
            self.progress.setValue(0)
        todo = [row for row in self.queues[Direction.ENCODE].rows if row.can_start and row.length_s]
        self.encode_panel.show_estimate(
            len(todo), sum(row.length_s or 0.0 for row in todo), sum(row.before or 0 for row in todo)
        )

    def set_scheme(self, scheme: str) -> None:
        """Change the colours, and remember it."""
        if self.colours is not None:
            self.colours.choose(scheme)
            self.settings.set("scheme", scheme)

    def _show_menu(self, at: QPoint) -> None:
        """What can be done with the rows that are chosen."""
        chosen = self.view.chosen()
        if not chosen:
            return
        menu = QMenu(self)
        row = chosen[0]
        self._action(menu, self.tr("Listen"), None, partial(self.listen_to, row))
        if self.direction is Direction.ENCODE and row.state is State.DONE:
            self._action(menu, self.tr("Play the result"), None, partial(self.play_result, row))
        if any(one.state in (State.FAILED, State.STOPPED) for one in chosen) and not self.runner.running:
            self._action(menu, self.tr("Retry"), None, self.retry)
        if row.needs is not None:
            self._action(menu, self.tr("Look for its model…"), None, partial(self.look_for_model, *row.needs))
        if row.at_work:
            self._action(menu, self.tr("Cancel"), None, partial(self.runner.cancel, row))
        self._action(menu, self.tr("Open the folder"), None, self.open_folder)
        self._action(menu, self.tr("Remove"), None, self.remove)
        viewport = self.view.viewport()
        if viewport is not None:
            menu.popup(viewport.mapToGlobal(at))

    def open_folder(self) -> None:
        """Show the folder of the result, or of the file."""
        rows = self.view.chosen() or self.queue.rows
        if rows:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(common_folder(rows))))

    def _tell_about(self) -> None:
        QMessageBox.about(
            self,
            "Brevox",
            self.tr("Brevox {}: speech at 0.5 to 6 kbit/s. Everything happens on this computer.").format(
                brevox.__version__
            ),
        )

    # -- events -------------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None and _local_paths(event):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()
            self.add(_local_paths(event))

    def changeEvent(self, event: QEvent | None) -> None:
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "listen"):
            self._dress()
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        if self.runner.running and event is not None and not self._may_stop():
            event.ignore()
            return
        self._remember()
        self.listen.close_row()
        self.runner.close()
        self.studio.close()
        super().closeEvent(event)

    def _may_stop(self) -> bool:
        answer = QMessageBox.question(
            self,
            self.tr("Brevox is working"),
            self.tr("Stop and close? Files that are done stay; what is half done is removed."),
        )
        return answer == QMessageBox.StandardButton.Yes


def _scrolling(panel: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _local_paths(event: QDropEvent) -> list[Path]:
    data = event.mimeData()
    urls = data.urls() if data is not None and data.hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def _clashes(places: dict[Row, Path]) -> dict[Row, Row]:
    """Rows whose result is that of an earlier row, and that row."""
    first: dict[Path, Row] = {}
    return {row: other for row, place in places.items() if (other := first.setdefault(place, row)) is not row}
