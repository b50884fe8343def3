"""From packets to frames, past what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import av

from brevox.audio.convert import MOST_CHANNELS
from brevox.audio.guarded import GuardedFile

# Failures to read a packet, one after the other, before the rest of a file is given up.
_MOST_FAILURES = 1000


class FrameDecoder:
    """Decodes one audio track from start to end.

    Args:
        container: an open file.
        stream: its track.
        guarded: what `container` reads from.
        open_ended: the file does not know its length, so that a last packet of less than its full size,
            which ffmpeg marks as corrupt, is as it should be.

    Attributes:
        bad_packets: how many packets could not be read or decoded, or were marked as corrupt, so far.
    """

    def __init__(
        self, container: av.container.InputContainer, stream: av.AudioStream, guarded: GuardedFile, open_ended: bool
    ) -> None:
        self.bad_packets = 0
        self._container = container
        self._stream = stream
        self._guarded = guarded
        self._open_ended = open_ended

    def frames(self) -> Iterator[tuple[av.AudioFrame, int]]:
        """Yields each frame, and how many samples at its end are padding.

        Raises:
            OSError: the disk or the pipe fails. (And whatever else reading the file raises.)
        """
        held: av.AudioFrame | None = None  # the last frame is known to be the last when no other follows
        padding = 0
        for packet in self._packets():
            for frame in self._decode(packet):
                if held is not None:
                    yield held, 0
                held, padding = frame, self._padding(packet, frame)
        if held is not None:
            yield held, padding

    def _packets(self) -> Iterator[av.Packet]:
        failures = 0
        while failures < _MOST_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    self._guarded.check()
                    failures = 0
                    yield packet
                self._guarded.check()
                return
            except av.FFmpegError:  # demux() has ended, but a new one goes on behind the damage
                self._guarded.check()
                self.bad_packets += 1
                failures += 1

    def _decode(self, packet: av.Packet) -> list[av.AudioFrame]:
        try:
            frames = cast(list[av.AudioFrame], packet.decode())
        except av.FFmpegError:
            self.bad_packets += 1
            return []
        if any(frame.layout.nb_channels > MOST_CHANNELS for frame in frames):
            self.bad_packets += 1
            return []
        self.bad_packets += bool(packet.is_corrupt and not self._open_ended)
        return [frame for frame in frames if frame.samples]

    def _padding(self, packet: av.Packet, frame: av.AudioFrame) -> int:
        # An M4A says how long its last packet is; ffmpeg decodes all of it. Other codecs need no such help.
        if self._stream.codec_context.name != "aac" or not packet.duration or not packet.time_base:
            return 0
        return max(0, frame.samples - round(packet.duration * packet.time_base * frame.rate))
