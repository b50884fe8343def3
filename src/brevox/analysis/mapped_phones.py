"""The evaluation `mapping`: how well the phones that codes stand for are met."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.mapping import Mapping, mapping
from brevox.analysis.runs import Run
from brevox.pictures import colour


def draw(result: Mapping) -> Figure:
    """Recall of each phone, and how many codes it has."""
    table = result.table
    order = np.argsort(-table.counts.sum(axis=0), kind="stable")
    phones = [table.phones[place] for place in order]
    figure = Figure(figsize=(max(7.0, 0.24 * len(phones) + 1.5), 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    above.bar(range(len(phones)), 100 * result.recall[order], color=colour(1))
    above.axhline(100 * result.accuracy, color=colour(0), linestyle="--", linewidth=1.2, label="all frames")
    above.set(ylabel="% of the phone's frames\nwhose code stands for it", ylim=(0, 100))
    held_out = "" if result.held_out is None else f", {result.held_out:.1%} on utterances it was not made from"
    above.set_title(
        f"accuracy {result.accuracy:.1%}{held_out}; the commonest phone alone: {result.chance:.1%}", fontsize=10
    )
    above.legend(fontsize=8, frameon=False, loc="upper right")
    below.bar(range(len(phones)), result.codes_of[order], color=colour(2))
    below.set(ylabel="codes that\nstand for it", xlabel="phones, the most frequent first")
    below.set_xticks(range(len(phones)), phones, fontsize=9)
    below.set_xlim(-0.7, len(phones) - 0.3)
    for axes in (above, below):
        axes.grid(axis="y", alpha=0.25)
        axes.set_axisbelow(True)
    return figure


def _facts(result: Mapping) -> dict[str, float | str]:
    missing = [phone for phone, codes in zip(result.table.phones, result.codes_of, strict=True) if not codes]
    told: dict[str, float | str] = {"accuracy": result.accuracy}
    if result.held_out is not None:
        told["accuracy on other utterances"] = result.held_out
    told["accuracy of one code for all"] = result.chance
    told["phones without a code"] = f"{len(missing)} of {len(result.table.phones)}"
    return told


def _table(result: Mapping) -> dict[str, bytes]:
    shares = result.table.phone_given_code
    frames = result.table.counts.sum(axis=1)
    rows = []
    for code in result.table.used:
        phone = result.phone_of[code]
        rows.append([code, result.table.phones[phone], shares[code, phone], frames[code]])
    return {".csv": csv_bytes(["code", "phone", "share_of_its_frames", "frames"], rows)}


MAPPING: Evaluation[Run, Mapping] = Evaluation(
    name="mapping",
    title="The phone that each code stands for",
    read=(
        "Each code is taken for the phone that it falls together with most. Above: of each phone's frames the share"
        " that is then named right. Below: how many codes a phone has; one without a code is never named. The "
        "accuracy over all frames is the purity; the second one is fair to large codebooks, which could learn their"
        " mapping by heart."
    ),
    compute=lambda run: mapping(run.observation),
    draw=draw,
    facts=_facts,
    files=_table,
    numbers=_facts,
)
