"""Exact assignment at committee size: the best matching, its integer prices, and the rule for ties.

Belongs here: optimisation over dense integer tables. Does not belong here: people, policy, sentences.

Sources: rectangular linear assignment by shortest augmenting paths (Crouse 2016, SciPy's
`linear_sum_assignment`); linear programming duality; Bellman-Ford for the prices. That one bonus per mentee,
larger for who waits longer, gives most mentees and the longest waiting first at once, is the greedy property
of transversal matroids (Edmonds and Fulkerson 1965).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

_EXACT = 2**53  # integers up to here are exact in the solver's doubles
NEVER = -(2**60)
_FEW = 32  # rows of a table that are cheaper to go through than to choose from


@dataclass(frozen=True)
class Bonus:
    """What matching a mentee is worth beside points: `step` × (`base` + rank of waiting), larger than any sum
    of points.
    """

    per_mentee: np.ndarray  # int64
    step: int
    base: int

    def split(self, worth: int) -> tuple[int, bool, int]:
        """Split a loss of worth into (mentees lost, someone who waited longer gave way, points lost)."""
        steps = (worth + self.step // 2) // self.step
        return int(steps >= self.base), 0 < steps < self.base, worth - steps * self.step


@dataclass(frozen=True)
class Solution:
    """A best matching with the prices that prove it: `partner` of each mentee (-1: none), `prices` of each
    mentor (int64).
    """

    partner: np.ndarray
    prices: np.ndarray
    worth: int


def set_bonus(waiting_since: Sequence[str], most_points: int, most_pairs: int) -> Bonus:
    """Give every mentee the bonus that puts number matched first, then waiting (earlier date first), then
    points.
    """
    dates = sorted({date for date in waiting_since if date}, reverse=True)
    rank = {date: at for at, date in enumerate(dates, start=1)} | {"": 0}
    base = len(dates) + 1
    step = 2 * most_points * most_pairs + 1
    per_mentee = np.asarray([step * (base + rank[date]) for date in waiting_since], dtype=np.int64)
    if int(per_mentee.sum(dtype=object) if len(per_mentee) else 0) + step >= _EXACT:
        raise OverflowError("the points of this matching are too large to add up exactly")
    return Bonus(per_mentee, step, base)


def solve(worth: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Best partner of each mentee (-1: none) for worth (int64, mentors × mentees; > 0 where eligible, else
    0).
    """
    mentors, mentees = worth.shape
    partner = np.full(mentees, -1, dtype=np.int64)
    seats = np.repeat(np.arange(mentors), np.minimum(capacity, (worth > 0).sum(axis=1)))
    if not len(seats) or not mentees:
        return partner
    row, column = linear_sum_assignment(_reduce(worth[seats].astype(np.float64)))
    taken = worth[seats[row], column] > 0
    partner[column[taken]] = seats[row[taken]]
    return partner


def _reduce(table: np.ndarray) -> np.ndarray:
    """Turn worth into cost, less what everybody on a side that is used up pays at least: same best, half the search."""
    seats, mentees = table.shape
    if seats >= mentees:
        table = table.max(axis=0, keepdims=True) - table
        return table - table.min(axis=1, keepdims=True) if seats == mentees else table
    return np.asarray(table.max(axis=1, keepdims=True) - table)


def solve_with_prices(worth: np.ndarray, capacity: np.ndarray, ties: np.ndarray) -> Solution:
    """Solve, prove and settle ties: among the best matchings the one with the largest sum of `ties` (int64 >
    0).
    """
    partner = solve(worth, capacity)
    prices = find_prices(worth, partner, capacity)
    total = int(worth[partner[partner >= 0], np.flatnonzero(partner >= 0)].sum())
    partner = _settle_ties(worth, capacity, prices, ties)
    check_optimal(worth, capacity, partner, prices, total)
    return Solution(partner, prices, total)


