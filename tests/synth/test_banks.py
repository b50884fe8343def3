"""Voices and banks go into files and come back, byte for byte; what is wrong in a file is told."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.errors import BankError, OutputError
from brevox.synth.banks import Bank, checksum, parse_bank, read_bank, sysex, write_bank
from brevox.synth.voice import INIT_VOICE, PACKED_BYTES, PARAMETERS, Voice, clamp, unpack

voices = st.tuples(*(st.integers(0, p.maximum) for p in PARAMETERS)).map(lambda values: Voice(bytes(values)))


def random_voices(count: int, seed: int = 0) -> list[Voice]:
    draw = random.Random(seed)
    return [Voice(bytes(draw.randint(0, p.maximum) for p in PARAMETERS)) for _ in range(count)]


@given(voices)
def test_packing_loses_nothing(voice):
    assert unpack(voice.packed()) == (voice, [])
    assert len(voice.packed()) == PACKED_BYTES and max(voice.packed()) < 128


def test_parameters_are_where_the_manual_has_them():
    assert len(PARAMETERS) == 155
    names = [p.name for p in PARAMETERS]
    for number, name in {
        0: "op6_rate_1",
        20: "op6_detune",
        105: "op1_rate_1",
        134: "algorithm",
        143: "pitch_sensitivity",
    }.items():
        assert names[number] == name
    packed = INIT_VOICE.changed(op6_detune=9, op6_rate_scaling=5, op1_coarse=31, op1_fixed=1, algorithm=4).packed()
    assert packed[12] == 9 << 3 | 5
    assert packed[5 * 17 + 15] == 31 << 1 | 1
    assert packed[110] == 4
    assert packed[118:] == b"INIT VOICE"
    assert INIT_VOICE.operator(1)["output_level"] == 99 and INIT_VOICE.operator(6)["output_level"] == 0


@pytest.mark.parametrize("count", [1, 32, 96])
@pytest.mark.parametrize("channel", [0, 5])
def test_sysex_comes_back_byte_for_byte(tmp_path, count, channel):
    path, copy = tmp_path / "a.syx", tmp_path / "b.syx"
    write_bank(path, Bank(random_voices(count), channel=channel))
    bank = read_bank(path)
    assert bank.voices == random_voices(count) and bank.notes == []
    write_bank(copy, bank)
    assert copy.read_bytes() == path.read_bytes()
    assert path.stat().st_size == (163 if count == 1 else count // 32 * 4104)


def test_bare_voices_come_back_byte_for_byte(tmp_path):
    data = b"".join(voice.packed() for voice in random_voices(5))
    (tmp_path / "a.dx7").write_bytes(data)
    write_bank(tmp_path / "b.dx7", read_bank(tmp_path / "a.dx7"))
    assert (tmp_path / "b.dx7").read_bytes() == data


def test_a_bank_is_filled_up_with_initial_voices():
    assert parse_bank(sysex(Bank(random_voices(3)))).voices == random_voices(3) + [INIT_VOICE] * 29


def test_messages_to_others_are_passed_over():
    other = bytes.fromhex("f0411016123456f7f043100136637ff7")
    bank = sysex(Bank(random_voices(32)))
    assert parse_bank(other + bank + other + sysex(Bank(random_voices(1, 7)))).voices == random_voices(
        32
    ) + random_voices(1, 7)


def test_a_wrong_checksum_is_told():
    data = bytearray(sysex(Bank(random_voices(32))))
    data[-2] ^= 1
    bank = parse_bank(bytes(data))
    assert bank.voices == random_voices(32)
    assert len(bank.notes) == 1 and "checksum" in bank.notes[0]


@pytest.mark.parametrize("end", [b"", b"\xf7"])
def test_of_a_dump_cut_short_whole_voices_are_read(end):
    data = sysex(Bank(random_voices(32)))
    bank = parse_bank(data[: 6 + 3 * PACKED_BYTES + 50] + end + data)
    assert bank.voices == random_voices(3) + random_voices(32)
    assert len(bank.notes) == 1 and "cut short" in bank.notes[0]


def test_values_too_high_are_clamped_and_told():
    packed = bytearray(INIT_VOICE.packed())
    packed[14], packed[11] = 127, packed[11] | 0x40
    voice, notes = unpack(bytes(packed))
    assert voice == INIT_VOICE.changed(op6_output_level=99)
    assert notes == ["op6_output_level 127 became 99", "bits without meaning cleared in byte 11"]
    bank = parse_bank(INIT_VOICE.packed() + bytes(packed))
    assert bank.notes == [f"voice 2 (INIT VOICE): {note}" for note in notes]


@given(st.binary(min_size=155, max_size=155))
def test_any_bytes_become_a_voice(values):
    voice, notes = clamp(values)
    assert len(notes) == sum(a != b for a, b in zip(values, voice.values, strict=True))


@given(st.binary(max_size=600))
def test_any_file_is_read_or_refused_with_a_sentence(data):
    try:
        bank = parse_bank(data)
    except BankError:
        return
    assert bank.voices


def test_names_are_shown_as_the_display_has_them():
    assert clamp(INIT_VOICE.values[:-10] + bytes([92, 126, 127, 0, *b"AB    "]))[0].name == "¥→← AB"


def test_checksums_bring_the_sum_to_nought():
    for data in (b"", b"\x01", bytes(range(128))):
        assert (sum(data) + checksum(data)) % 128 == 0


def test_errors_are_sentences(tmp_path):
    with pytest.raises(BankError, match="cannot read"):
        read_bank(tmp_path / "none.syx")
    (tmp_path / "text.syx").write_text("hello")
    with pytest.raises(BankError, match=r"text\.syx: no DX7 voices"):
        read_bank(tmp_path / "text.syx")
    with pytest.raises(BankError, match="without voices"):
        write_bank(tmp_path / "a.syx", Bank([]))
    with pytest.raises(OutputError):
        write_bank(tmp_path / "no" / "a.syx", Bank([INIT_VOICE]))
