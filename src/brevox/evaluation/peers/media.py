"""Codecs inside PyAV: to files and back."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from brevox.errors import BrevoxError
from brevox.evaluation.peers.peer import PeerError
from brevox.evaluation.signals import read_mono, write_mono


def encode_with(
    codec: str,
    source: Path,
    stored: Path,
    *,
    rate_hz: int,
    kbps: float,
    container: str | None = None,
    sample_format: str = "s16",
    options: dict[str, str] | None = None,
) -> None:
    """Write one channel through an encoder of ffmpeg's.

    Raises:
        PeerError: it refuses.
    """
    audio = read_mono(source, rate_hz)
    try:
        # Without the time of day and random numbers, which files of this kind have in them: two runs make one file.
        with av.open(str(stored), "w", format=container, container_options={"fflags": "+bitexact"}) as output:
            stream = output.add_stream(codec, rate=rate_hz, layout="mono", options=options or {})
            stream.bit_rate = round(kbps * 1000)
            resampler = av.AudioResampler(sample_format, "mono", rate_hz)
            frame = av.AudioFrame.from_ndarray(_pcm(audio)[None], "s16", "mono")
            frame.sample_rate = rate_hz
            frame.pts = 0
            size = stream.codec_context.frame_size
            fifo = av.AudioFifo()
            for piece in resampler.resample(frame):
                fifo.write(piece)
            while (ready := fifo.read(size, partial=True) if size else fifo.read()) is not None:
                output.mux(stream.encode(ready))
            output.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        raise PeerError(f"{codec} failed: {error}") from error


def decode_with_ffmpeg(stored: Path, target: Path, skip_samples: int = 0) -> None:
    """Any file that ffmpeg reads, as WAV at its own rate.

    Args:
        skip_samples: of the decoder's delay, where no container tells it.

    Raises:
        PeerError: it cannot be read.
    """
    try:
        with av.open(str(stored)) as container:
            rate_hz = container.streams.audio[0].rate
        write_mono(target, read_mono(stored, rate_hz)[skip_samples:], rate_hz)
    except (BrevoxError, av.FFmpegError, IndexError) as error:
        raise PeerError(str(error)) from error


def packets_of(stored: Path) -> list[bytes]:
    """What the codec made, without what its container adds."""
    with av.open(str(stored)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def packet_bytes(stored: Path) -> int:
    """Bytes of sound in a file."""
    return sum(map(len, packets_of(stored)))


def absent_codec(codec: str) -> str | None:
    """`this PyAV has no ...` if it was built without a codec, as some systems' packages are."""
    return None if codec in av.codecs_available else f"this PyAV has no {codec}; PyPI's has: pip install av"


def library_version(codec: str) -> str:
    """Of ffmpeg's own libraries, inside PyAV."""
    numbers = ".".join(str(number) for number in av.library_versions["libavcodec"])
    return f"{codec} of PyAV {av.__version__}, libavcodec {numbers}"


def read_pcm(path: Path, rate_hz: int) -> NDArray[np.int16]:
    """A recording as 16-bit numbers, Shape [samples]."""
    return _pcm(read_mono(path, rate_hz))


def write_pcm(path: Path, samples: NDArray[np.int16], rate_hz: int) -> None:
    """16-bit numbers as WAV."""
    write_mono(path, samples.astype(np.float32) / 32768, rate_hz)


def _pcm(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    # What was read from 16 bits is the same again.
    return np.clip(np.round(audio * 32768), -32768, 32767).astype(np.int16)
