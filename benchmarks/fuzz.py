"""Damaged and forged .sc and .bvx files by the ten thousand: `python benchmarks/fuzz.py [N] [--first CASE]`.

The cases are those of tests/codec/fuzzing.py, which says what counts as a finding; exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=int, nargs="?", default=20_000, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="where to begin, to try other ones")
    arguments = parser.parse_args()

    sys.path[:0] = [str(TESTS), str(TESTS / "codec")]
    from fuzzing import fuzz

    findings = 0
    for kind in ("sc", "bvx"):
        begin = time.monotonic()
        report = fuzz(kind, range(arguments.first, arguments.first + arguments.cases))
        print(f".{kind}, {time.monotonic() - begin:.0f} s: {report}", flush=True)
        findings += len(report.findings)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
