"""What the checker knows of the input, and its own pass over all pairs.

Belongs here: the rules and points of pairs as the checker recomputes them, in blocks. Does not belong here:
the judgement (mentoring.matching.verify), any code of the engines.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import local

import numpy as np
import pandas as pd

from mentoring.matching.people import People, read_people
from mentoring.matching.scoring import Factor, find_mismatches, score_criteria
from mentoring.policy import Policy

BLOCK = (512, 1024)
_BROKEN = 2**22  # taken off for each broken rule, far below any points
_EXACT = 2**24  # integers that single precision adds exactly


@dataclass(frozen=True)
class Case:
    """The input as the checker sees it, in order of ids; `forbidden` are single pairs (mentor, mentee)."""

    mentors: People
    mentees: People
    policy: Policy
    criteria: dict[str, Factor]
    mismatches: dict[str, Factor]
    forbidden: frozenset[tuple[int, int]]
    must: frozenset[tuple[int, int]]
    codes: list[tuple[np.ndarray, np.ndarray]]  # equal codes of 0 or more forbid a pair


def read_case(mentors: pd.DataFrame, mentees: pd.DataFrame, policy: Policy) -> Case:
    """Read the input as the checker sees it. Raises MatchingError."""
    left, right = read_people(mentors, "mentor"), read_people(mentees, "mentee")
    codes = [_number(left.ids, right.ids)]
    if not policy.same_institution_allowed:
        codes.append(_number(left.institution, right.institution))
    return Case(
        left,
        right,
        policy,
        score_criteria(left, right, policy),
        find_mismatches(left, right, policy),
        _find_listed(left, right, "never_pair") | _find_listed(left, right, "earlier_partners"),
        _find_listed(left, right, "must_pair"),
        codes,
    )


def _number(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    known = {text: at for at, text in enumerate(sorted({*left, *right} - {""}))}
    return (
        np.asarray([known.get(text, -1) for text in left], dtype=np.int64),
        np.asarray([known.get(text, -1) for text in right], dtype=np.int64),
    )


def _find_listed(left: People, right: People, column: str) -> frozenset[tuple[int, int]]:
    of_left = {person_id: at for at, person_id in enumerate(left.ids)}
    of_right = {person_id: at for at, person_id in enumerate(right.ids)}
    named = {(i, of_right[e]) for i, ids in enumerate(getattr(left, column)) for e in ids if e in of_right}
    return frozenset(
        named | {(of_left[m], j) for j, ids in enumerate(getattr(right, column)) for m in ids if m in of_left}
    )


def score_pairs(factors: Mapping[str, Factor], mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
    """Return the points (int64) of parallel arrays of indices."""
    points = np.zeros(len(mentors), dtype=np.int64)
    for factor in factors.values():
        left, right = factor.mentors[mentors].astype(np.int64), factor.mentees[mentees].astype(np.int64)
        points += (left * right).sum(axis=1)
    return points


def allow_pairs(case: Case, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
    """Return which of these pairs break no rule (the floor apart)."""
    allowed = score_pairs(case.mismatches, mentors, mentees) == 0
    for left, right in case.codes:
        allowed &= (left[mentors] < 0) | (left[mentors] != right[mentees])
    if case.forbidden:
        pairs = zip(mentors.tolist(), mentees.tolist(), strict=True)
        allowed &= np.asarray([pair not in case.forbidden for pair in pairs], dtype=bool)
    return np.asarray(allowed)


class Pass:
    """One pass over all pairs of some mentors and mentees, in blocks."""

    def __init__(self, case: Case, sides: tuple[np.ndarray, np.ndarray], lowest: int, workers: int) -> None:
        self.case, self.sides, self.lowest, self.workers = case, sides, lowest, max(1, workers)
        tables = [(f.mentors, f.mentees) for f in case.criteria.values()]
        tables += [(f.mentors, -_BROKEN * f.mentees.astype(np.int64)) for f in case.mismatches.values()]
        left = np.concatenate([mentors[sides[0]] for mentors, _ in tables], axis=1)
        right = np.concatenate([mentees[sides[1]] for _, mentees in tables], axis=1)
        for _ in range(2):  # columns that are alike on one side are added on the other
            left, right = _fold_columns(left, right)
            left, right = right, left
        self.left = np.zeros((len(left), left.shape[1] + 2), dtype=np.float32)
        self.right = np.zeros((len(right), left.shape[1] + 2), dtype=np.float32)
        self.left[:, :-2], self.right[:, :-2] = left, right
        self.left[:, -1], self.right[:, -2] = 1, -1

    def count(self, prices: np.ndarray, wishes: np.ndarray, step: int) -> int:
        """Count the possible pairs with points > price + wish (int64; wishes may be negative)."""
        prices, wishes = prices[self.sides[0]], wishes[self.sides[1]]
        most = sum(self.case.policy.weights.model_dump().values())
        tiers = (prices + step // 2) // step, (wishes + step // 2) // step
        rest = prices - tiers[0] * step, wishes - tiers[1] * step
        better = 0
        for upper in np.unique(tiers[0]):
            rows = np.flatnonzero(tiers[0] == upper)
            for lower in np.unique(tiers[1]):
                columns = np.flatnonzero(tiers[1] == lower)
                offset = int(upper + lower) * step
                if offset + int(rest[0][rows].min()) + int(rest[1][columns].min()) >= most:
                    continue  # dearer than any points
                bar = np.maximum(rest[1][columns] + offset, -most - 1 - int(rest[0][rows].max()))
                better += self._count_block(rows, columns, rest[0][rows], bar)
        return better

    def _count_block(
        self, rows: np.ndarray, columns: np.ndarray, prices: np.ndarray, wishes: np.ndarray
    ) -> int:
        whole = len(rows) == len(self.left) and len(columns) == len(self.right)
        left, right = (self.left, self.right) if whole else (self.left[rows], self.right[columns])
        most = sum(self.case.policy.weights.model_dump().values())
        size = int(np.abs(prices).max() + np.abs(wishes).max())
        if size + most >= _BROKEN or size + 3 * _BROKEN + most >= _EXACT:
            left, right = left.astype(np.float64), right.astype(np.float64)
        left[:, -2], right[:, -1] = prices, -wishes
        # Each thread writes its products over and over: fresh memory would cost nearly as much as they do.
        mine = local()

        def count(block: tuple[slice, slice]) -> int:
            some, others = left[block[0]], right[block[1]]
            if getattr(mine, "product", None) is None:
                mine.product = np.empty(BLOCK, dtype=left.dtype)
            excess = np.matmul(some, others.T, out=mine.product[: len(some), : len(others)])
            if excess.max() <= 0:
                return 0
            hits = np.flatnonzero(excess > 0)
            i, j = np.divmod(hits, excess.shape[1])
            points = excess.ravel()[hits].astype(np.int64) + prices[block[0]][i] + wishes[block[1]][j]
            kept = points >= self.lowest
            mentors = self.sides[0][rows[block[0]]][i[kept]]
            mentees = self.sides[1][columns[block[1]]][j[kept]]
            return int(allow_pairs(self.case, mentors, mentees).sum())

        return sum(self._run(count, len(rows), len(columns)))

    def find_uncovered(self, cover: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """What each mentee needs besides the cover of every possible mentor: the largest rank - cover."""
        most = np.zeros(len(ranks), dtype=np.int64)
        mine = cover[self.sides[0]]

        def look(block: tuple[slice, slice]) -> int:
            rows, columns = np.arange(len(mine))[block[0]], self.sides[1][block[1]]
            points = self.left[block[0], :-2] @ self.right[block[1], :-2].T
            needs = np.where(points >= self.lowest, ranks[columns][None, :] - mine[rows][:, None], 0)
            i, j = np.nonzero(needs > most[columns][None, :])
            allowed = allow_pairs(self.case, self.sides[0][rows[i]], columns[j])
            np.maximum.at(most, columns[j[allowed]], needs[i[allowed], j[allowed]])
            return 0

        self.workers = 1  # `most` is written by every block
        list(self._run(look, len(mine), len(self.right)))
        return most

    def _run(self, work: Callable[[tuple[slice, slice]], int], rows: int, columns: int) -> list[int]:
        blocks = [
            (slice(row, row + BLOCK[0]), slice(column, column + BLOCK[1]))
            for column in range(0, columns, BLOCK[1])
            for row in range(0, rows, BLOCK[0])
        ]
        with ThreadPoolExecutor(self.workers) as threads:
            return list(threads.map(work, blocks))


def _fold_columns(same: np.ndarray, added: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    groups: dict[bytes, list[int]] = {}
    for at, column in enumerate(np.ascontiguousarray(same.T)):
        if column.any():
            groups.setdefault(column.tobytes(), []).append(at)
    summed = [
        added[:, some[0]] if len(some) == 1 else added[:, some].astype(np.int64).sum(axis=1)
        for some in groups.values()
    ]
    first = [some[0] for some in groups.values()]
    return same[:, first], np.stack(summed, axis=1) if summed else np.zeros((len(added), 0), dtype=np.int64)
