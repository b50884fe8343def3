"""The vocoder's pitch beside that of WORLD (Morise et al. 2016; DIO or Harvest, refined by StoneMask).

Usage: python benchmarks/vocoder_pitch.py FILES_OR_FOLDERS...
Counted are frames that both call voiced. How far two trackers of WORLD agree is told too: no more can be asked. Needs
pyworld, which pip builds with a C++ compiler on Linux, and '.[bench]'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyworld
from numpy.typing import NDArray

from brevox.evaluation.clips import find_recordings
from brevox.vocoder.analysis import analyse
from brevox.vocoder.harmonics import RATE_HZ
from brevox.vocoder.speech_files import read_speech

_LONGEST_S = 20
_FLOOR_HZ, _CEILING_HZ = 50.0, 400.0
_PERIOD_MS = 5.0
_NEAR, _GROSS = 0.01, 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+")
    tracks: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ("ours", "DIO", "Harvest")}
    for path in find_recordings(parser.parse_args().recordings):
        audio = read_speech(path)[: _LONGEST_S * RATE_HZ]
        harmonics = analyse(audio)
        theirs = [track(audio.astype(np.float64)) for track in (dio, harvest)]
        # Our frame n lies in the middle of the samples 80 n to 80 n + 80: at their 5 ms, frame 2 n + 1.
        places = 2 * np.arange(len(harmonics)) + 1
        places = places[places < min(map(len, theirs))]
        ours = np.where(harmonics.voiced, harmonics.wo * RATE_HZ / (2 * np.pi), 0.0)[: len(places)]
        for name, hz in zip(tracks, (ours, *(track[places] for track in theirs)), strict=True):
            tracks[name].append(hz)
    hz = {name: np.concatenate(parts) for name, parts in tracks.items()}
    for first, second in (("ours", "DIO"), ("ours", "Harvest"), ("DIO", "Harvest")):
        tell(f"{first} beside {second}", hz[first], hz[second])
    sure = (hz["DIO"] > 0) & (hz["Harvest"] > 0) & (np.abs(hz["DIO"] / np.maximum(hz["Harvest"], 1) - 1) < _NEAR)
    tell("ours where these two agree", hz["ours"][sure], hz["DIO"][sure])


def tell(what: str, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Print how two tracks compare; Hz, 0 without a voice. Shapes: [frames]."""
    both = (first > 0) & (second > 0)
    error = np.abs(first[both] / second[both] - 1)
    alike = ((first > 0) == (second > 0)).mean()
    print(
        f"{what}: {(error < _NEAR).mean():.1%} within 1 %, {(error > _GROSS).mean():.1%} off by more than 20 %, "
        f"of {both.sum():,} frames voiced for both; {alike:.1%} of {len(first):,} frames voiced or not for both"
    )


def dio(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """In Hz every 5 ms, 0 without a voice."""
    hz, times = pyworld.dio(audio, RATE_HZ, f0_floor=_FLOOR_HZ, f0_ceil=_CEILING_HZ, frame_period=_PERIOD_MS)
    return np.asarray(pyworld.stonemask(audio, hz, times, RATE_HZ))


def harvest(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """As `dio`."""
    hz, times = pyworld.harvest(audio, RATE_HZ, f0_floor=_FLOOR_HZ, f0_ceil=_CEILING_HZ, frame_period=_PERIOD_MS)
    return np.asarray(pyworld.stonemask(audio, hz, times, RATE_HZ))


if __name__ == "__main__":
    main()
