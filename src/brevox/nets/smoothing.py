"""Spectra without their harmonics: what is left is what a pulse train has to be filtered with."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from brevox.audio.pitch import HIGHEST_HZ, LOWEST_HZ, PITCH_CODES
from brevox.errors import SettingsError

_SHARE = 2 / 3  # of the pitch: windows blur harmonics besides
_UNVOICED_HZ = 60.0  # takes a little of the chance out of noise


class PitchSmoothing(nn.Module):
    """Mean power over two thirds of the pitch around every bin (as in CheapTrick, Morise 2015).

    An envelope that shows the harmonics would be told twice, as the pitch tells of them already.

    Args:
        bins: of the spectra, from 0 to half of the sample rate.
        sample_rate: Hz.
        spectra, conditions: a code frame; each pitch stands for as many spectra.

    Raises:
        SettingsError: spectra do not share pitches evenly.

    Shape: power [batch, bins, spectra] and condition, as `brevox.audio.pitch.pitch_condition` gives it,
    [batch, 2, pitches] to [batch, bins, spectra].
    """

    def __init__(self, bins: int, sample_rate: int, spectra: int, conditions: int) -> None:
        super().__init__()
        if spectra % conditions:
            raise SettingsError(f"a frame has {conditions} pitches, so its spectra must be a multiple, not {spectra}")
        self.bin_hz = sample_rate / 2 / (bins - 1)
        self.spectra_a_pitch = spectra // conditions
        self.margin = math.ceil(HIGHEST_HZ / 2 / self.bin_hz) + 1

    def forward(self, power: Tensor, condition: Tensor) -> Tensor:
        voiced, height = condition[:, 0], condition[:, 1]
        code = height * (PITCH_CODES / 4) + PITCH_CODES / 2
        hz = LOWEST_HZ * torch.exp((code - 1) * (math.log(HIGHEST_HZ / LOWEST_HZ) / (PITCH_CODES - 2)))
        hz = torch.where(voiced > 0, _SHARE * hz.clamp(LOWEST_HZ, HIGHEST_HZ), torch.full_like(hz, _UNVOICED_HZ))
        width = hz[:, None, :, None].expand(-1, -1, -1, self.spectra_a_pitch).flatten(2) / self.bin_hz
        # Frequencies below 0 and beyond the highest are those on the other side.
        mirrored = torch.cat(
            [power[:, 1 : self.margin + 1].flip(1), power, power[:, -self.margin - 1 : -1].flip(1)], dim=1
        )
        # The running sum is of everything, a difference of it may be of little: hence double precision.
        running = nn.functional.pad(mirrored.double().cumsum(dim=1), (0, 0, 1, 0))
        middle = torch.arange(power.shape[1], device=power.device)[:, None] + self.margin + 0.5
        difference = self._at(running, middle + width / 2) - self._at(running, middle - width / 2)
        return difference.clamp(min=0).float() / width

    @staticmethod
    def _at(running: Tensor, place: Tensor) -> Tensor:
        """The running sum between its entries."""
        before = place.floor()
        share = (place - before).double()
        index = before.long()
        return running.gather(1, index) * (1 - share) + running.gather(1, index + 1) * share
