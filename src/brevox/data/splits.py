"""Who is for training and who for validation: whole speakers, so that codecs are validated on voices new to them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import replace

from brevox.data.prepare import SPLITS, Source
from brevox.errors import DataError, SettingsError

#: The split of a source that nobody has decided on.
UNDECIDED = ""


def decide_splits(
    sources: list[Source], valid_fraction: float = 0.03, by: str = "speaker", seed: int = 0
) -> list[Source]:
    """Put every source that is `UNDECIDED` into `train` or `valid`.

    Whole speakers go to `valid`, at least one, chosen by a hash of their name so that adding files moves nobody.
    One speaker alone is split by files instead, and one file alone all goes to `train`. Where the sources are all of
    `train` or all of `valid` (a lone train-clean-100, say), that counts as undecided; `test` stays what it is.

    Args:
        sources: in any order, which is kept.
        valid_fraction: share of the undecided speakers (or of the one speaker's files) that goes to `valid`.
        by: `speaker`, as above, or `utterance`: of every speaker that share of the files.
        seed: of the hash.

    Raises:
        SettingsError: there is no such `by`.
        DataError: a speaker would be in several splits.
    """
    if by not in ("speaker", "utterance"):
        raise SettingsError(f"recordings are split by speaker or by utterance, not by {by!r}")
    decided = {source.split for source in sources} - {"test"}
    if decided in ({"train"}, {"valid"}):
        sources = [source if source.split == "test" else replace(source, split=UNDECIDED) for source in sources]
        decided = {UNDECIDED}
    undecided = [source for source in sources if source.split == UNDECIDED]
    speakers = {source.speaker for source in undecided}
    if by == "utterance" or (len(speakers) == 1 and "valid" not in decided):
        names: dict[str, set[str]] = {}
        for source in undecided:
            names.setdefault(source.speaker, set()).add(source.path.name)
        files = {speaker: _held_out(own, valid_fraction, seed) for speaker, own in names.items()}
        return [_decided(source, source.path.name in files.get(source.speaker, ())) for source in sources]
    held_out = _held_out(speakers, valid_fraction, seed)
    sources = [_decided(source, source.speaker in held_out) for source in sources]
    _check_apart(sources)
    return sources


def describe_splits(sources: list[Source], keeps_test: bool = False) -> list[str]:
    """Sentences that say how many recordings of how many speakers each split has, and what is doubtful about that.

    Args:
        sources: all of them.
        keeps_test: whether those of the split test are not left out.
    """
    speakers = {split: {s.speaker for s in sources if s.split == split} for split in SPLITS}
    counts = Counter(source.split for source in sources)
    told = [f"{split} {counts[split]:,} of {_speakers(len(speakers[split]))}" for split in SPLITS if counts[split]]
    lines = ["recordings: " + ", ".join(told) + (" (left out)" if counts["test"] and not keeps_test else "")]
    if shared := speakers["train"] & speakers["valid"]:
        lines.append(
            f"validation hears {_speakers(len(shared))} whom training hears too, in other recordings: "
            "what it says of new voices is too good"
        )
    if counts["train"] and not counts["valid"]:
        lines.append("nothing to validate on, which training needs: add recordings, or cut one in two")
    return lines


def _speakers(count: int) -> str:
    return f"{count:,} speaker" + "s" * (count != 1)


def _held_out(names: set[str], fraction: float, seed: int) -> set[str]:
    """A share of the names, at least one, but not the only one there is."""
    count = max(1, round(len(names) * fraction)) if len(names) > 1 else 0
    return set(sorted(names, key=lambda name: _name_hash(name, seed))[:count])


def _decided(source: Source, held_out: bool) -> Source:
    return replace(source, split="valid" if held_out else "train") if source.split == UNDECIDED else source


def _check_apart(sources: list[Source]) -> None:
    seen: dict[str, Source] = {}
    for source in sources:
        first = seen.setdefault(source.speaker, source)
        if first.split != source.split:
            raise DataError(
                f"speaker {source.speaker} is both in {first.split} ({first.path}) and in {source.split} "
                f"({source.path}); leave one of them out, or say who is where in a --manifest"
            )


def _name_hash(name: str, seed: int) -> bytes:
    salt = seed.to_bytes(hashlib.blake2b.SALT_SIZE, "little")
    return hashlib.blake2b(os.fsencode(name), digest_size=8, salt=salt).digest()
