"""How good a trained VAE of sounds is, on notes of voices that it never heard.

- Reconstruction, beside as many principal components of the training notes as the latent has dimensions.
- Morphs between pairs of voices: the spectral path along latents, and along parameters.
- Guessed voices: how far their sound is from the one heard, beside the nearest note of training, and a voice by lot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.data.notes import NotesFile, render_note
from brevox.nets.bottlenecks.entanglement import entanglement
from brevox.sounds.instrument import Instrument
from brevox.sounds.latents import check_front, encode_notes
from brevox.sounds.morph import latent_morph, parameter_morph, through_model
from brevox.sounds.principal import PrincipalComponents
from brevox.sounds.smoothness import apart_db
from brevox.synth.voice import SOUNDING, Voice

Array = NDArray[np.float32]
Progress = Callable[[str], None]

_PASS = 64
_PLAIN = (60, 100)


def evaluate_sounds(
    instrument: Instrument,
    file: NotesFile,
    split: str = "test",
    components: bool = True,
    pairs: int = 20,
    steps: int = 9,
    seed: int = 0,
    progress: Progress = lambda told: None,
) -> dict[str, Any]:
    """Measure all of it.

    Args:
        instrument: the model.
        file: the notes that it learned from, and of `split`.
        split: which to measure on.
        components: whether to find principal components too, which takes as much memory as all training notes.
        pairs: of voices to morph between; none if the file does not know them.
        steps: of a morph.
        seed: of pairs and of voices by lot.
        progress: called with what is done next.

    Returns:
        Figures by name, as `brevox synth evaluate` writes them.

    Raises:
        DataError: the file has no such split.
        SettingsError: its pictures are of another size than the model's.
    """
    check_front(instrument, file)
    numbers = file.of_split(split)
    progress("reconstruction")
    latents = encode_notes(instrument, file, split)
    means = _Errors(instrument)
    for start in range(0, len(numbers), _PASS):
        shown = numbers[start : start + _PASS]
        means.add("vae", _pictures(file, shown), instrument.decode(latents[start : start + _PASS]))
    if components:
        training = file.of_split("train")
        found = PrincipalComponents(
            lambda index: file.picture(int(training[index])),
            len(training),
            latents.shape[1],
            lambda share: progress(f"principal components: {min(1.0, share):.0%}"),
        )
        for start in range(0, len(numbers), _PASS):
            pictures = _pictures(file, numbers[start : start + _PASS])
            means.add("principal_components", pictures, found.reconstruct(pictures))
            mean = np.broadcast_to(found.mean.reshape(pictures.shape[1:]), pictures.shape)
            means.add("mean_picture", pictures, mean)
        del found
    facts: dict[str, Any] = {"split": split, "notes": len(numbers), "reconstruction": means.facts()}
    facts["entanglement"] = entanglement(latents)
    if file.has_voices:
        draw = np.random.default_rng(seed)
        facts["morphs"] = _morphs(instrument, file, numbers, pairs, steps, draw, progress)
        if instrument.model.head is not None:
            progress("guessed voices")
            facts["guesses"] = _guesses(instrument, file, numbers, latents, draw)
    return facts


class _Errors:
    """Sums of errors of several methods."""

    def __init__(self, instrument: Instrument) -> None:
        front = instrument.front
        self.half_range = (front.high_db - front.low_db) / 2
        self.sums: dict[str, list[float]] = {}

    def add(self, name: str, originals: Array, decoded: Array) -> None:
        off = np.clip(decoded, -1, 1) - originals
        convergence = [
            _norm_ratio(10 ** ((d - 1) * self.half_range / 20), 10 ** ((o - 1) * self.half_range / 20))
            for d, o in zip(np.clip(decoded, -1, 1), originals, strict=True)
        ]
        found = (len(off), len(off) * (off**2).mean(), len(off) * np.abs(off).mean(), sum(convergence))
        before = self.sums.get(name, [0.0] * len(found))
        self.sums[name] = [one + float(other) for one, other in zip(before, found, strict=True)]

    def facts(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "squared": squared / count,
                "rms_db": float(np.sqrt(squared / count)) * self.half_range,
                "absolute_db": absolute / count * self.half_range,
                "spectral_convergence": convergence / count,
            }
            for name, (count, squared, absolute, convergence) in self.sums.items()
        }


def _norm_ratio(ours: Array, theirs: Array) -> float:
    return float(np.linalg.norm(ours - theirs) / max(1e-9, float(np.linalg.norm(theirs))))


def _pictures(file: NotesFile, numbers: NDArray[np.int64]) -> Array:
    return np.stack([file.picture(int(number)) for number in numbers])


def _voices(file: NotesFile, numbers: NDArray[np.int64]) -> list[Voice]:
    """The different voices among notes."""
    return [Voice(values) for values in dict.fromkeys(bytes(file.voices[int(number)]) for number in numbers)]


def _morphs(
    instrument: Instrument,
    file: NotesFile,
    numbers: NDArray[np.int64],
    pairs: int,
    steps: int,
    draw: np.random.Generator,
    progress: Progress,
) -> dict[str, Any]:
    voices = _voices(file, numbers)
    rows: dict[str, list[tuple[float, float, float]]] = {"latent": [], "parameters": [], "parameters_decoded": []}
    for done in range(pairs):
        progress(f"morphs: {done} of {pairs}")
        first, last = (voices[int(index)] for index in draw.choice(len(voices), 2, replace=False))
        rendered = parameter_morph(instrument, first, last, steps, *_PLAIN)
        assert rendered.sounds is not None
        for name, morph in (
            ("latent", latent_morph(instrument, rendered.sounds[0], rendered.sounds[-1], steps)),
            ("parameters", rendered),
            ("parameters_decoded", through_model(instrument, rendered)),
        ):
            rows[name].append((morph.path.length_db, morph.path.detour, morph.path.largest))
    facts: dict[str, Any] = {"pairs": pairs, "steps": steps}
    for name, values in rows.items():
        length, detour, largest = np.median(np.array(values), axis=0)
        facts[name] = {"length_db": float(length), "detour": float(detour), "largest_step": float(largest)}
    pairwise_won = [one[1] < other[1] for one, other in zip(rows["latent"], rows["parameters_decoded"], strict=True)]
    facts["latent_straighter_than_parameters_decoded"] = float(np.mean(pairwise_won))
    return facts


def _guesses(
    instrument: Instrument,
    file: NotesFile,
    numbers: NDArray[np.int64],
    latents: Array,
    draw: np.random.Generator,
) -> dict[str, float]:
    """Of each voice's note 60."""
    front = instrument.front
    training = file.of_split("train")
    training = training[(file.notes[training] == _PLAIN[0]) & (file.velocities[training] == _PLAIN[1])]
    known = _pictures(file, training)
    known_latents = instrument.encode(known)
    heard = [place for place, number in enumerate(numbers) if file.notes[number] == _PLAIN[0]]
    off: dict[str, list[float]] = {"guess": [], "nearest_of_training": [], "by_lot": []}
    numbers_off: list[float] = []
    right: list[float] = []
    for place in heard:
        original = file.picture(int(numbers[place]))
        truth = bytes(file.voices[numbers[place]])
        voice = instrument.voice(latents[place], *_PLAIN, "guess")
        played = front.picture(render_note(voice, *_PLAIN, front))
        nearest = int(((known_latents - latents[place]) ** 2).sum(axis=1).argmin())
        for name, other in (
            ("guess", played),
            ("nearest_of_training", known[nearest]),
            ("by_lot", known[int(draw.integers(len(known)))]),
        ):
            off[name].append(apart_db(front.denormalised(original), front.denormalised(other)))
        for index, parameter in enumerate(SOUNDING):
            if parameter.is_choice:
                right.append(float(voice.values[index] == truth[index]))
            else:
                numbers_off.append(abs(voice.values[index] - truth[index]) / parameter.maximum)
    facts = {f"{name}_db": float(np.median(values)) for name, values in off.items()}
    facts |= {"numbers_off": float(np.mean(numbers_off)), "choices_right": float(np.mean(right))}
    return {"voices": len(heard), **facts}
