"""Bigrams, frequencies, mappings, alignments, distances and units of observations whose answers are known."""

from __future__ import annotations

import itertools
from math import log2
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_observations import FRAME_S, SPELT, observation, perfect_codes, spoken, utterance

from brevox.analysis.alignments import alignments, boundaries, boundary_hits, learned_segments, r_value
from brevox.analysis.bigrams import bigram_pair, bigrams
from brevox.analysis.distances import distance_matrix, distances
from brevox.analysis.frequencies import frequencies
from brevox.analysis.lengths import lengths
from brevox.analysis.mapping import mapping
from brevox.analysis.observed import Observation
from brevox.analysis.sample import sample
from brevox.analysis.units import bitrate, to_table, to_text, units, without_repeats
from brevox.data.alignment import Segment
from brevox.errors import DataError


def seen_of(*utterances, size: int = 8) -> Observation:
    return Observation("run", "valid", utterances, np.eye(size, 8, dtype=np.float32), FRAME_S, 16_000)


@given(st.lists(st.lists(st.integers(-1, 4), min_size=1, max_size=20), min_size=1, max_size=4))
def test_bigrams_are_normalised_once(sequences):
    arrays = [np.array(sequence) for sequence in sequences]
    pairs = [(a, b) for s in sequences for a, b in itertools.pairwise(s) if a >= 0 and b >= 0]
    if not pairs:
        with pytest.raises(DataError, match="too short"):
            bigrams(arrays, "vwxyz")
        return
    found = bigrams(arrays, "vwxyz")
    assert found.shares().sum() == pytest.approx(1)
    for i, j in itertools.product(range(len(found.labels)), repeat=2):
        wanted = pairs.count(("vwxyz".index(found.labels[i]), "vwxyz".index(found.labels[j])))
        assert found.shares()[i, j] == pytest.approx(wanted / len(pairs))
    others = found.shares(diagonal=False)
    assert not np.diag(others).any()
    assert others.sum() == pytest.approx(1) or not others.any()


def test_bigrams_do_not_reach_over_utterances_or_silence():
    left, right = utterance("one", [0, 0, 1]), utterance("two", [2, 2, 3])
    found = bigram_pair(seen_of(left, right))
    names = found.codes.labels
    assert found.codes.counts.sum() == 4
    assert not found.codes.counts[names.index("1"), names.index("2")]
    assert found.phones is None
    silent = utterance("three", [0, 1, 2], (Segment(0, 0.02, "a"), Segment(0.04, 0.06, "b")))
    with pytest.raises(DataError, match="too short"):
        bigram_pair(seen_of(silent))


def test_bigrams_of_phones_are_frame_by_frame():
    """20 ms are one frame: the seed counted its codes as if they were 10 ms."""
    one = utterance("clip", [0, 0, 0, 1, 1], (Segment(0, 0.06, "a"), Segment(0.06, 0.1, "b")))
    found = bigram_pair(seen_of(one)).phones
    assert found is not None
    assert found.labels == ("a", "b")
    assert found.counts.tolist() == [[2, 1], [0, 1]]


def test_frequencies_are_counts_of_frames():
    found = frequencies(seen_of(utterance("clip", [3, 3, 3, 1], (Segment(0, 0.06, "a"), Segment(0.06, 0.08, "b")))))
    assert found.codes.labels == ("3", "1")
    assert found.codes.counts.tolist() == [3, 1]
    assert found.codes.possible == 8
    assert found.phones is not None and found.phones.counts.tolist() == [3, 1]
    even = frequencies(seen_of(utterance("clip", [0, 1, 2, 3])))
    assert even.codes.perplexity == pytest.approx(4)


def test_rows_of_phone_given_code_sum_to_one():
    table = mapping(observation(wrong=0.3)).table
    assert table.phone_given_code[table.used].sum(axis=1) == pytest.approx(1)


def test_a_perfect_code_is_mapped_to_its_phone():
    found = mapping(observation())
    assert found.accuracy == 1
    assert found.held_out == 1
    for code in found.table.used:
        assert found.table.phones[found.phone_of[code]] == SPELT[code]
    assert found.recall == pytest.approx(1)
    assert (found.phone_of[6:] == -1).all()


def test_what_is_learned_by_heart_does_not_help_on_other_utterances():
    rng = np.random.default_rng(0)
    made = []
    for number in range(6):
        segments = spoken(rng, 20)
        frames = len(perfect_codes(segments))
        made.append(utterance(f"{number}", rng.integers(0, 64, frames), segments))
    found = mapping(Observation("run", "valid", tuple(made), np.eye(64, 8, dtype=np.float32), FRAME_S, 16_000))
    assert found.held_out is not None
    assert found.accuracy > found.chance + 0.1
    assert found.held_out < found.accuracy - 0.1


