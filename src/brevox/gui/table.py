"""The queue as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QPainter, QPalette
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from brevox.gui import words
from brevox.gui.rows import Row, State

_PAD = 8
_ROW_HEIGHT = 34
_BAR_WIDTH = 110
_MOST_LINES = 3


class Column(IntEnum):
    NAME = 0
    LENGTH = 1
    BEFORE = 2
    AFTER = 3
    KBPS = 4
    STATUS = 5


class QueueModel(QAbstractTableModel):
    """Rows for a view."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return {
                Column.NAME: self.tr("Name"),
                Column.LENGTH: self.tr("Length"),
                Column.BEFORE: self.tr("Before"),
                Column.AFTER: self.tr("After"),
                Column.KBPS: self.tr("kbit/s"),
                Column.STATUS: self.tr("Status"),
            }[Column(section)]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(Column(section))
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.sentence if column is Column.STATUS and row.sentence else str(row.source)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(column, Qt.Orientation.Horizontal)}: {self._text(row, column)}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.UserRole:
            return row
        return None

    def add(self, rows: Sequence[Row]) -> list[Row]:
        """Append those whose source is not there yet; returns these."""
        known = {row.source for row in self.rows}
        new = [row for row in rows if row.source not in known and not known.add(row.source)]  # type: ignore[func-returns-value]
        if new:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(new) - 1)
            self.rows += new
            self.endInsertRows()
        return new

    def remove(self, rows: Iterable[Row]) -> None:
        for row in list(rows):
            if row in self.rows:
                at = self.rows.index(row)
                self.beginRemoveRows(QModelIndex(), at, at)
                del self.rows[at]
                self.endRemoveRows()

    def tell(self, row: Row) -> None:
        """A row's values have changed."""
        if row in self.rows:
            at = self.rows.index(row)
            self.dataChanged.emit(self.index(at, 0), self.index(at, len(Column) - 1))

    def _text(self, row: Row, column: Column) -> str:
        if column is Column.NAME:
            return str(row.relative)
        if column is Column.LENGTH:
            return words.clock(row.length_s)
        if column is Column.BEFORE:
            return words.size(row.before)
        if column is Column.AFTER:
            return words.size(row.after)
        if column is Column.KBPS:
            return "" if row.kbps is None else f"{row.kbps:.2f}"
        return self.status(row)

    def status(self, row: Row) -> str:
        """Where a row stands, in words."""
        if row.state is State.WORKING:
            percent = f"{100 * row.done:.0f} %"
            return f"{percent}, {words.left(row.left_s)}" if row.left_s is not None else percent
        if row.state is State.FAILED:
            return row.sentence
        if row.state is State.DONE:
            return self.tr("Done. But: {}").format(row.sentence) if row.sentence else self.tr("Done")
        if row.sentence:
            return row.sentence
        return {
            State.READY: self.tr("Ready"),
            State.WAITING: self.tr("Waiting"),
            State.STOPPED: self.tr("Stopped"),
        }[row.state]


class StatusDelegate(QStyledItemDelegate):
    """Paints progress as a bar, and an error as the sentence that it is."""

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        if painter is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._background(painter, option)
        palette, area = option.palette, option.rect.adjusted(_PAD, 4, -_PAD, -4)
        text = str(index.data())
        if row.state is State.WORKING:
            bar = QRectF(area.left(), area.center().y() - 3, _BAR_WIDTH, 7)
            _bar(painter, bar, row.done, palette)
            area.setLeft(area.left() + _BAR_WIDTH + _PAD)
        painter.setPen(_ink(row, palette))
        text = _elided(text, option, area)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap), text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        view = self.parent()
        if row.state is State.WORKING or not row.sentence or not isinstance(view, QTableView):
            return QSize(100, _ROW_HEIGHT)
        metrics, width = option.fontMetrics, max(60, view.columnWidth(Column.STATUS) - 2 * _PAD)
        box = metrics.boundingRect(QRect(0, 0, width, 999), int(Qt.TextFlag.TextWordWrap), str(index.data()))
        return QSize(width, max(_ROW_HEIGHT, min(box.height(), _MOST_LINES * metrics.lineSpacing()) + 12))

    def _background(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, option.palette.brush(QPalette.ColorRole.Midlight))


