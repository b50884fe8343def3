"""Draw the application's icon in all the forms that systems ask for: python packaging/make_icons.py

Beside this file: brevox.ico (Windows), brevox.icns (macOS), and brevox.png (256 pixels, Linux).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QBuffer, QIODevice
from PyQt6.QtGui import QGuiApplication

from brevox.gui import theme

_ICO_SIZES = (16, 24, 32, 48, 64, 256)
_ICNS_KINDS = {b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic08": 256, b"ic09": 512}


def main() -> None:
    app = QGuiApplication([])
    here = Path(__file__).parent
    svg = (here.parent / "src" / "brevox" / "gui" / "icons" / "brevox.svg").read_bytes()
    pictures = {size: _png(svg, size) for size in {*_ICO_SIZES, *_ICNS_KINDS.values()}}
    (here / "brevox.png").write_bytes(pictures[256])
    (here / "brevox.ico").write_bytes(_ico([(size, pictures[size]) for size in _ICO_SIZES]))
    (here / "brevox.icns").write_bytes(_icns([(kind, pictures[size]) for kind, size in _ICNS_KINDS.items()]))
    app.quit()


def _png(svg: bytes, size: int) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    theme.render(svg, size).save(buffer, "PNG")
    return bytes(buffer.data())


def _ico(pictures: list[tuple[int, bytes]]) -> bytes:
    """Windows's container, with PNG inside, which every Windows since Vista reads."""
    head, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    offset = len(head) + 16 * len(pictures)
    for size, png in pictures:
        head += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(png), offset + len(body))
        body += png
    return head + body


def _icns(pictures: list[tuple[bytes, bytes]]) -> bytes:
    """macOS's container, with PNG inside."""
    body = b"".join(kind + struct.pack(">I", 8 + len(png)) + png for kind, png in pictures)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


if __name__ == "__main__":
    main()
