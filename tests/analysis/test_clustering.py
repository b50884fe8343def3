"""Scores against scikit-learn's, and their laws."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from synthetic_observations import observation, utterance

from brevox.analysis.agreement import agreement
from brevox.analysis.clustering import clustering_scores
from brevox.analysis.contingency import contingency, count_pairs
from brevox.analysis.kmeans import features_of, kmeans_contingencies, pooled
from brevox.errors import DataError

_LABELS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=80)


def table(codes, phones, shape=(7, 5)) -> np.ndarray:
    return count_pairs(np.array(codes), np.array(phones), shape)


@given(_LABELS)
def test_scores_are_those_of_scikit_learn(pairs):
    codes, phones = map(list, zip(*pairs, strict=True))
    ours = clustering_scores(table(codes, phones))
    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(phones, codes)
    theirs = {
        "ami": metrics.adjusted_mutual_info_score(phones, codes),
        "nmi": metrics.normalized_mutual_info_score(phones, codes),
        "ari": metrics.adjusted_rand_score(phones, codes),
        "homogeneity": homogeneity,
        "completeness": completeness,
        "v_measure": v_measure,
    }
    for name, value in theirs.items():
        assert getattr(ours, name) == pytest.approx(value, abs=1e-6), name


def test_scores_of_many_frames_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    phones = rng.integers(0, 40, 20_000)
    codes = np.where(rng.random(20_000) < 0.5, phones, rng.integers(0, 44, 20_000))
    ours = clustering_scores(table(codes, phones, (44, 40)))
    assert ours.ami == pytest.approx(metrics.adjusted_mutual_info_score(phones, codes), abs=1e-9)
    assert ours.ari == pytest.approx(metrics.adjusted_rand_score(phones, codes), abs=1e-9)


def test_pnmi_and_purities_are_as_hubert_defines_them():
    """Eqs. of section IV of Hsu et al. 2021, written out."""
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 30, (6, 4))
    share = counts / counts.sum()
    of_codes, of_phones = share.sum(axis=1), share.sum(axis=0)
    information = sum(share[i, j] * np.log(share[i, j] / of_codes[i] / of_phones[j]) for i, j in np.argwhere(share > 0))
    ours = clustering_scores(counts)
    assert ours.pnmi == pytest.approx(information / -(of_phones * np.log(of_phones)).sum())
    assert ours.purity == pytest.approx(share.max(axis=1).sum())
    assert ours.code_purity == pytest.approx(share.max(axis=0).sum())


@given(_LABELS, st.permutations(range(7)), st.permutations(range(5)))
def test_names_of_codes_and_phones_change_nothing(pairs, code_names, phone_names):
    codes, phones = map(np.array, zip(*pairs, strict=True))
    plain = asdict(clustering_scores(table(codes, phones)))
    renamed = asdict(clustering_scores(table(np.array(code_names)[codes], np.array(phone_names)[phones])))
    assert renamed == pytest.approx(plain, abs=1e-9)


@given(_LABELS)
def test_identical_labels_score_one(pairs):
    codes = [code for code, _ in pairs]
    assert asdict(clustering_scores(table(codes, codes, (7, 7)))) == pytest.approx(
        dict.fromkeys(asdict(clustering_scores(table([0], [0]))), 1.0)
    )


@given(_LABELS, st.integers(0, 6), st.integers(0, 6))
def test_merging_two_codes_never_raises_homogeneity_or_purity(pairs, one, other):
    codes, phones = map(np.array, zip(*pairs, strict=True))
    apart = clustering_scores(table(codes, phones))
    merged = clustering_scores(table(np.where(codes == one, other, codes), phones))
    assert merged.homogeneity <= apart.homogeneity + 1e-9
    assert merged.purity <= apart.purity + 1e-9


@given(_LABELS)
def test_purity_is_at_least_the_share_of_the_largest_phone(pairs):
    codes, phones = zip(*pairs, strict=True)
    counts = table(codes, phones)
    assert clustering_scores(counts).purity >= counts.sum(axis=0).max() / counts.sum() - 1e-12


def test_labels_that_know_nothing_of_each_other_score_near_zero_where_chance_is_taken_out():
    rng = np.random.default_rng(0)
    scores = clustering_scores(table(rng.integers(0, 44, 5000), rng.integers(0, 40, 5000), (44, 40)))
    assert abs(scores.ami) < 0.01
    assert abs(scores.ari) < 0.01
    assert scores.pnmi > 0.02  # which is why AMI is the one to compare by


def test_more_mistakes_lower_every_score():
    scores = [asdict(agreement(observation(wrong=wrong)).scores) for wrong in (0.0, 0.2, 0.6)]
    for name in scores[0]:
        assert scores[0][name] > scores[1][name] > scores[2][name], name
    assert scores[0]["ami"] == pytest.approx(1)


def test_frames_without_a_phone_count_for_nothing():
    seen = observation()
    table = contingency(seen)
    assert table.frames == seen.frames
    first = seen.utterances[0]
    longer = utterance("late", [0] * first.frames + [7] * 40, first.segments, codebook=seen.codebook)
    later = contingency(type(seen)("run", "valid", (*seen.utterances[1:], longer), seen.codebook, 0.02, 16_000))
    assert later.frames == seen.frames
    assert not later.counts[7].any()


def test_kmeans_finds_sounds_that_lie_apart_and_stands_beside_the_codes():
    seen = observation(wrong=0.3)
    result = agreement(seen)
    assert len(result.baseline) == 3
    assert min(each.ami for each in result.baseline) > 0.3
    assert max(abs(each.ami) for each in result.chance) < 0.05
    # Features say as much as codes do here, so k-means cannot know much more.
    assert abs(np.mean([each.ami for each in result.baseline]) - result.scores.ami) < 0.2


def test_kmeans_learns_from_one_split_and_is_scored_on_another():
    """Frames that lie in a place of their own, heard in learning alone, take clusters from those that are scored."""
    seen = observation(seed=1)
    frames = np.concatenate([features_of(one) for one in seen.utterances])
    elsewhere = np.concatenate([frames + 100 * far for far in range(1, 8)])
    (plain,), (far,) = (kmeans_contingencies(seen, x, (0,)) for x in (frames, np.concatenate([frames, elsewhere])))
    assert plain.frames == far.frames == seen.frames
    assert len(far.used) < len(plain.used)


def test_without_features_there_are_scores_but_no_kmeans():
    seen = observation()
    bare = tuple(
        type(one)(one.name, one.speaker, one.codes, one.latents, segments=one.segments) for one in seen.utterances
    )
    result = agreement(type(seen)("run", "valid", bare, seen.codebook, 0.02, 16_000))
    assert result.baseline == ()
    assert "has no features" in result.no_baseline
    with pytest.raises(DataError, match="too few"):
        kmeans_contingencies(seen, np.zeros((7, 8), np.float32), (0,))


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 30))
def test_features_are_pooled_to_one_row_a_frame(frames, features):
    values = np.arange(features * 3, dtype=np.float32).reshape(features, 3)
    made = pooled(values, frames)
    assert made.shape == (frames, 3)
    assert (made >= values[0]).all() and (made <= values[-1]).all()
    if features == 2 * frames:
        assert made == pytest.approx((values[::2] + values[1::2]) / 2)
