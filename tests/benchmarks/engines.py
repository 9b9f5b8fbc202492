"""The engines that the benchmark compares, each from the same scored instance to a partner per mentee.

Belongs here: one function per way to match. Does not belong here: instances, figures, printing.
"""

import sys
from collections.abc import Callable

import numpy as np

from mentoring.matching.features import Features

Engine = Callable[[Features, np.ndarray], np.ndarray]
"""Features and seats in, partner per mentee (int64, -1: none) out."""


def match_by_this_engine(features: Features, seats: np.ndarray) -> np.ndarray:
    """The engine of this program: exact and proven."""
    from mentoring.matching.large import match_features

    return match_features(features, seats).partner


def match_by_scipy(features: Features, seats: np.ndarray) -> np.ndarray:
    """SciPy's dense assignment on seats: exact, without a proof."""
    from scipy.optimize import linear_sum_assignment

    allowed, scores = _write_out(features)
    rows = np.repeat(np.arange(len(seats)), seats)
    worth = np.where(allowed, scores + _bonus(features), 0)[rows].astype(np.float64)
    row, column = linear_sum_assignment(worth, maximize=True)
    taken = worth[row, column] > 0
    return _read(features, rows[row[taken]], column[taken])


def match_by_dense_flow(features: Features, seats: np.ndarray) -> np.ndarray:
    """OR-Tools' minimum-cost flow over all eligible pairs: exact, without a proof."""
    from ortools.graph.python import min_cost_flow

    allowed, scores = _write_out(features)
    mentors, mentees = features.shape
    left, right = np.nonzero(allowed)
    flow = min_cost_flow.SimpleMinCostFlow()
    sink = mentors + mentees
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        right,
        mentees + left,
        np.ones(len(left), np.int64),
        -(scores[left, right].astype(np.int64) + _bonus(features)),
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        mentees + np.arange(mentors), np.full(mentors, sink), seats, np.zeros(mentors, np.int64)
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.arange(mentees), np.full(mentees, sink), np.ones(mentees, np.int64), np.zeros(mentees, np.int64)
    )
    flow.set_nodes_supplies(
        np.arange(sink + 1), np.r_[np.ones(mentees), np.zeros(mentors), -mentees].astype(np.int64)
    )
    if flow.solve() != flow.OPTIMAL:
        raise ArithmeticError("the flow was not solved")
    used = np.flatnonzero(flow.flows(arcs))
    return _read(features, left[used], right[used])


def match_stably(features: Features, seats: np.ndarray) -> np.ndarray:
    """The package `matching`: hospital-resident, both sides ranking by points; a bare install has no such package."""
    from matching.games import HospitalResident

    sys.setrecursionlimit(1_000_000)  # it copies its players recursively

    allowed, scores = _write_out(features)
    mentees = {
        int(j): [int(i) for i in np.argsort(-scores[:, j], kind="stable") if allowed[i, j]]
        for j in range(len(scores[0]))
    }
    mentees = {j: wishes for j, wishes in mentees.items() if wishes}
    mentors = {
        int(i): [int(j) for j in np.argsort(-scores[i], kind="stable") if allowed[i, j]]
        for i in range(len(scores))
    }
    mentors = {i: wishes for i, wishes in mentors.items() if wishes}
    game = HospitalResident.create_from_dictionaries(mentees, mentors, {i: int(seats[i]) for i in mentors})
    pairs = [(hospital.name, resident.name) for hospital, some in game.solve().items() for resident in some]
    return _read(features, *np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T)


def match_greedily(features: Features, seats: np.ndarray) -> np.ndarray:
    """Take the pair with most points whose people are both free, again and again."""
    allowed, scores = _write_out(features)
    left, right = np.nonzero(allowed)
    order = np.argsort(-scores[left, right], kind="stable")
    free, partner = seats.tolist(), [-1] * features.shape[1]
    for mentor, mentee in zip(left[order].tolist(), right[order].tolist(), strict=True):
        if free[mentor] and partner[mentee] < 0:
            partner[mentee] = mentor
            free[mentor] -= 1
    return np.asarray(partner, dtype=np.int64)


def match_like_a_committee(features: Features, seats: np.ndarray) -> np.ndarray:
    """Go through the mentees as they came, and give each the best mentor who still has a seat."""
    free = seats.copy()
    partner = np.full(features.shape[1], -1, dtype=np.int64)
    everyone = np.arange(features.shape[0])
    for mentee in range(features.shape[1]):
        one = np.asarray([mentee])
        scores = features.score_block(slice(None), one)[:, 0]
        possible = (scores >= features.lowest) & (free > 0)
        possible &= features.exclusions.allow_block(everyone, one)[:, 0]
        if possible.any():
            partner[mentee] = int(np.where(possible, scores, -1).argmax())
            free[partner[mentee]] -= 1
    return partner


ENGINES: dict[str, tuple[Engine, int]] = {
    "this engine": (match_by_this_engine, 100_000),
    "SciPy dense": (match_by_scipy, 10_000),
    "OR-Tools dense": (match_by_dense_flow, 3_000),
    "matching (stable)": (match_stably, 1_000),
    "greedy": (match_greedily, 3_000),
    "committee-like": (match_like_a_committee, 10_000),
}
"""Each engine with the most people a side that it is asked for."""


def _write_out(features: Features) -> tuple[np.ndarray, np.ndarray]:
    mentors, mentees = features.shape
    return features.find_eligible(np.arange(mentors), np.arange(mentees)), features.score_block(
        slice(None), slice(None)
    )


def _bonus(features: Features) -> int:
    """More than all points of a matching: most mentees come first."""
    return (features.most + 1) * (min(features.shape) + 1)


def _read(features: Features, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
    partner = np.full(features.shape[1], -1, dtype=np.int64)
    partner[mentees] = mentors
    return partner
