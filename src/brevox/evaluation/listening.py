"""A blind listening test as one page that works from disk, after ITU-R BS.1534-3 (MUSHRA).

Beside what codecs made of a clip, listeners get the clip itself, hidden, and an anchor, the clip without what lies
above 3.5 kHz. What a listener hears is brought together in time and level first:
- each decoded clip is moved by its codec's delay (`alignment.align`), since switching keeps the playing position;
- each is given the gain that brings its RMS to that of the reference, over the 20 ms in which there is speech in the
  reference, by at most 12 dB: BS.1534 wants equal loudness, and a louder copy would be liked better for being louder;
- where a sound of a trial would exceed full scale, all sounds of the trial get quieter by the same.
The key tells all of this, sound by sound. Otherwise nothing is changed; sounds are FLAC of 16 bits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, firwin

from brevox.errors import SettingsError
from brevox.evaluation.alignment import align
from brevox.evaluation.listening_copies import sound_uri
from brevox.evaluation.signals import RATE_HZ
from brevox.output import atomic_output

PAGE_NAME = "listening-test.html"
KEY_NAME = "listening-test-key.json"
KEY_FORMAT = "brevox listening test key"
RESULTS_FORMAT = "brevox listening test results"

#: What the key and the analysis call the two sounds that are added to every trial.
REFERENCE = "hidden reference"
ANCHOR = "anchor 3.5 kHz"

#: BS.1534-3 allows twelve sounds a trial, and two are the hidden reference and the anchor.
MOST_CONDITIONS = 10

_ANCHOR_HZ = 3500
# -6 dB at 3.5 kHz, and 250 Hz to each side down to -70 dB: steeper than the recommendation asks for.
_ANCHOR_TAPS = 145
_ANCHOR_STOP_DB = 70

_FRAME = RATE_HZ // 50
_SPEECH_WITHIN_DB = 25  # of the loud frames, the 95th percentile
_MOST_GAIN_DB = 12
_FULL_SCALE = 32767 / 32768


@dataclass(frozen=True)
class Trial:
    """One clip, and what codecs made of it.

    reference: Shape [samples], at `signals.RATE_HZ`.
    conditions: decoded clips, by the name of what made them. Shape [any] each.
    """

    name: str
    reference: NDArray[np.float32]
    conditions: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Sound:
    audio: NDArray[np.float32]
    delay: int = 0
    gain_db: float = 0.0


def write_listening_test(
    folder: Path, trials: Sequence[Trial], seed: int | None = None, title: str = "Listening test"
) -> Path:
    """Write `listening-test.html`, to be sent to listeners, and `listening-test-key.json`, to be kept from them.

    The page holds no name of a condition or clip, only random ids. It shuffles trials, and sounds in trials, anew for
    each listener.

    Args:
        folder: made if it is not there.
        seed: of the ids; the same seed gives the same ids. Drawn by default.
        title: shown to listeners.

    Returns:
        The page's path.

    Raises:
        SettingsError: no trials, two of a name, none or too many conditions, or a condition with a name that is taken.
        OutputError: a file cannot be written.
    """
    _check(trials)
    draw = random.Random(seed)
    key: dict[str, Any] = {
        "format": KEY_FORMAT,
        "version": 1,
        "test": f"{draw.getrandbits(64):016x}",
        "title": title,
        "written": datetime.now().isoformat(timespec="seconds"),
        "trials": {},
    }
    shown = []
    for trial in trials:
        trial_id = f"{draw.getrandbits(40):010x}"
        sounds, trial_gain_db = _sounds(trial)
        ids = {f"{draw.getrandbits(40):010x}": name for name in sounds}
        key["trials"][trial_id] = {
            "name": trial.name,
            "gain_db": round(trial_gain_db, 2) + 0.0,
            "sounds": {
                sound_id: {
                    "condition": name,
                    "delay_ms": round(sounds[name].delay / RATE_HZ * 1000, 2),
                    "gain_db": round(sounds[name].gain_db, 2) + 0.0,
                }
                for sound_id, name in ids.items()
            },
        }
        shown.append(
            {
                "id": trial_id,
                "reference": sound_uri(sounds[REFERENCE].audio),
                # Sorted by ids, which are random: the order tells nothing.
                "sounds": {sound_id: sound_uri(sounds[ids[sound_id]].audio) for sound_id in sorted(ids)},
            }
        )
    shown.sort(key=lambda one: str(one["id"]))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("brevox.evaluation"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("listening.html").render(
        title=title,
        trials=len(trials),
        test={"format": RESULTS_FORMAT, "test": key["test"], "trials": shown},
    )
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_output(folder / KEY_NAME) as part:
        part.write_text(json.dumps(key, indent=1, ensure_ascii=False), encoding="utf-8")
    with atomic_output(folder / PAGE_NAME) as part:
        part.write_text(page, encoding="utf-8")
    return folder / PAGE_NAME


def low_pass_anchor(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """The low anchor of BS.1534-3: nothing above 3.5 kHz, without delay. Shape [samples], as many as came."""
    taps = firwin(_ANCHOR_TAPS, _ANCHOR_HZ, window=("kaiser", _kaiser_beta(_ANCHOR_STOP_DB)), fs=RATE_HZ)
    return fftconvolve(audio, taps, mode="same").astype(np.float32)


def level_gain_db(reference: NDArray[np.float32], audio: NDArray[np.float32]) -> float:
    """The gain that brings `audio` to the RMS that `reference` has where it holds speech, at most 12 dB either way.

    0 if one of them is silent there. Shape: [samples], as many in both.
    """
    power = _frame_power(reference)
    speech = power > np.percentile(power, 95) * 10 ** (-_SPEECH_WITHIN_DB / 10)
    wanted, there = power[speech].sum(), _frame_power(audio)[speech].sum()
    if wanted <= 0 or there <= 0:
        return 0.0
    return float(np.clip(10 * np.log10(wanted / there), -_MOST_GAIN_DB, _MOST_GAIN_DB))


def _kaiser_beta(stop_db: float) -> float:
    """Of the window that gives this attenuation from 50 dB on (Kaiser, IEEE ISCAS 1974)."""
    return 0.1102 * (stop_db - 8.7)


def _frame_power(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    padded = np.pad(audio.astype(np.float64), (0, -len(audio) % _FRAME))
    return (padded.reshape(-1, _FRAME) ** 2).mean(axis=1)


def _sounds(trial: Trial) -> tuple[dict[str, _Sound], float]:
    """All sounds of a trial, as they are heard, and the gain in dB that the whole trial got."""
    reference = np.nan_to_num(np.asarray(trial.reference, np.float32))
    sounds = {REFERENCE: _Sound(reference), ANCHOR: _Sound(low_pass_anchor(reference))}
    for name, decoded in trial.conditions.items():
        _, audio, delay = align(reference, np.nan_to_num(np.asarray(decoded, np.float32)))
        sounds[name] = _Sound(audio, delay)
    for name, sound in sounds.items():
        gain_db = level_gain_db(reference, sound.audio)
        sounds[name] = _Sound(sound.audio * np.float32(10 ** (gain_db / 20)), sound.delay, gain_db)
    peak = max(float(np.abs(sound.audio).max()) for sound in sounds.values())
    gain = min(1.0, _FULL_SCALE / peak) if peak else 1.0
    if gain < 1:
        sounds = {
            name: _Sound(sound.audio * np.float32(gain), sound.delay, sound.gain_db) for name, sound in sounds.items()
        }
    return sounds, float(20 * np.log10(gain))


def _check(trials: Sequence[Trial]) -> None:
    if not trials:
        raise SettingsError("a listening test needs at least one trial")
    if len({trial.name for trial in trials}) < len(trials):
        raise SettingsError("two trials of a listening test have the same name; rename one")
    for trial in trials:
        if not len(trial.reference):
            raise SettingsError(f"the trial {trial.name} has an empty reference; leave it out")
        if not 1 <= len(trial.conditions) <= MOST_CONDITIONS:
            raise SettingsError(
                f"the trial {trial.name} has {len(trial.conditions)} conditions; 1 to {MOST_CONDITIONS} can be compared"
            )
        taken = {REFERENCE, ANCHOR} & set(trial.conditions)
        if taken:
            raise SettingsError(f"'{taken.pop()}' is added to every trial; give that condition another name")
