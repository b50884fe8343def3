"""Recordings of the sort that people have, for take.sh: the demo clip in several lengths and formats.

Usage: python make_recordings.py FOLDER
"""

import sys
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from brevox import encode_file
from brevox.audio import AudioReader, AudioWriter
from brevox.codec.codec import Codec
from tiny_model import tiny_model

_EPISODES = 6


def make_recordings(folder: Path) -> None:
    """An interview, a folder of episodes of which one is damaged, and a `.sc` whose model nobody has."""
    episodes = folder / "episodes"
    episodes.mkdir(parents=True)
    with as_file(files("brevox") / "assets" / "demo.flac") as path, AudioReader(path) as reader:
        rate = reader.sample_rate
        clip = np.concatenate(list(reader.blocks(rate)), axis=1)
    _write(folder / "Interview with Anna.flac", clip, rate)
    for number in range(1, _EPISODES + 1):
        _write(episodes / f"Episode {number}.mp3", np.tile(clip, 3 + number), rate)
    whole = (episodes / "Episode 1.mp3").read_bytes()
    (episodes / "Episode 7 (draft).mp3").write_bytes(b"\0" * len(whole))
    stranger = Codec(tiny_model(1, "field-8k", books=2), 1)
    encode_file(folder / "Interview with Anna.flac", folder / "Archive 1998.sc", codec=stranger)


def _write(path: Path, audio: np.ndarray, rate: int) -> None:
    with AudioWriter(path, rate, 1) as writer:
        writer.write(audio)


if __name__ == "__main__":
    make_recordings(Path(sys.argv[1]))