def check_optimal(
    worth: np.ndarray, capacity: np.ndarray, partner: np.ndarray, prices: np.ndarray, total: int
) -> None:
    """Raise ArithmeticError unless the prices prove the matching best: nobody over capacity, primal equal to
    dual, exactly.
    """
    matched = np.flatnonzero(partner >= 0)
    primal = int(worth[partner[matched], matched].sum())
    wishes = find_wishes(worth, prices)
    fits = (np.bincount(partner[matched], minlength=len(capacity)) <= capacity).all() and (prices >= 0).all()
    fits = fits and (worth[partner[matched], matched] > 0).all()
    seats = np.minimum(capacity, worth.shape[1])
    if not fits or primal != total or primal != int(wishes.sum()) + int((seats * prices).sum()):
        raise ArithmeticError("the matching could not be proven optimal; please report this with the input")


def find_wishes(worth: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Return what each mentee gains at best at these prices (int64, at least 0)."""
    if not worth.shape[0]:
        return np.zeros(worth.shape[1], dtype=np.int64)
    gains: np.ndarray = np.where(worth > 0, worth - prices[:, None], 0).max(axis=0)
    return np.asarray(np.maximum(gains, 0))


def find_prices(worth: np.ndarray, partner: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Return the smallest prices at which everybody keeps their place: longest paths over who would rather be where."""
    prices: np.ndarray = worth[:, partner < 0].max(axis=1, initial=0).astype(np.int64)
    owners, envy = find_moves(worth, partner)
    place = np.full(len(capacity), -1)
    place[owners] = np.arange(len(owners))
    rising = np.ones(len(owners), dtype=bool)
    for turn in range(2 * len(capacity) + 1):
        risen = np.flatnonzero(rising)
        if not len(risen):
            break
        # The highest pass on most and rise least again; but an order by height alone may need for ever.
        if turn < len(capacity) and len(risen) > _FEW:
            risen = risen[np.argpartition(-prices[owners[risen]], len(risen) // 2)[: len(risen) // 2]]
        rising[risen] = False
        reached: np.ndarray = (prices[owners[risen]][:, None] + envy[risen]).max(axis=0)
        higher = np.flatnonzero(reached > prices)
        prices[higher] = reached[higher]
        rising[place[higher][place[higher] >= 0]] = True
    return prices


def find_moves(worth: np.ndarray, partner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mentors with mentees, and the most worth won by moving one of theirs to each mentor (NEVER: nobody may
    move).
    """
    matched = np.flatnonzero(partner >= 0)
    matched = matched[np.argsort(partner[matched], kind="stable")]
    owners, starts = np.unique(partner[matched], return_index=True)
    if not len(matched):
        return owners, np.zeros((0, worth.shape[0]), dtype=np.int64)
    there = worth.T[matched]
    wins = np.where(there > 0, there - worth[partner[matched], matched][:, None], NEVER)
    return owners, wins if len(owners) == len(matched) else np.maximum.reduceat(wins, starts, axis=0)


def _settle_ties(worth: np.ndarray, capacity: np.ndarray, prices: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """All best matchings use pairs without slack, serve who gains, and fill what has a price: take the one
    with most `ties`.
    """
    wishes = find_wishes(worth, prices)
    tight = (worth > 0) & (worth == wishes[None, :] + prices[:, None])
    more_than_all_ties = int(ties.max(initial=0)) * max(worth.shape[1], 1) + 1
    must_serve = (wishes > 0).astype(np.int64)[None, :] + (prices > 0).astype(np.int64)[:, None]
    return solve(np.where(tight, ties + more_than_all_ties * must_serve, 0), capacity)


def draw_ties(mentor_ids: Sequence[str], mentee_ids: Sequence[str], seed: int) -> np.ndarray:
    """A number from 1 to 2**26 for each pair (int64), from the seed and the two ids alone."""
    left, right = _hash("mentor", mentor_ids, seed), _hash("mentee", mentee_ids, seed)
    mixed = left[:, None] ^ right[None, :]
    # finaliser of splitmix64 (Steele, Lea, Flood 2014): spreads the xor of two hashes over all bits
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed >> np.uint64(38)).astype(np.int64) + 1)


def _hash(role: str, ids: Sequence[str], seed: int) -> np.ndarray:
    digests = b"".join(hashlib.blake2b(f"{seed}/{role}/{i}".encode(), digest_size=8).digest() for i in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)
