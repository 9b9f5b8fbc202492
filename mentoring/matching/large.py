"""The engine for any size on features in memory: the best matching and the prices that prove it.

Belongs here: the split into groups that share no pair, the choice of engine for each, and the proof as one
value. Does not belong here: people, policy, sentences, how a group is solved.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mentoring.matching.assignment import find_prices, find_wishes, solve
from mentoring.matching.coverage import cover_mentees, seat_quickly
from mentoring.matching.features import Features
from mentoring.matching.flow import Round
from mentoring.matching.generation import Generator, Group, Step, keep_quiet
from mentoring.matching.pool import all_tiles
from mentoring.matching.pricing import Pricer, Workers

CROSSING = 1_500
"""Most people on the smaller side of a group that is solved as one dense table."""


@dataclass(frozen=True)
class Proof:
    """A best matching over `Features`, and what proves it.

    `partner` (int64) per mentee, -1: none. `levels` (int64, per mentor) prove how many can be matched and who
    comes first; `prices` (int64, per mentor) and `wishes` (int64, per mentee) prove the points, over the pairs
    that the levels leave: see `check_proof`.
    """

    partner: np.ndarray
    levels: np.ndarray
    prices: np.ndarray
    wishes: np.ndarray
    points: int
    rounds: int = 0
    priced_pairs: int = 0


def match_features(
    features: Features,
    seats: np.ndarray,
    ranks: np.ndarray | None = None,
    *,
    seed: int = 0,
    workers: Workers | None = None,
    report: Callable[[Step], None] = keep_quiet,
    crossing: int = CROSSING,
) -> Proof:
    """Match most mentees, those of higher rank first, then for most points, over all eligible pairs.

    `seats` (int64 >= 0) per mentor; `ranks` (int64 >= 1) per mentee, all alike by default. The same input and
    seed give the same result, whatever the `workers` (threads; one per core by default). `report`
    hears about every round. Raises ArithmeticError if the result could not be proven.
    """
    mentors, mentees = features.shape
    ranks = np.ones(mentees, dtype=np.int64) if ranks is None else ranks
    workers = workers or os.cpu_count() or 1
    seats = np.minimum(seats, mentees).astype(np.int64)
    left, right = shuffle(mentors, seed), shuffle(mentees, seed + 1)
    mixed = features.take(left, right)
    if mentors * mentees <= crossing**2:
        found = _solve_all_densely(mixed, seats[left], ranks[right])
    else:
        start = seat_quickly(mixed, seats[left])
        known, levels = cover_mentees(mixed, seats[left], ranks[right], start)
        found = _solve_groups(mixed, seats[left], ranks[right], known, levels, workers, report, crossing)
    check_proof(mixed, seats[left], ranks[right], found, workers)
    back_left, back_right = np.argsort(left), np.argsort(right)
    seated = found.partner >= 0
    partner = np.full(mentees, -1, dtype=np.int64)
    partner[right[seated]] = left[found.partner[seated]]
    return replace(
        found,
        partner=partner,
        levels=found.levels[back_left],
        prices=found.prices[back_left],
        wishes=found.wishes[back_right],
    )


def shuffle(people: int, seed: int) -> np.ndarray:
    """Return a seeded order of people: the rule for ties, the same on every machine."""
    mixed = np.arange(1, people + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= np.uint64((seed * 0xD1B54A32D192ED03 + 0x2545F4914F6CDD1D) % 2**64)
    # finaliser of splitmix64 (Steele, Lea, Flood 2014)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")


def find_floors(ranks: np.ndarray, partner: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the level that each mentee's mentors must have at least: that of the own mentor, or the own rank."""
    if not len(levels):
        return ranks
    return np.where(partner >= 0, levels[partner], ranks)


def _solve_groups(
    features: Features,
    seats: np.ndarray,
    ranks: np.ndarray,
    known: np.ndarray,
    levels: np.ndarray,
    workers: Workers,
    report: Callable[[Step], None],
    crossing: int,
) -> Proof:
    """Solve each level apart: a best matching never pairs a mentor of one level with a mentee of another."""
    floors = find_floors(ranks, known, levels)
    partner, points, rounds, priced = np.full(len(known), -1, dtype=np.int64), 0, 0, 0
    prices, wishes = np.zeros(len(seats), dtype=np.int64), np.zeros(len(known), dtype=np.int64)
    for level in np.unique(floors):
        mentors, mentees = np.flatnonzero(levels == level), np.flatnonzero(floors == level)
        if not len(mentors):
            continue
        place = np.full(len(seats) + 1, -1, dtype=np.int64)
        place[mentors] = np.arange(len(mentors))
        group = Group(
            features.take(mentors, mentees),
            seats[mentors],
            ranks[mentees] > level,
            place[known[mentees]],
        )
        if len(mentors) * len(mentees) <= crossing**2:
            done = _solve_group_densely(group, level > 0)
        else:
            generator = Generator(group, workers, report)
            done = generator.solve()
            rounds, priced = rounds + generator.rounds, priced + generator.pricer.priced
        at = np.flatnonzero(done.partner >= 0)
        partner[mentees[at]] = mentors[done.partner[at]]
        points += int(features.score(partner[mentees[at]], mentees[at]).sum())
        prices[mentors], wishes[mentees] = done.prices, done.wishes
    return Proof(partner, levels, prices, wishes, points, rounds, priced)


