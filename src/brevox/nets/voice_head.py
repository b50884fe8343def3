"""From a latent to the parameters of a DX7 voice: numbers, and choices among few."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.synth.voice import PARAMETERS, SOUNDING, Voice

_KEYBOARD = 127.0

NUMBERS = [index for index, parameter in enumerate(SOUNDING) if not parameter.is_choice]
CHOICES = [index for index, parameter in enumerate(SOUNDING) if parameter.is_choice]
_OPTIONS = [SOUNDING[index].maximum + 1 for index in CHOICES]
_MAXIMA = torch.tensor([float(SOUNDING[index].maximum) for index in NUMBERS])


class VoiceHead(nn.Module):
    """Two hidden layers, as in FlowSynth's multilayer perceptron (Esling et al. 2020).

    A latent alone cannot tell a low note of one voice from a high note of another, so it is told both.

    Args:
        latent: dimensions.
        hidden: width.
        dropout: within.
        detach: whether the encoder is left alone by what the head learns.
    """

    def __init__(self, latent: int, hidden: int = 1024, dropout: float = 0.2, detach: bool = False) -> None:
        super().__init__()
        self.detach = detach
        self.layers = nn.Sequential(
            nn.Linear(latent + 2, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, len(NUMBERS) + sum(_OPTIONS)),
        )

    def forward(self, latent: Tensor, note: Tensor, velocity: Tensor) -> Tensor:
        """Shapes: [batch, latent], [batch], [batch] to [batch, outputs]."""
        played = torch.stack([note, velocity], dim=1).to(latent) / _KEYBOARD * 2 - 1
        made: Tensor = self.layers(torch.cat([latent.detach() if self.detach else latent, played], dim=1))
        return made


def voice_losses(said: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
    """How wrong a head is.

    Args:
        said: its outputs, Shape [batch, outputs].
        parameters: of the voices, as they are in `Voice.values`, Shape [batch, 155].

    Returns:
        Mean squared error of numbers as shares of their maxima, and mean cross entropy of choices in nats.
    """
    numbers, *options = said.float().split([len(NUMBERS), *_OPTIONS], dim=1)
    truth = parameters[:, NUMBERS].to(numbers) / _MAXIMA.to(numbers)
    entropies = [
        nn.functional.cross_entropy(option, parameters[:, index].long())
        for index, option in zip(CHOICES, options, strict=True)
    ]
    return nn.functional.mse_loss(numbers, truth), torch.stack(entropies).mean()


def said_voice(said: Tensor, name: str) -> Voice:
    """The voice that a head means.

    Args:
        said: its outputs for one sound, Shape [outputs].
        name: up to ten letters.
    """
    numbers, *options = said.detach().float().cpu().split([len(NUMBERS), *_OPTIONS])
    values = bytearray(len(PARAMETERS))
    for index, number in zip(NUMBERS, (numbers.clamp(0, 1) * _MAXIMA).round().tolist(), strict=True):
        values[index] = int(number)
    for index, option in zip(CHOICES, options, strict=True):
        values[index] = int(option.argmax())
    return Voice(bytes(values)).named(name)
