"""Column generation: the best matching over all pairs of one group, by listing only the pairs that matter.

Belongs here: which pairs are listed, round by round, until none is missing. Does not belong here: how listed
pairs are solved (mentoring.matching.flow) or blocks priced (mentoring.matching.pricing).

Source: delayed column generation (Ford and Fulkerson 1958; Gilmore and Gomory 1961) on the assignment
problem; thin samples of tiles first, so that prices are nearly right before all tiles are priced.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mentoring.matching.features import Features
from mentoring.matching.flow import Round, solve_listed
from mentoring.matching.mending import count_displaced, mend_round
from mentoring.matching.pool import Pool, all_tiles, cut, find_best_violated, keep_best
from mentoring.matching.pricing import COLUMNS, ROWS, Pairs, Pricer, Tile, Workers, join_pairs, no_pairs

QUOTA = 6  # pairs added per person and tile while prices are rough
FIRST_SAMPLE = 700  # mentors whom each mentee sees in the thinnest sample
THICKER = 6  # from one sample to the next
MOST_LISTED = 40  # pairs per mentee before the worst are dropped
ACTIVE = 1_000, 6  # pairs per mentee that are solved anew, while prices are rough and later
ROUNDS = 4  # over a sample before a mentee who must be matched becomes more urgent
SETTLED = 3  # one pair in so many mentees is still missing when a sample is left
LEFT = 20  # one in so many mentees may still be without a mentor when a sample is left
MENDED = 2  # up to one in so many mentees is displaced when a round is mended and not solved anew
PRESSED = 500  # one in so many mentees became more urgent: the round is solved anew
STEPS = 100  # of mending, before a round is solved anew after all
TIES = 3  # tight pairs per mentee from which on mending is the faster way for any number
MOST_LOST = 1_000  # people for whom many pairs are listed
SOFT_RANK = 4  # a mentee who must be matched may at first wait for a pair as good as this one


@dataclass(frozen=True)
class Step:
    """How far the engine is: rounds so far, pairs worth adding in the last one, and how far the points may
    still be from the best (None: not known yet).
    """

    rounds: int
    violated_pairs: int
    gap: int | None


def keep_quiet(_step: Step) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Group:
    """One instance for the engine: `features` with all people, `seats`, `must` (bool per mentee: has to be
    matched), and `known`, a matching of eligible pairs that serves whom it must (partner per mentee).

    Either every mentee must be matched or every seat is filled in `known`.
    """

    features: Features
    seats: np.ndarray
    must: np.ndarray
    known: np.ndarray


class Generator:
    """One run of column generation; `solve` returns the round that proves itself over all pairs."""

    def __init__(self, group: Group, workers: Workers, report: Callable[[Step], None]) -> None:
        self.group = group
        self.pricer = Pricer(group.features, workers)
        self.report = report
        self.rounds = 0
        self.found = len(group.known)  # pairs that were missing in the last round
        mentors, mentees = group.features.shape
        self.prices = np.zeros(mentors, dtype=np.int64)
        self.wishes = np.zeros(mentees, dtype=np.int64)
        self.listed = no_pairs()
        self.pressed = False  # so many became more urgent that mending would take longer than solving anew
        self.all_must = bool(group.must.all())
        self.fallback = np.zeros(mentees, dtype=np.int64)
        self.step = max(
            group.features.most // 16, 1
        )  # by which those who are left become more urgent at first
        self.partner = np.full(mentees, -1, dtype=np.int64)

    def solve(self) -> Round:
        """Return the best matching with prices that no pair at all exceeds."""
        self._solve_samples()
        self._add(no_pairs(), self._list_known())
        pool = Pool(self.pricer)
        step = self.step
        while True:
            self._settle(pool)
            self._list_ways_out()
            left = self._lower_fallback(step)
            if not left:
                # the fallback of those who need not be matched becomes nothing
                shift = 0 if self.all_must else int(self.fallback[~self.group.must].max())
                return Round(self.partner, self.prices + shift, self.wishes - shift)
            step *= 4

    def _list_known(self) -> Pairs:
        mentees = np.flatnonzero(self.group.known >= 0)
        mentors = self.group.known[mentees]
        scores = self.group.features.score(mentors, mentees)
        return Pairs(mentors.astype(np.int32), mentees.astype(np.int32), scores)

    def _solve_samples(self) -> None:
        """Bring prices near the best ones where looking at pairs is cheap."""
        for turn, tiles in enumerate(sample_tiles(*self.group.features.shape)):
            if not turn:
                self.pricer.set_prices(self.prices, self.wishes)
                self._add(*self.pricer.scan(tiles, -1, QUOTA), self._list_known())
                self._soften()
            self._settle_sample(tiles, soften=not turn)
            for _ in range(2):
                if LEFT * self._count_lost() <= len(self.wishes):
                    break
                self._lower_fallback(self.step)
                self.step *= 4
                if not self._has_ties():
                    break  # over few pairs prices would soon rise too far
                self._settle_sample(tiles, soften=False)
            self._prune()

    def _count_lost(self) -> int:
        return int(np.count_nonzero(self.group.must & (self.partner < 0)))

    def _settle_sample(self, tiles: list[Tile], *, soften: bool) -> None:
        for _ in range(ROUNDS):
            if soften:
                self._soften()
            self._solve_listed()
            missing, number = find_best_violated(self.pricer, tiles, self.prices, self.wishes, QUOTA)
            self._add(missing)
            self._tell(number)
            if SETTLED * number < len(self.wishes):
                break

    def _soften(self) -> None:
        """Let a mentee who must be matched wait for better pairs while few are listed."""
        pairs = self.listed
        gains = pairs.scores - self.prices[pairs.mentors]
        order = np.lexsort((-gains, pairs.mentees))
        first = np.searchsorted(pairs.mentees[order], np.arange(len(self.wishes) + 1))
        number = np.diff(first)
        some = number > 0
        kth = np.zeros(len(number), dtype=np.int64)
        kth[some] = gains[order][first[:-1][some] + np.minimum(number[some], SOFT_RANK) - 1]
        self.fallback = np.where(self.group.must, kth - 1, 0)

    def _solve_listed(self) -> None:
        """Solve over the listed pairs: mend what changed, or first solve anew over the few that are nearly tight."""
        self.rounds += 1
        pairs, group = self.listed, self.group
        displaced = count_displaced(pairs, self.fallback, self.prices, self.partner)
        pressed, self.pressed = self.pressed, False
        anew = (displaced > len(self.wishes) // MENDED or pressed) and not self._has_ties()
        if not anew:
            most_steps = None if self._has_ties() else STEPS
            anew = not self._mend(most_steps)
        if anew:
            excess = pairs.find_excess(self.prices, self.wishes)
            most = ACTIVE[self.found < len(self.wishes) // 20 and not pressed]
            active = keep_best(pairs, excess, most) | (self.partner[pairs.mentees] == pairs.mentors)
            done = solve_listed(pairs.take(active), group.seats, self.fallback, self.prices, self.wishes)
            self.partner, self.prices = done.partner, done.prices
            self._mend(None)

    def _mend(self, most_steps: int | None) -> bool:
        done, finished = mend_round(
            self.listed, self.group.seats, self.fallback, self.prices, self.partner, most_steps
        )
        self.partner, self.prices, self.wishes = done.partner, done.prices, done.wishes
        return finished

    def _has_ties(self) -> bool:
        pairs = self.listed
        excess = pairs.find_excess(self.prices, self.wishes)
        return bool(np.count_nonzero(excess == 0) > TIES * len(self.wishes))

    def _add(self, *some: Pairs) -> None:
        self.listed = join_pairs([self.listed, *some])

    def _prune(self) -> None:
        pairs = self.listed
        excess = pairs.find_excess(self.prices, self.wishes)
        self.listed = pairs.take(
            keep_best(pairs, excess, 3 * QUOTA) | (self.partner[pairs.mentees] == pairs.mentors)
        )

    def _tell(self, violated: int, gap: int | None = None) -> None:
        self.found = violated
        self.report(Step(self.rounds, violated, gap))

    def _settle(self, pool: Pool) -> None:
        """Solve and list until no pair of all exceeds its prices."""
        while True:
            self._solve_listed()
            missing = pool.find_violated(self.prices, self.wishes)
            if not len(missing):
                missing = pool.catch_up(self.prices, self.wishes)
            self._tell(len(missing), measure_gap(missing, self.prices, self.wishes))
            if not len(missing):
                return
            self._add(missing)
            if len(self.listed) > MOST_LISTED * len(self.wishes):
                self._prune()

    def _list_ways_out(self) -> None:
        """List many pairs of those who are left, and of free seats: they will meet along short paths."""
        lost = np.flatnonzero((self.partner < 0) & self.group.must)
        used = np.bincount(self.partner[self.partner >= 0], minlength=len(self.group.seats))
        free = np.flatnonzero(used < self.group.seats)
        missing = len(lost) if self.all_must else int((self.group.seats - used).sum())
        if not missing:
            return
        mentors, mentees = self.group.features.shape
        self.pricer.set_prices(self.prices, self.wishes)
        low = -self.group.features.most
        tiles: list[Tile] = [(row, lost) for row in cut(mentors, ROWS)]
        self._add(*self.pricer.scan(tiles if 0 < len(lost) <= MOST_LOST else [], low, QUOTA))
        if len(free) <= 2 * missing <= 2 * MOST_LOST:
            self._add(*self.pricer.scan([(free, column) for column in cut(mentees, COLUMNS)], low, QUOTA))

    def _lower_fallback(self, step: int) -> bool:
        """Make those who must be matched, and seats that must be filled, more urgent; False when all are."""
        lost = (self.partner < 0) & self.group.must
        used = np.bincount(self.partner[self.partner >= 0], minlength=len(self.group.seats))
        idle = not self.all_must and bool((used < self.group.seats).any())
        self.pressed = PRESSED * int(np.count_nonzero(lost)) > len(lost)
        if lost.any():
            # for everybody, else one of many equals after another would be left
            self.fallback = np.where(
                self.group.must, np.minimum(self.fallback, self.wishes - step), self.fallback
            )
        if idle:
            self.fallback = np.where(self.group.must, self.fallback, self.fallback - step)
        return idle or bool(lost.any())


def sample_tiles(mentors: int, mentees: int) -> list[list[Tile]]:
    """Tiles of thicker and thicker samples, short of all tiles."""
    rows = cut(mentors, ROWS // 2)
    columns = cut(mentees, COLUMNS)
    samples: list[list[Tile]] = []
    blocks = max(1, FIRST_SAMPLE * len(rows) // max(mentors, 1))
    while 2 * blocks < len(rows):
        samples.append(
            [
                (rows[(at * blocks + turn) % len(rows)], column)
                for at, column in enumerate(columns)
                for turn in range(blocks)
            ]
        )
        blocks *= THICKER
    return samples or [all_tiles(mentors, mentees)]


def measure_gap(missing: Pairs, prices: np.ndarray, wishes: np.ndarray) -> int:
    """How many points the best matching can be above the present one at most: every mentee's largest excess."""
    if not len(missing):
        return 0
    excess = missing.find_excess(prices, wishes)
    largest = np.zeros(len(wishes), dtype=np.int64)
    np.maximum.at(largest, missing.mentees, excess)
    return int(largest.sum())
