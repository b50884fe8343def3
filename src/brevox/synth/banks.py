"""Banks of DX7 voices in files: SysEx dumps of 32 voices or of one, and bare packed voices.

SysEx forms after the "MIDI data format" pages of the DX7 owner's manual (Yamaha, 1983):

    32 voices: F0 43 0n 09 20 00, 4096 bytes, checksum, F7        n: MIDI channel
    one voice: F0 43 0n 00 01 1B,  155 bytes, checksum, F7
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from brevox.errors import BankError
from brevox.output import atomic_output
from brevox.synth.voice import INIT_VOICE, PACKED_BYTES, UNPACKED_BYTES, Voice, clamp, unpack

#: Suffixes of files that hold voices.
BANK_SUFFIXES = frozenset({".syx", ".dx7"})

_BANK_VOICES = 32
_BANK_BYTES = _BANK_VOICES * PACKED_BYTES
_START, _END, _YAMAHA = 0xF0, 0xF7, 0x43
_HEADER_BYTES = 6
# After the channel byte: format, and the number of data bytes in two times seven bits.
_BANK_FORM, _VOICE_FORM = b"\x09\x20\x00", b"\x00\x01\x1b"


@dataclass(frozen=True)
class Bank:
    """The voices of a file.

    Attributes:
        voices: in the file's order.
        notes: sentences about what was wrong in the file and how it was read all the same.
        channel: MIDI channel 0-15 of its first SysEx message.
    """

    voices: list[Voice]
    notes: list[str] = field(default_factory=list)
    channel: int = 0


def read_bank(path: str | os.PathLike[str]) -> Bank:
    """Read a file of voices.

    Args:
        path: `.syx` (any number of dumps; messages to other machines are passed over) or bare packed voices.

    Raises:
        BankError: there is no such file, or it holds no voices.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BankError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return parse_bank(data)
    except BankError as error:
        raise BankError(f"{path}: {error}") from error


def write_bank(path: str | os.PathLike[str], bank: Bank) -> None:
    """Write voices, whole or not at all: bare packed voices if the suffix is `.dx7`, else SysEx (`sysex`).

    Raises:
        BankError: there are no voices.
        OutputError: the file cannot be written.
    """
    if not bank.voices:
        raise BankError("a bank without voices cannot be written; give at least one")
    bare = Path(path).suffix.lower() == ".dx7"
    data = b"".join(voice.packed() for voice in bank.voices) if bare else sysex(bank)
    with atomic_output(path) as part:
        part.write_bytes(data)


def parse_bank(data: bytes) -> Bank:
    """Read the bytes of a file of voices.

    Raises:
        BankError: they hold no voices.
    """
    if data and data[0] != _START and len(data) % PACKED_BYTES == 0:
        notes: list[str] = []
        return Bank(_unpacked(data, 0, notes), notes)
    return _parse_messages(data)


def sysex(bank: Bank) -> bytes:
    """The voices as SysEx: one as the dump of one voice, more as dumps of 32, the last filled up with INIT VOICE."""
    head = bytes([_START, _YAMAHA, bank.channel])
    if len(bank.voices) == 1:
        return _message(head + _VOICE_FORM, bank.voices[0].values)
    missing = -len(bank.voices) % _BANK_VOICES
    packed = b"".join(voice.packed() for voice in [*bank.voices, *[INIT_VOICE] * missing])
    dumps = (packed[at : at + _BANK_BYTES] for at in range(0, len(packed), _BANK_BYTES))
    return b"".join(_message(head + _BANK_FORM, dump) for dump in dumps)


def checksum(data: bytes) -> int:
    """Seven bits that bring the sum of all to a multiple of 128."""
    return -sum(data) & 0x7F


def _message(head: bytes, data: bytes) -> bytes:
    return head + data + bytes([checksum(data), _END])


def _parse_messages(data: bytes) -> Bank:
    voices: list[Voice] = []
    notes: list[str] = []
    channel = None
    at = data.find(_START)
    while at >= 0:
        head = data[at : at + _HEADER_BYTES]
        size = {_BANK_FORM: _BANK_BYTES, _VOICE_FORM: UNPACKED_BYTES}.get(head[3:])
        at += 1
        # The high half of the channel byte tells dumps (0) from parameter changes and requests.
        if size and head[1] == _YAMAHA and head[2] < 16:
            channel = head[2] if channel is None else channel
            start = at - 1 + _HEADER_BYTES
            dump = _until_status(data[start : start + size + 1])
            at = start + len(dump)
            if len(dump) <= size:
                notes.append(f"a dump is cut short: {len(dump)} of {size + 1} bytes; its whole voices were read")
            elif dump[size] != checksum(dump[:size]):
                notes.append(
                    f"the checksum is {dump[size]}, not {checksum(dump[:size])}; the voices were read all the same"
                )
            dump = dump[:size]
            if size == _BANK_BYTES:
                voices += _unpacked(dump[: len(dump) // PACKED_BYTES * PACKED_BYTES], len(voices), notes)
            elif len(dump) == size:
                voice, changes = clamp(dump)
                notes += _told(len(voices), voice, changes)
                voices.append(voice)
        at = data.find(_START, at)
    if not voices:
        raise BankError("no DX7 voices: SysEx of another machine, or damaged; choose a .syx of a DX7")
    return Bank(voices, notes, channel or 0)


def _until_status(data: bytes) -> bytes:
    """What lies before the end of the message, or the start of another."""
    return data.split(bytes([_END]), 1)[0].split(bytes([_START]), 1)[0]


def _unpacked(data: bytes, first: int, notes: list[str]) -> list[Voice]:
    """Packed voices, the first of which has the number `first`; adds to `notes`."""
    voices: list[Voice] = []
    for at in range(0, len(data), PACKED_BYTES):
        voice, changes = unpack(data[at : at + PACKED_BYTES])
        notes += _told(first + len(voices), voice, changes)
        voices.append(voice)
    return voices


def _told(index: int, voice: Voice, changes: list[str]) -> list[str]:
    return [f"voice {index + 1} ({voice.name}): {change}" for change in changes]
