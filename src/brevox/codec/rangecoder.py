"""An integer range coder: symbols of known frequencies to bytes and back, the same on every machine.

G. Nigel N. Martin, "Range encoding: an algorithm for removing redundancy from a digitised message", 1979.

The message is one number in [0, 1), written as a fraction in base 2**16. Coding starts with the whole interval and
narrows it, symbol by symbol, to the symbol's share; any number left inside at the end names the message. Frequencies
are integers that add up to `TOTAL`. The interval's width has at most 48 bits and is kept above 2**32, so that a share
of 1 in 2**16 is still 2**16 wide, and at most one 16-bit word is shifted out per symbol. All numbers stay below 2**50:
the coder can be written in any language that has 64-bit integers or doubles.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, repeat

#: What the frequencies of an alphabet add up to.
TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS

_WIDTH_BITS = 48
_KEPT_BITS = _WIDTH_BITS - 16
_LEAST_WIDTH = 1 << _KEPT_BITS


def range_encode(starts: Iterable[int], frequencies: Iterable[int]) -> bytes:
    """Encode a message.

    Args:
        starts: for each symbol, the sum of the frequencies of the symbols before it in the alphabet.
        frequencies: of each symbol, at least 1; start + frequency is at most `TOTAL`.

    Returns:
        The payload: as few bytes as name the interval, without zeros at the end. An empty message has none.
    """
    low, width = 0, 1 << _WIDTH_BITS
    words: list[int] = []
    push = words.append
    for start, frequency in zip(starts, frequencies, strict=True):
        unit = width >> TOTAL_BITS
        low += start * unit
        width = frequency * unit
        if width < _LEAST_WIDTH:
            # `low` may have outgrown 48 bits; the word then carries a 17th bit, settled by `_carry`.
            push(low >> _KEPT_BITS)
            low = (low & (_LEAST_WIDTH - 1)) << 16
            width <<= 16
    number = _roundest(low, width)
    words += [number >> 32, (number >> 16) & 0xFFFF, number & 0xFFFF]
    _carry(words)
    return struct.pack(f">{len(words)}H", *words).rstrip(b"\0")


def _roundest(low: int, width: int) -> int:
    """The number in [low, low + width) that ends in most zero bytes."""
    for bits in range(_WIDTH_BITS, 0, -8):
        number = -(-low >> bits) << bits
        if number < low + width:
            return number
    return low


def _carry(words: list[int]) -> None:
    """Pass what exceeds 16 bits on to the word before, in place. The first word never overflows: the number is < 1."""
    carry = 0
    for place in range(len(words) - 1, -1, -1):
        word = words[place] + carry
        words[place] = word & 0xFFFF
        carry = word >> 16


class RangeDecoder:
    """Reads the symbols of a payload of `range_encode`, one by one.

    Any bytes decode to some message: behind the payload's end there are zeros without end.
    """

    def __init__(self, payload: bytes) -> None:
        even = payload + b"\0" * (len(payload) % 2)
        words = struct.unpack(f">{len(even) // 2}H", even)
        self._next_word = chain(words, repeat(0)).__next__
        self._width = 1 << _WIDTH_BITS
        # The message's number less the interval's lower end, cut off after the interval's last bit.
        self._offset = 0
        for _ in range(_WIDTH_BITS // 16):
            self._offset = self._offset << 16 | self._next_word()

    def symbol(self, cumulative: Sequence[int]) -> int:
        """Decode the next symbol.

        Args:
            cumulative: the alphabet's frequencies summed up: 0, f[0], f[0] + f[1], ... `TOTAL`. Shape [symbols + 1].

        Returns:
            The symbol, 0 <= symbol < symbols.
        """
        offset = self._offset
        unit = self._width >> TOTAL_BITS
        share = offset // unit
        if share >= TOTAL:
            # The sliver at the interval's top that the division leaves: no encoder points there, foreign bytes may.
            share, offset = TOTAL - 1, TOTAL * unit - 1
        symbol = bisect_right(cumulative, share) - 1
        start = cumulative[symbol]
        offset -= start * unit
        width = (cumulative[symbol + 1] - start) * unit
        if width < _LEAST_WIDTH:
            offset = offset << 16 | self._next_word()
            width <<= 16
        self._offset, self._width = offset, width
        return symbol
