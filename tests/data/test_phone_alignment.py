import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid

from brevox.data.alignment import Alignments, Segment, crop, read_json_lines, read_lab, read_textgrid
from brevox.errors import DataError

PHONES = [Segment(0.1, 0.25, "k"), Segment(0.25, 0.5, "AH"), Segment(0.75, 1.0, "t")]


def write_textgrid(path, phones=PHONES, tier="phones"):
    grid = textgrid.Textgrid()
    entries = [(0.0, 0.1, "sil"), *((s.start_s, s.end_s, s.label.replace("AH", "AH0")) for s in phones)]
    grid.addTier(textgrid.IntervalTier(tier, entries, 0, 1.2))
    grid.save(str(path), format="long_textgrid", includeBlankSpaces=True)


def write_hts(path, phones=PHONES, full=False):
    lines = ["0 1000000 x^x-sil+k=a" if full else "0 1000000 sil"]
    for s in phones:
        label = f"a^b-{s.label}+c=d@1_2" if full else s.label
        lines.append(f"{round(s.start_s * 1e7)} {round(s.end_s * 1e7)} {label}")
    path.write_text("\n".join(lines) + "\n")


def write_festival(path, phones=PHONES):
    lines, last = ["separator ;", "#"], 0.0
    for s in phones:
        if s.start_s > last:
            lines.append(f"{s.start_s:.5f} 125 pau")
        lines.append(f"{s.end_s:.5f} 125 {s.label}")
        last = s.end_s
    path.write_text("\n".join([*lines, "1.2 125 #"]) + "\n")


def write_json(path, phones=PHONES, name="take"):
    listed = [{"start": s.start_s, "duration": s.end_s - s.start_s, "phone": f"ˈ{s.label}"} for s in phones]
    path.write_text(json.dumps({"id": name, "words": [{"word": "cut", "phones": listed}]}) + "\n\n")


@pytest.mark.parametrize(
    "name, write",
    [
        ("take.TextGrid", write_textgrid),
        ("take.lab", write_hts),
        ("take.lab", lambda path: write_hts(path, full=True)),
        ("take.lab", write_festival),
        ("lines.jsonl", write_json),
    ],
    ids=["textgrid", "hts", "hts full context", "festival", "json lines"],
)
def test_every_kind_tells_the_same_phones_without_silence_and_stress(tmp_path, name, write):
    write(tmp_path / name)
    found = Alignments(tmp_path / name if name == "lines.jsonl" else tmp_path).of(Path("anywhere/take.wav"))
    assert [s.label for s in found] == [s.label for s in PHONES]
    for one, other in zip(found, PHONES, strict=True):
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=1e-6)


def test_a_textgrid_of_one_speaker_s_tiers(tmp_path):
    write_textgrid(tmp_path / "a.TextGrid", tier="ada - phones")
    assert [s.label for s in read_textgrid(tmp_path / "a.TextGrid")] == ["k", "AH", "t"]
    with pytest.raises(DataError, match="its tiers are: ada - phones"):
        read_textgrid(tmp_path / "a.TextGrid", "words")


def test_names_of_recordings_lead_to_their_alignments(tmp_path):
    for speaker in ("p225", "p226"):
        (tmp_path / speaker).mkdir()
        write_hts(tmp_path / speaker / "001.lab", [Segment(0.1, 1, speaker)])
    write_hts(tmp_path / "p225_007.lab")
    found = Alignments(tmp_path)
    assert found.of(Path("wav/p226/001.wav"))[0].label == "p226"
    assert found.of(Path("wav48/p225/p225_007_mic1.flac"))[0].label == "k"
    write_json(tmp_path / "lines.jsonl", name="nl_1")
    assert Alignments(tmp_path / "lines.jsonl").of(Path("nathalie__nl_1.opus"))[0].label == "k"
    with pytest.raises(DataError, match="several alignments"):
        found.of(Path("elsewhere/001.wav"))
    with pytest.raises(DataError, match="no alignment of"):
        found.of(Path("p225_008.wav"))


@pytest.mark.parametrize(
    "name, text, hint",
    [
        ("a.TextGrid", "not a TextGrid", "no TextGrid"),
        ("a.TextGrid", "", "no TextGrid"),
        ("a.TextGrid", 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0', "no TextGrid"),
        ("a.lab", "0 100 k\n100 oops t\n", "HTS"),
        ("a.lab", "0 100\n", "HTS"),
        ("a.lab", "0 200000 k\n100000 300000 t\n", "forward"),
        ("a.lab", "#\n0.5 125 k\n0.4 125 t\n", "forward"),
        ("a.lab", "#\nnan 125 k\n", "forward"),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence(tmp_path, name, text, hint):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError, match=hint) as told:
        (read_lab if path.suffix == ".lab" else read_textgrid)(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "words": [{"phones": [{"start": 1}]}]}'])
def test_a_damaged_line_is_told_by_its_number(tmp_path, line):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"id": "a", "words": []}\n' + line + "\n")
    with pytest.raises(DataError, match="line 2"):
        read_json_lines(path)


def test_nothing_to_read_is_told(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n")
    for path, hint in (
        (tmp_path, "no alignments in"),
        (tmp_path / "x", "cannot read"),
        (tmp_path / "empty.jsonl", "no"),
    ):
        with pytest.raises(DataError, match=hint):
            Alignments(path)


@given(st.lists(st.floats(0, 10), min_size=2, max_size=20), st.floats(0, 10), st.floats(0, 10))
def test_a_crop_keeps_what_is_spoken_in_it_and_counts_from_its_start(times, first, last):
    times, (first, last) = sorted(times), sorted((first, last))
    segments = [Segment(a, b, str(n)) for n, (a, b) in enumerate(pairwise(times)) if b > a]
    cut = crop(segments, first, last)
    for piece in cut:
        (whole,) = (s for s in segments if s.label == piece.label)
        assert 0 <= piece.start_s < piece.end_s <= last - first
        assert piece.end_s - piece.start_s <= whole.end_s - whole.start_s + 1e-9
    spoken = sum(max(0.0, min(s.end_s, last) - max(s.start_s, first)) for s in segments)
    assert sum(s.end_s - s.start_s for s in cut) == pytest.approx(spoken, abs=1e-6)
