"""A codec that sends no pitch, with another hop: trained, exported, and used like any other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevox.audio import AudioReader, AudioWriter
from brevox.codec.bvx import read_model, write_model
from brevox.codec.codec import CHUNK_FRAMES, Codec
from brevox.codec.transcode import decode_file, encode_file
from brevox.training.checkpoint import LAST
from brevox.training.export import export_model
from voices import voice

HOP = 64
SEANET = (
    "name=tiny-seanet",
    f"model.hop={HOP}",
    "model.pitch=false",
    "model.encoder={name: seanet, strides: [8, 8], base_width: 4, dilations: [1, 3]}",
    "model.decoder={name: seanet, strides: [8, 8], base_width: 4, dilations: [1, 3]}",
)


@pytest.fixture(scope="module")
def codec(tiny, train, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seanet")
    train(tiny(*SEANET), folder)
    model = export_model(folder / LAST, corpus, name="tiny-seanet", description={}, card="")
    write_model(folder / "seanet.bvx", model)
    return Codec(read_model(folder / "seanet.bvx"), threads=1)


def test_it_has_books_alone(codec):
    codes = codec.encode(voice(3, 120)[None], books=2)
    assert {chunk.codes.shape[1] for chunk in codes.chunks} == {2}
    assert not codec.sends_pitch


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 3 * CHUNK_FRAMES * HOP), st.lists(st.integers(0, 3 * CHUNK_FRAMES * HOP), max_size=5))
def test_blocks_give_the_codes_of_the_whole_and_every_sample_comes_back(codec, samples, cuts):
    audio = voice(7, 150)[None, :samples]
    whole = codec.encode(audio)
    blocks = np.split(audio, sorted(min(cut, samples) for cut in cuts), axis=1)
    pieces = list(codec.encode_blocks(blocks, 1, whole.gain))
    assert len(pieces) == len(whole.chunks)
    for piece, chunk in zip(pieces, whole.chunks, strict=True):
        np.testing.assert_array_equal(piece.codes, chunk.codes)
    assert codec.decode(whole).shape == audio.shape


def test_chunks_sound_as_one_pass_does(codec):
    audio = voice(2.5, 130)[None]
    codes = codec.encode(audio, books=codec.books)
    latent = sum(
        codec._codebooks[book][np.concatenate([chunk.codes[0, book] for chunk in codes.chunks])]
        for book in range(codec.books)
    )
    whole = codec._networks.decode(np.ascontiguousarray(latent.T))[: audio.shape[1]] / np.float32(codes.gain)
    blocks = codec.decode_chunks([chunk_without_level(chunk) for chunk in codes.chunks], 1, codes.gain)
    np.testing.assert_allclose(np.concatenate(list(blocks), axis=1)[0, : audio.shape[1]], whole, atol=1e-4)


def chunk_without_level(chunk):
    return type(chunk)(chunk.first_frame, chunk.frames, chunk.codes, ())


@pytest.mark.parametrize("version", [1, 2])
def test_through_a_file(codec, tmp_path, version):
    with AudioWriter(tmp_path / "a.wav", 22_050, 1) as writer:
        writer.write(voice(2, 140)[None])
    encode_file(tmp_path / "a.wav", tmp_path / "a.sc", codec=codec, version=version)
    decode_file(tmp_path / "a.sc", tmp_path / "b.wav", codec=codec)
    with AudioReader(tmp_path / "b.wav") as reader:
        samples = sum(block.shape[1] for block in reader.blocks(1000))
    if version == 2:
        assert samples == len(voice(2, 140))
