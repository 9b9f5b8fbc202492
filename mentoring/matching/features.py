"""People as rows of integer features: what a pair scores is a product, what is forbidden beside it is listed.

Belongs here: the instance that both engines solve, in values only. Does not belong here: people, policy,
solving.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FORBIDDEN = 2**22
"""Taken off the score of a pair for each broken rule: far below any score, and three of them stay exact."""

EXACT = 2**24
"""Integers up to here are exact in single precision, whatever the order of a sum."""

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Exclusions:
    """Pairs that are forbidden beside their scores.

    `codes` are pairs of integer arrays (per mentor, per mentee): equal codes of 0 or more exclude a pair.
    `pairs` (int64, k × 2: mentor, mentee) excludes single ones.
    """

    codes: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))

    def allow(self, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        """Return for parallel arrays of indices which pairs are not excluded (bool)."""
        kept = np.ones(len(mentors), dtype=bool)
        for of_mentors, of_mentees in self.codes:
            code = of_mentors[mentors]
            kept &= (code < 0) | (code != of_mentees[mentees])
        if len(self.pairs) and len(mentors):
            width = np.int64(2**32)
            listed = self.pairs[:, 0].astype(np.int64) * width + self.pairs[:, 1]
            kept &= ~np.isin(np.asarray(mentors, dtype=np.int64) * width + mentees, listed)
        return kept

    def allow_block(self, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        """Return for every combination of indices (bool, mentors × mentees) whether it is not excluded."""
        kept = np.ones((len(mentors), len(mentees)), dtype=bool)
        for of_mentors, of_mentees in self.codes:
            code = of_mentors[mentors][:, None]
            kept &= (code < 0) | (code != of_mentees[mentees][None, :])
        if len(self.pairs):
            row, column = _locate(self.pairs[:, 0], mentors), _locate(self.pairs[:, 1], mentees)
            here = (row >= 0) & (column >= 0)
            kept[row[here], column[here]] = False
        return kept

    def take(self, mentors: np.ndarray, mentees: np.ndarray) -> "Exclusions":
        """Return the exclusions among the people at these indices, who are numbered anew in that order."""
        row, column = _locate(self.pairs[:, 0], mentors), _locate(self.pairs[:, 1], mentees)
        here = (row >= 0) & (column >= 0)
        return Exclusions(
            tuple((left[mentors], right[mentees]) for left, right in self.codes),
            np.stack([row[here], column[here]], axis=1),
        )


def _locate(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return where each value stands in `among` (-1: nowhere)."""
    if not len(among):
        return np.full(len(values), -1, dtype=np.int64)
    order = np.argsort(among, kind="stable")
    at = np.minimum(np.searchsorted(among[order], values), len(among) - 1)
    return np.where(among[order[at]] == values, order[at], -1)


@dataclass(frozen=True)
class Features:
    """Two tables of integer-valued features, float32, people × k: the score of a pair is the product of rows.

    A pair is eligible when its score is at least `lowest` (0 or more) and it is not excluded. Scores of pairs
    that break a rule lie below 0. `most` bounds every score from above.
    """

    mentors: np.ndarray
    mentees: np.ndarray
    exclusions: Exclusions = field(default_factory=Exclusions)
    lowest: int = 0
    most: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of mentors and mentees."""
        return len(self.mentors), len(self.mentees)

    def score(self, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        """Return the scores (int64) of parallel arrays of indices."""
        scores = np.empty(len(mentors), dtype=np.int64)
        for start in range(0, len(mentors), _CHUNK):
            at = slice(start, start + _CHUNK)
            left, right = self.mentors[mentors[at]], self.mentees[mentees[at]]
            scores[at] = np.einsum("ij,ij->i", left, right)
        return scores

    def score_block(self, mentors: np.ndarray | slice, mentees: np.ndarray | slice) -> np.ndarray:
        """Return the scores (float32, integer-valued) of every combination."""
        return np.asarray(self.mentors[mentors] @ self.mentees[mentees].T)

    def find_allowed(self, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        """Return which of the pairs at parallel arrays of indices are eligible (bool)."""
        allowed = self.score(mentors, mentees) >= self.lowest
        return np.asarray(allowed & self.exclusions.allow(mentors, mentees))

    def find_eligible(self, mentors: np.ndarray, mentees: np.ndarray) -> np.ndarray:
        """Return which combinations are eligible (bool, mentors × mentees)."""
        allowed = self.score_block(mentors, mentees) >= self.lowest
        allowed &= self.exclusions.allow_block(mentors, mentees)
        return np.asarray(allowed)

    def take(self, mentors: np.ndarray, mentees: np.ndarray) -> "Features":
        """Return the same for the people at these indices, in that order."""
        return Features(
            self.mentors[mentors],
            self.mentees[mentees],
            self.exclusions.take(mentors, mentees),
            self.lowest,
            self.most,
        )


def join_features(
    tables: Sequence[tuple[np.ndarray, np.ndarray]], *, exclusions: Exclusions, lowest: int, most: int
) -> Features:
    """Put tables (mentors × k, mentees × k, integers) side by side; columns that are alike become one.

    Raises OverflowError where single precision could not hold every partial sum.
    """
    left = np.concatenate([mentors for mentors, _ in tables], axis=1)
    right = np.concatenate([mentees for _, mentees in tables], axis=1)
    left, right = _merge_alike(left, right)
    right, left = _merge_alike(right, left)
    if sum(_bound_products(*table) for table in tables) >= EXACT:
        raise OverflowError("the points of these pairs are too large to multiply exactly")
    return Features(
        np.ascontiguousarray(left, dtype=np.float32),
        np.ascontiguousarray(right, dtype=np.float32),
        exclusions,
        lowest,
        most,
    )


def _merge_alike(same: np.ndarray, added: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of `same` that are equal are kept once, and their columns of `added` are summed."""
    if not same.shape[1]:
        return same, added
    first: dict[bytes, int] = {}
    place = [first.setdefault(np.ascontiguousarray(column).tobytes(), len(first)) for column in same.T]
    keep = [place.index(at) for at in range(len(first))]
    summed = np.zeros((len(added), len(first)), dtype=np.int64)
    for column, at in enumerate(place):
        summed[:, at] += added[:, column]
    useful = np.flatnonzero((summed != 0).any(axis=0) & (same[:, keep] != 0).any(axis=0))
    return same[:, keep][:, useful], summed[:, useful]


def _bound_products(left: np.ndarray, right: np.ndarray) -> int:
    """Bound every partial sum of a table's products."""
    if not left.size or not right.size:
        return 0
    if _marks_one(left) or _marks_one(right):
        return int(np.abs(left).max()) * int(np.abs(right).max())
    left, right = np.abs(left).astype(np.float64), np.abs(right).astype(np.float64)
    by_rows = min((left @ right.max(axis=0)).max(), (right @ left.max(axis=0)).max())
    by_length = np.sqrt((left**2).sum(axis=1).max() * (right**2).sum(axis=1).max())  # Cauchy-Schwarz
    return int(min(by_rows, by_length)) + 1


def _marks_one(table: np.ndarray) -> bool:
    return int((table != 0).sum(axis=1).max()) <= 1
