"""Audio files in and out, block by block, and resampling: NumPy, PyAV and soxr only."""

from brevox.audio.reader import AudioReader
from brevox.audio.resample import Resampler, output_length, resample
from brevox.audio.tags import Chapter
from brevox.audio.writer import WRITABLE_FORMATS, AudioWriter

__all__ = ["WRITABLE_FORMATS", "AudioReader", "AudioWriter", "Chapter", "Resampler", "output_length", "resample"]
