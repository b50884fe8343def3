"""Laws of splits: no voice on both sides, nobody moves when files come, and there is something to validate on."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevox.data.prepare import Source
from brevox.data.splits import UNDECIDED, decide_splits, describe_splits
from brevox.errors import DataError


def sources_of(counts, split=UNDECIDED):
    """Speaker to number of recordings."""
    return [Source(Path(name) / f"{n}.wav", name, split) for name, count in counts.items() for n in range(count)]


def speakers(sources, split):
    return {source.speaker for source in sources if source.split == split}


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=5)


@given(st.dictionaries(names, st.integers(1, 4), min_size=2, max_size=30), st.floats(0.01, 0.4))
def test_speakers_are_kept_apart(counts, fraction):
    sources = sources_of(counts)
    decided = decide_splits(sources, fraction)
    assert [replace(source, split=UNDECIDED) for source in decided] == sources
    train, valid = speakers(decided, "train"), speakers(decided, "valid")
    assert train | valid == set(counts)
    assert not train & valid
    assert len(valid) == max(1, round(fraction * len(counts)))
    assert train


@given(st.dictionaries(names, st.integers(1, 4), min_size=2, max_size=30), st.data())
def test_more_recordings_of_the_same_people_move_nobody(counts, data):
    more = {name: count + data.draw(st.integers(0, 3)) for name, count in counts.items()}
    assert speakers(decide_splits(sources_of(counts)), "valid") == speakers(decide_splits(sources_of(more)), "valid")


@given(st.integers(2, 200), st.floats(0.01, 0.4))
def test_one_speaker_is_split_by_files(count, fraction):
    splits = [source.split for source in decide_splits(sources_of({"ada": count}), fraction)]
    assert splits.count("valid") == max(1, round(fraction * count))
    assert splits.count("train") == count - splits.count("valid") > 0


def test_one_file_alone_is_for_training_and_that_is_told():
    decided = decide_splits(sources_of({"ada": 1}))
    assert [source.split for source in decided] == ["train"]
    assert "nothing to validate on" in " ".join(describe_splits(decided))


@given(st.sampled_from(["train", "valid"]), st.integers(2, 9))
def test_what_is_all_of_one_split_is_split_anew_and_test_stays_test(split, count):
    sources = sources_of({f"s{n}": 2 for n in range(count)}, split) + sources_of({"t": 2}, "test")
    decided = decide_splits(sources)
    assert speakers(decided, "test") == {"t"}
    assert speakers(decided, "train") and speakers(decided, "valid")


def test_what_is_said_stays_said_beside_what_is_not():
    said = sources_of({"a": 1, "b": 1}, "train") + sources_of({"c": 1}, "valid") + sources_of({"d": 1}, "test")
    decided = decide_splits(said + sources_of({"e": 5}))
    assert decided[: len(said)] == said
    assert {source.split for source in decided[len(said) :]} == {"train"}  # one speaker: c validates already


@pytest.mark.parametrize("one, other", [("train", "valid"), ("train", "test"), ("valid", "test")])
def test_a_speaker_in_two_splits_is_refused(one, other):
    sources = sources_of({"a": 1, "b": 1}, "train") + sources_of({"c": 1}, "valid")
    with pytest.raises(DataError, match=r"ada is both in .*--manifest"):
        decide_splits(sources + sources_of({"ada": 1}, one) + sources_of({"ada": 1}, other))


def test_a_voice_on_both_sides_is_told():
    assert "training hears too" in " ".join(describe_splits(decide_splits(sources_of({"ada": 9}))))
    assert "training hears too" not in " ".join(describe_splits(decide_splits(sources_of({"ada": 9, "bob": 1}))))
