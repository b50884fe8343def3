from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_peers import Absent, Broken, Copier, Program
from typer.testing import CliRunner

from brevox.cli.app import app
from brevox.errors import SettingsError
from brevox.evaluation.growth import growth
from brevox.evaluation.speed import SpeedRow, in_turn, make_speed_peers, measure_speed, ratio, too_much
from brevox.evaluation.speed_process import Cost
from brevox.evaluation.speed_report import growth_lines, read_speed, speed_table, write_speed


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """The processes that are measured find the toys."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def row(codec, length_s, encode_s, decode_s=(0.1,), threads=1, memory_mb=100.0, problem=""):
    encode, decode = (tuple(Cost(0.2, s, memory_mb, 0.0) for s in times) for times in (encode_s, decode_s))
    return SpeedRow(codec, codec, threads, length_s, 3.0, encode, decode, problem)


@pytest.mark.parametrize("start", [0.05, 0.3])
@pytest.mark.parametrize("slope", [0.002, 0.05])
def test_a_line_is_found_again_under_noise_in_proportion(start, slope):
    draw = np.random.default_rng(1)
    lengths = np.array([10, 60, 600, 3600] * 3)
    found = growth(lengths, (start + slope * lengths) * draw.uniform(0.97, 1.03, len(lengths)))
    assert found.slope == pytest.approx(slope, rel=0.03)
    assert found.start == pytest.approx(start, abs=0.05 * (start + slope * 10))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_power_of_growth_is_that_of_the_long_recordings(exponent):
    draw = np.random.default_rng(2)
    lengths = np.array([10, 60, 600, 3600])
    found = growth(lengths, (0.2 + 0.1 * lengths**exponent) * draw.uniform(0.97, 1.03, 4))
    assert found.exponent == pytest.approx(exponent, abs=0.1)


def test_what_does_not_grow_has_no_slope():
    found = growth([10, 60, 600], [250.0, 250.0, 250.0])
    assert (found.slope, found.exponent) == pytest.approx((0, 0), abs=1e-9)
    assert growth([60, 60], [1.0, 2.0]) is None


def test_a_machine_that_drifts_between_rounds_changes_no_ratio():
    mine, its = np.array([1.0, 1.2, 0.9]), np.array([2.0, 2.1, 2.2])
    drift = np.array([1.0, 3.0, 0.5])
    quiet = ratio(row("a", 60, mine), row("brevox", 60, its), True)
    drifting = ratio(row("a", 60, mine * drift), row("brevox", 60, its * drift), True)
    assert vars(quiet) == pytest.approx(vars(drifting))
    assert quiet.median == pytest.approx(0.5)
    assert (quiet.low, quiet.high) == pytest.approx((0.9 / 2.2, 1.2 / 2.1))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_over_two_rounds_all_have_the_same_mean_place(count):
    codecs = list(range(count))
    orders = [in_turn(codecs, number) for number in range(4)]
    assert {sum(order.index(codec) for order in orders) for codec in codecs} == {2 * (count - 1)}
    assert all(sorted(order) == codecs for order in orders)


def test_lengths_that_would_take_too_much_are_left_out():
    fast = [row("a", 10, [1.0]), row("a", 60, [6.0])]
    assert too_much([], 3600, most_s=1, most_mb=1) == ""
    assert too_much(fast[:1], 3600, most_s=10, most_mb=1000) == ""  # a single point has no slope
    assert too_much(fast, 600, most_s=61, most_mb=1000) == ""
    assert "would take about 60 s" in too_much(fast, 600, most_s=59, most_mb=1000)
    hungry = [row("a", 10, [1.0], memory_mb=200), row("a", 60, [1.0], memory_mb=700)]
    assert too_much(hungry, 600, most_s=100, most_mb=6101) == ""
    assert "would need about 6.1 GB" in too_much(hungry, 600, most_s=100, most_mb=6099)
    failed = [row("a", 10, [1.0]), replace(row("a", 60, []), problem="failed: no")]
    assert too_much(failed, 600, most_s=1000, most_mb=1000) == "not measured: already at 60 s: failed: no"


def test_codecs_that_cannot_be_measured_say_why_and_give_no_number():
    rows = measure_speed([Absent(), Broken("broken"), Copier("fine")], [1], [1], repeats=1)
    rows += measure_speed([Copier("slow", seconds=300)], [1], [1], repeats=1, most_s=2)
    rows += measure_speed([Copier("hungry", seconds=300, megabytes=400)], [1], [1], repeats=1, most_mb=300)
    problems = {found.codec: found.problem for found in rows}
    assert problems["copier"] == "not measured: absent is not on this machine"
    assert problems["broken"] == "failed: broken: its own words"
    assert problems["slow"] == "not measured: takes longer than 2 s"
    assert problems["hungry"] == "not measured: needs more than 0.3 GB of memory"
    assert problems["fine"] == ""
    assert not any(found.encode for found in rows if found.codec in ("copier", "slow", "hungry"))
    lines = {line["codec"]: line for line in speed_table(rows)}
    assert lines["slow"]["encode, x real time"] == "-"
    assert "longer than 2 s" in lines["slow"]["remarks"]


def test_what_is_measured_is_what_was_spent():
    peers = [Copier("quick"), Copier("slow", seconds=0.5), Copier("large", megabytes=200), Program("program")]
    told = []
    rows = measure_speed(peers, [1], [1], repeats=2, progress=lambda done, of: told.append((done, of)))
    quick, slow, large, program = rows
    assert told[-1] == (16, 16)
    assert all(len(found.encode) == len(found.decode) == 2 for found in rows)
    for cost in (*slow.encode, *slow.decode, *quick.encode):
        assert 0.02 < cost.startup_s < 20
        assert cost.memory_mb > 5
    assert all(0.5 < cost.coding_s < 5 for cost in slow.encode)
    for one, other in zip(large.encode, quick.encode, strict=True):
        assert one.memory_mb - other.memory_mb == pytest.approx(200, abs=20)
    assert all(cost.programs_mb == 0 for cost in quick.encode)
    assert all(cost.programs_mb == pytest.approx(110, abs=15) for cost in program.encode)
    assert quick.kbps == pytest.approx(256, rel=0.01)


def test_more_threads_than_cores_are_an_error():
    with pytest.raises(SettingsError, match="cores"):
        measure_speed([Copier()], [1], [10_000])


def test_files_hold_what_was_measured_and_are_read_again(tmp_path):
    rows = [
        *(row(codec, s, [0.1 + s / x, 0.1 + s / x]) for codec, x in (("brevox", 50), ("opus", 100)) for s in (10, 60)),
        replace(row("opus", 600, []), encode=(), decode=(), problem="not measured: enough"),
    ]
    paths = write_speed(tmp_path / "new", rows, {"machine": "mine"})
    assert [path.name for path in paths] == ["speed.json", "speed.csv", "speed.png"]
    assert read_speed(paths[0]) == rows
    assert len(paths[1].read_text().splitlines()) == 1 + 4 * 3 + 1
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    lines = {line["codec"]: line for line in speed_table(rows)}
    assert lines["opus"]["length, s"] == "60"
    assert lines["opus"]["encode time / brevox"] == "0.54 (0.54 to 0.54)"
    assert lines["opus"]["remarks"] == "600 s: not measured: enough"
    assert lines["brevox"]["encode time / brevox"] == "1"
    assert growth_lines(rows)[0].startswith("brevox, 1 thread, encode: 0.10 s +20.00 ms per second of audio (x50 ")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(SettingsError, match="not a speed"):
        read_speed(tmp_path / "other.json")


def test_real_codecs_give_plausible_numbers():
    peers = [peer for peer in make_speed_peers(["brevox", "opus", "codec2"]) if not peer.missing()]
    rows = measure_speed(peers, [2, 5], [1], repeats=1)
    for found in rows:
        assert found.problem == ""
        assert 0.3 < found.kbps < 10
        for cost in (*found.encode, *found.decode):
            assert 0 < cost.startup_s < 60
            assert 0 < cost.coding_s < 60
            assert 10 < cost.memory_mb < 2000
    assert len(speed_table(rows)) == len(peers)


def test_networks_without_weights_are_measured_and_say_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("BREVOX_DAC", raising=False)
    (peer,) = make_speed_peers(["dac"])
    assert peer.missing() is None
    assert "untrained" in peer.title


def test_the_command_writes_its_files(tmp_path):
    done = CliRunner().invoke(
        app, ["speed", "-c", "brevox", "--lengths", "1,2", "--threads", "1", "--repeats", "1", "-o", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {"speed.json", "speed.csv", "speed.png"}
    assert [found.length_s for found in read_speed(tmp_path / "speed.json")] == [1, 2]
    assert "per second of audio" in done.output


@pytest.mark.parametrize("wrong", [["--lengths", "long"], ["--lengths", "0"], ["--threads", "1.5"], ["-c", "opux"]])
def test_the_command_refuses_what_it_cannot_do(wrong):
    assert isinstance(CliRunner().invoke(app, ["speed", *wrong]).exception, SettingsError)
