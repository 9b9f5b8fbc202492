"""The pool of near-tight pairs: what later rounds of column generation need to look at.

Belongs here: which pairs can exceed their prices, kept up to date at the least pricing. Does not belong here:
solving, the choice of prices.

The pool holds every pair that scored more than `-reach` above the prices of reference. A pair outside it can
exceed new prices only if both people's prices fell by more than `reach` in sum; so only people whose prices
fell far are priced again.
"""

from collections.abc import Sequence
from contextlib import closing

import numpy as np

from mentoring.matching.pricing import COLUMNS, ROWS, Pairs, Pricer, Tile, join_pairs, measure, no_pairs

POOL_PER_MENTEE = 24
MOST_PER_MENTEE = 80  # beyond it the pool is made anew
THINNER = 5  # one tile in so many is looked at while too many pairs exceed
ADDED, OF_MENTORS = 8, 3  # pairs listed per mentee and per mentor and round
IN_HAND = 2**21  # violated pairs before the best are picked: with many ties there are too many to hold


def cut(people: int, size: int) -> list[slice]:
    """Cut a number of people into slices of a size."""
    return [slice(start, min(start + size, people)) for start in range(0, people, size)]


def all_tiles(mentors: int, mentees: int) -> list[Tile]:
    """Every tile of an instance."""
    return [(row, column) for column in cut(mentees, COLUMNS) for row in cut(mentors, ROWS)]


def keep_best(pairs: Pairs, excess: np.ndarray, most: int, of_mentors: int = 0) -> np.ndarray:
    """Mark (bool) the best pairs of each mentee, at most so many, and the best `of_mentors` of each mentor."""
    # of equal ones different mentees keep different ones, else all would list the same few mentors; no two pairs of
    # a person (of 500,000 on the other side) have the same key, so that any way of sorting gives the same order
    spread = (pairs.mentors.astype(np.int64) * 40503 + pairs.mentees.astype(np.int64) * 28657) & 0x7FFFF
    behind = np.minimum(int(excess.max(initial=0)) - excess, 0x1FFFFF) << 19 | spread
    kept = np.zeros(len(pairs), dtype=bool)
    for people, number in ((pairs.mentees, most), (pairs.mentors, of_mentors)):
        if number and len(pairs):
            order = np.argsort(people.astype(np.int64) << 40 | behind)
            width = np.bincount(people)
            turn = np.arange(len(pairs)) - np.repeat(np.cumsum(width) - width, width)
            kept[order[turn < number]] = True
    return kept


def find_best_violated(
    pricer: Pricer, tiles: Sequence[Tile], prices: np.ndarray, wishes: np.ndarray, quota: int
) -> tuple[Pairs, int]:
    """Price tiles at these prices; return the best pairs that exceed them and how many were found.

    They are what `keep_best` keeps of all that were found, in memory that grows with people and not with pairs.
    """
    pricer.set_prices(prices, wishes)
    in_hand: list[Pairs] = []
    size = number = 0
    for found in pricer.scan(tiles, 0, quota):
        in_hand.append(found)
        size, number = size + len(found), number + len(found)
        if size > IN_HAND:
            in_hand = [_take_best(join_pairs(in_hand), prices, wishes)]
            size = 0  # what was kept grows with people only
    return _take_best(join_pairs(in_hand), prices, wishes), number


def _take_best(pairs: Pairs, prices: np.ndarray, wishes: np.ndarray) -> Pairs:
    return pairs.take(keep_best(pairs, pairs.find_excess(prices, wishes), ADDED, OF_MENTORS))


