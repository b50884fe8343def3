"""Speech out of features: envelope, pitch and voicing, with phases that nobody sent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.errors import DataError
from brevox.vocoder.envelope import MEL_COLUMNS, envelope, envelope_amplitudes, mel_to_envelope
from brevox.vocoder.harmonics import Harmonics, possible_pitch
from brevox.vocoder.synthesis import phase0, synthesise


def from_envelope(y: NDArray[np.floating], wo: NDArray[np.floating], voiced: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Speech with this envelope and pitch.

    Args:
        y: dB. Shape: [frames, 79].
        wo: pitch, radians a sample. Shape: [frames].
        voiced: Shape: [frames].

    Returns:
        Audio at 8 kHz, full scale 1. Shape: [80 * frames].
    """
    wo = np.asarray(wo, np.float32)
    return synthesise(Harmonics(wo, np.asarray(voiced, bool), envelope_amplitudes(y, wo), phase0(y, wo, voiced)))


def from_features(b: NDArray[np.floating], y: NDArray[np.floating] | None = None) -> NDArray[np.float32]:
    """Speech out of `b`, whose envelope may be a better one.

    Args:
        b: levels, pitch and voicing. Shape: [frames, 22].
        y: dB. Shape: [frames, 79].

    Returns:
        Audio at 8 kHz, full scale 1. Shape: [80 * frames].

    Raises:
        DataError: they differ in length, or there is a pitch that no voice has.
    """
    wo, voiced = b[:, MEL_COLUMNS], b[:, MEL_COLUMNS + 1] > 0.5
    if not possible_pitch(wo).all():
        raise DataError("column 21 of b holds no pitch of 50 to 400 Hz, in radians a sample: these are other features")
    if y is not None and len(y) != len(b):
        raise DataError(f"b has {len(b):,} frames and y {len(y):,}: they are not of one recording")
    return from_envelope(mel_to_envelope(b) if y is None else y, wo, voiced)


def with_phase0(harmonics: Harmonics) -> NDArray[np.float32]:
    """Speech with the amplitudes of harmonics, but phases that nobody sent. Shape: [80 * frames]."""
    phases = phase0(envelope(harmonics), harmonics.wo, harmonics.voiced)
    return synthesise(Harmonics(harmonics.wo, harmonics.voiced, harmonics.amplitudes, phases))
