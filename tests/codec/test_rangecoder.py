import math
import time
from bisect import bisect_right
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.codec.rangecoder import TOTAL, RangeDecoder, _carry, range_encode

Alphabet = list[int]  # frequencies


@st.composite
def alphabets(draw) -> Alphabet:
    """Frequencies that add up to TOTAL, from even to as lopsided as can be."""
    cuts = draw(st.sets(st.integers(1, TOTAL - 1) | st.integers(1, 8) | st.integers(TOTAL - 8, TOTAL - 1), max_size=20))
    edges = [0, *sorted(cuts), TOTAL]
    return [high - low for low, high in pairwise(edges)]


@st.composite
def messages(draw) -> list[tuple[Alphabet, int]]:
    """Symbols, each with its alphabet. Drawn as a few alphabets and many choices."""
    choices = draw(st.lists(alphabets(), min_size=1, max_size=4))
    picks = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=300))
    return [(choices[a % len(choices)], s % len(choices[a % len(choices)])) for a, s in picks]


def encode(message: list[tuple[Alphabet, int]]) -> bytes:
    return range_encode([sum(f[:s]) for f, s in message], [f[s] for f, s in message])


def cumulative(frequencies: Alphabet) -> list[int]:
    return [0, *accumulate(frequencies)]


def exact_interval(message: list[tuple[Alphabet, int]]) -> tuple[int, int, int]:
    """The message's interval in whole numbers of any size: no words, no carries. Returns low, width, bits in all."""
    low, width, bits = 0, 1 << 48, 48
    for frequencies, symbol in message:
        unit = width // TOTAL
        low += sum(frequencies[:symbol]) * unit
        width = frequencies[symbol] * unit
        if width < 1 << 32:
            low, width, bits = low << 16, width << 16, bits + 16
    return low, width, bits


def exact_decode(payload: bytes, alphabets: list[Alphabet]) -> list[int]:
    """Follow the payload, taken as one long number, down the intervals."""
    number, bits = int.from_bytes(payload, "big"), 8 * len(payload)
    low, width, depth = 0, 1 << 48, 48
    symbols = []
    for frequencies in alphabets:
        unit = width // TOTAL
        # The number's first `depth` bits, whatever lies behind them.
        here = number << (depth - bits) if depth >= bits else number >> (bits - depth)
        rows = cumulative(frequencies)
        symbol = bisect_right(rows, min((here - low) // unit, TOTAL - 1)) - 1
        low += rows[symbol] * unit
        width = frequencies[symbol] * unit
        if width < 1 << 32:
            low, width, depth = low << 16, width << 16, depth + 16
        symbols.append(symbol)
    return symbols


@given(messages())
def test_round_trip(message):
    decoder = RangeDecoder(encode(message))
    assert [decoder.symbol(cumulative(frequencies)) for frequencies, _ in message] == [s for _, s in message]


@given(messages())
def test_agrees_with_arithmetic_on_whole_numbers_of_any_size(message):
    payload = encode(message)
    assert exact_decode(payload, [frequencies for frequencies, _ in message]) == [s for _, s in message]
    low, width, bits = exact_interval(message)
    assert 0 <= low < low + width <= 1 << bits
    number = int.from_bytes(payload, "big") << (bits - 8 * len(payload))
    assert low <= number < low + width
    if payload:
        shorter = bits - 8 * (len(payload) - 1)
        assert -(-low >> shorter) << shorter >= low + width, "a byte less would have done"


@given(messages())
def test_length_is_the_message_s_information(message):
    bits = sum(16 - math.log2(frequencies[symbol]) for frequencies, symbol in message)
    # Up to a byte to name the interval; the division loses less than 2**-15 bit a symbol.
    assert len(encode(message)) <= (bits + len(message) * 2**-15) / 8 + 2


@pytest.mark.parametrize("length", [100, 5000])
def test_long_carries(length):
    """The interval lies about one half for a long time, its lower end 0.7FFF..., until the last symbol takes a side."""
    about_half = [TOTAL // 2 - 1, 2, TOTAL // 2 - 1]
    for last, beginning in ((0, b"\x7f\xff\xff\xff"), (2, b"\x80\x00\x00\x00")):
        message = [(about_half, 1)] * length + [(about_half, last)]
        payload = encode(message)
        assert payload.startswith(beginning)
        decoder = RangeDecoder(payload)
        assert [decoder.symbol(cumulative(frequencies)) for frequencies, _ in message] == [s for _, s in message]


def test_carry():
    length = 100_000
    words = [5, *[0xFFFF] * length, 0x10000]
    _carry(words)
    assert words == [6, *[0] * (length + 1)]


def test_nothing_costs_nothing():
    assert range_encode([], []) == b""
    certain = [(cumulative([TOTAL]), 0)] * 1000
    assert range_encode([0] * 1000, [TOTAL] * 1000) == b""
    decoder = RangeDecoder(b"")
    assert [decoder.symbol(row) for row, _ in certain] == [0] * 1000


def test_hand_computed():
    # One symbol of frequency 1/4 from 1/4 on: the interval [.01, .10) in binary; its roundest number is .01000000.
    assert range_encode([TOTAL // 4], [TOTAL // 4]) == b"\x40"
    # Then the upper half of that: [.011, .100): .01100000.
    assert range_encode([TOTAL // 4, TOTAL // 2], [TOTAL // 4, TOTAL // 2]) == b"\x60"
    # The first symbol of all: zero, which needs no byte.
    assert range_encode([0], [1]) == b""
    assert range_encode([TOTAL - 1], [1]) == b"\xff\xff"


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(alphabets(), min_size=1, max_size=3))
def test_any_bytes_decode_to_something(payload, choices):
    decoder = RangeDecoder(payload)
    for number in range(400):
        frequencies = choices[number % len(choices)]
        assert 0 <= decoder.symbol(cumulative(frequencies)) < len(frequencies)
        assert 0 <= decoder._offset < decoder._width < 1 << 49


def test_foreign_bytes_take_no_longer_than_others():
    # All ones point at the sliver above the last symbol, over and over.
    row = cumulative([TOTAL // 3, TOTAL // 3, TOTAL - 2 * (TOTAL // 3)])
    decoder = RangeDecoder(b"\xff" * 50_000)
    begin = time.perf_counter()
    for _ in range(200_000):
        decoder.symbol(row)
    assert time.perf_counter() - begin < 5


def test_a_book_of_1024():
    rng = np.random.default_rng(1)
    frequencies = np.ones(1024, dtype=int) + rng.multinomial(TOTAL - 1024, rng.dirichlet(np.full(1024, 0.3)))
    row = cumulative(frequencies.tolist())
    symbols = rng.choice(1024, 20_000, p=frequencies / TOTAL)
    payload = range_encode(np.array(row)[symbols].tolist(), frequencies[symbols].tolist())
    decoder = RangeDecoder(payload)
    assert [decoder.symbol(row) for _ in symbols] == symbols.tolist()
    assert len(payload) == pytest.approx((16 - np.log2(frequencies[symbols])).sum() / 8, abs=2)
