"""Loudness as PESQ hears it: what is too loud disturbs more than what is missing."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from brevox.audio.loudness import SPEECH_RMS
from brevox.errors import SettingsError
from brevox.losses.parts import LOSSES
from brevox.losses.spectrogram import spectrogram

SAMPLE_RATE = 16_000
_WINDOW, _HOP = 512, 256  # 32 ms, by halves
_BANDS = 49
_SPEECH_POWER = 10**7.5  # 75 dB: speech at the level of training, added up over the bands
_ZWICKER_POWER = 0.23
#: Frames that are averaged so that the worst of them counts most, by halves: 320 ms.
_STRETCH = 20
_LEAST = 1e-4  # of a disturbance: less is none


@LOSSES.register("loudness")
class LoudnessLoss(nn.Module):
    """The disturbance of PESQ-WB (ITU-T P.862.2, Rix et al. 2001), in points of its score before the last mapping.

    Power in bands of half a Bark, partly freed of a steady filter and of changes of level; loudness after Zwicker;
    differences that the ear masks do not count, and additions count once more. What P.862 does to find delays and to
    leave out silent frames is not done. Bands and thresholds are those of formulas (Traunmueller 1990, Terhardt 1979),
    not of the standard's tables.

    Args:
        sample_rate: Hz; the standard is made for 16,000.
        symmetric, added: weights of all disturbance and of what is added; P.862's are 0.1 and 0.0309.

    Raises:
        SettingsError: another sample rate.
    """

    gather: Tensor
    width: Tensor
    threshold: Tensor
    power: Tensor
    weight: Tensor

    def __init__(self, sample_rate: int = SAMPLE_RATE, symmetric: float = 0.1, added: float = 0.0309) -> None:
        super().__init__()
        if sample_rate != SAMPLE_RATE:
            raise SettingsError(f"the loss 'loudness' works at {SAMPLE_RATE} Hz, not {sample_rate}")
        self.symmetric, self.added = symmetric, added
        hz = np.arange(_WINDOW // 2 + 1) * sample_rate / _WINDOW
        edges = _band_edges(hz)
        centre = np.array([hz[first:last].mean() for first, last in pairwise(edges)])
        bark = _bark(centre)
        gather = np.zeros((_BANDS, len(hz)))
        for band, (first, last) in enumerate(pairwise(edges)):
            gather[band, first:last] = 1
        # Of what a telephone takes away below 100 Hz, nothing is heard.
        gather *= 1 / (1 + (100 / np.maximum(hz, 1)) ** 4)
        # A sine of amplitude 1 has a power of 1/2 and 3/2 of its peak in the bins of a Hann window.
        gather *= _SPEECH_POWER / SPEECH_RMS**2 / 3
        khz = centre / 1000
        threshold_db = 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4
        # Loudness falls faster where one hardly hears: below 4 Bark.
        power = _ZWICKER_POWER * np.where(bark < 4, np.minimum(6 / (bark + 2), 2) ** 0.15, 1)
        for name, values in {
            "gather": gather,
            "width": np.diff(_bark(np.append(hz, hz[-1] + hz[1])[edges]))[:, None],
            "threshold": 10 ** (threshold_db / 10)[:, None],
            "power": power[:, None],
        }.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values)).float(), persistent=False)

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            theirs = self._bands(target)
        ours = self._bands(decoded)
        with torch.no_grad():
            theirs = theirs * self._filter(ours, theirs)
            gain = self._gain(ours, theirs)
        ours = ours * gain
        loud, wanted = self._loudness(ours), self._loudness(theirs)
        difference = (loud - wanted).abs()
        masked = 0.25 * torch.minimum(loud, wanted).detach()
        # The standard hears nothing of a difference below `masked`, and of a larger one what is above. This is nearly
        # so, but never without a way down.
        heard = difference.square() / (difference + masked + 1e-6)
        with torch.no_grad():
            ratio = ((ours + 50) / (theirs + 50)) ** 1.2
            # Below 3, the standard leaves out additions; a slope instead of that step tells where to go.
            more = ratio.clamp(max=12) * (ratio - 2).clamp(0, 1)
            quiet = ((self._audible(theirs) + 1e5) / 1e7) ** 0.04
        total = self.width[1:].sum()
        disturbed = total * _power_mean((heard * self.width)[:, 1:], 2, 1) * ((_BANDS - 1) / total).sqrt()
        added = (heard * more * self.width)[:, 1:].sum(dim=1)
        return self.symmetric * _over_time(disturbed / quiet) + self.added * _over_time(added / quiet)

    def _bands(self, audio: Tensor) -> Tensor:
        """Power in bands, a threshold of hearing being some tens. Shape: [batch, samples] to [batch, bands, frames]."""
        spectrum = spectrogram(audio, _WINDOW, _HOP)
        return self.gather @ (spectrum.real.square() + spectrum.imag.square())

    def _audible(self, bands: Tensor, factor: float = 1.0) -> Tensor:
        """Power of all bands above `factor` times the threshold. Shape: [batch, frames]."""
        return (bands * (bands > factor * self.threshold))[:, 1:].sum(dim=1)

    def _filter(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """What the original has to be filtered with to be as long-term decoded spectra are, within 20 dB."""
        active = (self._audible(theirs, 100) > 1e5)[:, None]
        means = [((bands > 100 * self.threshold) * active * bands).mean(dim=2) for bands in (ours, theirs)]
        return ((means[0] + 1000) / (means[1] + 1000)).clamp(0.01, 100)[..., None]

    def _gain(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """By which changes of level are taken back: mostly the frame's own. Shape: [batch, 1, frames]."""
        ratio = ((self._audible(theirs) + 5e3) / (self._audible(ours) + 5e3)).clamp(3e-4, 5)
        smooth = [ratio[:, 0]]
        for frame in range(1, ratio.shape[1]):
            smooth.append(0.2 * smooth[-1] + 0.8 * ratio[:, frame])
        return torch.stack(smooth, dim=1)[:, None]

    def _loudness(self, bands: Tensor) -> Tensor:
        """In sones a Bark."""
        above = (bands / self.threshold).clamp(min=1)
        size = 0.1866 * (self.threshold / 0.5) ** self.power
        return cast(Tensor, size * ((0.5 + 0.5 * above) ** self.power - 1))


