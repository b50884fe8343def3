"""Short names for classes, so that a recipe can name them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
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
            raise SettingsError(f"there is no {self.kind} named {name!r}; there are: {known}")
        cls = self._classes[name]
        accepted = inspect.signature(cls).parameters
        unknown = sorted(set(arguments) - set(accepted))
        if unknown:
            takes = ", ".join(p for p in accepted if p not in given)
            raise SettingsError(f"the {self.kind} {name!r} takes no {', '.join(unknown)}; it takes: {takes}")
        return cls(**{key: value for key, value in given.items() if key in accepted}, **arguments)
