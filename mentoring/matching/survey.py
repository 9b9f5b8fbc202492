"""What a report tells about all pairs, block by block: how many are eligible or block, and who comes next.

Belongs here: full passes over the pairs of a solved instance. Does not belong here: solving, sentences.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mentoring.matching.features import Features
from mentoring.matching.large import Proof, find_floors
from mentoring.matching.pool import all_tiles, cut
from mentoring.matching.pricing import COLUMNS, ROWS, Pairs, Pricer, Workers

CHUNK = 2**21  # pairs in hand before the best are picked


@dataclass(frozen=True)
class Alternatives:
    """Pairs as parallel arrays (int64) with what choosing each loses at least: `steps` of the bonus and
    `points`, the steps counting first.
    """

    mentors: np.ndarray
    mentees: np.ndarray
    steps: np.ndarray
    points: np.ndarray


def count_pairs(
    features: Features, seats: np.ndarray, partner: np.ndarray, workers: Workers
) -> tuple[int, int]:
    """Count the eligible pairs, and those who would both rather have each other than whom they have."""
    mentors, mentees = features.shape
    seated = np.flatnonzero(partner >= 0)
    own = np.full(mentees, -1, dtype=np.int64)
    own[seated] = features.score(partner[seated], seated)
    weakest = np.full(mentors, np.iinfo(np.int32).max, dtype=np.int64)
    np.minimum.at(weakest, partner[seated], own[seated])
    weakest[np.bincount(partner[seated], minlength=mentors) < seats] = -1
    own, weakest = own.astype(np.float32), weakest.astype(np.float32)
    everyone = np.arange(mentors), np.arange(mentees)

    def count_tile(tile: tuple[slice, slice]) -> tuple[int, int]:
        scores = features.score_block(*tile)
        allowed = scores >= features.lowest
        allowed &= features.exclusions.allow_block(everyone[0][tile[0]], everyone[1][tile[1]])
        number = int(np.count_nonzero(allowed))
        allowed &= scores > own[None, tile[1]]
        allowed &= scores > weakest[tile[0], None]
        return number, int(np.count_nonzero(allowed))

    tiles = [(row, column) for column in cut(mentees, COLUMNS) for row in cut(mentors, ROWS)]
    with ThreadPoolExecutor(workers if isinstance(workers, int) else None) as threads:
        counts = list(threads.map(count_tile, tiles))
    return sum(number for number, _ in counts), sum(blocking for _, blocking in counts)


def find_alternatives(
    features: Features, ranks: np.ndarray, proof: Proof, most: int, workers: Workers
) -> Alternatives:
    """Find for everybody about the `most` other partners who lose least, by slack: a lower bound of the loss.

    Among the pairs of one level first; across levels a mentee or somebody's turn is lost as well.
    """
    floors = find_floors(ranks, proof.partner, proof.levels)
    best = Alternatives(*(np.zeros(0, dtype=np.int64) for _ in range(4)))
    for level in np.unique(proof.levels):
        for floor in np.unique(floors[floors <= level]):
            mentors, mentees = np.flatnonzero(proof.levels == level), np.flatnonzero(floors == floor)
            for found in _find_between(features, proof, mentors, mentees, most, workers):
                left, right, points = found
                other = proof.partner[right] != left
                fresh = (left[other], right[other], np.full(other.sum(), level - floor), points[other])
                best = _keep_least(best, fresh, most)
    return best


def _find_between(
    features: Features, proof: Proof, mentors: np.ndarray, mentees: np.ndarray, most: int, workers: Workers
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pairs with their slack until everybody here has enough, or all have been seen."""
    whole = len(mentors) == features.shape[0] and len(mentees) == features.shape[1]
    pricer = Pricer(features if whole else features.take(mentors, mentees), workers)
    prices, wishes = proof.prices[mentors], proof.wishes[mentees]
    pricer.set_prices(prices, wishes)
    widest = int(prices.max(initial=0) + wishes.max(initial=0)) + 1
    reach, tiles = max(features.most // 64, 1), all_tiles(len(mentors), len(mentees))
    counts = np.zeros(len(mentors), dtype=np.int64), np.zeros(len(mentees), dtype=np.int64)
    while tiles:
        for side in counts:
            side[:] = 0
        gathered: list[Pairs] = []
        size = 0
        for found in pricer.scan(tiles, -reach - 1, most + 1):
            np.add.at(counts[0], found.mentors, 1)
            np.add.at(counts[1], found.mentees, 1)
            gathered.append(found)
            size += len(found)
            if size > CHUNK:
                yield _join(gathered, prices, wishes, mentors, mentees)
                gathered, size = [], 0
        yield _join(gathered, prices, wishes, mentors, mentees)
        if reach > widest:
            return
        short = [np.flatnonzero(side <= most) for side in counts]
        reach = min(4 * reach, widest + 1) if reach < widest // 8 else widest + 1
        tiles = [
            (short[0][row], column)
            for column in cut(len(mentees), COLUMNS)
            for row in cut(len(short[0]), ROWS)
        ]
        tiles += [
            (row, short[1][column])
            for column in cut(len(short[1]), COLUMNS)
            for row in cut(len(mentors), ROWS)
        ]


def _join(
    gathered: list[Pairs], prices: np.ndarray, wishes: np.ndarray, mentors: np.ndarray, mentees: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not gathered:
        nobody = np.zeros(0, dtype=np.int64)
        return nobody, nobody, nobody
    left, right, scores = (
        np.concatenate([getattr(found, name) for found in gathered])
        for name in ("mentors", "mentees", "scores")
    )
    return mentors[left], mentees[right], prices[left] + wishes[right] - scores


def _keep_least(best: Alternatives, fresh: tuple[np.ndarray, ...], most: int) -> Alternatives:
    columns = [
        np.concatenate([old, new])
        for old, new in zip((best.mentors, best.mentees, best.steps, best.points), fresh, strict=True)
    ]
    order = np.lexsort((columns[3], columns[2], columns[0], columns[1]))
    columns = [column[order] for column in columns]
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (np.diff(columns[0]) == 0) & (np.diff(columns[1]) == 0)
    columns = [column[~same] for column in columns]
    kept = np.zeros(len(columns[0]), dtype=bool)
    for side in columns[:2]:
        order = np.lexsort((columns[1], columns[0], columns[3], columns[2], side))
        sorted_side = side[order]
        first = np.searchsorted(sorted_side, sorted_side)
        kept[order[np.arange(len(order)) - first < most]] = True
    return Alternatives(*(column[kept] for column in columns))
