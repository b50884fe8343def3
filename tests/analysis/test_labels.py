"""Laws of which phone a frame belongs to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_observations import FRAME_S, observation, perfect_codes, spoken, utterance

from brevox.analysis.labels import NONE, frame_phones, frame_segments, phone_names
from brevox.analysis.observed import Observation
from brevox.analysis.repeats import repeats
from brevox.data.alignment import Segment
from brevox.errors import DataError


def test_a_frame_is_20_ms_and_belongs_to_what_covers_the_larger_part_of_it():
    segments = (Segment(0.0, 0.031, "a"), Segment(0.031, 0.06, "b"))
    # The second frame, 20 to 40 ms, is 11 ms of a and 9 ms of b.
    assert frame_segments(segments, 3, FRAME_S).tolist() == [0, 0, 1]
    segments = (Segment(0.0, 0.029, "a"), Segment(0.029, 0.06, "b"))
    assert frame_segments(segments, 3, FRAME_S).tolist() == [0, 1, 1]


def test_silence_is_left_out_where_it_is_longer_than_any_phone():
    # 12 ms of the first frame are silent, 8 ms of the third, all of the fourth.
    segments = (Segment(0.012, 0.052, "a"),)
    assert frame_segments(segments, 4, FRAME_S).tolist() == [NONE, 0, 0, NONE]


def test_segments_beyond_the_recording_and_between_frames_do_no_harm():
    segments = (Segment(0.005, 0.006, "a"), Segment(0.02, 5.0, "b"), Segment(7.0, 8.0, "c"))
    assert frame_segments(segments, 3, FRAME_S).tolist() == [NONE, 1, 1]
    assert frame_segments((), 3, FRAME_S).tolist() == [NONE] * 3
    assert frame_segments(segments, 0, FRAME_S).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 160)), max_size=8))
def test_labels_are_those_of_a_count_of_milliseconds(lengths):
    """Against the plain way: what most of the 20 milliseconds of a frame belong to, silence too."""
    at, segments, owners = 0, [], []
    for number, (pause, size) in enumerate(lengths):
        owners += [NONE] * pause + [number] * size
        segments.append(Segment((at + pause) / 1000, (at + pause + size) / 1000, "x"))
        at += pause + size
    frames = at // 20 + 2
    owners += [NONE] * (frames * 20 - at)
    for frame, found in enumerate(frame_segments(segments, frames, FRAME_S)):
        parts = owners[20 * frame : 20 * frame + 20]
        most = max(parts.count(number) for number in set(parts))
        assert parts.count(found) == most
        if parts.count(NONE) == most:  # of phone and silence that are as long, the phone is heard
            assert found == NONE or parts.count(found) == most


def test_whole_frames_are_labelled_as_they_were_made():
    segments = spoken(np.random.default_rng(1), 30)
    codes = perfect_codes(segments)
    one = utterance("clip", codes, segments)
    assert (frame_phones(one, FRAME_S, tuple("aeknst")) == codes).all()


def test_without_any_alignment_an_error_says_so():
    with pytest.raises(DataError, match="no utterance of the split 'valid' has an alignment"):
        phone_names(observation(aligned=False))


def test_utterances_without_a_frame_are_named_and_left_out():
    seen = observation()
    empty = utterance("click", [], codebook=seen.codebook)
    both = Observation("run", "valid", (*seen.utterances, empty), seen.codebook, FRAME_S, 16_000)
    assert both.empty == ("click",)
    assert len(both.spoken) == len(seen.utterances)
    assert both.frames == seen.frames
    with pytest.raises(DataError, match="as long as one frame"):
        Observation("run", "valid", (empty,), seen.codebook, FRAME_S, 16_000)


def test_codes_and_latents_must_be_one_a_frame():
    """The seed flattened channels, time and batch before it quantised: a code was no frame."""
    seen = observation()
    one = seen.utterances[0]
    flattened = utterance("flat", np.zeros(one.latents.size // 4, np.int64), codebook=seen.codebook)
    flattened = type(one)("flat", "ann", flattened.codes, one.latents)
    with pytest.raises(DataError, match="not one a frame"):
        Observation("run", "valid", (flattened,), seen.codebook, FRAME_S, 16_000)


@given(st.lists(st.integers(0, 3), max_size=30))
def test_repeats_put_together_give_the_sequence(values):
    array = np.array(values, dtype=np.int64)
    starts, lengths = repeats(array)
    assert np.repeat(array[starts], lengths).tolist() == values
    assert (array[starts][1:] != array[starts][:-1]).all()
