"""A DX7 voice: 155 parameters, one byte each, and the 128 bytes they are packed into in banks.

Both forms are those of the "MIDI data format" pages of the DX7 owner's manual (Yamaha, 1983): operators come in the
order 6 ... 1; the packed form puts short fields side by side into one byte.
"""

from __future__ import annotations

from dataclasses import dataclass

PACKED_BYTES = 128
UNPACKED_BYTES = 155
_OPERATORS = 6
_OPERATOR_BYTES = 17  # packed


@dataclass(frozen=True)
class Parameter:
    """One of the 155 numbers: its name, the highest value it may have, and the bits of the packed form it lies in."""

    name: str
    maximum: int
    byte: int
    shift: int
    bits: int

    @property
    def is_choice(self) -> bool:
        """Whether it is a choice among few, not a quantity: which of its values are near each other means nothing."""
        return self.name.removeprefix(self.name[:4] if self.name[3:4] == "_" else "") in _CHOICES


_CHOICES = ("algorithm", "lfo_wave", "left_curve", "right_curve", "fixed", "coarse", "oscillator_sync", "lfo_sync")

# Name, highest value, packed byte, lowest bit, number of bits; in the order of the unpacked form.
_OPERATOR_FIELDS = (
    *((f"rate_{i}", 99, i - 1, 0, 7) for i in range(1, 5)),
    *((f"level_{i}", 99, i + 3, 0, 7) for i in range(1, 5)),
    ("break_point", 99, 8, 0, 7),
    ("left_depth", 99, 9, 0, 7),
    ("right_depth", 99, 10, 0, 7),
    ("left_curve", 3, 11, 0, 2),
    ("right_curve", 3, 11, 2, 2),
    ("rate_scaling", 7, 12, 0, 3),
    ("amplitude_sensitivity", 3, 13, 0, 2),
    ("velocity_sensitivity", 7, 13, 2, 3),
    ("output_level", 99, 14, 0, 7),
    ("fixed", 1, 15, 0, 1),
    ("coarse", 31, 15, 1, 5),
    ("fine", 99, 16, 0, 7),
    ("detune", 14, 12, 3, 4),
)
_COMMON_FIELDS = (
    *((f"pitch_rate_{i}", 99, 101 + i, 0, 7) for i in range(1, 5)),
    *((f"pitch_level_{i}", 99, 105 + i, 0, 7) for i in range(1, 5)),
    ("algorithm", 31, 110, 0, 5),
    ("feedback", 7, 111, 0, 3),
    ("oscillator_sync", 1, 111, 3, 1),
    ("lfo_speed", 99, 112, 0, 7),
    ("lfo_delay", 99, 113, 0, 7),
    ("lfo_pitch_depth", 99, 114, 0, 7),
    ("lfo_amplitude_depth", 99, 115, 0, 7),
    ("lfo_sync", 1, 116, 0, 1),
    ("lfo_wave", 5, 116, 1, 3),
    ("pitch_sensitivity", 7, 116, 4, 3),
    ("transpose", 48, 117, 0, 7),
    *((f"name_{i}", 127, 117 + i, 0, 7) for i in range(1, 11)),
)

#: All 155, in the order of the unpacked form. Those of an operator begin with `op6_` ... `op1_`.
PARAMETERS = (
    *(
        Parameter(f"op{number}_{name}", maximum, (_OPERATORS - number) * _OPERATOR_BYTES + byte, shift, bits)
        for number in range(_OPERATORS, 0, -1)
        for name, maximum, byte, shift, bits in _OPERATOR_FIELDS
    ),
    *(Parameter(*field) for field in _COMMON_FIELDS),
)
#: Those that sound: all but the ten letters of the name.
SOUNDING = PARAMETERS[:-10]
_INDEX = {parameter.name: index for index, parameter in enumerate(PARAMETERS)}
_USED_BITS = [0] * PACKED_BYTES
for _parameter in PARAMETERS:
    _USED_BITS[_parameter.byte] |= ((1 << _parameter.bits) - 1) << _parameter.shift

