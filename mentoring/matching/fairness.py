"""How fair a matching is: the worst pair lifted, pairs who would both rather have each other, and the spread
of points.

Belongs here: figures and thresholds over points. Does not belong here: the assignment itself, sentences.
Source of blocking pairs: Gale and Shapley 1962; of the lifted threshold: bottleneck assignment by bisection
(Garfinkel 1971).
"""

from typing import Any

import numpy as np

from mentoring.matching.assignment import solve


def lift_worst(points: np.ndarray, eligible: np.ndarray, capacity: np.ndarray, bonus: np.ndarray) -> int:
    """Return the most points that every pair can reach without matching fewer people or passing over who
    waited longer.
    """
    values = np.unique(points[eligible])
    if not len(values):
        return 0
    best = _count_bonus(eligible, capacity, bonus)
    low, high = 0, len(values) - 1  # values[low] always suffices
    while low < high:
        middle = (low + high + 1) // 2
        if _count_bonus(eligible & (points >= values[middle]), capacity, bonus) == best:
            low = middle
        else:
            high = middle - 1
    return int(values[low])


def _count_bonus(eligible: np.ndarray, capacity: np.ndarray, bonus: np.ndarray) -> int:
    partner = solve(np.where(eligible, bonus[None, :], 0), capacity)
    return int(bonus[partner >= 0].sum())


def count_blocking_pairs(
    points: np.ndarray, eligible: np.ndarray, capacity: np.ndarray, partner: np.ndarray
) -> int:
    """Count the pairs who would both rather have each other than one of those they have (or nobody), by
    points.
    """
    mentors, mentees = points.shape
    matched = np.flatnonzero(partner >= 0)
    own = np.full(mentees, -1, dtype=np.int64)
    own[matched] = points[partner[matched], matched]
    weakest = np.full(mentors, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(weakest, partner[matched], own[matched])
    weakest[np.bincount(partner[matched], minlength=mentors) < capacity] = -1
    return int((eligible & (points > own[None, :]) & (points > weakest[:, None])).sum())


def describe_spread(points: list[int]) -> dict[str, Any]:
    """Return worst, median and spread (interquartile range, half points kept) of the pairs; None without
    pairs.
    """
    if not points:
        return {"worst_points": None, "median_points": None, "spread_points": None}
    quarters = np.percentile(points, [25, 50, 75])
    return {
        "worst_points": min(points),
        "median_points": float(quarters[1]),
        "spread_points": float(quarters[2] - quarters[0]),
    }
