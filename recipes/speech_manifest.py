"""List the speech of docs/models/speech-16k.md for `brevox data prepare --manifest`.

    python recipes/speech_manifest.py SPEECH DEBIAN MANIFEST_TSV -o manifest.tsv

SPEECH holds `index.tsv` and the unpacked tars (train/, valid/, test/); DEBIAN the unpacked packages that
recipes/fetch_debian_speech.sh fetched; MANIFEST_TSV says which of their files are speech. What is held out for
testing (asterisk-fr, festvox-ru 0590-0620, pocketsphinx-testdata) is never listed as `train` or `valid`.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

HELD_OUT_GROUPS = {"asterisk-fr"}
HELD_OUT_FILES = re.compile(r"festvox-ru/.*[_/]ru_(059\d|06[01]\d|0620)\D|festvox-ru/.*/(059\d|06[01]\d|0620)\.")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("debian", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("manifest.tsv"))
    arguments = parser.parse_args()

    lines = [
        (arguments.speech / row["path"], f"{row['corpus']}/{row['speaker']}", row["split"])
        for row in rows(arguments.speech / "index.tsv")
    ]
    for row in rows(arguments.manifest):
        held_out = row["group"] in HELD_OUT_GROUPS or HELD_OUT_FILES.search(row["path"])
        lines.append((arguments.debian / row["path"], row["group"], "test" if held_out else "train"))
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(("path", "speaker", "split"))
        writer.writerows((path.resolve(), speaker, split) for path, speaker, split in lines)
    counts = {split: sum(line[2] == split for line in lines) for split in ("train", "valid", "test")}
    print(f"{arguments.output}: {counts}")


if __name__ == "__main__":
    main()
