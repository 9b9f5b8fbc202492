"""Block-wise pricing: which pairs are worth more than the prices of both people say.

Belongs here: matrix products over tiles of people, on threads, in exact single precision. Does not belong
here: how prices are found or what is done with the pairs.

The prices ride as two extra columns of the features, so that one product gives the score less both prices.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from mentoring.matching.features import EXACT, FORBIDDEN, Features

ROWS, COLUMNS = 512, 1024
"""People per tile: the product of one stays in a core's cache."""

WORTHWHILE = 16
"""Tiles from which on a scan is handed to other workers than threads."""

Tile = tuple[np.ndarray | slice, np.ndarray | slice]


MapBlocks = Callable[[Callable[[Tile], "Pairs"], Sequence[Tile]], Iterable["Pairs"]]
"""Does the same work on each of some tiles, somewhere, and gives the results in the order of the tiles."""

Workers = int | MapBlocks
"""How many threads of this machine price tiles, or what does it instead of them (the work can be pickled)."""


@dataclass(frozen=True)
class Pairs:
    """Pairs as parallel arrays: mentor and mentee (int32) and score (int64)."""

    mentors: np.ndarray
    mentees: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.mentors)

    def take(self, at: np.ndarray) -> "Pairs":
        """Return the pairs at an index or mask."""
        return Pairs(self.mentors[at], self.mentees[at], self.scores[at])

    def find_excess(self, prices: np.ndarray, wishes: np.ndarray) -> np.ndarray:
        """Return how far each pair scores above the prices of its two people (int64)."""
        return np.asarray(self.scores - prices[self.mentors] - wishes[self.mentees])


def no_pairs() -> Pairs:
    """Return no pairs at all."""
    nobody = np.zeros(0, dtype=np.int32)
    return Pairs(nobody, nobody, np.zeros(0, dtype=np.int64))


def join_pairs(some: Iterable[Pairs]) -> Pairs:
    """Return all pairs, each once, sorted by mentee and mentor."""
    listed = [pairs for pairs in some if len(pairs)]
    if not listed:
        return no_pairs()
    mentors, mentees, scores = (
        np.concatenate([getattr(pairs, name) for pairs in listed])
        for name in ("mentors", "mentees", "scores")
    )
    key = mentees.astype(np.int64) << 32 | mentors
    order = np.argsort(key)  # equal keys are the same pair
    fresh = np.ones(len(key), dtype=bool)
    fresh[1:] = np.diff(key[order]) != 0
    return Pairs(mentors, mentees, scores).take(order[fresh])


