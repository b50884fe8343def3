"""The evaluation `phones-given-codes`: the matrix P(phone | code)."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.mapping import Mapping, mapping
from brevox.analysis.runs import Run

_MOST_LABELS = 70


def ordered(result: Mapping) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes and phones in the order of the picture: phones by frequency, codes by their phone, the surest first."""
    phones = np.argsort(-result.table.counts.sum(axis=0), kind="stable")
    rank = np.argsort(phones)
    codes = result.table.used
    surest = result.table.phone_given_code[codes].max(axis=1)
    return codes[np.lexsort((-surest, rank[result.phone_of[codes]]))], phones


def draw(result: Mapping) -> Figure:
    """A row for each code that occurs, a column for each phone."""
    codes, phones = ordered(result)
    height = 2 + (0.16 * len(codes) if len(codes) <= _MOST_LABELS else 9)
    figure = Figure(figsize=(max(7.0, 0.2 * len(phones) + 2.5), height), layout="constrained")
    axes = figure.subplots()
    shares = result.table.phone_given_code[np.ix_(codes, phones)]
    image = axes.imshow(shares, cmap="cividis", vmin=0, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(phones)), [result.table.phones[place] for place in phones], fontsize=9)
    axes.set(xlabel="phones, the most frequent first", ylabel="codes, ordered by the phone they stand for")
    if len(codes) <= _MOST_LABELS:
        axes.set_yticks(range(len(codes)), [str(code) for code in codes], fontsize=7)
    else:
        axes.set_yticks([])
    figure.colorbar(image, ax=axes, label="P(phone | code)", shrink=0.6)
    return figure


def _facts(result: Mapping) -> dict[str, float | str]:
    surest = result.table.phone_given_code[result.table.used].max(axis=1)
    return {
        "codes that stand for one phone in half of their frames or more": f"{(surest >= 0.5).sum()} of {len(surest)}",
        "median share of a code's best phone": float(np.median(surest)),
    }


def _table(result: Mapping) -> dict[str, bytes]:
    shares = result.table.phone_given_code
    return {".csv": csv_bytes(["code", *result.table.phones], ([code, *shares[code]] for code in result.table.used))}


CONDITIONAL: Evaluation[Run, Mapping] = Evaluation(
    name="phones-given-codes",
    title="P(phone | code)",
    read=(
        "Each row is a code and sums to 1: bright cells are the phones it is used for. A staircase of single bright"
        " cells means codes that each know one phone; rows with several bright cells are codes for a kind of sound "
        "(vowels, nasals, fricatives), and rows without any say nothing about phones. Codes that never occur have "
        "no row."
    ),
    compute=lambda run: mapping(run.observation),
    draw=draw,
    facts=_facts,
    files=_table,
    numbers=_facts,
)
