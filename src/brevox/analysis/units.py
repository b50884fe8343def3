"""The codes as unit tokens for language models, and how many bits they take.

Text as for HuBERT's units, a line an utterance; Parquet as of `brevox data tokenize` (docs/tokens.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import brevox
from brevox.analysis.evaluation import Evaluation
from brevox.analysis.observed import Observation, Observed
from brevox.analysis.repeats import repeats
from brevox.analysis.runs import Run
from brevox.codec.tokens import Tokens
from brevox.data.prepare import Source
from brevox.data.token_files import Row, to_parquet
from brevox.pictures import colour


@dataclass(frozen=True)
class Bitrate:
    """Bits a second of one way to write the units down.

    Args:
        tokens_a_second: on average.
        nominal: with a plain number for each, log2 of the codebook's size.
        entropy: with a code that knows how frequent each is.
        conditional: with one that knows the token before, too, made from the other half of the utterances, as what a
            bigram model learns by heart is no saving; not a number if there is only one.
    """

    tokens_a_second: float
    nominal: float
    entropy: float
    conditional: float


@dataclass(frozen=True)
class Units:
    """The units of one run.

    Args:
        utterances: by name, speaker and codes.
        size: of the codebook.
        frame_rate_hz: codes a second.
        every: with all repeats.
        once: repeats left out, and with them how long each lasts.
        durations: bits a second that these lengths would take, by how frequent each is.
    """

    run: str
    split: str
    utterances: tuple[Observed, ...]
    size: int
    frame_rate_hz: float
    sample_rate: int
    every: Bitrate
    once: Bitrate
    durations: float


def without_repeats(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each stretch of one code as one token. Shape: [frames] to [stretches]."""
    return codes[repeats(codes)[0]]


def units(observation: Observation) -> Units:
    """Take all utterances' codes, and count bits."""
    sequences = [one.codes for one in observation.spoken]
    lengths = np.concatenate([repeats(codes)[1] for codes in sequences])
    seconds = observation.seconds
    return Units(
        observation.name,
        observation.split,
        observation.spoken,
        observation.size,
        observation.frame_rate_hz,
        observation.sample_rate,
        bitrate(sequences, observation.size, seconds),
        bitrate([without_repeats(codes) for codes in sequences], observation.size, seconds),
        len(lengths) * _entropy_bits(np.bincount(lengths)) / seconds,
    )


def bitrate(sequences: list[NDArray[np.int64]], size: int, seconds: float) -> Bitrate:
    """Of some sequences of tokens below `size`, which all together last so many seconds."""
    tokens = np.concatenate(sequences)
    entropy = _entropy_bits(np.bincount(tokens))
    rate = len(tokens) / seconds
    halves = sequences[::2], sequences[1::2]
    bits = _bigram_bits(*halves, size) + _bigram_bits(*halves[::-1], size) if halves[1] else float("nan")
    return Bitrate(rate, rate * log2(size), rate * entropy, bits / seconds)