def _solve_table(features: Features, seats: np.ndarray, ranks: np.ndarray) -> tuple[Round, int]:
    """Solve one dense table with a bonus of `step` per rank; return prices and wishes with it, and the step."""
    mentors, mentees = features.shape
    step = 8 * (features.most + 1) * (min(mentors, mentees) + 1)
    allowed = features.find_eligible(np.arange(mentors), np.arange(mentees))
    scores = features.score_block(slice(None), slice(None)).astype(np.int64)
    worth = np.where(allowed, scores + step * ranks[None, :], 0)
    partner = solve(worth, seats)
    prices = find_prices(worth, partner, seats)
    return Round(partner, prices, find_wishes(worth, prices)), step


def _solve_all_densely(features: Features, seats: np.ndarray, ranks: np.ndarray) -> Proof:
    done, step = _solve_table(features, seats, ranks)
    # points stay below half a step, so rounding takes levels and points apart
    levels = (done.prices + step // 2) // step
    reached = (done.wishes + step // 2) // step
    at = np.flatnonzero(done.partner >= 0)
    points = int(features.score(done.partner[at], at).sum())
    return Proof(
        done.partner, levels, done.prices - levels * step, done.wishes - reached * step, points, rounds=1
    )


def _solve_group_densely(group: Group, full: bool) -> Round:
    """Solve a group in which all mentees are matched, or (`full`) all seats filled."""
    ranks = np.where(group.must, 1 + full, 1)
    done, step = _solve_table(group.features, group.seats, ranks)
    return Round(done.partner, done.prices - step * full, done.wishes - step * (ranks - full))


def check_proof(
    features: Features, seats: np.ndarray, ranks: np.ndarray, proof: Proof, workers: Workers
) -> None:
    """Raise ArithmeticError unless levels, prices and wishes prove the matching, over every pair.

    With the floor of a mentee (see `find_floors`): every eligible pair has level >= floor, and where they are
    equal score <= price + wish. Mentors of level 0 have prices >= 0, and 0 with a free seat; others are full.
    Mentees whose floor is their own rank have wishes >= 0, and 0 when unmatched; others are matched. A pair
    scores exactly price + wish.
    """
    floors = find_floors(ranks, proof.partner, proof.levels)
    seated = np.flatnonzero(proof.partner >= 0)
    mine = proof.partner[seated]
    used = np.bincount(mine, minlength=len(seats))
    free = used < seats
    last, alone = floors == ranks, proof.partner < 0
    fits = (
        (used <= seats).all()
        and (floors <= ranks).all()
        and (proof.prices[proof.levels == 0] >= 0).all()
        and not proof.levels[free].any()
        and not proof.prices[free].any()
        and (proof.wishes[last] >= 0).all()
        and not proof.wishes[alone].any()
        and features.find_allowed(mine, seated).all()
        and (features.score(mine, seated) == proof.prices[mine] + proof.wishes[seated]).all()
    )
    if not fits or _finds_violation(features, proof, floors, workers):
        raise ArithmeticError("the matching could not be proven optimal; please report this with the input")


def _finds_violation(features: Features, proof: Proof, floors: np.ndarray, workers: Workers) -> bool:
    for level in np.unique(proof.levels):
        mentors = np.flatnonzero(proof.levels == level)
        for floor in np.unique(floors[floors >= level]):
            mentees = np.flatnonzero(floors == floor)
            whole = len(mentors) == features.shape[0] and len(mentees) == features.shape[1]
            pricer = Pricer(features if whole else features.take(mentors, mentees), workers)
            if floor == level:
                pricer.set_prices(proof.prices[mentors], proof.wishes[mentees])
            else:  # nobody here may be eligible
                bar = np.full(len(mentees), features.lowest - 1, dtype=np.int64)
                pricer.set_prices(np.zeros(len(mentors), dtype=np.int64), bar)
            if any(len(found) for found in pricer.scan(all_tiles(len(mentors), len(mentees)), 0)):
                return True
    return False
