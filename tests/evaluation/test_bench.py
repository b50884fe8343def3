"""From recordings to a page, with real codecs."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from brevox.errors import SettingsError
from brevox.evaluation.bench import bench
from brevox.evaluation.clips import Clip
from brevox.evaluation.codebooks import codebook_report
from brevox.evaluation.peers.amr import AmrNarrow
from brevox.evaluation.peers.known import make_peers
from brevox.evaluation.peers.peer import PeerError
from brevox.evaluation.runs import Condition, conditions_of, decoded_path, run_codecs
from brevox.evaluation.signals import RATE_HZ, read_mono, write_mono

NAMES = ["pesq_wb", "mel", "lsd_high"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, speech):
    folder = tmp_path_factory.mktemp("recordings")
    for name, first in (("7-1-0000", 0), ("8-1-0000", 8)):
        write_mono(folder / f"{name}.flac", speech[0, first * RATE_HZ : (first + 4) * RATE_HZ])
    return folder


@pytest.fixture(scope="module")
def found(recordings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    seen = []
    result = bench(
        [recordings],
        folder / "report",
        codecs=["brevox", "amr-nb", "encodec"],
        kbps=[1, 6],
        metrics=NAMES,
        clip_s=3,
        listening_test=True,
        keep=folder / "kept",
        jobs=1,
        progress=lambda done, of: seen.append((done, of)),
    )
    return folder, result, seen


def test_an_earlier_bench_can_stand_beside_a_new_one(found, recordings, tmp_path):
    folder, _, _ = found
    earlier = folder / "report/results.json"
    again = {"metrics": ["pesq_wb", "mel"], "clip_s": 3, "jobs": 1, "beside": earlier}
    result = bench([recordings], tmp_path / "new", codecs=["amr-nb"], kbps=[6], **again)
    assert [str(summary.condition) for summary in result.summaries] == [
        "original",
        "amr-nb 5.9",
        "brevox 1",
        "brevox 6",
    ]
    # What was measured twice was measured alike; what was taken over is as it was.
    told = json.loads((tmp_path / "new/results.json").read_text())
    old = {(str(row["condition"]), row["clip"]): row for row in json.loads(earlier.read_text())["rows"]}
    for row in told["rows"]:
        before = old[str(row["condition"]), row["clip"]]
        assert row["file_bytes"] == before["file_bytes"]
        assert row["cells"] == {name: before["cells"][name] for name in ("pesq_wb", "mel")}
    page = (tmp_path / "new/index.html").read_text()
    assert "Rows of brevox are those of an earlier bench" in page


@pytest.mark.parametrize(
    "metrics, clip_s, hint", [(["pesq_wb"], 2, "other clips"), (["pesq_wb", "stoi"], 3, "has no stoi")]
)
def test_what_cannot_stand_beside_is_told(found, recordings, tmp_path, metrics, clip_s, hint):
    settings = {"metrics": metrics, "clip_s": clip_s, "codecs": ["amr-nb"], "jobs": 1}
    with pytest.raises(SettingsError, match=hint):
        bench([recordings], tmp_path, **settings, beside=found[0] / "report/results.json")
    (tmp_path / "bad.json").write_text("[1, 2]")
    with pytest.raises(SettingsError, match=r"no results\.json"):
        bench([recordings], tmp_path, **settings, beside=tmp_path / "bad.json")


def test_every_clip_meets_every_condition(found):
    folder, result, seen = found
    rows = list(csv.DictReader((folder / "report/results.csv").open()))
    conditions = [str(summary.condition) for summary in result.summaries]
    assert conditions == ["original", "brevox 1", "brevox 6", "amr-nb 4.75", "amr-nb 5.9"]
    assert len(rows) == len(conditions) * 2
    assert seen == [(number, len(rows)) for number in range(1, len(rows) + 1)]
    assert {row["speaker"] for row in rows} == {"7", "8"}
    assert not any(row["problems"] for row in rows)


def test_rates_are_the_files_own(found):
    folder, result, _ = found
    for row in csv.DictReader((folder / "report/results.csv").open()):
        if row["codec"] == "brevox" and row["clip"] == "8-1-0000":
            size = (folder / "kept" / f"1.brevox.{row['kbps']}.sc").stat().st_size
            assert float(row["file_kbps"]) == pytest.approx(size * 8 / 1000 / 4, rel=1e-3)
            assert float(row["payload_kbps"]) < float(row["file_kbps"])
    assert result.summaries[0].file_kbps == 256


def test_more_bits_are_better_and_the_original_best(found):
    _, result, _ = found
    original, low, high, *_ = (summary.means["pesq_wb"].value for summary in result.summaries)
    assert original > high > low
    brevox, amr = (result.summaries[index].means["lsd_high"].value for index in (2, 3))
    assert amr > brevox  # a narrowband codec has nothing there


def test_a_codec_that_is_not_here_is_left_out_with_its_reason(found):
    folder, result, _ = found
    assert "weights" in result.left_out["encodec"] or "not installed" in result.left_out["encodec"]
    assert result.left_out["encodec"] in (folder / "report/index.html").read_text(encoding="utf-8").replace(
        "&#39;", "'"
    )


def test_the_page_needs_nothing_but_itself(found):
    folder, _, _ = found
    page = (folder / "report/index.html").read_text(encoding="utf-8")
    # Whatever is loaded lies inside.
    for address in re.findall(r"""(?:src|href|data-sound|data-picture)=["']([^"']+)""", page):
        assert address.startswith("data:")
    assert "url(" not in page
    assert page.count("<tr") >= 6
    assert "brevox 6" in page
    assert "Codebooks of brevox" in page


def test_json_has_all_of_it(found):
    folder, result, _ = found
    facts = json.loads((folder / "report/results.json").read_text(encoding="utf-8"))
    assert set(facts["metrics"]) == set(NAMES)
    assert len(facts["summary"]) == len(result.summaries)
    assert facts["summary"][1]["means"]["mel"]["value"] == result.summaries[1].means["mel"].value
    assert facts["environment"]["Python"]


def test_the_listening_test_lies_beside_the_report(found):
    folder, result, _ = found
    assert [page.name for page in result.pages] == ["index.html", "listening-test.html"]
    page = (folder / "report/listening-test.html").read_text(encoding="utf-8")
    assert not any(str(summary.condition) in page for summary in result.summaries[1:])


def test_several_processes_find_the_same(found, recordings, tmp_path):
    _, one, _ = found
    two = bench([recordings], tmp_path, codecs=["brevox", "amr-nb"], kbps=[1, 6], metrics=NAMES, clip_s=3, jobs=2)
    for a, b in zip(one.summaries, two.summaries, strict=True):
        assert (a.condition, a.file_kbps) == (b.condition, b.file_kbps)
        for name in NAMES:
            assert a.means[name].value == pytest.approx(b.means[name].value, rel=1e-4)


def test_what_is_wrong_is_told_before_the_long_work(recordings, tmp_path):
    for named in (
        {"codecs": ["opsu"]},
        {"metrics": ["pesk"]},
        {"speed": tmp_path / "none.json"},
        {"codecs": ["encodec"]},
    ):
        with pytest.raises(SettingsError):
            bench([recordings], tmp_path / "report", **named)
    with pytest.raises(SettingsError, match="asks too much of listeners"):
        bench([recordings], tmp_path / "report", codecs=["brevox"], kbps=np.linspace(1, 6, 11), listening_test=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    with pytest.raises(SettingsError, match="not empty"):
        bench([recordings], tmp_path / "report", codecs=["brevox"], keep=tmp_path / "full", clip_s=3)


def test_rates_asked_for_become_the_nearest_ones_once():
    codec2, brevox = make_peers(["codec2", "brevox"])
    assert conditions_of([codec2], [1, 1.2, 1.1, 40]) == [Condition("codec2", 1.2), Condition("codec2", 3.2)]
    assert conditions_of([brevox], None) == [Condition("brevox", kbps) for kbps in brevox.default_kbps]


def test_a_codec_that_fails_on_a_clip_fails_on_it_alone(tmp_path, said, monkeypatch):
    encode = AmrNarrow.encode

    def fail_once(self, source, stored, kbps):
        if source.name == "0.wav":
            raise PeerError("not this one")
        encode(self, source, stored, kbps)

    monkeypatch.setattr(AmrNarrow, "encode", fail_once)
    clips = [Clip(name, "s", said[: 2 * RATE_HZ], None) for name in ("bad", "good")]
    rows = run_codecs(clips, ["amr-nb"], [Condition("amr-nb", 4.75)], tmp_path, metrics=["mel"], jobs=1)
    assert [row.problem for row in rows] == ["", "", "not this one", ""]
    assert read_mono(decoded_path(tmp_path, 1, Condition("amr-nb", 4.75))).any()


class TestCodebooks:
    def test_counts_are_those_of_the_codes(self, codec, said):
        clip = Clip("a", "s", said, None)
        books = codebook_report(codec, [clip])
        codes = np.concatenate([chunk.codes[0] for chunk in codec.encode(said, books=codec.books).chunks], axis=1)
        names = [book.name for book in books]
        assert names[: codec.side_columns + 1] == ["pitch"] * codec.side_columns + ["book 1"]
        assert len(books) == codec.books + codec.side_columns
        for book, column in zip(books, codes, strict=True):
            assert book.frames == len(column)
            assert book.used == len(np.unique(column))
            assert book.entropy_bits <= np.log2(book.used) + 1e-9
            assert book.perplexity == pytest.approx(2**book.entropy_bits)
            assert 0 < book.efficiency <= 1

    def test_what_is_saved_is_what_the_coder_saves(self, codec, said):
        books = codebook_report(codec, [Clip("a", "s", said, None)])
        spent = sum(book.coded_bits * book.frames for book in books) / 8
        written = sum(len(codec.entropy.encode(chunk.codes)) for chunk in codec.encode(said, books=codec.books).chunks)
        assert written == pytest.approx(spent, rel=0.01)