class QueueView(QTableView):
    """The table, told what a key or a double click means.

    Signals:
        opened: a row was double-clicked, or Enter pressed on it.
        unwanted: Delete was pressed.
    """

    opened = pyqtSignal(object)
    unwanted = pyqtSignal()

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.queue = model
        self.setItemDelegateForColumn(Column.STATUS, StatusDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName(self.tr("Queue"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        side = self.verticalHeader()
        if side is not None:
            side.hide()
            side.setDefaultSectionSize(_ROW_HEIGHT)
            side.setMinimumSectionSize(_ROW_HEIGHT)
        head = self.horizontalHeader()
        if head is not None:
            head.setHighlightSections(False)
            head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            for column in (Column.NAME, Column.STATUS):
                head.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
            head.sectionResized.connect(lambda *_: self._fit_rows())
        for column, width in zip(Column, (210, 64, 74, 74, 58, 220), strict=True):
            self.setColumnWidth(column, width)
        self.doubleClicked.connect(lambda index: self.opened.emit(model.rows[index.row()]))
        model.dataChanged.connect(self._fit_changed)

    def chosen(self) -> list[Row]:
        """The rows that are selected, in order."""
        selection = self.selectionModel()
        indexes = selection.selectedRows() if selection is not None else []
        return [self.queue.rows[at] for at in sorted(index.row() for index in indexes)]

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.unwanted.emit()
        elif event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            for row in self.chosen()[:1]:
                self.opened.emit(row)
        else:
            super().keyPressEvent(event)

    def _fit_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        for at in range(first.row(), last.row() + 1):
            height = self.sizeHintForIndex(self.queue.index(at, Column.STATUS)).height()
            if self.rowHeight(at) != height:
                self.setRowHeight(at, height)

    def _fit_rows(self) -> None:
        if self.queue.rows:
            self._fit_changed(self.queue.index(0, 0), self.queue.index(len(self.queue.rows) - 1, 0))


def common_folder(rows: Sequence[Row]) -> Path:
    """Where the first of them lies, or its result."""
    row = rows[0]
    return (row.target if row.state is State.DONE and row.target else row.source).parent


def _alignment(column: Column) -> Qt.AlignmentFlag:
    if column in (Column.NAME, Column.STATUS):
        return Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    return Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


def _ink(row: Row, palette: QPalette) -> QColor:
    if row.state is State.FAILED or (row.sentence and row.state is not State.DONE):
        return palette.color(QPalette.ColorRole.BrightText)
    if row.state is State.DONE and not row.sentence:
        return palette.color(QPalette.ColorRole.Link)  # (the style sheet has another Highlight here)
    return palette.color(QPalette.ColorRole.Text)


def _bar(painter: QPainter, area: QRectF, share: float, palette: QPalette) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.brush(QPalette.ColorRole.Mid))
    painter.drawRoundedRect(area, 3.5, 3.5)
    if share > 0:
        painter.setBrush(palette.brush(QPalette.ColorRole.Link))
        painter.drawRoundedRect(
            QRectF(area.left(), area.top(), max(7.0, area.width() * share), area.height()), 3.5, 3.5
        )


def _elided(text: str, option: QStyleOptionViewItem, area: QRect) -> str:
    """Cut what `_MOST_LINES` lines cannot hold; the tool tip has all of it."""
    metrics = option.fontMetrics
    most = max(metrics.lineSpacing(), area.height())
    while text and metrics.boundingRect(area, int(Qt.TextFlag.TextWordWrap), text).height() > most + 2:
        text = text[:-8].rstrip(" .…") + "…"
        if len(text) < 8:
            break
    return text
