"""All evaluations, in the order of the page: training first, then what codes are, then what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brevox.analysis.across import SEEDS, SIZES
from brevox.analysis.alignments import ALIGNMENTS
from brevox.analysis.animation import ANIMATION
from brevox.analysis.bigrams import BIGRAMS
from brevox.analysis.conditional import CONDITIONAL
from brevox.analysis.distances import DISTANCES
from brevox.analysis.embedding import EMBEDDING
from brevox.analysis.evaluation import Evaluation
from brevox.analysis.frequencies import FREQUENCIES
from brevox.analysis.gradients import GRADIENTS
from brevox.analysis.lengths import LENGTHS
from brevox.analysis.losses import LOSSES
from brevox.analysis.mapped_phones import MAPPING
from brevox.analysis.merged import BANDS, MERGED
from brevox.analysis.phone_scores import CLUSTERING
from brevox.analysis.sample import SAMPLE
from brevox.analysis.units import UNITS
from brevox.errors import SettingsError
from brevox.registry import meant

#: By name.
EVALUATIONS: dict[str, Evaluation[Any, Any]] = {
    evaluation.name: evaluation
    for evaluation in (
        MERGED,
        BANDS,
        SIZES,
        SEEDS,
        LOSSES,
        GRADIENTS,
        SAMPLE,
        EMBEDDING,
        ANIMATION,
        DISTANCES,
        FREQUENCIES,
        BIGRAMS,
        LENGTHS,
        ALIGNMENTS,
        MAPPING,
        CONDITIONAL,
        CLUSTERING,
        UNITS,
    )
}


def choose_evaluations(names: Iterable[str] | None) -> list[Evaluation[Any, Any]]:
    """The evaluations of these names, in the order above; all if none are given.

    Raises:
        SettingsError: there is none of that name.
    """
    wanted = list(EVALUATIONS) if names is None else list(names)
    for name in wanted:
        if name not in EVALUATIONS:
            known = ", ".join(EVALUATIONS)
            raise SettingsError(f"there is no evaluation {name!r}{meant(name, EVALUATIONS)}; there are: {known}")
    return [evaluation for name, evaluation in EVALUATIONS.items() if name in wanted]
