import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from brevox.analysis.code_sampling import KINDS, count_codes, draw_codes, recording_codes, sound_of
from brevox.analysis.som_demo import draw, image_patches, som_demo
from brevox.cli.app import app
from brevox.errors import DataError, SettingsError
from brevox.evaluation.index_errors import one_off
from voices import voice

SIZES = (5, 9)


def some_codes(seed, frames=400):
    """Codes of two columns: the first goes round, the second is drawn from a few."""
    rng = np.random.default_rng(seed)
    return np.stack([np.arange(frames) % 4, rng.choice([1, 2, 2, 2, 7], frames)])


def test_counts_are_those_of_loops():
    sequences = [some_codes(0, 50), some_codes(1, 3)]
    counts = count_codes(sequences, SIZES)
    for column, size in enumerate(SIZES):
        single, pairs = np.zeros(size, int), np.zeros((size, size), int)
        for sequence in sequences:
            for frame, code in enumerate(sequence[column]):
                single[code] += 1
                if frame:
                    pairs[sequence[column][frame - 1], code] += 1
        np.testing.assert_array_equal(counts.singles[column], single)
        np.testing.assert_array_equal(counts.pairs[column], pairs)


def test_bigrams_hold_only_pairs_that_occurred():
    counts = count_codes([some_codes(0)], SIZES)
    drawn = draw_codes("bigram", 300, SIZES, counts)
    for column in range(2):
        assert counts.pairs[column][drawn[column][:-1], drawn[column][1:]].all()
    np.testing.assert_array_equal(np.diff(drawn[0].astype(int)) % 4, 1)  # goes round as well


def test_unigrams_come_as_often_as_in_the_recordings():
    counts = count_codes([some_codes(0, 5000)], SIZES)
    drawn = draw_codes("unigram", 20_000, SIZES, counts)
    for column, size in enumerate(SIZES):
        shares = np.bincount(drawn[column], minlength=size) / 20_000
        np.testing.assert_allclose(shares, counts.singles[column] / 5000, atol=0.02)


def test_random_codes_are_all_codes_alike():
    drawn = draw_codes("random", 20_000, SIZES, None)
    for column, size in enumerate(SIZES):
        np.testing.assert_allclose(np.bincount(drawn[column], minlength=size) / 20_000, 1 / size, atol=0.02)


@given(st.sampled_from(KINDS), st.integers(1, 50), st.integers(0, 5))
def test_draws_are_codes_and_repeatable(kind, frames, seed):
    counts = count_codes([some_codes(0)], SIZES)
    drawn = draw_codes(kind, frames, SIZES, counts, seed)
    assert drawn.shape == (2, frames) and drawn.dtype == np.uint16
    assert (drawn < np.array(SIZES)[:, None]).all()
    np.testing.assert_array_equal(drawn, draw_codes(kind, frames, SIZES, counts, seed))


def test_what_cannot_be_counted_or_drawn_is_told():
    with pytest.raises(DataError):
        count_codes([], SIZES)
    with pytest.raises(SettingsError):
        draw_codes("bigram", 5, SIZES, None)
    with pytest.raises(SettingsError):
        draw_codes("trigram", 5, SIZES, None)


def test_drawn_codes_have_a_sound(tiny):
    pieces = recording_codes(tiny, voice(1.5, 120), tiny.books)
    counts = count_codes(pieces, tiny.entropy.sizes)
    for kind in KINDS:
        sound = sound_of(tiny, draw_codes(kind, 600, tiny.entropy.sizes, counts))
        assert sound.shape == (600 * tiny.hop,)
        assert np.isfinite(sound).all() and sound.any()


@given(st.lists(st.integers(0, 15), min_size=1, max_size=30))
def test_one_off_is_one_off_and_still_a_code(codes):
    codes = torch.tensor(codes)
    off = one_off(codes, 16, torch.Generator().manual_seed(0))
    assert ((off - codes).abs() == 1).all()
    assert ((off >= 0) & (off < 16)).all()


@pytest.fixture(scope="module")
def books():
    return {book.name: book for book in som_demo(codes=49, side=4, steps=120)}


def test_maps_of_patches_keep_neighbours_together(books):
    assert books["soft"].neighbour_distance < books["hard"].neighbour_distance < books["plain"].neighbour_distance
    assert books["soft"].topographic_error < 0.3 < books["plain"].topographic_error
    assert books["soft"].error < 1.5 * books["plain"].error


def test_the_picture_has_every_patch(books):
    assert all(book.picture.shape == (28, 28, 3) for book in books.values())
    assert len(draw(list(books.values())).axes) == 3


def test_patches_are_of_the_photographs():
    patches = image_patches(3)
    assert patches.shape == (20_000, 27)
    assert 0 <= patches.min() < 0.05 and 0.95 < patches.max() <= 1
    assert torch.equal(patches, image_patches(3))


def test_sample_from_the_command_line(tiny_file, tmp_path):
    from brevox.audio import AudioWriter
    from brevox.codec.bvx import write_model

    write_model(tmp_path / "tiny.bvx", tiny_file)
    with AudioWriter(tmp_path / "a.wav", 16_000, 1) as writer:
        writer.write(voice(1, 130)[None])
    command = ["lab", "sample", str(tmp_path / "tiny.bvx"), str(tmp_path / "a.wav"), "--seconds", "0.5"]
    result = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{kind}.wav" for kind in KINDS)
