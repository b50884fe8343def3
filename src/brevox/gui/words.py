"""Figures as people read them, and a word on quality."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QCoreApplication

from brevox.codec.card import Measured

translate = QCoreApplication.translate

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size(count: float | None) -> str:
    """1234567 -> 1.2 MB"""
    if count is None:
        return ""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if unit and count < 99.5 else f"{count:.0f} {_UNITS[unit]}"


def clock(seconds: float | None) -> str:
    """3725.4 -> 1:02:05"""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def left(seconds: float | None) -> str:
    """Time left, rounded as far as one can know it."""
    if seconds is None:
        return ""
    if seconds < 60:
        return translate("words", "{} s left").format(max(1, round(seconds)))
    if seconds < 3600:
        return translate("words", "{} min left").format(round(seconds / 60))
    return translate("words", "{:.1f} h left").format(seconds / 3600)


def quality(expected: Measured | None) -> str:
    """What a rate sounds like, by what was measured."""
    if expected is None or expected.pesq is None or expected.estoi is None:
        return translate("words", "The model does not say how good it is at this rate. Listen before you commit.")
    # Words go with ESTOI: with PESQ of 1.4 and ESTOI of 0.55 a recogniser mishears nine words in ten.
    if expected.estoi < 0.62:
        word = translate("words", "A last resort: a voice is there, most words are lost")
    elif expected.estoi < 0.74:
        word = translate("words", "Rough: to be followed with attention, some words are lost")
    elif expected.estoi < 0.80:
        word = translate("words", "Fair: easy to follow, the voice is a little buzzy")
    else:
        word = translate("words", "Good for this size: close to the voice, a little buzzy")
    figures = translate("words", "PESQ {:.1f} of 4.6, ESTOI {:.2f} of 1").format(expected.pesq, expected.estoi)
    if expected.misheard is not None:
        figures += translate("words", "; a recogniser misheard {:.0f}\u00a0% of the words of difficult speech").format(
            expected.misheard
        )
    return f"{word}. {figures}."


def trouble(source: Path, error: str, needs: tuple[str, str] | None) -> str:
    """An error as it stands beside its file, which need not be named once more."""
    if needs is not None:
        model_id, name = needs
        called = f"“{name}”" if name else translate("words", "with the id {}").format(model_id)
        return translate("words", "Needs the model {}, which is not here (id {}).").format(called, model_id[:8] + "…")
    return error.replace(str(source), source.name)


def fault(traceback: str) -> str:
    """A sentence about what is no fault of the user's."""
    last = traceback.strip().splitlines()[-1] if traceback.strip() else "?"
    return translate("words", "This is a fault of Brevox, not of the file ({}). Please report it.").format(last)
