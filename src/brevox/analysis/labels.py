"""Which phone a frame belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brevox.analysis.observed import Observation, Observed
from brevox.data.alignment import Segment

#: In the place of a phone's number, where there is none.
NONE = -1


def frame_segments(segments: Sequence[Segment], frames: int, frame_s: float) -> NDArray[np.int64]:
    """For each frame the segment that covers the larger part of it.

    Frame i covers the seconds from i to i + 1 times `frame_s`. Where what no segment covers (silence) is larger than
    what any covers, there is none. Of two that cover as much it is the earlier one.

    Returns:
        The places of segments, or `NONE`. Shape: [frames].
    """
    best = np.full(frames, NONE, dtype=np.int64)
    most = np.zeros(frames)
    covered = np.zeros(frames)
    # Times are decimal, frames are not: what differs by less than this is the same.
    least_s = 1e-6
    for place, segment in enumerate(segments):
        first = max(0, int((segment.start_s + least_s) / frame_s))
        last = min(frames, int(np.ceil((segment.end_s - least_s) / frame_s)))
        inside = np.arange(first, last)
        overlap = np.minimum(segment.end_s, (inside + 1) * frame_s) - np.maximum(segment.start_s, inside * frame_s)
        covered[inside] += overlap
        better = inside[overlap > most[inside] + least_s]
        most[better] = overlap[overlap > most[inside] + least_s]
        best[better] = place
    best[frame_s - covered > most + least_s] = NONE
    return best


def frame_phones(utterance: Observed, frame_s: float, phones: Sequence[str]) -> NDArray[np.int64]:
    """For each frame the place of its phone in `phones`, or `NONE`. Shape: [frames]."""
    number = {phone: place for place, phone in enumerate(phones)}
    of_segments = np.array([number[segment.label] for segment in utterance.segments] + [NONE], dtype=np.int64)
    return of_segments[frame_segments(utterance.segments, utterance.frames, frame_s)]


def phone_names(observation: Observation) -> tuple[str, ...]:
    """All phones of the alignments, in alphabetic order.

    Raises:
        DataError: there is no alignment.
    """
    return tuple(sorted({segment.label for one in observation.aligned for segment in one.segments}))