# The DX7's display has a yen sign and two arrows where ASCII has a backslash, a tilde and nothing.
_DISPLAY = {92: "¥", 126: "→", 127: "←"}


@dataclass(frozen=True)
class Voice:
    """A sound of the DX7, as its 155 parameters; `voice["op1_coarse"]` is one of them.

    Args:
        values: in the order of `PARAMETERS`, each from 0 to its maximum.
    """

    values: bytes

    def __post_init__(self) -> None:
        if len(self.values) != UNPACKED_BYTES:
            raise ValueError(f"a voice has {UNPACKED_BYTES} parameters, not {len(self.values)}")
        for parameter, value in zip(PARAMETERS, self.values, strict=True):
            if value > parameter.maximum:
                raise ValueError(f"{parameter.name} is 0 to {parameter.maximum}, not {value}")

    def __getitem__(self, name: str) -> int:
        return self.values[_INDEX[name]]

    @property
    def name(self) -> str:
        """Up to ten letters; what the DX7 could not show is a space."""
        letters = (_DISPLAY.get(code, chr(code) if code >= 32 else " ") for code in self.values[-10:])
        return "".join(letters).rstrip()

    def operator(self, number: int) -> dict[str, int]:
        """The parameters of operator 1 ... 6 by their names without the prefix."""
        start = (_OPERATORS - number) * len(_OPERATOR_FIELDS)
        return {field[0]: self.values[start + i] for i, field in enumerate(_OPERATOR_FIELDS)}

    def changed(self, **values: int) -> Voice:
        """The same voice with other values, such as `changed(feedback=0, op1_coarse=2)`."""
        new = bytearray(self.values)
        for name, value in values.items():
            new[_INDEX[name]] = value
        return Voice(bytes(new))

    def named(self, name: str) -> Voice:
        """The same voice under another name: ten letters of ASCII, what is more is cut off."""
        letters = name.encode("ascii", "replace")[:10].ljust(10)
        return Voice(self.values[:-10] + letters)

    def packed(self) -> bytes:
        """The 128 bytes of a bank's voice."""
        packed = bytearray(PACKED_BYTES)
        for parameter, value in zip(PARAMETERS, self.values, strict=True):
            packed[parameter.byte] |= value << parameter.shift
        return bytes(packed)


def unpack(packed: bytes) -> tuple[Voice, list[str]]:
    """Read 128 packed bytes.

    Returns:
        The voice, and notes of what had to be changed: values above their maximum, bits that mean nothing.
    """
    values = [packed[p.byte] >> p.shift & ((1 << p.bits) - 1) for p in PARAMETERS]
    voice, notes = clamp(bytes(values))
    stray = [index for index, byte in enumerate(packed) if byte & ~_USED_BITS[index]]
    if stray:
        notes.append(f"bits without meaning cleared in byte {', '.join(map(str, stray))}")
    return voice, notes


def clamp(values: bytes) -> tuple[Voice, list[str]]:
    """Make a voice of 155 numbers, which may exceed their maxima.

    Returns:
        The voice, and a note for each number that was too high.
    """
    notes = []
    kept = bytearray(values)
    for index, parameter in enumerate(PARAMETERS):
        if values[index] > parameter.maximum:
            kept[index] = parameter.maximum
            notes.append(f"{parameter.name} {values[index]} became {parameter.maximum}")
    return Voice(bytes(kept)), notes


def _initial() -> Voice:
    operators = []
    for number in range(_OPERATORS, 0, -1):
        level = 99 if number == 1 else 0
        operators += [99, 99, 99, 99, 99, 99, 99, 0, 39, 0, 0, 0, 0, 0, 0, 0, level, 0, 1, 0, 7]
    common = [99, 99, 99, 99, 50, 50, 50, 50, 0, 0, 1, 35, 0, 0, 0, 1, 0, 3, 24]
    return Voice(bytes([*operators, *common, *b"INIT VOICE"]))


#: What the DX7's "voice init" gives: one sine.
INIT_VOICE = _initial()
