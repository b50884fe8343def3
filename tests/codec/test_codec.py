"""Laws of the codec: blocks and wholes agree, rates are kept, lengths and levels come back, silence is free."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.excitation import pulse_train, white_noise
from brevox.audio.loudness import speech_gain
from brevox.audio.pitch import track_pitch
from brevox.codec.codec import CHUNK_FRAMES, Codec, CodeChunk, Codes
from brevox.codec.level import level_to_rms
from brevox.codec.models import find_model
from brevox.codec.networks import Networks
from brevox.codec.pitch_columns import pitch_to_columns
from brevox.codec.quantise import dequantise, quantise
from brevox.codec.sc2 import Chunk
from brevox.errors import ModelFileError, SettingsError, WrongModelError
from tiny_model import tiny_model

RATE = 16_000
HOP = 320
CHUNK = CHUNK_FRAMES * HOP
INDEX_BYTES = 6


def same_codes(some: list[CodeChunk], others: list[CodeChunk]) -> bool:
    return len(some) == len(others) and all(
        (a.first_frame, a.frames, a.levels) == (b.first_frame, b.frames, b.levels) and np.array_equal(a.codes, b.codes)
        for a, b in zip(some, others, strict=True)
    )


def all_codes(codes: Codes) -> np.ndarray:
    """Shape [channels, columns, frames]."""
    return np.concatenate([chunk.codes for chunk in codes.chunks], axis=2)


def rms(audio: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=-1))


def voices(samples: int, channels: int, seed: int) -> np.ndarray:
    """Noise and hum in turns, some of it silent. Shape [channels, samples]."""
    generator = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    hum = np.sign(np.sin(2 * np.pi * generator.uniform(80, 300, (channels, 1)) * time))
    levels = np.repeat(generator.choice([0, 0.02, 0.2], (channels, samples // 3000 + 1)), 3000, axis=1)[:, :samples]
    return (levels * (hum + 0.3 * generator.standard_normal((channels, samples)))).astype(np.float32)


lengths = st.integers(0, 1000) | st.integers(0, 3 * CHUNK) | st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])


# ---- blocks and wholes


@settings(max_examples=25)
@given(lengths, st.integers(1, 2), st.lists(st.integers(0, 3 * CHUNK), max_size=8), st.integers(0, 1000))
def test_codes_do_not_depend_on_how_the_sound_arrives(tiny, samples, channels, cuts, seed):
    audio = voices(samples, channels, seed)
    whole = tiny.encode(audio)
    blocks = np.split(audio, sorted(min(cut, samples) for cut in cuts), axis=1)
    assert same_codes(list(tiny.encode_blocks(blocks, channels, whole.gain)), whole.chunks)
    assert [chunk.first_frame for chunk in whole.chunks] == list(range(0, -(-samples // HOP), CHUNK_FRAMES))
    assert sum(chunk.frames for chunk in whole.chunks) == -(-samples // HOP)


@pytest.mark.parametrize("block", [777, 16_000, CHUNK, CHUNK + 1])
def test_codes_of_speech_in_blocks_of_one_size(codec, speech, block):
    whole = codec.encode(speech)
    blocks = [speech[:, first : first + block] for first in range(0, speech.shape[1], block)]
    assert same_codes(list(codec.encode_blocks(iter(blocks), 1, whole.gain)), whole.chunks)


def test_a_chunk_comes_out_when_the_next_has_hardly_begun(tiny):
    """Neither coding nor decoding waits for the end, nor keeps what is done."""
    arrived = 0

    def blocks():
        nonlocal arrived
        for _ in range(40):
            arrived += RATE
            yield voices(RATE, 1, arrived)

    chunks = []
    for chunk in tiny.encode_blocks(blocks(), 1, 1.0):
        chunks.append(chunk)
        assert arrived <= (chunk.first_frame + chunk.frames) * HOP + 2 * RATE
    given_out = 0

    def one_by_one():
        nonlocal given_out
        for chunk in chunks:
            given_out += 1
            yield chunk

    for done, _ in enumerate(tiny.decode_chunks(one_by_one(), 1, 1.0), 1):
        assert given_out <= done + 1
    assert done == len(chunks) == 4


def test_memory_does_not_grow_with_length(tiny):
    def peak(minutes: int) -> int:
        blocks = (voices(2 * RATE, 1, second) for second in range(30 * minutes))
        tracemalloc.start()
        for _ in tiny.decode_chunks(tiny.encode_blocks(blocks, 1, 1.0), 1, 1.0):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(3) < 1.1 * peak(1)


def test_chunks_agree_with_one_pass_over_everything(codec, speech):
    """Networks, pitch and excitation over 25 s at once: so the chunks' contexts are as wide as the networks see."""
    model = find_model()
    networks = Networks(model, threads=1)
    gain = speech_gain(speech[0], RATE)
    audio = np.pad(speech[0] * np.float32(gain), (0, -speech.shape[1] % codec.hop))
    pitch = track_pitch(audio)
    side = pitch_to_columns(pitch, codec.side_columns)
    whole = np.concatenate([side, quantise(networks.encode(audio, pitch), model.codebooks)])
    chunked = all_codes(codec.encode(speech, books=codec.books))[0]
    assert np.mean(whole == chunked) >= 0.995

    excitation = np.stack([pulse_train(pitch)[0], white_noise(0, len(pitch))])
    sound = networks.decode(dequantise(whole[len(side) :], model.codebooks), pitch, excitation)
    cuts = np.split(whole, range(codec.chunk_frames, whole.shape[1], codec.chunk_frames), axis=1)
    pieces = [CodeChunk(i * codec.chunk_frames, cut.shape[1], cut[None], ()) for i, cut in enumerate(cuts)]
    in_chunks = np.concatenate(list(codec.decode_chunks(pieces, 1, 1.0)), axis=1)[0]
    np.testing.assert_allclose(in_chunks, sound, atol=1e-4)


