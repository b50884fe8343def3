import csv
import json
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brevox.data.corpus import Corpus, CropDataset
from brevox.data.prepare import CLIP_COLUMNS, CORPUS_FORMAT
from brevox.errors import DataError

FRAME = 320


def write_corpus(folder, clips):
    """A corpus in which every sample and every pitch code tells the clip it belongs to.

    `clips` holds (shard, frames, speaker, split); clip n has the samples 100 (n + 1) and the pitch code n + 1.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shards = 1 + max(shard for shard, *_ in clips)
    rows, audio, pitch = [], [[] for _ in range(shards)], [[] for _ in range(shards)]
    for n, (shard, frames, speaker, split) in enumerate(clips):
        first = FRAME * sum(map(len, pitch[shard]))
        rows.append((shard, first, FRAME * frames, speaker, split, f"{n}.wav"))
        audio[shard].append(np.full(FRAME * frames, 100 * (n + 1), np.int16))
        pitch[shard].append(np.full(frames, n + 1, np.uint8))
    for shard in range(shards):
        for kind, parts, dtype in (("audio", audio, np.int16), ("pitch", pitch, np.uint8)):
            np.save(folder / f"shard-{shard:04d}.{kind}.npy", np.concatenate([np.zeros(0, dtype), *parts[shard]]))
    (folder / "corpus.json").write_text(
        json.dumps({"format": CORPUS_FORMAT, "sample_rate": 16_000, "hop": FRAME, "shards": shards})
    )
    with (folder / "clips.tsv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t").writerows([CLIP_COLUMNS, *rows])
    return folder


def plain(corpus, crop_s, items=50, **settings):
    return CropDataset(corpus, crop_s, items, **{"gain_db": (0.0, 0.0), "silence": 0.0, **settings})


def clip_numbers(item):
    """The clip of each frame, -1 where the crop was filled up; that samples and pitch agree is checked."""
    by_audio = np.round(item["audio"].reshape(-1, FRAME) * 327.67).astype(int) - 1
    assert (by_audio == by_audio[:, :1]).all()
    voiced, height = item["condition"]
    by_pitch = np.where(voiced > 0, height * 32 + 64, 0).astype(int) - 1
    assert (by_audio[:, 0] == by_pitch).all()
    return by_pitch


@st.composite
def layouts(draw):
    """Clips as `prepare` lays them: by split, then by speaker, filling shard after shard."""
    clips = draw(
        st.lists(
            st.tuples(st.sampled_from(["train", "valid"]), st.sampled_from("abc"), st.integers(1, 9)),
            min_size=1,
            max_size=10,
        )
    )
    clips.append(("train", "a", 3))
    per_shard = draw(st.integers(1, 12))
    return [(n // per_shard, frames, speaker, split) for n, (split, speaker, frames) in enumerate(sorted(clips))]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layouts(), st.integers(1, 12), st.integers(0, 2**32))
def test_a_crop_runs_on_through_a_speakers_clips_and_never_into_anothers(tmp_path, clips, frames, seed):
    dataset = plain(Corpus(write_corpus(tmp_path / "c", clips), "train"), 0.02 * frames, seed=seed)
    assert len(dataset) == 50
    for index in range(12):
        item = dataset[index]
        assert item["audio"].shape == (FRAME * frames,)
        assert item["condition"].shape == (2, frames)
        assert item["excitation"].shape == (2, FRAME * frames)
        assert all(value.dtype == np.float32 for value in item.values())
        numbers = clip_numbers(item)
        inside = numbers[numbers >= 0]
        assert len(inside) > 0
        assert {clips[n][3] for n in inside} == {"train"}
        assert len({(clips[n][0], clips[n][2]) for n in inside}) == 1  # one shard, one speaker
        assert set(np.diff(inside)) <= {0, 1}  # one clip after the other
        # Filled up at the end, and only where the speaker's clips are shorter than the crop.
        assert (numbers[len(inside) :] == -1).all()
        if len(inside) < frames:
            shard, _, speaker, _ = clips[inside[0]]
            assert len(inside) == sum(c[1] for c in clips if (c[0], c[2], c[3]) == (shard, speaker, "train"))


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layouts(), st.integers(0, 2**32), st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_an_item_is_a_function_of_seed_and_number_alone(tmp_path, clips, seed, indices):
    corpus = Corpus(write_corpus(tmp_path / "c", clips), "train")
    arguments = {"seed": seed, "gain_db": (-20.0, 10.0), "silence": 0.2}
    one, other = CropDataset(corpus, 0.1, 10**7, **arguments), CropDataset(corpus, 0.1, 10**8, **arguments)
    first = {index: one[index] for index in indices}
    for index in reversed(indices):
        again = other[index]
        assert all((first[index][name] == again[name]).all() for name in again)
        assert (again["excitation"][1] != other[index + 1]["excitation"][1]).any()
        different = CropDataset(corpus, 0.1, 10**7, **{**arguments, "seed": seed + 1})[index]
        assert (again["excitation"][1] != different["excitation"][1]).any()
        assert (other[index + 1]["excitation"][1] != different["excitation"][1]).any()


@pytest.fixture
def corpus(tmp_path):
    """Speaker a with nine times as much as speaker b, in three clips."""
    clips = [(0, 30, "a", "train"), (0, 60, "a", "train"), (0, 10, "b", "train"), (0, 5, "c", "valid")]
    return Corpus(write_corpus(tmp_path / "c", clips), "train")


def test_every_frame_can_be_drawn(corpus):
    dataset = plain(corpus, 0.02, items=3000, balance=1.0)
    drawn = np.array([clip_numbers(dataset[index])[0] for index in range(len(dataset))])
    shares = np.bincount(drawn, minlength=3) / len(drawn)
    np.testing.assert_allclose(shares, [0.3, 0.6, 0.1], atol=0.04)


def test_crops_begin_at_the_first_frame_and_end_at_the_last(tmp_path):
    clips = [(0, 1, "a", "train")] * 4
    dataset = plain(Corpus(write_corpus(tmp_path / "c", clips), "train"), 0.06, items=40)
    drawn = {tuple(clip_numbers(dataset[index])) for index in range(len(dataset))}
    assert drawn == {(0, 1, 2), (1, 2, 3)}


@pytest.mark.parametrize("balance, share", [(0.0, 0.5), (0.5, 0.75), (1.0, 0.9)])
def test_balance_favours_the_rare(corpus, balance, share):
    dataset = plain(corpus, 0.02, items=1000, balance=balance)
    of_a = np.mean([clip_numbers(dataset[index])[0] < 2 for index in range(len(dataset))])
    assert of_a == pytest.approx(share, abs=0.05)


def test_levels_vary_within_their_range(corpus):
    dataset = plain(corpus, 0.1, gain_db=(-12.0, 6.0))
    flat = plain(corpus, 0.1)
    gains_db = [
        20 * np.log10(dataset[index]["audio"].max() / flat[index]["audio"].max()) for index in range(len(dataset))
    ]
    assert -12.01 < min(gains_db) < -8
    assert 2 < max(gains_db) < 6.01


def test_silence_is_digital_and_unvoiced(corpus):
    always = plain(corpus, 0.1, silence=1.0)[3]
    assert not always["audio"].any()
    assert not always["condition"].any()
    assert not always["excitation"][0].any()
    assert always["excitation"][1].any()
    some = plain(corpus, 0.1, items=400, silence=0.25)
    share = np.mean([not some[index]["audio"].any() for index in range(len(some))])
    assert share == pytest.approx(0.25, abs=0.08)


def test_excitation_is_pulses_where_voiced_and_noise_of_unit_power(corpus):
    pulses, noise = plain(corpus, 1.8)[0]["excitation"]
    assert np.mean(pulses**2) == pytest.approx(1, rel=0.2)
    assert np.mean(noise**2) == pytest.approx(1, rel=0.05)
    assert np.mean(noise) == pytest.approx(0, abs=0.05)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0, abs=0.05)


def test_a_copy_for_another_process_carries_no_audio(corpus):
    carried = pickle.dumps(plain(corpus, 0.1, seed=5))
    assert len(carried) < 5000  # the corpus has 67,200 bytes of samples
    again, original = pickle.loads(carried), plain(corpus, 0.1, seed=5)
    assert all((again[3][name] == value).all() for name, value in original[3].items())


# What can go wrong.


def test_no_corpus(tmp_path):
    with pytest.raises(DataError, match="brevox data prepare"):
        Corpus(tmp_path / "missing", "train")
    with pytest.raises(DataError, match="brevox data prepare"):
        Corpus(tmp_path, "train")


def test_a_corpus_of_another_version(corpus):
    path = corpus.folder / "corpus.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": CORPUS_FORMAT - 1}))
    with pytest.raises(DataError, match="prepare it again"):
        Corpus(corpus.folder, "train")


def test_a_split_without_clips(tmp_path):
    folder = write_corpus(tmp_path / "c", [(0, 3, "a", "train")])
    with pytest.raises(DataError, match=r"'valid'.*prepare it from more recordings"):
        Corpus(folder, "valid")


@pytest.mark.parametrize(
    "name, content",
    [
        ("corpus.json", b"{"),
        ("corpus.json", b"[]"),
        ("corpus.json", b"{}"),
        ("corpus.json", b"\xff"),
        ("clips.tsv", b"split\tshard\ntrain\t0\n"),
        ("clips.tsv", b"\xff\xff"),
        ("clips.tsv", b""),
        ("shard-0000.audio.npy", b""),
        ("shard-0000.audio.npy", None),
        ("shard-0000.pitch.npy", b"\x93NUMPY\x01\x00"),
    ],
)
def test_a_damaged_corpus(tmp_path, name, content):
    folder = write_corpus(tmp_path / "c", [(0, 3, "a", "train")])
    if content is None:
        whole = (folder / name).read_bytes()
        content = whole[: len(whole) - 100]
    (folder / name).write_bytes(content)
    with pytest.raises(DataError):
        Corpus(folder, "train")
