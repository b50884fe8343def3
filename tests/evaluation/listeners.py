"""Listeners that do not exist, with preferences that are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from brevox.evaluation.listening import ANCHOR, KEY_FORMAT, REFERENCE, RESULTS_FORMAT

#: What the mean listener gives to what is compared in these tests.
TRUTH = {"codec good": 70.0, "codec fair": 55.0, "codec same": 55.0, "codec poor": 30.0}
TEST = "0123456789abcdef"


def make_key(path: Path, trials: int = 4, conditions: tuple[str, ...] = tuple(TRUTH)) -> dict[str, Any]:
    """Write a key as `write_listening_test` does."""
    key = {
        "format": KEY_FORMAT,
        "version": 1,
        "test": TEST,
        "title": "Simulated",
        "trials": {
            f"t{trial}": {
                "name": f"clip {trial}",
                "sounds": {f"{trial}s{i}": {"condition": c} for i, c in enumerate((REFERENCE, ANCHOR, *conditions))},
            }
            for trial in range(trials)
        },
    }
    path.write_text(json.dumps(key))
    return key


def make_results(
    path: Path, key: dict[str, Any], name: str, rating: Callable[[str, str], float], **more: Any
) -> dict[str, Any]:
    """Write one listener's results as the page does; `rating` is called with the ids of trial and condition."""
    results = {
        "format": RESULTS_FORMAT,
        "version": 1,
        "test": key["test"],
        "listener": name,
        "equipment": "",
        "session": f"session of {name}",
        "finished": "2026-01-01T12:00:00.000Z",
        "trials": [
            {
                "trial": trial,
                "ratings": {
                    sound: int(np.clip(round(rating(trial, told["condition"])), 0, 100))
                    for sound, told in one["sounds"].items()
                },
                "seconds": 60,
            }
            for trial, one in key["trials"].items()
        ],
        **more,
    }
    path.write_text(json.dumps(results))
    return results


def draw_listeners(folder: Path, key: dict[str, Any], count: int, seed: int) -> list[Path]:
    """Results of listeners who differ in how they use the scale, in their taste, and from trial to trial."""
    rng = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        usage = rng.normal(0, 6)
        taste = {condition: usage + rng.normal(0, 5) for condition in TRUTH}

        def rating(_trial: str, condition: str, taste: dict[str, float] = taste) -> float:
            if condition == REFERENCE:
                return 100
            if condition == ANCHOR:
                return 20 + rng.normal(0, 3)
            return TRUTH[condition] + taste[condition] + rng.normal(0, 6)

        paths.append(folder / f"results-{number}.json")
        make_results(paths[-1], key, f"listener {number}", rating)
    return paths
