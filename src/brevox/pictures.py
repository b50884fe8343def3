"""What all our pictures share: colours that everyone can tell apart, and how they get into a page. Needs matplotlib."""

from __future__ import annotations

import base64
import io

import matplotlib

matplotlib.use("Agg")
from matplotlib.figure import Figure

#: Told apart with every kind of colour vision (Okabe and Ito, 2008), and by markers.
COLOURS = (
    "#D55E00",
    "#0072B2",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#8C6D31",
    "#7F7F7F",
    "#5E3C99",
)
MARKERS = "osD^vPX*<>"


def colour(place: int) -> str:
    """The colour of a line or bar, by its place among all."""
    return COLOURS[place % len(COLOURS)]


def marker(place: int) -> str:
    """The marker of a line, by its place among all."""
    return MARKERS[place % len(MARKERS)]


def to_png(figure: Figure, dpi: int = 130) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def data_uri(kind: str, data: bytes) -> str:
    """A `data:` address, with which a page needs no other file.

    Args:
        kind: such as `image/png`.
        data: the file's bytes.
    """
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