# ---- rates


@pytest.mark.parametrize("channels", [1, 2])
def test_a_higher_rate_means_more_books(codec, speech, channels):
    audio = np.concatenate([speech, speech[:, ::-1]])[:channels, : 11 * RATE]
    coded = [codec.encode(audio, channels * kbps) for kbps in (0.5, 1.5, 3, 6)]
    sizes = [sum(len(codec.entropy.encode(chunk.codes)) for chunk in codes.chunks) for codes in coded]
    assert sizes == sorted(set(sizes))
    books = [[chunk.codes.shape[1] for chunk in codes.chunks] for codes in coded]
    assert all((np.diff(counts) > 0).all() for counts in zip(*books, strict=True))


@settings(max_examples=10)
@given(st.floats(0.3, 12), st.integers(1, 2), st.integers(0, 8 * RATE), st.integers(RATE, 25 * RATE))
def test_a_chunk_has_as_many_books_as_its_rate_and_what_was_saved_pay_for(
    codec, speech, kbps, channels, begin, samples
):
    audio = np.concatenate([speech, speech[:, ::-1]])[:channels, begin : begin + samples]
    coded = codec.encode(audio, kbps)
    of_books: dict[int, Codes] = {}
    left = 0.0  # of the bits of all chunks so far, of which no more than one chunk's may be saved
    slack = 0
    for number, chunk in enumerate(coded.chunks):
        share = kbps * 1000 * min(CHUNK, audio.shape[1] - chunk.first_frame * codec.hop) / RATE
        books = chunk.codes.shape[1] - codec.side_columns
        slack += 8 * INDEX_BYTES

        def stored_bits(codes: np.ndarray, chunk: CodeChunk = chunk) -> int:
            payload = codec.entropy.encode(codes)
            return 8 * (Chunk(0, chunk.frames, codes.shape[1], chunk.levels, payload).file_bytes + 4)

        if books > 1:
            assert stored_bits(chunk.codes) <= share + left
        if books < codec.books:  # codes chosen with no regard to cost would not do with a book more
            more = of_books.setdefault(books + 1, codec.encode(audio, books=books + 1))
            assert stored_bits(more.chunks[number].codes) > share + left - slack
        left = min(share + left - stored_bits(chunk.codes), share)


