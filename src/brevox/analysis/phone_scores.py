"""The evaluation `clustering`: scores of one run beside k-means and chance."""

from __future__ import annotations

from dataclasses import asdict

from matplotlib.figure import Figure

from brevox.analysis.agreement import SEEDS, Agreement, mean_and_spread
from brevox.analysis.clustering import TITLES, Scores
from brevox.analysis.evaluation import Evaluation, csv_bytes
from brevox.analysis.runs import Run
from brevox.analysis.score_bars import Bars, draw_bars


def draw(result: Agreement) -> Figure:
    """A bar for the model, for k-means and for chance, of each score."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    axes = figure.subplots()
    bars = [Bars(result.run, [result.scores])]
    if result.baseline:
        label = f"k-means on the features ({result.baseline_split}), {result.size} clusters"
        bars.append(Bars(label, result.baseline, beside=True))
    bars.append(Bars("the same codes, shuffled", result.chance, beside=True))
    draw_bars(axes, bars)
    occur = f"{result.used} of {result.size} codes occur"
    axes.set_title(f"{result.frames:,} frames of {result.phones} phones; {occur} ({result.split})", fontsize=10)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _facts(result: Agreement) -> dict[str, float | str]:
    told: dict[str, float | str] = {TITLES[name]: value for name, value in asdict(result.scores).items()}
    if result.baseline:
        told |= {f"{TITLES[n]} of k-means": mean_and_spread(result.baseline, n)[0] for n in ("ami", "pnmi", "purity")}
    else:
        told["no k-means beside it"] = result.no_baseline
    return told


def _table(result: Agreement) -> dict[str, bytes]:
    rows: list[tuple[str, int, Scores]] = [("codes", 0, result.scores)]
    rows += [("k-means", seed, each) for seed, each in zip(SEEDS, result.baseline, strict=False)]
    rows += [("shuffled", seed, each) for seed, each in zip(SEEDS, result.chance, strict=True)]
    return {".csv": csv_bytes(["what", "seed", *TITLES], ([what, seed, *asdict(s).values()] for what, seed, s in rows))}


CLUSTERING: Evaluation[Run, Agreement] = Evaluation(
    name="clustering",
    title="Agreement of codes and phones",
    read=(
        "Each bar is a score, at most 1, of how well codes tell phones. AMI and ARI are 0 for codes that know "
        "nothing; the others are above 0 even then, and purity and PNMI rise with the number of codes: look how far"
        " they are above the shuffled codes, and whether the model beats k-means with as many clusters. PNMI is "
        "homogeneity and V-measure is NMI under another name; papers use all four. Thin lines are the standard "
        "deviation over seeds of k-means."
    ),
    compute=lambda run: run.agreement,
    draw=draw,
    facts=_facts,
    files=_table,
)
