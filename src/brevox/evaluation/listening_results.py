"""What listeners of a listening test saved, read with care: these files were in many hands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brevox.errors import DataError
from brevox.evaluation.listening import KEY_FORMAT, REFERENCE, RESULTS_FORMAT

_LONGEST_S = 1e6  # of a trial; more is no time that somebody spent


@dataclass(frozen=True)
class Key:
    """What the key tells of a test.

    id: the same in the results of its listeners.
    trials: for each id of a trial, its sounds: condition by id.
    names: of the trials, by id.
    conditions: all of them, by alphabet.
    """

    id: str
    title: str
    trials: dict[str, dict[str, str]]
    names: dict[str, str]
    conditions: list[str]


@dataclass(frozen=True, order=True)
class Listener:
    """One results file.

    finished: date and time, ISO 8601.
    seconds: spent on all trials.
    ratings: each a trial's name, a condition, and 0 to 100; sorted.
    """

    name: str
    session: str
    equipment: str
    finished: str
    seconds: float
    ratings: tuple[tuple[str, str, int], ...]


def read_key(path: Path) -> Key:
    """Read `listening-test-key.json`.

    Raises:
        DataError: it is missing, or is not such a key.
    """
    facts = _read_json(path)
    if not isinstance(facts, dict) or facts.get("format") != KEY_FORMAT:
        raise DataError(f"{path} is not the key of a listening test; give the listening-test-key.json of this test")
    if facts.get("version") != 1:
        raise DataError(f"{path} was written by another version of Brevox; analyse it with that one")
    damaged = DataError(f"{path} is damaged; take the key that was written together with the page")
    try:
        trials = {
            trial: {sound: _clean(told["condition"]) for sound, told in one["sounds"].items()}
            for trial, one in facts["trials"].items()
        }
        names = {trial: _clean(one["name"]) for trial, one in facts["trials"].items()}
        test_id, title = _clean(facts["test"]), _clean(facts["title"])
    except (KeyError, TypeError, AttributeError):
        raise damaged from None
    if not trials or len(set(names.values())) < len(names):
        raise damaged
    for sounds in trials.values():
        if REFERENCE not in sounds.values() or len(set(sounds.values())) < len(sounds):
            raise damaged
    return Key(test_id, title, trials, names, sorted({name for sounds in trials.values() for name in sounds.values()}))


def read_results(path: Path, key: Key) -> Listener:
    """Read what the page saved for one listener.

    Raises:
        DataError: it is missing, is not such a file, belongs to another test, or a rating is missing or impossible.
    """
    facts = _read_json(path)
    if not isinstance(facts, dict) or facts.get("format") != RESULTS_FORMAT:
        raise DataError(f"{path} holds no results of a listening test; give the files that listeners saved")
    if facts.get("version") != 1:
        raise DataError(f"{path} comes from another version of Brevox; analyse it with that one")
    if facts.get("test") != key.id:
        raise DataError(f"{path} belongs to another test than this key; leave it out, or give the key of its test")
    given: dict[str, dict[str, Any]] = {}
    seconds = 0.0
    trials = facts.get("trials")
    for trial in trials if isinstance(trials, list) else []:
        trial_id = trial.get("trial") if isinstance(trial, dict) else None
        if not isinstance(trial_id, str) or trial_id in given or not isinstance(trial.get("ratings"), dict):
            raise DataError(f"{path} is damaged: a trial has no ratings, or is there twice; ask for the file again")
        if trial_id not in key.trials:
            raise DataError(f"{path} has a trial that the key does not know; leave it out, or give its own key")
        given[trial_id] = trial["ratings"]
        spent = trial.get("seconds")
        seconds += float(spent) if _is_number(spent) and 0 <= spent < _LONGEST_S else 0.0
    ratings: list[tuple[str, str, int]] = []
    for trial_id, sounds in key.trials.items():
        if trial_id not in given:
            raise DataError(
                f"{path} has no ratings of the trial {key.names[trial_id]}: the test was not finished; "
                "leave the file out"
            )
        ratings += _ratings(path, key.names[trial_id], given[trial_id], sounds)
    return Listener(
        _clean(facts.get("listener")) or path.stem,
        _clean(facts.get("session")),
        _clean(facts.get("equipment")),
        _clean(facts.get("finished")),
        seconds,
        tuple(sorted(ratings)),
    )


def without_copies(listeners: Sequence[Listener]) -> tuple[list[Listener], list[str]]:
    """Each session once, in an order that does not depend on that of the files; and warnings, as sentences."""
    found: list[Listener] = []
    warnings: list[str] = []
    for listener in sorted(listeners):
        earlier = next((one for one in found if one.session and one.session == listener.session), None)
        if earlier is not None:
            what = "the same ratings" if earlier == listener else "the later file is used"
            warnings.append(f"{listener.name} sent one session more than once ({what}); it counts once")
            if listener.finished <= earlier.finished:
                continue
            found.remove(earlier)
        if any(one.name.casefold() == listener.name.casefold() for one in found):
            warnings.append(
                f"{listener.name} took the test more than once, or two listeners have that name; all are counted. "
                "If it is one person, leave all but the first file out"
            )
        found.append(listener)
    return found, list(dict.fromkeys(warnings))


def _ratings(path: Path, trial: str, given: dict[str, Any], sounds: dict[str, str]) -> list[tuple[str, str, int]]:
    """Of one trial: its name, conditions, ratings."""
    if set(given) != set(sounds):
        raise DataError(
            f"{path} has ratings of {len(set(given) & set(sounds))} of the {len(sounds)} sounds of the trial {trial}"
            f"{', and some of others' if set(given) - set(sounds) else ''}; leave the file out"
        )
    for rating in given.values():
        if not _is_number(rating) or not 0 <= rating <= 100 or rating != int(rating):
            raise DataError(
                f"{path} has a rating in the trial {trial} that is no whole number from 0 to 100; leave the file out"
            )
    return [(trial, condition, int(given[sound])) for sound, condition in sounds.items()]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _clean(text: Any) -> str:
    """Without what a terminal would obey, and halves of characters that no file can hold."""
    return "".join(letter for letter in str(text or "") if letter.isprintable()).strip()


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError):  # no JSON, no UTF-8, numbers or nesting beyond all measure
        raise DataError(f"{path} is not JSON; was it cut short? Ask for the file again") from None