def _over_time(disturbance: Tensor) -> Tensor:
    """The sixth-power mean within stretches, the root mean square over these. Shape: [batch, frames] to a scalar."""
    stretch = min(_STRETCH, disturbance.shape[1])
    stretches = disturbance.clamp(max=45).unfold(1, stretch, max(1, stretch // 2))
    return _power_mean(_power_mean(stretches, 6, 2), 2, 1).mean()


def _power_mean(values: Tensor, power: float, dim: int) -> Tensor:
    """(mean of values^power)^(1 / power), of values from 0 on, with a gradient that is finite at 0."""
    mean = values.pow(power).mean(dim=dim)
    least = torch.full_like(mean, _LEAST**power)
    return torch.maximum(mean, least).pow(1 / power) - least.pow(1 / power)


def _bark(hz: np.ndarray) -> np.ndarray:
    """Critical bands below a frequency (Traunmueller 1990, up to a constant), 0 at 0 Hz."""
    return 26.81 * hz / (1960 + hz)


def _band_edges(hz: np.ndarray) -> list[int]:
    """Where bands as wide as one another begin and end, each of a bin at least, among bins at `hz`."""
    wanted = np.linspace(0, _bark(hz)[-1], _BANDS + 1)
    edges = [0]
    for band in range(1, _BANDS):
        edges.append(max(edges[-1] + 1, int(np.searchsorted(_bark(hz), wanted[band]))))
    return [*edges, len(hz)]
