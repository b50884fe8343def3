"""Damaged and forged files end in an error or a flagged decode, soon, and without much memory."""

from __future__ import annotations

import sys

import pytest
from fuzzing import fuzz

WAYS_TO_END = {"sc": ("refused", "flagged", "same", "accepted"), "bvx": ("refused", "same", "accepted")}


@pytest.mark.parametrize("kind, cases", [("sc", 2500), ("bvx", 1500)])
def test_damaged_and_forged_files(kind, cases):
    report = fuzz(kind, range(cases))
    assert not report.findings, str(report)
    assert sum(report.outcomes.values()) == cases
    for outcome in WAYS_TO_END[kind]:  # each often enough to have been tried
        assert report.outcomes[outcome] > 0.01 * cases, str(report)


def test_faults_are_found():
    """Else it would mean nothing that none are."""
    report = fuzz("faults", range(6))
    expected = {0: "crash, exit code 11", 1: "took 1.", 2: "MiB for a file", 3: "KeyError", 4: "not a word about it"}
    if sys.platform != "linux":
        del expected[2]  # memory is measured there only
    assert report.findings == [(case, report.findings[i][1]) for i, case in enumerate(expected)]
    assert all(expected[case] in what for case, what in report.findings)
    assert report.outcomes["refused"] == 1
