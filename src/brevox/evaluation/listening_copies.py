"""What a page needs to let people hear and see a clip: lossless sound and a small spectrogram."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brevox.evaluation.metrics.spectra import magnitudes
from brevox.evaluation.signals import RATE_HZ, write_mono
from brevox.pictures import data_uri

_WINDOW = 512
_FRAMES_A_SECOND = 100
_LOW_DB, _HIGH_DB = -85.0, -15.0


def sound_uri(audio: NDArray[np.float32]) -> str:
    """A `data:` address with the sound as FLAC, which loses nothing. Shape: [samples]."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.flac"
        write_mono(path, audio)
        return data_uri("audio/flac", path.read_bytes())


def spectrogram_uri(audio: NDArray[np.float32]) -> str:
    """A `data:` address with a picture, 0 Hz below, 8 kHz above, 100 columns a second, 70 dB from black to white."""
    spectrum = magnitudes(np.pad(audio, _WINDOW // 2), _WINDOW)
    hop_s = _WINDOW / 4 / RATE_HZ
    columns = (np.arange(int(len(audio) / RATE_HZ * _FRAMES_A_SECOND)) / _FRAMES_A_SECOND / hop_s).astype(int)
    level_db = 20 * np.log10(spectrum[columns.clip(max=len(spectrum) - 1)] + 1e-9)
    shade = np.clip((level_db - _LOW_DB) / (_HIGH_DB - _LOW_DB), 0, 1).T[::-1][::2]
    rgb = (matplotlib.colormaps["magma"](shade)[..., :3] * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="WEBP", quality=70)
    return data_uri("image/webp", buffer.getvalue())
