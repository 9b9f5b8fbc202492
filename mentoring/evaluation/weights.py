"""What the points of each criterion have to do with how well people said that they fit.

Belongs here: the estimate, its intervals, and when the data carry a change of weights. Does not belong here:
which pairs answered (`mentoring.completion`), the words (`sentences`) and changing a weight (the committee does).

An ordinary least squares line through all pairs: fit (1 to 5) against the share of its weight that each criterion
earned. Today's weights say how the effects ought to stand to each other. A change is suggested only for a criterion
whose effect differs from that, after a correction for asking about several criteria at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

#: Pairs needed for each criterion, and in all: with fewer, a line fits the chance in the data
#: (F. E. Harrell, "Regression Modeling Strategies", 2nd ed., Springer 2015, section 4.4).
PAIRS_PER_CRITERION, FEWEST_PAIRS = 20, 60
#: A criterion that earned nearly the same in every pair teaches nothing (standard deviation of its share).
LEAST_SPREAD = 0.02
CONFIDENCE = 0.95
#: Suggested weights are round numbers; the data carry no finer ones.
STEP = 10

Verdict = Literal["too_few", "no_relation", "keep", "change"]


@dataclass(frozen=True)
class PairOutcome:
    """One pair: the share (0 to 1) of its weight that each criterion earned, and the mean fit of who answered."""

    shares: Mapping[str, float]
    fit: float


@dataclass(frozen=True)
class Effect:
    """Steps of fit between none and all of a criterion's points, with the ends of the corrected interval.

    `suggested` is a weight in points, or None where the data carry no change.
    """

    criterion: str
    weight: int
    effect: float
    low: float
    high: float
    suggested: int | None = None


@dataclass(frozen=True)
class WeightLesson:
    """What a program may learn about its weights; `effects` are empty while `verdict` is “too_few”."""

    verdict: Verdict
    pairs: int
    needed: int
    effects: tuple[Effect, ...] = ()


def learn_weights(outcomes: Sequence[PairOutcome], weights: Mapping[str, int]) -> WeightLesson:
    """Return what the outcomes say of the weights (points by criterion; 0 is switched off and left out).

    Intervals hold together at 95 % (Bonferroni), with standard errors that allow for pairs of unequal scatter: HC3,
    J. G. MacKinnon and H. White, "Some heteroskedasticity-consistent covariance matrix estimators with improved
    finite sample properties", Journal of Econometrics 29 (1985), 305–325.
    """
    used = [name for name, weight in weights.items() if weight > 0]
    needed = max(FEWEST_PAIRS, PAIRS_PER_CRITERION * len(used))
    if len(outcomes) < needed or not used:
        return WeightLesson("too_few", len(outcomes), needed)
    import numpy as np

    shares = np.array([[pair.shares[name] for name in used] for pair in outcomes])
    kept = [at for at in range(len(used)) if shares[:, at].std() >= LEAST_SPREAD]
    design = np.column_stack([np.ones(len(outcomes)), shares[:, kept]])
    if not kept or np.linalg.matrix_rank(design) < design.shape[1]:
        return WeightLesson("no_relation", len(outcomes), needed)
    names = {used[at]: weights[used[at]] for at in kept}
    effects, spread = _fit_line(design, np.array([pair.fit for pair in outcomes]))
    return _judge(names, effects[1:], spread[1:, 1:], len(outcomes), needed)


def _fit_line(design: np.ndarray, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their HC3 covariance."""
    import numpy as np

    inverse = np.linalg.inv(design.T @ design)
    effects = inverse @ design.T @ fit
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    scaled = design * ((fit - design @ effects) / np.maximum(1 - leverage, 1e-9))[:, None]
    return effects, inverse @ scaled.T @ scaled @ inverse


def _judge(
    weights: Mapping[str, int], effects: np.ndarray, spread: np.ndarray, pairs: int, needed: int
) -> WeightLesson:
    import numpy as np
    from scipy.special import stdtrit

    free = pairs - len(weights) - 1
    corrected = float(stdtrit(free, 1 - (1 - CONFIDENCE) / 2 / len(weights)))
    points = np.array(list(weights.values()), dtype=float)
    total, error = float(effects.sum()), sqrt(float(spread.sum()))
    has_relation = total - float(stdtrit(free, (1 + CONFIDENCE) / 2)) * error > 0
    # How far each effect is from its part of all effects, were today's weights right: a contrast for each criterion.
    contrasts = np.eye(len(points)) - np.outer(points / points.sum(), np.ones(len(points)))
    distance = contrasts @ effects
    doubt = corrected * np.sqrt(np.einsum("ij,jk,ik->i", contrasts, spread, contrasts))
    found = []
    for at, (name, weight) in enumerate(weights.items()):
        half = corrected * sqrt(float(spread[at, at]))
        suggested = None
        if has_relation and abs(distance[at]) > doubt[at]:
            suggested = max(0, round(float(effects[at]) / total * float(points.sum()) / STEP) * STEP)
        effect = float(effects[at])
        found.append(Effect(name, weight, effect, effect - half, effect + half, suggested))
    changes = any(item.suggested not in (None, item.weight) for item in found)
    verdict: Verdict = "change" if changes else "keep" if has_relation else "no_relation"
    return WeightLesson(verdict, pairs, needed, tuple(found))