def test_known_boundaries_are_recovered():
    rng = np.random.default_rng(3)
    segments = spoken(rng, 40)
    learned = learned_segments(perfect_codes(segments), FRAME_S)
    assert [s.label for s in learned] == [str(SPELT.index(s.label)) for s in segments]
    assert [s.start_s for s in learned] == pytest.approx([s.start_s for s in segments])
    assert [s.end_s for s in learned] == pytest.approx([s.end_s for s in segments])
    found = alignments(observation())
    assert (found.precision, found.recall, found.r_value) == (1, 1, 1)
    assert found.agreeing == 1
    assert found.utterances[0].named == tuple(s.label for s in found.utterances[0].phones)


def test_boundaries_may_lie_20_ms_away_but_no_further():
    # The utterance begins with the first phone, so that is no boundary to be found; it ends after the last.
    wanted = boundaries((Segment(0.0, 0.2, "a"), Segment(0.2, 0.3, "b")), 0.5)
    assert wanted == pytest.approx([0.2, 0.3])
    assert boundary_hits(np.array([0.22, 0.25, 0.28]), wanted) == (2, 2)
    assert boundary_hits(np.array([0.223, 0.25]), wanted) == (0, 0)
    assert boundary_hits(np.zeros(0), wanted) == (0, 0)


def test_too_many_boundaries_are_punished():
    noisy = alignments(observation(wrong=0.5))
    assert noisy.recall == pytest.approx(1)
    assert noisy.precision < 1
    assert noisy.r_value < 0.8
    assert r_value(1.0, 1.0) == 1


def test_lengths_are_those_of_the_alignment():
    found = lengths(observation(utterances=3))
    assert found.mean_phones == 20
    assert found.stretches.tolist() == [20, 20, 20]
    assert found.phone_ms == pytest.approx(found.stretch_ms)


def test_distances_are_euclidean_and_codes_explain_what_they_are_near_to():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    assert distance_matrix(a, b) == pytest.approx(np.linalg.norm(a[:, None] - b[None], axis=2), abs=1e-6)
    seen = observation()
    found = distances(seen)
    assert found.nearest.sum() == seen.frames
    assert found.between.sum() == 8 * 7 / 2
    assert found.all_codes.sum() == 8 * seen.frames
    assert found.mean_nearest < found.closest_codes
    assert found.explained > 0.99


def test_a_sample_has_what_went_in_and_what_came_out():
    seen = observation()
    found = sample(seen)
    assert (found.quantised == seen.codebook[found.shown.codes]).all()
    assert found.quantisation_error < 0.01
    assert found.reconstruction_error == pytest.approx(0.01, rel=0.5)  # a tenth of the values is missing
    assert len(found.shown.audio) == pytest.approx(found.seconds * 16_000)


def test_bits_of_even_and_of_constant_units():
    even = bitrate([np.tile(np.arange(4), 100)] * 2, 4, 16.0)
    assert even.nominal == pytest.approx(100) and even.entropy == pytest.approx(100)
    assert even.conditional < 10  # each code says which one comes next
    constant = bitrate([np.zeros(50, np.int64)] * 2, 4, 2.0)
    assert constant.nominal == pytest.approx(100) and constant.entropy == 0
    assert np.isnan(bitrate([np.arange(4)], 4, 1.0).conditional)


def test_nothing_is_learned_by_heart_of_random_units():
    rng = np.random.default_rng(0)
    random = bitrate([rng.integers(0, 256, 500) for _ in range(4)], 256, 40.0)
    assert random.conditional >= 0.98 * random.entropy


def test_repeats_take_bits_only_as_durations():
    seen = observation()
    found = units(seen)
    assert found.every.tokens_a_second == pytest.approx(50)
    assert found.every.nominal == pytest.approx(50 * log2(8))
    assert found.once.tokens_a_second == pytest.approx(6 * 20 / seen.seconds)
    assert found.once.entropy < found.every.entropy
    assert found.durations > 0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_without_repeats_is_what_group_by_leaves(values):
    assert without_repeats(np.array(values)).tolist() == [value for value, _ in itertools.groupby(values)]


def test_units_come_back_from_text_and_parquet(tmp_path: Path):
    seen = observation()
    found = units(seen)
    lines = to_text(found).decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == [one.name for one in seen.utterances]
    assert lines[0].split("\t")[1].split() == [str(code) for code in seen.utterances[0].codes]
    assert len(to_text(found, once=True)) < len(to_text(found))
    path = tmp_path / "units.parquet"
    path.write_bytes(to_table(found))
    table = pq.read_table(path)
    assert table["codes"].to_pylist() == [[one.codes.tolist()] for one in seen.utterances]
    assert table["speaker"].to_pylist() == ["ann", "bob"] * 3
    assert table["seconds"].to_pylist() == pytest.approx([one.frames * FRAME_S for one in seen.utterances])
