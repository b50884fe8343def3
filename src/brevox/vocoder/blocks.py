"""Speech in blocks of 40 ms, each a few numbers: what a stream at a low bit rate sends, and the frames it stands for.

Of a block's four frames of 10 ms the second and the fourth keep pitch, level and envelope; the others get the mean of
their neighbours, as in Codec 2 (Rowe 1997). Voicing is kept of all four.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.vocoder.envelope import Y_COLUMNS, energy_db, envelope
from brevox.vocoder.harmonics import HIGHEST_HZ, HOP, LOWEST_HZ, RATE_HZ, Harmonics

#: Frames of 10 ms in a block, and which of them are kept.
FRAMES = 4
KEPT = (1, 3)
BLOCK_HOP = FRAMES * HOP
#: A bit for each frame: whether it has a voice.
VOICINGS = 1 << FRAMES

#: Pitches count in octaves above 50 Hz.
OCTAVES = float(np.log2(HIGHEST_HZ / LOWEST_HZ))
#: Of frames without a voice, whose harmonics have phases of chance: dense enough to sound like noise.
_RESTING_HZ = 100.0


@dataclass
class Blocks:
    """Blocks of 320 samples at 8 kHz.

    Attributes:
        voicing: bit k is 1 if frame k has a voice. Shape: [blocks].
        pitch: of the kept frames, in octaves above 50 Hz; without a voice in the block it says nothing.
            Shape: [blocks, 2].
        level: energy of their envelopes, dB. Shape: [blocks, 2].
        shape: their envelopes, dB, less the energy. Shape: [blocks, 2, 79].
    """

    voicing: NDArray[np.int64]
    pitch: NDArray[np.float64]
    level: NDArray[np.float64]
    shape: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.voicing)

    def part(self, which: slice) -> Blocks:
        """Some of them."""
        return Blocks(self.voicing[which], self.pitch[which], self.level[which], self.shape[which])


def joined(pieces: Sequence[Blocks]) -> Blocks:
    """One after the other."""
    return Blocks(
        np.concatenate([piece.voicing for piece in pieces]),
        np.concatenate([piece.pitch for piece in pieces]),
        np.concatenate([piece.level for piece in pieces]),
        np.concatenate([piece.shape for piece in pieces]),
    )


def to_blocks(harmonics: Harmonics) -> Blocks:
    """What analysis found, in blocks; a last partial one is filled up with its last frame."""
    frames = len(harmonics)
    rows = np.minimum(np.arange(-(-frames // FRAMES) * FRAMES), frames - 1).reshape(-1, FRAMES)
    voicing = harmonics.voiced[rows] @ (1 << np.arange(FRAMES))
    kept = rows[:, KEPT]
    pitch = np.log2(np.asarray(harmonics.wo, np.float64)[kept] * (RATE_HZ / (2 * np.pi * LOWEST_HZ)))
    y = envelope(harmonics)[kept].astype(np.float64)
    level = energy_db(y.reshape(-1, Y_COLUMNS)).reshape(kept.shape)
    return Blocks(voicing, pitch, level, y - level[:, :, None])


def to_frames(blocks: Blocks) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Envelope, pitch and voicing of every 10 ms.

    Returns:
        Envelopes `y` in dB, Shape: [4 * blocks, 79]; pitch in radians a sample and voicing, Shapes: [4 * blocks].
    """
    shape = blocks.shape.reshape(-1, Y_COLUMNS)
    # A coded shape has about no energy of its own, but not to the dB.
    kept = shape + (blocks.level.ravel() - energy_db(shape))[:, None]
    voiced = (blocks.voicing[:, None] >> np.arange(FRAMES) & 1).astype(bool)
    # What a block without a voice says about pitch must not pull at its neighbour's.
    heard = voiced.any(axis=1)
    before = np.where(np.roll(heard, 1), np.roll(blocks.pitch[:, 1], 1), blocks.pitch[:, 0])
    before[:1] = blocks.pitch[:1, 0]
    path = np.stack(
        [(before + blocks.pitch[:, 0]) / 2, blocks.pitch[:, 0], blocks.pitch.mean(axis=1), blocks.pitch[:, 1]]
    )
    hz = LOWEST_HZ * np.exp2(np.clip(path.T, 0, OCTAVES))
    wo = np.where(voiced, hz, _RESTING_HZ) * (2 * np.pi / RATE_HZ)
    return _with_means(kept), wo.ravel(), voiced.ravel()


def _with_means(kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Before each row the mean of it and the row before. Shape: [rows, columns] to [2 * rows, columns]."""
    before = np.concatenate([kept[:1], kept[:-1]])
    return np.stack([(before + kept) / 2, kept], axis=1).reshape(2 * len(kept), -1)
