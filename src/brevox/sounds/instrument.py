"""A trained VAE of sounds, ready to be played: sounds to latents, latents to sounds and to voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from brevox.data.notes import render_note
from brevox.errors import SettingsError
from brevox.nets.sounds import SoundModel
from brevox.nets.voice_head import said_voice
from brevox.synth.banks import BANK_SUFFIXES, read_bank
from brevox.synth.files import read_sound
from brevox.synth.griffin_lim import griffin_lim
from brevox.synth.spectrogram import FrontEnd, stft
from brevox.synth.voice import Voice
from brevox.training.checkpoint import BEST
from brevox.training.sounds_task import load_sounds

Array = NDArray[np.float32]


class Instrument:
    """The model with its front and back end.

    Args:
        model: in evaluation mode.
    """

    def __init__(self, model: SoundModel) -> None:
        self.model = model

    @property
    def front(self) -> FrontEnd:
        """What pictures are made of."""
        return self.model.front

    def encode(self, pictures: Array) -> Array:
        """Shape: [batch, rows, frames] to [batch, latent]."""
        return np.asarray(self.model.encode(torch.from_numpy(pictures)).numpy(), dtype=np.float32)

    def decode(self, latents: Array) -> Array:
        """Shape: [batch, latent] to [batch, rows, frames]."""
        return np.asarray(self.model.decode(torch.from_numpy(latents)).numpy(), dtype=np.float32)

    def sound(self, picture: Array, original: Array | None = None, rounds: int = 60) -> Array:
        """The sound of a picture, by Griffin-Lim.

        Args:
            picture: Shape [rows, frames].
            original: a sound, Shape [samples], whose phases to begin with, in place of random ones: how good the
                picture is, phases aside; better than what can be had without knowing the sound.
            rounds: of Griffin-Lim.

        Returns:
            Shape [front.samples].
        """
        front = self.front
        phase = None
        if original is not None:
            phase = np.angle(stft(front.fitted(original), front.window, front.hop))
        return griffin_lim(front.magnitude(picture), front.hop, rounds, phase)

    def voice(self, latent: Array, note: int, velocity: int, name: str) -> Voice:
        """The voice that is guessed to have played a sound. Shape: [latent].

        Raises:
            SettingsError: the model was trained without a head that guesses.
        """
        if self.model.head is None:
            raise SettingsError("this model guesses no voices; train one with model.head={hidden: 1024}")
        played = (torch.tensor([float(note)]), torch.tensor([float(velocity)]))
        with torch.no_grad():
            said = self.model.head(torch.from_numpy(latent)[None], *played)
        return said_voice(said[0], name)


def load_instrument(run: Path) -> Instrument:
    """The best checkpoint of a run's folder, or a checkpoint.

    Raises:
        DataError: it cannot be read.
        SettingsError: it is of another task.
    """
    return Instrument(load_sounds(run / BEST if run.is_dir() else run)[0])


def find_sound(path: Path, front: FrontEnd, note: int, velocity: int, number: int = 1) -> tuple[Array, Voice | None]:
    """A recording; or a voice of a bank, and the note that it plays. Shape: [front.samples].

    Args:
        path: a recording, or `.syx`, `.dx7`.
        front: whose rate and length the sound has.
        note, velocity: of a voice.
        number: of the voice in the bank, from 1.

    Raises:
        AudioFileError, BankError: it cannot be read.
        SettingsError: the bank has no such voice.
    """
    if path.suffix.lower() not in BANK_SUFFIXES:
        return front.fitted(read_sound(path, front.sample_rate)), None
    voices = read_bank(path).voices
    if not 1 <= number <= len(voices):
        raise SettingsError(f"{path} has voices 1 to {len(voices)}, not {number}")
    voice = voices[number - 1]
    return render_note(voice, note, velocity, front), voice
