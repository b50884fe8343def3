"""What the listeners of a listening test said, after ITU-R BS.1534-3: who is left out, means, intervals, differences.

Listeners are what a test draws from; the clips are those that were chosen. So every number below is made of one mean
for each listener, over the clips: intervals resample listeners, and tests of differences compare within listeners.
Ratings of one listener depend on each other, and counted one by one they would make any test look surer than it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, t

from brevox.errors import DataError
from brevox.evaluation.listening import ANCHOR, REFERENCE
from brevox.evaluation.listening_results import Key, Listener, read_key, read_results, without_copies

_REFERENCE_AT_LEAST = 90
_MOST_BELOW = 0.15  # of a listener's trials
#: BS.1534-3: data of 20 assessors are often enough.
_ENOUGH_LISTENERS = 20
#: All of n listeners lie on the same side of the truth by chance in 2^(1-n) of all tests: below 6, in more than 5 %.
#: So no interval within what was rated covers with 95 %, and no signed-rank test reaches 5 %.
FEWEST_LISTENERS = 6
_RESAMPLES = 10_000
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Between these lies the mean with 95 % confidence, were other listeners of the same kind asked."""

    low: float
    high: float


@dataclass(frozen=True)
class ConditionScore:
    """Of one condition.

    mean, median, quartiles: of all its ratings.
    interval: of the mean; None with fewer than 6 listeners.
    """

    condition: str
    ratings: int
    mean: float
    median: float
    quartiles: tuple[float, float]
    interval: Interval | None


@dataclass(frozen=True)
class Difference:
    """Of two conditions, over the trials that have both.

    mean: the first's ratings minus the second's.
    p: of Wilcoxon's signed-rank test over listeners, two-sided.
    p_holm: the same, corrected for the number of pairs (Holm, Scandinavian Journal of Statistics 6(2), 1979).
    """

    first: str
    second: str
    mean: float
    interval: Interval | None
    p: float
    p_holm: float


@dataclass(frozen=True)
class Analysis:
    """All that a listening test tells.

    conditions: best first.
    differences: of all conditions but the anchor, which nobody asks about.
    excluded: listeners, and why.
    warnings: what to keep in mind, as sentences.
    """

    title: str
    trials: int
    kept: list[Listener]
    excluded: list[tuple[Listener, str]]
    conditions: list[ConditionScore]
    differences: list[Difference]
    warnings: list[str]


def analyse(results: Sequence[Path], key: Path) -> Analysis:
    """Put results and key together.

    BS.1534-3 leaves out listeners who rate the hidden reference below 90 in more than 15 % of the trials, and so does
    this. Its second rule is about an anchor of 7 kHz, which these tests do not have.

    Args:
        results: one file a listener, as the page saved it.
        key: `listening-test-key.json`.

    Raises:
        DataError: a file is missing, is not what it should be, belongs to another test, or lacks ratings; or no
            listener is left.
    """
    if not results:
        raise DataError("no results to analyse; give the files that listeners saved")
    told = read_key(key)
    listeners, warnings = without_copies([read_results(path, told) for path in results])
    kept, excluded = [], []
    for listener in listeners:
        rated = [rating for _, condition, rating in listener.ratings if condition == REFERENCE]
        below = sum(rating < _REFERENCE_AT_LEAST for rating in rated)
        if below > _MOST_BELOW * len(rated):
            excluded.append((listener, f"rated the hidden reference below 90 in {below} of {len(rated)} trials"))
        else:
            kept.append(listener)
    if not kept:
        who = ", ".join(listener.name for listener in listeners)
        raise DataError(
            f"nobody is left: each of {who} rated the hidden reference below 90 in more than 15 % of the trials. "
            "They could not hear differences, or did not know what to do"
        )
    ratings = _array(kept, told)
    conditions = [_score(told.conditions[i], ratings[:, :, i]) for i in range(len(told.conditions))]
    conditions.sort(key=lambda score: (-score.mean, score.condition))
    differences = _differences(ratings, told.conditions, [score.condition for score in conditions])
    warnings += _about_numbers(len(kept), len(differences), told)
    return Analysis(told.title, len(told.trials), kept, excluded, conditions, differences, warnings)


