"""Short names for classes, so that a recipe can name them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from brevox.errors import SettingsError

T = TypeVar("T", bound=type)


class Registry:
    """One kind of replaceable part.

    A class joins with `@ENCODERS.register("spectral")`; `ENCODERS.build({"name": "spectral", ...})` makes one.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """A class decorator that makes the class known as `name`."""

        def add(cls: T) -> T:
            self._classes[name] = cls
            return cls

        return add

    def build(self, settings: Mapping[str, Any], **given: Any) -> Any:
        """Make the object that `settings["name"]` names, its other entries being arguments.

        Args:
            settings: one section of a recipe.
            given: arguments that the recipe does not choose.

        Raises:
            SettingsError: no such name, or an entry the class does not take.
        """
        arguments = dict(settings)
        name = arguments.pop("name", None)
        if name not in self._classes:
            known = ", ".join(sorted(self._classes))
            raise SettingsError(
                f"there is no {self.kind} named {name!r}{meant(name, self._classes)}; there are: {known}"
            )
        return construct(f"{self.kind} {name!r}", self._classes[name], arguments, **given)


def construct(what: str, cls: type, settings: Mapping[str, Any], **given: Any) -> Any:
    """Make an object of `cls` with `settings` as arguments.

    Args:
        what: names it in errors.
        cls: the class.
        settings: one section of a recipe.
        given: arguments that the recipe does not choose; those the class does not take are left out.

    Raises:
        SettingsError: an entry is missing, or the class does not take it.
    """
    # `*args` and `**kwargs` are what the signature of a class without a constructor of its own shows.
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    accepted = {name: p for name, p in inspect.signature(cls).parameters.items() if p.kind not in variadic}
    chosen = {name: parameter for name, parameter in accepted.items() if name not in given}
    unknown = sorted(set(settings) - set(chosen))
    if unknown:
        takes = ", ".join(chosen) or "nothing"
        raise SettingsError(f"the {what} takes no {', '.join(unknown)}{meant(unknown[0], chosen)}; it takes: {takes}")
    missing = [name for name, p in chosen.items() if p.default is inspect.Parameter.empty and name not in settings]
    if missing:
        raise SettingsError(f"the {what} needs {', '.join(missing)}")
    return cls(**{name: value for name, value in given.items() if name in accepted}, **settings)


def meant(wrong: object, known: Iterable[str]) -> str:
    """` (did you mean ...?)` with the known name that looks most like the wrong one; nothing if none does."""
    close = difflib.get_close_matches(str(wrong), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
