"""How well codes, taken as clusters of frames, agree with phones.

All scores are functions of one table of counts (contingency.py), and do not change when codes are renamed. Those of
information are in nats inside and ratios outside. Sources: Hubert and Arabie 1985 (ARI); Vinh, Epps and Bailey 2010
(AMI); Rosenberg and Hirschberg 2007 (homogeneity, completeness, V-measure); Hsu et al. 2021, HuBERT (purities, PNMI).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NO_ROOM = 1e-10


@dataclass(frozen=True)
class Scores:
    """Agreement of codes and phones; 1 is the best of each.

    Args:
        ami: mutual information above chance; 0 for codes that know nothing. The one to compare models by.
        nmi: mutual information over the mean of both entropies; chance is above 0, more so with more codes.
        ari: pairs of frames on which both agree, above chance.
        pnmi: mutual information over the entropy of phones: the share of what there is to know about the phone that
            the code tells. Grows with the number of codes.
        homogeneity: whether a code holds one phone only; the same number as PNMI, under its older name.
        completeness: whether a phone has one code only.
        v_measure: harmonic mean of the two; the same number as NMI.
        purity: share of frames whose phone is the most frequent one of their code ("phone purity" of HuBERT).
        code_purity: share of frames whose code is the most frequent one of their phone ("cluster purity").
    """

    ami: float
    nmi: float
    ari: float
    pnmi: float
    homogeneity: float
    completeness: float
    v_measure: float
    purity: float
    code_purity: float


#: What a score is called where people read.
TITLES = {
    "ami": "AMI",
    "nmi": "NMI",
    "ari": "ARI",
    "pnmi": "PNMI",
    "homogeneity": "homogeneity",
    "completeness": "completeness",
    "v_measure": "V-measure",
    "purity": "purity",
    "code_purity": "code purity",
}


def clustering_scores(counts: NDArray[np.int64]) -> Scores:
    """All scores of a table.

    Args:
        counts: frames with each code and phone, at least one. Shape: [codes, phones].
    """
    # scikit-learn is slow to load, and who only counts does not need it.
    from sklearn.metrics.cluster import expected_mutual_information

    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    frames = counts.sum()
    of_codes, of_phones = _entropy(counts.sum(axis=1)), _entropy(counts.sum(axis=0))
    shared = max(0.0, of_codes + of_phones - _entropy(counts.ravel()))
    homogeneity = shared / of_phones if of_phones else 1.0
    completeness = shared / of_codes if of_codes else 1.0
    middle = (of_codes + of_phones) / 2
    nmi = shared / middle if middle else 1.0
    if min(counts.shape) == 1:
        ami = float(counts.size == 1)
    else:
        chance = expected_mutual_information(counts, frames)
        room = middle - chance
        # Where every frame has a code and a phone of its own, chance is perfect too.
        ami = (shared - chance) / room if room > _NO_ROOM else 1.0
    return Scores(
        ami=float(ami),
        nmi=nmi,
        ari=_adjusted_rand(counts),
        pnmi=homogeneity,
        homogeneity=homogeneity,
        completeness=completeness,
        v_measure=2 * homogeneity * completeness / (homogeneity + completeness) if shared else nmi,
        purity=float(counts.max(axis=1).sum() / frames),
        code_purity=float(counts.max(axis=0).sum() / frames),
    )


def _entropy(counts: NDArray[np.int64]) -> float:
    """In nats."""
    share = counts[counts > 0] / counts.sum()
    return max(0.0, float(-(share * np.log(share)).sum()))


def _adjusted_rand(counts: NDArray[np.int64]) -> float:
    together = _pairs(counts)
    of_codes, of_phones = _pairs(counts.sum(axis=1)), _pairs(counts.sum(axis=0))
    by_chance = of_codes * of_phones / max(1.0, _pairs(counts.sum()))
    most = (of_codes + of_phones) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def _pairs(counts: NDArray[np.int64]) -> float:
    """Of frames within each cell."""
    return float((counts * (counts - 1) // 2).sum())
