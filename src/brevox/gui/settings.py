"""What the application remembers from one time to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings


class Settings:
    """Values by name, in the system's place for them. What was tampered with counts as not set."""

    def __init__(self) -> None:
        self._store = QSettings(QSettings.defaultFormat(), QSettings.Scope.UserScope, "Brevox", "Brevox")

    def text(self, name: str, default: str = "") -> str:
        value = self._store.value(name, default)
        return value if isinstance(value, str) else default

    def number(self, name: str, default: float, least: float, most: float) -> float:
        try:
            return min(max(float(self._store.value(name, default)), least), most)
        except (TypeError, ValueError):
            return default

    def flag(self, name: str, default: bool = False) -> bool:
        return str(self._store.value(name, default)).lower() in ("true", "1")

    def paths(self, name: str) -> tuple[Path, ...]:
        """Files that are still there."""
        listed = self._store.value(name, [])
        listed = [listed] if isinstance(listed, str) else listed
        return tuple(Path(one) for one in listed or [] if isinstance(one, str) and Path(one).is_file())

    def raw(self, name: str) -> Any:
        """Bytes that Qt made, such as a window's place; None if there are none."""
        return self._store.value(name)

    def set(self, name: str, value: Any) -> None:
        if isinstance(value, tuple):
            value = [str(one) for one in value]
        self._store.setValue(name, str(value) if isinstance(value, Path) else value)
