"""List the speech of 24 kHz and more for `brevox data prepare --rate 24000 --manifest`: three voices, about 2.4 hours.

    python recipes/speech_24k_manifest.py SPEECH -o manifest-24k.tsv

SPEECH holds `index.tsv` and the unpacked tars. Kathleen says sentences several times: every fortieth *sentence*, with
all its takes, is `valid`, so that validation hears new sentences, by voices that were trained on.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

CORPORA = ("kathleen", "nathalie", "dc_tts")
EVERY = 40


def sentence(path: str) -> str:
    """What all takes of a sentence have in common: the name without the time of the recording."""
    return re.sub(r"_\d{10}$", "", Path(path).stem)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("manifest-24k.tsv"))
    arguments = parser.parse_args()
    with (arguments.speech / "index.tsv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["corpus"] in CORPORA]
    sentences = sorted({sentence(row["path"]) for row in rows})
    held_out = set(sentences[::EVERY])
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(("path", "speaker", "split"))
        for row in rows:
            split = "valid" if sentence(row["path"]) in held_out else "train"
            writer.writerow(((arguments.speech / row["path"]).resolve(), row["corpus"], split))
    print(f"{arguments.output}: {len(rows)} recordings of {len(sentences)} sentences, {len(held_out)} held out")


if __name__ == "__main__":
    main()