def bootstrap_interval(values: NDArray[np.float64]) -> Interval | None:
    """Of the mean, at 95 %, over listeners drawn with replacement.

    Percentiles of the bootstrap, but further out than 2.5 and 97.5 %, by as much as makes the interval right for
    normal values (Hesterberg, The American Statistician 69(4), 2015, "expanded percentile interval"): plain
    percentiles are too narrow for few listeners, by 30 % with 6, and BCa corrects skewness but not that.

    Args:
        values: one for each listener. Shape [listeners].

    Returns:
        None with fewer than 6 listeners: no interval within their values can be sure to 95 %.
    """
    count = len(values)
    if count < FEWEST_LISTENERS:
        return None
    means = _shares(count) @ values
    tail = norm.cdf(math.sqrt(count / (count - 1)) * t.ppf((1 - _CONFIDENCE) / 2, count - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


@cache
def _shares(count: int) -> NDArray[np.float64]:
    """What part of each resample each listener is; the same resamples for all. Shape [resamples, listeners]."""
    return np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=_RESAMPLES) / count


def signed_rank_p(differences: NDArray[np.float64]) -> float:
    """Wilcoxon's signed-rank test (Biometrics Bulletin 1(6), 1945), two-sided, exact with ties too. Zeros are left out.

    scipy's gives the same, but with ties, which ratings have, takes a second for each pair, or approximates.

    Args:
        differences: one for each listener. Shape [listeners].
    """
    differences = differences[differences != 0]
    # Doubled, so that those of ties are whole numbers.
    ranks = np.rint(2 * rankdata(np.abs(differences))).astype(int)
    # How probable is each sum of ranks, if each difference might as well have the other sign.
    probability = np.ones(1)
    for rank in ranks:
        probability = (np.pad(probability, (0, rank)) + np.pad(probability, (rank, 0))) / 2
    found = int(ranks[differences > 0].sum())
    return float(min(1.0, 2 * min(probability[: found + 1].sum(), probability[found:].sum())))


def holm(p: Sequence[float]) -> list[float]:
    """Corrected for testing so many at once: if all below 5 % are believed, one is wrong in at most 5 % of tests."""
    corrected = [0.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, min(1.0, p[index] * (len(p) - rank)))
        corrected[index] = highest
    return corrected


def _about_numbers(listeners: int, pairs: int, key: Key) -> list[str]:
    """What the numbers of listeners and clips allow, as sentences."""
    warnings = []
    who = f"{listeners} listener{'' if listeners == 1 else 's'}"
    if listeners < FEWEST_LISTENERS:
        warnings.append(
            f"{who}: too few for intervals or tests at 95 %, which need {FEWEST_LISTENERS}; BS.1534-3 speaks of "
            f"{_ENOUGH_LISTENERS}. Take the means as a first impression"
        )
    elif listeners < _ENOUGH_LISTENERS:
        warnings.append(
            f"{who}; BS.1534-3 speaks of {_ENOUGH_LISTENERS}: expect wide intervals, and few sure differences"
        )
        if pairs * 2.0 ** (1 - listeners) > 1 - _CONFIDENCE:
            warnings.append(
                f"with {who} and {pairs} pairs no difference can be sure after correction, however large; "
                "ask more listeners, or about fewer conditions"
            )
    if len({frozenset(sounds.values()) for sounds in key.trials.values()}) > 1:
        warnings.append(
            "not every trial has every condition: means of conditions are over different clips; "
            "differences are over the clips that have both"
        )
    return warnings


def _array(kept: Sequence[Listener], key: Key) -> NDArray[np.float64]:
    """Ratings, NaN where a trial lacks a condition. Shape [listeners, trials, conditions]."""
    trial_at = {name: i for i, name in enumerate(key.names.values())}
    condition_at = {name: i for i, name in enumerate(key.conditions)}
    ratings = np.full((len(kept), len(trial_at), len(condition_at)), np.nan)
    for row, listener in enumerate(kept):
        for trial, condition, rating in listener.ratings:
            ratings[row, trial_at[trial], condition_at[condition]] = rating
    return ratings


def _score(condition: str, ratings: NDArray[np.float64]) -> ConditionScore:
    """Of one condition. Shape [listeners, trials]."""
    given = ratings[~np.isnan(ratings)]
    low, median, high = np.percentile(given, [25, 50, 75])
    interval = bootstrap_interval(np.nanmean(ratings, axis=1))
    return ConditionScore(
        condition, len(given), float(given.mean()), float(median), (float(low), float(high)), interval
    )


def _differences(ratings: NDArray[np.float64], columns: Sequence[str], ranked: Sequence[str]) -> list[Difference]:
    """Of every two conditions but the anchor, those ranked higher first."""
    names = [name for name in ranked if name != ANCHOR]
    found: list[tuple[str, str, NDArray[np.float64]]] = []
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            each = ratings[:, :, columns.index(first)] - ratings[:, :, columns.index(second)]
            both = ~np.isnan(each).all(axis=0)
            if both.any():
                # Rounded: means that are equal on paper must be ties.
                found.append((first, second, each[:, both].mean(axis=1).round(9)))
    p = [signed_rank_p(by_listener) for _, _, by_listener in found]
    return [
        Difference(first, second, float(by_listener.mean()), bootstrap_interval(by_listener), one_p, corrected)
        for (first, second, by_listener), one_p, corrected in zip(found, p, holm(p), strict=True)
    ]