def _bigram_bits(known: list[NDArray[np.int64]], asked: list[NDArray[np.int64]], size: int) -> float:
    """What a bigram model of some sequences takes for others.

    What it has never seen it takes from the frequencies of single tokens (Witten and Bell 1991).
    """
    single = 1.0 + np.bincount(np.concatenate(known), minlength=size)
    single /= single.sum()
    pairs, counts = np.unique(np.concatenate([each[:-1] * size + each[1:] for each in known]), return_counts=True)
    seen = np.bincount(pairs // size, weights=counts, minlength=size)
    kinds = np.bincount(pairs // size, minlength=size)
    firsts = np.array([each[0] for each in asked])
    before = np.concatenate([each[:-1] for each in asked])
    after = np.concatenate([each[1:] for each in asked])
    wanted = before * size + after
    # Where a pair would be among the sorted ones; it may not be there.
    place = np.minimum(np.searchsorted(pairs, wanted), max(0, len(pairs) - 1))
    times = np.where(pairs[place] == wanted, counts[place], 0) if len(pairs) else np.zeros(len(wanted))
    weight = seen[before] + kinds[before]
    share = np.where(weight > 0, (times + kinds[before] * single[after]) / np.maximum(weight, 1), single[after])
    return float(-np.log2(share).sum() - np.log2(single[firsts]).sum())


def _entropy_bits(counts: NDArray[np.int64]) -> float:
    counts = counts[counts > 0]
    if not len(counts):
        return 0.0
    share = counts / counts.sum()
    return max(0.0, float(-(share * np.log2(share)).sum()))


def to_text(result: Units, once: bool = False) -> bytes:
    """A line for each utterance: its name, a tab, and its codes with spaces between.

    Args:
        result: the units.
        once: leave repeats out.
    """
    lines = []
    for one in result.utterances:
        codes = without_repeats(one.codes) if once else one.codes
        # A name may be a path, which may hold anything.
        name = one.name.replace("\t", " ").replace("\n", " ")
        lines.append(f"{name}\t{' '.join(map(str, codes))}\n")
    return "".join(lines).encode()


def to_table(result: Units) -> bytes:
    """A Parquet file of the kind that `brevox data tokenize` writes, with one book."""
    rows = []
    for one in result.utterances:
        samples = round(one.frames / result.frame_rate_hz * result.sample_rate)
        tokens = Tokens(one.codes[None].astype(np.uint16), None, samples if one.audio is None else len(one.audio))
        rows.append(Row(Source(Path(one.name), one.speaker, result.split), tokens))
    description = {
        "model": result.run,
        "model_id": "",
        "books": 1,
        "codes": result.size,
        "pitch_codes": 0,
        "frame_rate_hz": result.frame_rate_hz,
        "sample_rate": result.sample_rate,
        "brevox": brevox.__version__,
    }
    return to_parquet(rows, description)


def draw(result: Units) -> Figure:
    """Bars of bits a second."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    bars = [
        ("plain numbers", result.every.nominal, 0.0),
        ("entropy", result.every.entropy, 0.0),
        ("entropy, knowing the one before", result.every.conditional, 0.0),
        ("repeats left out: plain numbers", result.once.nominal, result.durations),
        ("repeats left out: entropy", result.once.entropy, result.durations),
        ("repeats left out: entropy,\nknowing the one before", result.once.conditional, result.durations),
    ]
    at = np.arange(len(bars))
    values, lengths = np.nan_to_num([bar[1] for bar in bars]), np.array([bar[2] for bar in bars])
    axes.barh(at, values, color=[colour(1)] * 3 + [colour(2)] * 3)
    axes.barh(at, lengths, left=values, color="0.8", hatch="//", edgecolor="0.55", label="and how long each lasts")
    for place, (value, length) in enumerate(zip(values, lengths, strict=True)):
        told = f" {value:.0f}" + (f" (+{length:.0f})" if length else "")
        axes.text(value + length, place, told, va="center", fontsize=9)
    axes.set_yticks(at, [bar[0] for bar in bars], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("bit/s")
    axes.margins(x=0.12)
    rates = result.every.tokens_a_second, result.once.tokens_a_second
    axes.set_title(f"{result.size} codes, {rates[0]:.1f} a second; {rates[1]:.1f} without repeats", fontsize=10)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return figure


def _facts(result: Units) -> dict[str, float | str]:
    return {
        "utterances": len(result.utterances),
        "tokens a second": result.every.tokens_a_second,
        "bit/s, plain numbers": result.every.nominal,
        "bit/s, entropy": result.every.entropy,
        "tokens a second without repeats": result.once.tokens_a_second,
        "bit/s without repeats, entropy": result.once.entropy,
        "bit/s of their durations": result.durations,
    }


def _files(result: Units) -> dict[str, bytes]:
    return {".txt": to_text(result), "-without-repeats.txt": to_text(result, once=True), ".parquet": to_table(result)}


UNITS: Evaluation[Run, Units] = Evaluation(
    name="units",
    title="Unit tokens and their bit rate",
    read=(
        "How many bits a second the codes take. Blue: with repeats, as plain numbers, by how frequent each is, and "
        "knowing the one before. Green: repeats left out, as language models often want it; what was left out, how "
        "long each lasts, would take the hatched part. The tokens themselves are in units.txt, units-without-"
        "repeats.txt and units.parquet."
    ),
    compute=lambda run: units(run.observation),
    draw=draw,
    facts=_facts,
    files=_files,
    numbers=lambda result: {
        "run": result.run,
        "split": result.split,
        "codes": result.size,
        "with_repeats": result.every,
        "without_repeats": result.once,
        "durations": result.durations,
    },
)
