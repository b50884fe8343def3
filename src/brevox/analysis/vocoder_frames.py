"""Frames of the vocoder one by one, as they are and as a network makes them (seed 000)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from brevox.errors import SettingsError
from brevox.nets.vocoder.model import SCALE_DB
from brevox.output import atomic_output
from brevox.pictures import colour, to_png
from brevox.training.vocoder_task import levels_of
from brevox.training.vocoder_use import Trained
from brevox.vocoder.envelope import energy_db, grid_hz, mel_hz, spectral_distortion

#: What a window says of its keys.
KEYS = "n, click: next   b: back   j: a second on, or to the number typed   space: new noise   w: weights   q: quit"
_SECOND = 100  # frames
_SIZE = (8, 6)


class FrameViewer:
    """Draws one frame into a figure, and goes where keys say.

    Args:
        trained: the network and its features.
        figure: where to draw.
        frame: the first to show.

    Attributes:
        frame: what is shown.
        weighted: whether the weights of the loss are shown, and the error as it counts in it.
        quit: whether that was asked for.
        made: levels that the network made of the frame. Shape: [columns].

    Raises:
        SettingsError: there is no original to compare with, or no such frame.
    """

    def __init__(self, trained: Trained, figure: Figure, frame: int = 0) -> None:
        if trained.original is None:
            raise SettingsError("to show what a network should have made takes that file too: name it with --y or --b")
        if not 0 <= frame < len(trained.rows):
            raise SettingsError(f"there are frames 0 to {len(trained.rows) - 1:,}, not {frame}")
        self.trained, self.figure, self.frame = trained, figure, frame
        self.levels = levels_of(trained.model.target, trained.original)
        self.weighted = self.quit = False
        self._typed = ""
        self.show(frame)

    def press(self, key: str | None) -> None:
        """Do what a key asks for; others are left alone."""
        typed, self._typed = self._typed, ""
        if key == "n":
            self.show(self.frame + 1)
        elif key == "b":
            self.show(self.frame - 1)
        elif key == "j":
            self.show(int(typed) if typed else self.frame + _SECOND)
        elif key == " ":
            self.show(self.frame)
        elif key == "w":
            self.weighted = not self.weighted
            self.draw()
        elif key == "q":
            self.quit = True
        elif key is not None and key.isdecimal():
            self._typed = typed + key

    def show(self, frame: int) -> None:
        """Go to a frame, or to the end that lies nearest; noise is drawn anew."""
        self.frame = min(max(frame, 0), len(self.levels) - 1)
        model = self.trained.model
        begin = self.frame - self.frame % model.ncat
        made = model.through(self.trained.rows[begin : begin + model.ncat])
        self.made = levels_of(model.target, made)[self.frame - begin]
        self.draw()

    def draw(self) -> None:
        """Original and what was made above; below, how far they are apart."""
        original, made = self.levels[self.frame], self.made
        kilohertz = (grid_hz() if len(original) > len(mel_hz()) else mel_hz()) / 1000
        distortion = spectral_distortion(original[None], made[None])[0]
        self.figure.clear()
        above, below = self.figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        above.plot(kilohertz, original, color=colour(1), label="original")
        above.plot(kilohertz, made, color=colour(0), label="made")
        above.set(ylabel="dB", title=f"frame {self.frame}: spectral distortion {distortion:.2f} dB²")
        below.set(xlabel="kHz", xlim=(0, 4))
        if self.weighted:
            # As in training: of levels whose energy is 0 dB.
            target, other = ((x - energy_db(original[None])[0]) / SCALE_DB for x in (original, made))
            exponent = -(1 - self.trained.gamma) * target
            beside = above.twinx()
            beside.plot(kilohertz, SCALE_DB * exponent, color=colour(2), linestyle=":")
            beside.set_ylabel("weight, dB", color=colour(2))
            below.plot(kilohertz, ((10**other - 10**target) * 10**exponent) ** 2, color=colour(0))
            below.set_ylabel(f"error, gamma {self.trained.gamma:g}")
        else:
            below.plot(kilohertz, made - original, color=colour(0))
            below.axhline(0, color=colour(8), linewidth=0.8)
            below.set_ylabel("made - original, dB")
        above.legend(loc="upper right")
        self.figure.canvas.draw_idle()


def can_open_windows() -> bool:
    """Whether there is a display."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_window(trained: Trained, frame: int) -> None:
    """Show frames in a window until that is closed.

    Raises:
        SettingsError: no window can be opened.
    """
    for backend in ("QtAgg", "TkAgg", "MacOSX"):
        try:
            plt.switch_backend(backend)
            break
        except ImportError:
            continue
    else:
        raise SettingsError("no window can be opened: pip install 'brevox[gui]', or name a folder for pictures with -o")
    figure = plt.figure(figsize=_SIZE, layout="constrained")
    viewer = FrameViewer(trained, figure, frame)
    if figure.canvas.manager is not None:
        figure.canvas.manager.set_window_title(KEYS)

    def press(event: Any) -> None:
        viewer.press(getattr(event, "key", None) or "n")
        if viewer.quit:
            plt.close(figure)

    figure.canvas.mpl_connect("key_press_event", press)
    figure.canvas.mpl_connect("button_press_event", lambda _: viewer.press("n"))
    plt.show()


def save_frames(trained: Trained, frames: Iterable[int], folder: Path, *, weighted: bool = False) -> list[Path]:
    """Write a picture of each frame, `frame-000165.png`.

    Raises:
        SettingsError: there is no such frame.
        OutputError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for frame in frames:
        viewer = FrameViewer(trained, Figure(figsize=_SIZE, layout="constrained"), frame)
        if weighted:
            viewer.press("w")
        path = folder / f"frame-{frame:06d}.png"
        with atomic_output(path) as part:
            part.write_bytes(to_png(viewer.figure, dpi=80))
        written.append(path)
    return written
