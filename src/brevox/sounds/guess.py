"""Sound in, voice out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.data.notes import render_note
from brevox.sounds.instrument import Instrument
from brevox.sounds.smoothness import apart_db
from brevox.synth.voice import Voice


@dataclass(frozen=True)
class Guess:
    """A voice that may have played a sound.

    Args:
        voice: its parameters.
        off_db: how far the sound it plays is from the one heard, root mean square of levels.
    """

    voice: Voice
    off_db: float


def guess_voice(
    instrument: Instrument, sound: NDArray[np.float32], note: int, velocity: int, name: str = "GUESS"
) -> Guess:
    """Guess the voice of a sound, and play it.

    Args:
        instrument: the model, with a head that guesses.
        sound: Shape [samples].
        note, velocity: that were played, MIDI numbers.
        name: of the voice.

    Raises:
        SettingsError: the model has no such head.
    """
    front = instrument.front
    picture = front.picture(front.fitted(sound))
    voice = instrument.voice(instrument.encode(picture[None])[0], note, velocity, name)
    played = front.levels(render_note(voice, note, velocity, front))
    return Guess(voice, apart_db(front.denormalised(picture), played))