class Pricer:
    """Prices tiles of one instance; keeps the features with two spare columns for the prices."""

    def __init__(self, features: Features, workers: Workers) -> None:
        self.features = features
        self.workers = workers
        mentors, mentees = features.shape
        width = features.mentors.shape[1]
        self._left = np.empty((mentors, width + 2), dtype=np.float32)
        self._right = np.empty((mentees, width + 2), dtype=np.float32)
        self._left[:, :width], self._right[:, :width] = features.mentors, features.mentees
        self._left[:, width + 1], self._right[:, width] = 1, -1
        self._prices = np.zeros(mentors, dtype=np.int64)
        self._wishes = np.zeros(mentees, dtype=np.int64)
        self._fits = True
        self.priced = 0  # pairs so far

    def __getstate__(self) -> dict[str, object]:
        """Leave the workers behind: a copy elsewhere only scans tiles."""
        return self.__dict__ | {"workers": 1}

    def set_prices(self, prices: np.ndarray, wishes: np.ndarray) -> None:
        """Take integer prices of mentors and mentees (int64) for the coming scans."""
        self._prices, self._wishes = prices, wishes
        self._left[:, -2], self._right[:, -1] = prices, -wishes
        size = int(np.abs(prices).max(initial=0)) + int(np.abs(wishes).max(initial=0))
        # a forbidden pair must stay below every price, an allowed one be exact
        self._fits = (
            size + 2 * self.features.most < FORBIDDEN and size + 3 * FORBIDDEN + self.features.most < EXACT
        )

    def multiply(self, tile: Tile) -> np.ndarray:
        """Return score - price - price of a tile (integer-valued)."""
        rows, columns = tile
        left, right = self._left[rows], self._right[columns]
        if self._fits:
            return np.asarray(left @ right.T)
        scores = (left[:, :-2] @ right[:, :-2].T).astype(np.float64)
        excess = scores - self._prices[rows][:, None] - self._wishes[columns][None, :]
        return np.where(scores >= 0, excess, -np.inf)

    def scan(
        self, tiles: Sequence[Tile], above: int, quota: int | None = None
    ) -> Generator[Pairs, None, None]:
        """Yield for each tile, in order, the allowed pairs with score - prices > `above`.

        With `quota`, a tile that is full of them gives about the best `quota` of each mentee and mentor only.
        """
        results = self._run(partial(self._scan_tile, above=above, quota=quota), tiles)
        for tile, found in zip(tiles, results, strict=True):
            self.priced += measure(tile[0]) * measure(tile[1])
            yield found

    def _run(self, work: Callable[[Tile], Pairs], tiles: Sequence[Tile]) -> Iterator[Pairs]:
        if callable(self.workers) and len(tiles) >= WORTHWHILE:
            yield from self.workers(work, tiles)
            return
        number = 1 if callable(self.workers) else self.workers
        if number <= 1 or len(tiles) < 2:
            yield from map(work, tiles)
            return
        with ThreadPoolExecutor(number) as threads:
            try:
                # in batches: results of all tiles at once would not be linear in people
                for start in range(0, len(tiles), 64):
                    yield from threads.map(work, tiles[start : start + 64])
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _scan_tile(self, tile: Tile, above: int, quota: int | None) -> Pairs:
        excess = self.multiply(tile)
        if not excess.size:
            return no_pairs()
        hits = np.flatnonzero(excess > above)
        if quota is not None and len(hits) > 2 * quota * sum(excess.shape):
            hits = _pick_best(self._drop_below_floor(tile, excess), above, quota)
        if not len(hits):
            return no_pairs()
        row, column = np.divmod(hits, excess.shape[1])
        mentors, mentees = _resolve(tile[0], row), _resolve(tile[1], column)
        scores = excess.ravel()[hits].astype(np.int64) + self._prices[mentors] + self._wishes[mentees]
        kept = (scores >= self.features.lowest) & self.features.exclusions.allow(mentors, mentees)
        return Pairs(mentors[kept].astype(np.int32), mentees[kept].astype(np.int32), scores[kept])

    def _drop_below_floor(self, tile: Tile, excess: np.ndarray) -> np.ndarray:
        """Put pairs below the floor out of reach, so that they use no quota up."""
        scores = excess + self._prices[tile[0]][:, None] + self._wishes[tile[1]][None, :]
        return np.asarray(np.where(scores >= self.features.lowest, excess, -np.inf))


def _pick_best(excess: np.ndarray, above: int, quota: int) -> np.ndarray:
    chosen = np.zeros(excess.shape, dtype=bool)
    for axis in (0, 1):
        length = excess.shape[axis]
        if length <= quota:
            continue
        # the value of the quota-th best is the same on every machine, its place among equals is not
        bar = np.partition(excess, length - quota, axis=axis).take([length - quota], axis=axis)
        bar = np.maximum(bar, above + 1)
        equal = excess == bar
        turn = np.cumsum(equal, axis=axis, dtype=np.int32)
        # of equal ones different people take different ones, else all would list the same few
        stride = np.maximum(turn.take([length - 1], axis=axis) // quota, 1)
        others = np.arange(excess.shape[1 - axis])
        turn += others[None, :] if axis == 0 else others[:, None]
        chosen |= (excess > bar) | (equal & (turn % stride == 0))
    return np.flatnonzero(chosen)


def _resolve(people: np.ndarray | slice, at: np.ndarray) -> np.ndarray:
    return np.asarray(at + people.start if isinstance(people, slice) else people[at])


def measure(people: np.ndarray | slice) -> int:
    """Return how many people a side of a tile holds."""
    return int(people.stop - people.start if isinstance(people, slice) else len(people))