class Pool:
    """All pairs that might exceed the prices of a run, given those of reference."""

    def __init__(self, pricer: Pricer) -> None:
        self.pricer = pricer
        mentors, mentees = pricer.features.shape
        self.prices = np.zeros(mentors, dtype=np.int64)
        self.wishes = np.zeros(mentees, dtype=np.int64)
        self.pairs = no_pairs()
        self.reach = -1  # nothing priced yet

    def find_violated(self, prices: np.ndarray, wishes: np.ndarray) -> Pairs:
        """Pairs of the pool that exceed these prices, the best of each mentee."""
        exceeding = np.flatnonzero(self.pairs.find_excess(prices, wishes) > 0)
        return _take_best(self.pairs.take(exceeding), prices, wishes)

    def catch_up(self, prices: np.ndarray, wishes: np.ndarray) -> Pairs:
        """Price whatever could exceed these prices and is not in the pool; return pairs that do."""
        if self.reach < 0:
            self._start_anew(prices, wishes)
            return self.find_violated(prices, wishes)
        fallen, sunk = self.prices - prices, self.wishes - wishes
        mentors, mentees, shift = choose_fallen(fallen, sunk, self.reach)
        if not len(mentors) and not len(mentees):
            return no_pairs()
        count, width = len(self.prices), len(self.wishes)
        cost = len(mentors) * width + len(mentees) * count
        if 2 * cost > count * width or len(self.pairs) > MOST_PER_MENTEE * max(width, 1):
            self._start_anew(prices, wishes)
            return self.find_violated(prices, wishes)
        self.prices, self.wishes = self.prices + shift, self.wishes - shift
        self.prices[mentors], self.wishes[mentees] = prices[mentors], wishes[mentees]
        tiles: list[Tile] = [
            (mentors[row], column) for column in cut(width, COLUMNS) for row in cut(len(mentors), ROWS)
        ]
        tiles += [(row, mentees[column]) for column in cut(len(mentees), COLUMNS) for row in cut(count, ROWS)]
        self.pricer.set_prices(self.prices, self.wishes)
        found = self._list_within_reach(tiles)
        if found is None:
            self._start_anew(prices, wishes)
        else:
            self.pairs = join_pairs([self.pairs, found])
        return self.find_violated(prices, wishes)

    def _start_anew(self, prices: np.ndarray, wishes: np.ndarray) -> None:
        tiles = all_tiles(len(prices), len(wishes))
        self.prices, self.wishes = prices.copy(), wishes.copy()
        self.pricer.set_prices(prices, wishes)
        self.reach = self._choose_reach(tiles)
        while self.reach >= 0:
            found = self._list_within_reach(tiles)
            if found is not None:
                self.pairs = found
                return
            # Some tiles said too little of all: of many equals those at the bar may be anywhere.
            self.reach = self.reach // 4 if self.reach else -1
        # while too many pairs exceed, only the best are kept, and the pool is no pool yet
        self.pairs, number = find_best_violated(self.pricer, tiles[::THINNER], prices, wishes, 2)
        if not number:
            self.pairs, _ = find_best_violated(self.pricer, tiles, prices, wishes, 2)

    def _list_within_reach(self, tiles: Sequence[Tile]) -> Pairs | None:
        """Every pair of some tiles within reach of the prices; None if they are more than a pool holds."""
        listed, size = [], 0
        with closing(self.pricer.scan(tiles, -self.reach)) as results:
            for found in results:
                listed.append(found)
                size += len(found)
                if size > MOST_PER_MENTEE * max(len(self.wishes), 1):
                    return None
        return join_pairs(listed)

    def _choose_reach(self, tiles: list[Tile]) -> int:
        """Largest reach that keeps the pool small, estimated from some tiles; -1 if even 0 does not."""
        some = tiles[:: max(1, len(tiles) // 24)][:24]
        seen = sum(measure(row) * measure(column) for row, column in some)
        room = POOL_PER_MENTEE * seen / max(len(self.prices), 1)
        lowest = -self.pricer.features.most - 1
        blocks = [self.pricer.multiply(tile).ravel() for tile in some]
        values = np.concatenate([block[block > lowest] for block in blocks])
        if len(values) <= room:
            return max(self.pricer.features.most, 1)
        bar = np.partition(values, len(values) - int(room) - 1)[len(values) - int(room) - 1]
        return int(-1 if bar > 0 else max(-bar - 1, 0))


def choose_fallen(fallen: np.ndarray, sunk: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Choose fewest mentors and mentees such that all others' prices fell by at most `reach` in sum.

    Returns their indices and the shift of prices against wishes (which changes no sum) under which everybody
    else fell by at most half.
    """
    half = reach // 2
    ups, downs = np.sort(fallen), np.sort(sunk)
    shifts = np.unique(np.concatenate([half - ups, downs - (reach - half)]))
    # fallen + shift > half, sunk - shift > reach - half
    many = (len(ups) - np.searchsorted(ups, half - shifts, side="right")) * len(downs)
    many = many + (len(downs) - np.searchsorted(downs, reach - half + shifts, side="right")) * len(ups)
    shift = int(shifts[np.argmin(many)]) if len(shifts) else 0
    return np.flatnonzero(fallen + shift > half), np.flatnonzero(sunk - shift > reach - half), shift
