"""A codec of 25 frames a second, with two pitches and four spectra in each: trained, exported, and used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio.excitation import pulse_train, white_noise
from brevox.audio.pitch import track_pitch
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import CHUNK_FRAMES, Codec, CodeChunk
from brevox.codec.networks import Networks
from brevox.codec.pitch_columns import pitch_to_columns
from brevox.codec.quantise import dequantise, quantise
from brevox.training.checkpoint import LAST
from brevox.training.export import export_model
from voices import voice

HOP = 640
FRAMES = CHUNK_FRAMES // 2
CHUNK = FRAMES * HOP
FINER = [
    "name=tiny-25",
    f"model.hop={HOP}",
    "model.encoder.spectra=4",
    "model.encoder.features=complex",
    "model.encoder.attention=1",
    "model.decoder.spectra=4",
    "model.decoder.attention=1",
    "model.decoder.head={name: masks, turned: true}",
]


@pytest.fixture(scope="module")
def model(tiny, train, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two-pitches")
    train(tiny(*FINER), folder)
    write_model(folder / "finer.bvx", export_model(folder / LAST, corpus, name="tiny-25", description={}, card=""))
    return read_model(folder / "finer.bvx")


@pytest.fixture(scope="module")
def codec(model):
    return Codec(model, threads=1)


def test_the_columns_before_the_books_are_the_pitch_in_order_of_time(codec):
    audio = voice(3, 120)[None, : 74 * HOP]
    (chunk,) = codec.encode(audio, books=2).chunks
    assert chunk.codes.shape == (1, 4, 74)
    gain = np.float32(codec.encode(audio).gain)
    np.testing.assert_array_equal(chunk.codes[0, :2], pitch_to_columns(track_pitch(audio[0] * gain), 2))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2 * CHUNK), st.lists(st.integers(0, 2 * CHUNK), max_size=5))
def test_blocks_give_the_codes_of_the_whole_and_every_sample_comes_back(codec, samples, cuts):
    audio = voice(21, 150)[None, :samples]
    whole = codec.encode(audio, 1.0)
    blocks = np.split(audio, sorted(min(cut, samples) for cut in cuts), axis=1)
    pieces = list(codec.encode_blocks(blocks, 1, whole.gain, 1.0))
    assert len(pieces) == len(whole.chunks)
    for piece, chunk in zip(pieces, whole.chunks, strict=True):
        np.testing.assert_array_equal(piece.codes, chunk.codes)
    assert codec.decode(whole).shape == audio.shape


def test_chunks_sound_as_one_pass_does(codec, model):
    audio = voice(2.2 * CHUNK / 16_000, 130)[: 2 * CHUNK + 37 * HOP]
    pitch = track_pitch(audio)
    networks = Networks(model, threads=1)
    books = quantise(networks.encode(audio, pitch), model.codebooks)
    excitation = np.stack([pulse_train(pitch)[0], white_noise(0, len(pitch))])
    sound = networks.decode(dequantise(books, model.codebooks), pitch, excitation)
    columns = np.concatenate([pitch_to_columns(pitch, 2), books])
    cuts = np.split(columns, range(FRAMES, columns.shape[1], CHUNK_FRAMES), axis=1)
    pieces = [CodeChunk(i * FRAMES, cut.shape[1], cut[None], ()) for i, cut in enumerate(cuts)]
    in_chunks = np.concatenate(list(codec.decode_chunks(pieces, 1, 1.0)), axis=1)[0]
    np.testing.assert_allclose(in_chunks, sound, atol=1e-4)