def test_a_long_recording_uses_its_rate(codec, speech):
    long = np.tile(speech, (1, 4))
    for kbps in (1.5, 3, 5):
        codes = codec.encode(long, kbps)
        size = sum(len(codec.entropy.encode(chunk.codes)) for chunk in codes.chunks)
        assert 0.95 * kbps < 8 * size / 1000 / (long.shape[1] / RATE) <= kbps


def test_any_number_of_books_can_be_decoded(codec, speech):
    audio = speech[:, : 2 * RATE]
    sounds = []
    for books in range(1, codec.books + 1):
        codes = codec.encode(audio, books=books)
        assert {chunk.codes.shape[1] for chunk in codes.chunks} == {codec.side_columns + books}
        sounds.append(codec.decode(codes))
        assert sounds[-1].shape == audio.shape
        assert np.isfinite(sounds[-1]).all()
    assert all((a != b).any() for a, b in itertools.pairwise(sounds))


def test_books_may_change_from_chunk_to_chunk(codec, speech):
    codes = codec.encode(speech, books=codec.books)
    chunks = [
        replace(chunk, codes=chunk.codes[:, :columns]) for chunk, columns in zip(codes.chunks, (13, 3, 5), strict=False)
    ]
    sound = codec.decode(replace(codes, chunks=chunks))
    np.testing.assert_allclose(rms(sound), rms(speech), rtol=0.06)


@pytest.mark.parametrize("audio", [np.zeros(100, np.int16), np.zeros((16_000, 1)), np.full(100, np.nan)])
def test_audio_that_cannot_be(tiny, audio):
    with pytest.raises(SettingsError, match="shape"):
        tiny.encode(audio)


@pytest.mark.parametrize(
    "wanted", [{"kbps": 0}, {"kbps": -1}, {"kbps": float("nan")}, {"kbps": 1e6}, {"books": 0}, {"books": 99}]
)
def test_rates_that_cannot_be(tiny, wanted):
    with pytest.raises(SettingsError, match="tiny"):
        tiny.encode(np.zeros(100), **wanted)


def test_a_rate_and_a_number_of_books_at_once(tiny):
    with pytest.raises(SettingsError, match="not both"):
        tiny.encode(np.zeros(100), 3, books=2)


# ---- lengths, levels, silence


@settings(max_examples=10)
@given(st.integers(1, 2), st.integers(0, 12 * RATE), st.integers(RATE, 12 * RATE), st.floats(0.02, 1))
def test_level_and_length_come_back(codec, speech, channels, begin, samples, factor):
    audio = np.concatenate([speech, 0.2 * speech[:, ::-1]])[:channels, begin : begin + samples] * np.float32(factor)
    sound = codec.decode(codec.encode(audio))
    assert sound.shape == audio.shape
    assert np.abs(20 * np.log10(rms(sound) / rms(audio))).max() < 0.5


@given(st.integers(0, 2000), st.integers(1, 2))
def test_no_recording_is_too_short(tiny, samples, channels):
    audio = voices(samples, channels, samples) + np.float32(0.01)
    codes = tiny.encode(audio)
    sound = tiny.decode(codes)
    assert sound.shape == audio.shape
    assert np.isfinite(sound).all()


@pytest.mark.parametrize("factor", [1 / 8, 4])
def test_how_loud_a_recording_is_does_not_change_its_codes(codec, speech, factor):
    audio = speech[:, : 11 * RATE]
    codes, others = (codec.encode(audio * np.float32(f), books=6) for f in (1, factor))
    np.testing.assert_array_equal(all_codes(codes), all_codes(others))
    assert codes.gain == pytest.approx(factor * others.gain)


