"""What can be played: a source of samples that never makes the sound wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_FADE_S = 0.01
_AHEAD_S = 8.0
_sessions = count(1)  # another one for every track and seek, as the decoding side keeps the last


class Track(Protocol):
    """Where sound comes from. All at one sample rate, two channels."""

    rate: int

    @property
    def position_s(self) -> float: ...

    @property
    def duration_s(self) -> float | None: ...

    @property
    def ended(self) -> bool: ...

    def read(self, frames: int) -> NDArray[np.float32]:
        """The next frames, Shape [frames, 2]; silence where there is nothing (yet)."""
        ...

    def seek(self, seconds: float) -> None: ...


class CompareTrack:
    """Two versions of the same seconds, over and over; which one is heard changes without a gap.

    Args:
        sides: each of the Shape [channels, samples].
        rate: of both, Hz.
    """

    def __init__(self, sides: tuple[NDArray[np.float32], NDArray[np.float32]], rate: int) -> None:
        self.rate = rate
        length = min(side.shape[1] for side in sides)
        self._sides = [_two_channels(side[:, :length]) for side in sides]
        ramp = min(length // 2, max(1, int(_FADE_S * rate)))
        for side in self._sides:  # the end is followed by the beginning, which must not click
            side[:ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)[:, None]
            side[length - ramp :] *= np.linspace(1, 0, ramp, dtype=np.float32)[:, None]
        self._length = length
        self._at = 0
        self._mix = 0.0  # 0: the first side is heard, 1: the second
        self.side = 0

    @property
    def position_s(self) -> float:
        return self._at / self.rate

    @property
    def duration_s(self) -> float:
        return self._length / self.rate

    @property
    def ended(self) -> bool:
        return self._length == 0

    def seek(self, seconds: float) -> None:
        self._at = int(seconds * self.rate) % max(1, self._length)

    def read(self, frames: int) -> NDArray[np.float32]:
        if not self._length:
            return np.zeros((frames, 2), dtype=np.float32)
        at = (self._at + np.arange(frames)) % self._length
        self._at = (self._at + frames) % self._length
        step = 1 / (_FADE_S * self.rate)
        towards = step if self.side else -step
        mix = np.clip(self._mix + towards * np.arange(1, frames + 1), 0, 1).astype(np.float32)[:, None]
        if frames:
            self._mix = float(mix[-1, 0])
        return (1 - mix) * self._sides[0][at] + mix * self._sides[1][at]


class StreamTrack:
    """A recording that is decoded while it is heard.

    Args:
        rate: of the blocks that come, Hz.
        ask: called with a session and a time in seconds when a block is wanted; `give` brings it, some time later.
            Within a session blocks follow each other.
    """

    def __init__(self, rate: int, ask: Callable[[int, float], None]) -> None:
        self.rate = rate
        self._ask = ask
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._session = next(_sessions)
        self._asked = self._complete = False
        self._at = 0
        self._duration_s: float | None = None

    @property
    def position_s(self) -> float:
        return self._at / self.rate

    @property
    def duration_s(self) -> float | None:
        return self._duration_s

    @property
    def ended(self) -> bool:
        return self._complete and not self._blocks

    @property
    def buffering(self) -> bool:
        """Whether there is nothing to play yet."""
        return not self._blocks and not self._complete

    def seek(self, seconds: float) -> None:
        self._session = next(_sessions)
        self._blocks.clear()
        self._at = max(0, int(seconds * self.rate))
        self._asked = self._complete = False
        self.want()

    def want(self) -> None:
        """Ask for more where little is left."""
        ready = sum(len(block) for block in self._blocks)
        if not (self._asked or self._complete) and ready < _AHEAD_S * self.rate:
            self._asked = True
            self._ask(self._session, self._at / self.rate)

    @property
    def next_s(self) -> float:
        """Where the block that comes next belongs."""
        return (self._at + sum(len(block) for block in self._blocks)) / self.rate

    def give(self, session: int, audio: NDArray[np.float32] | None, duration_s: float | None = None) -> bool:
        """A block that was asked for, Shape [channels, samples]; None at the end.

        Returns:
            False if it came too late, for a place that was left, and is not taken.
        """
        if session != self._session:
            return False
        self._asked = False
        if audio is None:
            self._complete = True
            return True
        if duration_s is not None:
            self._duration_s = duration_s
        if audio.shape[1]:
            self._blocks.append(_two_channels(audio))
        self.want()
        return True

    def read(self, frames: int) -> NDArray[np.float32]:
        pieces, missing = [], frames
        while missing and self._blocks:
            block = self._blocks.popleft()
            pieces.append(block[:missing])
            if len(block) > missing:
                self._blocks.appendleft(block[missing:])
            missing -= len(pieces[-1])
        self._at += frames - missing
        self.want()
        pieces.append(np.zeros((missing, 2), dtype=np.float32))
        return np.concatenate(pieces)


def _two_channels(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape [channels, samples] -> [samples, 2], a copy."""
    pair = np.stack([audio[0], audio[min(1, len(audio) - 1)]], axis=1)
    return np.ascontiguousarray(pair, dtype=np.float32)
