"""A board of any size: the same questions as of a dense one, answered from features when they are asked.

Belongs here: people and policy as `Features`, and tables of pairs that are never written out. Does not belong
here: what follows from them.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import numpy as np

from mentoring.matching.features import FORBIDDEN, Exclusions, Features, join_features
from mentoring.matching.people import People
from mentoring.matching.rules import Board, find_held, list_pairs, number_equal
from mentoring.matching.scoring import Factor, find_mismatches, score_criteria
from mentoring.policy import Policy

_ROWS_KEPT = 128  # answers repeat, and so do rows


class LazyTable:
    """Mentors × mentees, made a row, a column or some pairs at a time: `[i]`, `[:, j]`, `[i, j]`."""

    def __init__(self, at: Callable[[Any, Any], np.ndarray], shape: tuple[int, int]) -> None:
        self._at = at
        self.shape = shape

    def __getitem__(self, key: Any) -> Any:
        """Return a row, a column, a pair or parallel pairs, as NumPy would."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        mentors = np.arange(self.shape[0]) if isinstance(rows, slice) else np.asarray(rows)
        mentees = np.arange(self.shape[1]) if isinstance(columns, slice) else np.asarray(columns)
        return self._at(mentors, mentees)


def lay_out_large(mentors: People, mentees: People, policy: Policy) -> tuple[Board, Features]:
    """Score and rule as `lay_out` does, in memory linear in people; `Features` exclude held pairs from nothing.

    Raises MatchingError where must-pairs contradict each other or the capacities.
    """
    held = find_held(mentors, mentees)
    factors = score_criteria(mentors, mentees, policy)
    mismatches = find_mismatches(mentors, mentees, policy)
    codes = {"same_person": number_equal(mentors.ids, mentees.ids)}
    if not policy.same_institution_allowed:
        codes["same_institution"] = number_equal(mentors.institution, mentees.institution)
    listed = {
        rule: np.asarray(
            list_pairs(getattr(mentors, rule), getattr(mentees, rule), mentors, mentees), dtype=np.int64
        ).reshape(-1, 2)
        for rule in ("never_pair", "earlier_partners")
    }
    features = join_features(
        [(factor.mentors, factor.mentees) for factor in factors.values()]
        + [(factor.mentors, -FORBIDDEN * factor.mentees) for factor in mismatches.values()],
        exclusions=Exclusions(tuple(codes.values()), np.concatenate(list(listed.values()))),
        lowest=policy.floor,
        most=sum(policy.weights.model_dump().values()),
    )
    shape = features.shape
    points = LazyTable(_add_factors(list(factors.values())), shape)
    violations: dict[str, LazyTable] = {
        name: LazyTable(_break_rule(factor), shape) for name, factor in mismatches.items()
    }
    for name, code in codes.items():
        violations[name] = LazyTable(_exclude(Exclusions((code,))), shape)
    for name, pairs in listed.items():
        violations[name] = LazyTable(_exclude(Exclusions(pairs=pairs)), shape)
    if policy.floor:
        violations["floor"] = LazyTable(lambda i, j: points[i, j] < policy.floor, shape)
    eligible = LazyTable(_allow(violations, held), shape)
    board = Board(
        mentors,
        mentees,
        policy,
        factors,
        cast(np.ndarray, points),
        cast(dict[str, np.ndarray], violations),
        cast(np.ndarray, eligible),
        held,
    )
    return board, features


def _add_factors(factors: list[Factor]) -> Callable[[Any, Any], np.ndarray]:
    def at(mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        return np.asarray(sum(_multiply(factor, mentors, mentees) for factor in factors))

    return at


def _break_rule(factor: Factor) -> Callable[[Any, Any], np.ndarray]:
    @lru_cache(maxsize=_ROWS_KEPT)
    def against_mentees(row: bytes) -> np.ndarray:
        return np.asarray(factor.mentees @ np.frombuffer(row, dtype=np.int32) > 0)

    @lru_cache(maxsize=_ROWS_KEPT)
    def against_mentors(row: bytes) -> np.ndarray:
        return np.asarray(factor.mentors @ np.frombuffer(row, dtype=np.int32) > 0)

    def at(mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        if not mentors.ndim and len(np.atleast_1d(mentees)) == len(factor.mentees):
            return np.asarray(against_mentees(factor.mentors[mentors].tobytes())[mentees])
        if not mentees.ndim and len(np.atleast_1d(mentors)) == len(factor.mentors):
            return np.asarray(against_mentors(factor.mentees[mentees].tobytes())[mentors])
        return _multiply(factor, mentors, mentees) > 0

    return at


def _multiply(factor: Factor, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
    left, right = factor.mentors[mentors], factor.mentees[mentees]
    if left.ndim == right.ndim:
        return np.asarray((left * right).sum(axis=-1))
    return np.asarray(right @ left if right.ndim > left.ndim else left @ right)


def _exclude(exclusions: Exclusions) -> Callable[[Any, Any], np.ndarray]:
    def at(mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        left, right = np.broadcast_arrays(mentors, mentees)
        kept = exclusions.allow(np.atleast_1d(left), np.atleast_1d(right))
        return ~kept.reshape(left.shape)

    return at


def _allow(violations: dict[str, LazyTable], held: dict[int, int]) -> Callable[[Any, Any], np.ndarray]:
    def at(mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        left, right = np.broadcast_arrays(mentors, mentees)
        allowed = np.ones(left.shape, dtype=bool)
        for broken in violations.values():
            allowed &= ~broken[mentors, mentees]
        if held:
            mine = np.asarray([held.get(int(mentee), -1) for mentee in right.ravel()])
            allowed |= (mine == left.ravel()).reshape(left.shape)
        return allowed

    return at