def test_a_tenth_as_loud(codec, speech):
    """As above, but for rounding: a tenth is no binary fraction."""
    codes, others = (codec.encode(speech * np.float32(f), books=6) for f in (1, 0.1))
    assert np.mean(all_codes(codes) == all_codes(others)) > 0.995
    np.testing.assert_allclose(codec.decode(others), 0.1 * codec.decode(codes), atol=0.01)


def test_silence_costs_nothing_and_stays_silent(codec):
    silence = np.zeros((1, 60 * RATE), dtype=np.float32)
    codes = codec.encode(silence, kbps=3)
    stored = sum(Chunk(0, c.frames, 0, c.levels, codec.entropy.encode(c.codes)).file_bytes for c in codes.chunks)
    assert 8 * stored < 0.1 * 3000 * 60
    assert not codec.decode(codes).any()


def test_silence_within_speech(codec, speech):
    """A silent chunk is exactly silent, and what follows begins as sound does after a beginning."""
    audio = np.concatenate([speech[:, :CHUNK], np.zeros((1, CHUNK), np.float32), speech[:, :CHUNK]], axis=1)
    codes = codec.encode(audio)
    sound = codec.decode(codes)
    assert not sound[:, CHUNK : 2 * CHUNK].any()
    assert sound[:, :CHUNK].any() and sound[:, 2 * CHUNK :].any()
    for chunk in (codes.chunks[0], codes.chunks[2]):
        assert level_to_rms(chunk.levels[0]) == pytest.approx(rms(speech[0, :CHUNK]), rel=0.001)


def test_one_silent_channel_of_two_stays_silent(codec, speech):
    audio = np.concatenate([speech, np.zeros_like(speech)])[:, : 3 * RATE]
    sound = codec.decode(codec.encode(audio))
    assert not sound[1].any()
    assert np.abs(20 * np.log10(rms(sound[0]) / rms(audio[0]))) < 0.5


def test_codes_of_silence_sound_like_it(codec):
    codes = codec.encode_silence(100, 5)
    assert codes.shape == (codec.side_columns + 5, 100)
    loud = codec.decode(Codes(codec.id, 1, 100 * codec.hop, 1.0, [CodeChunk(0, 100, codes[None], ())]))
    assert rms(loud[0]) < 0.002  # at a level at which speech has 0.1


# ---- what does not fit


def test_codes_of_another_model_are_refused(tiny):
    other = Codec(tiny_model(seed=1, name="other"), threads=1)
    with pytest.raises(WrongModelError, match=other.id.hex()):
        tiny.decode(other.encode(np.ones(1000)))


@pytest.mark.parametrize("audio", [np.array([0, np.nan]), np.array([np.inf]), np.zeros((1, 2, 3))])
def test_what_is_no_sound_is_refused(tiny, audio):
    with pytest.raises(SettingsError, match="finite"):
        tiny.encode(audio)


@pytest.mark.parametrize(
    "changes",
    [
        {"sample_rate": 24_000},
        {"hop": 160},
        {"encoder_context": 513},
        {"decoder_context": 10_000},
        {"books": 2},
        {"codes": 8},
    ],
)
def test_parts_that_do_not_fit_each_other(tiny_file, changes):
    model = replace(tiny_file, info=tiny_file.info | changes)
    if "books" in changes:
        model = replace(tiny_file, codebooks=tiny_file.codebooks[:2])
    elif "codes" in changes:
        model = replace(tiny_file, codebooks=tiny_file.codebooks[:, :8])
    with pytest.raises(ModelFileError, match="do not fit each other"):
        Codec(model, threads=1)


def test_networks_that_are_none_or_others(tiny_file):
    with pytest.raises(ModelFileError, match="cannot run"):
        Codec(replace(tiny_file, encoder=b"no network"), threads=1)
    with pytest.raises(ModelFileError, match="wants inputs"):
        Codec(replace(tiny_file, encoder=tiny_file.decoder), threads=1)
    wider = Codec(replace(tiny_file, encoder=tiny_model(latent=5).encoder), threads=1)
    with pytest.raises(ModelFileError, match="no usable result"):
        wider.encode(np.ones(1000))
