"""Matching and its report for large cohorts, in memory linear in people.

Belongs here: the phases of a large run, in order, and its tables. Does not belong here: small runs
(mentoring.matching.engine), how a phase works.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mentoring.matching.advice import advise_recruiting
from mentoring.matching.assignment import Bonus, set_bonus
from mentoring.matching.coverage import cover_mentees, seat_quickly
from mentoring.matching.features import Features
from mentoring.matching.generation import Step
from mentoring.matching.large import Proof, match_features
from mentoring.matching.large_board import lay_out_large
from mentoring.matching.people import People
from mentoring.matching.pricing import Workers
from mentoring.matching.result import RUNNER_UP_COLUMNS, UNMATCHED_COLUMNS, Matching
from mentoring.matching.rules import Board
from mentoring.matching.survey import Alternatives, count_pairs, find_alternatives
from mentoring.matching.tables import certify, list_matches, summarise
from mentoring.matching.unmatched import explain_mentee_briefly, explain_mentor_briefly
from mentoring.policy import Policy

RUNNER_UPS = 3


@dataclass(frozen=True)
class LargeTask:
    """What is given to the engine: the mentors with seats left and the mentees without a held pair.

    `mentors` and `mentees` (int64) are their places on the board; `seats` and `ranks` theirs.
    """

    mentors: np.ndarray
    mentees: np.ndarray
    features: Features
    seats: np.ndarray
    ranks: np.ndarray
    bonus: Bonus
    threshold: int


def set_large_task(
    board: Board, features: Features, *, max_min: bool, held: dict[int, int] | None = None
) -> LargeTask:
    """Take held pairs out and, with max_min, drop all pairs below the lifted threshold."""
    held = board.held if held is None else held
    taken = np.bincount(np.asarray(list(held.values()), dtype=np.int64), minlength=len(board.mentors))
    capacity = board.mentors.capacity - taken
    mentors = np.flatnonzero(capacity > 0)
    mentees = np.setdiff1d(np.arange(len(board.mentees)), np.asarray(list(held), dtype=np.int64))
    part = features.take(mentors, mentees)
    seats = np.minimum(capacity[mentors], max(len(mentees), 1))
    most_pairs = 1 + min(len(mentees), int(seats.sum()))
    bonus = set_bonus(board.mentees.waiting_since, features.most, most_pairs)
    ranks = bonus.per_mentee[mentees] // bonus.step
    threshold = lift_worst_of_many(part, seats, ranks) if max_min else 0
    part = replace(part, lowest=max(part.lowest, threshold))
    return LargeTask(mentors, mentees, part, seats, ranks, bonus, threshold)


def lift_worst_of_many(features: Features, seats: np.ndarray, ranks: np.ndarray) -> int:
    """Return the most points that every pair can reach without matching fewer or passing over who waited."""

    def cover(lowest: int) -> tuple[int, ...]:
        bar = replace(features, lowest=lowest)
        partner, _ = cover_mentees(bar, seats, ranks, seat_quickly(bar, seats))
        return tuple(np.bincount(ranks[partner >= 0], minlength=int(ranks.max(initial=0)) + 1).tolist())

    best = cover(features.lowest)
    low, high = features.lowest, features.most  # low always suffices
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cover(middle) == best else (low, middle - 1)
    return low if sum(best) else 0


def match_many(
    mentors: People,
    mentees: People,
    policy: Policy,
    report: Callable[[Step], None],
    workers: Workers,
    stopwatch: Callable[[], float],
) -> Matching:
    """Match a large cohort as `mentoring.matching.find_matches` documents."""
    laps = [stopwatch()]
    board, features = lay_out_large(mentors, mentees, policy)
    laps.append(stopwatch())
    task = set_large_task(board, features, max_min=policy.max_min)
    proof = _solve(task, policy, report, workers)
    laps.append(stopwatch())
    partner = _place(board, task, proof)
    alternatives = find_alternatives(task.features, task.ranks, proof, RUNNER_UPS + 1, workers)
    matches = list_matches(board, partner)
    runner_ups = pd.DataFrame(
        _list_runner_ups(board, task, proof, alternatives), columns=list(RUNNER_UP_COLUMNS)
    )
    unmatched = pd.DataFrame(
        _explain_unmatched(board, task, proof, alternatives), columns=list(UNMATCHED_COLUMNS)
    )
    laps.append(stopwatch())
    eligible, blocking = _count(board, features, task, proof, workers)
    summary = summarise(board, partner, matches["points"].tolist())
    summary |= {"eligible_pairs": eligible, "blocking_pairs": blocking}
    summary["fairness"] = _price_fairness(board, features, task, summary, report, workers)
    summary["reoptimisation"] = _price_held(board, features, summary, report, workers)
    certificate = _certify(board, task, proof, partner)
    summary["recruiting"] = advise_recruiting(board, certificate["prices"], partner, task.bonus, exact=False)
    summary["rounds"] = proof.rounds
    laps.append(stopwatch())
    phases = ("score", "solve_and_prove", "explain", "survey")
    summary["seconds"] = {
        name: round(end - start, 6) for name, start, end in zip(phases, laps, laps[1:], strict=False)
    }
    return Matching(
        matches=matches,
        runner_ups=runner_ups,
        unmatched=unmatched,
        summary=summary,
        certificate=certificate,
        _scores=lambda: _write_out(board, features),
    )


def _solve(task: LargeTask, policy: Policy, report: Callable[[Step], None], workers: Workers) -> Proof:
    return match_features(
        task.features, task.seats, task.ranks, seed=policy.seed, workers=workers, report=report
    )


def _place(board: Board, task: LargeTask, proof: Proof) -> np.ndarray:
    """Partners on the board (per mentee, -1: none), with the held pairs."""
    partner = np.full(len(board.mentees), -1, dtype=np.int64)
    seated = proof.partner >= 0
    partner[task.mentees[seated]] = task.mentors[proof.partner[seated]]
    for mentee, mentor in board.held.items():
        partner[mentee] = mentor
    return partner


def _count(
    board: Board, features: Features, task: LargeTask, proof: Proof, workers: Workers
) -> tuple[int, int]:
    """Eligible pairs of all people, with the held ones, and blocking pairs of the task."""
    eligible, blocking = count_pairs(task.features, task.seats, proof.partner, workers)
    if task.features.shape != features.shape or task.threshold:
        nobody = np.full(features.shape[1], -1, dtype=np.int64)
        eligible, _ = count_pairs(features, np.zeros(features.shape[0], dtype=np.int64), nobody, workers)
    mentees, mentors = (np.asarray(list(some), dtype=np.int64) for some in (board.held, board.held.values()))
    return eligible + int((~features.find_allowed(mentors, mentees)).sum()), blocking


def _list_runner_ups(
    board: Board, task: LargeTask, proof: Proof, found: Alternatives
) -> Iterator[tuple[Any, ...]]:
    """Least costly other partners of everybody, mentors first; the costs are lower bounds."""
    points = task.features.score(found.mentors, found.mentees)
    free = np.bincount(proof.partner[proof.partner >= 0], minlength=len(task.seats)) < task.seats
    for role, people, others, own, other, mine in (
        ("mentor", board.mentors, board.mentees, found.mentors, found.mentees, (task.mentors, task.mentees)),
        ("mentee", board.mentees, board.mentors, found.mentees, found.mentors, (task.mentees, task.mentors)),
    ):
        rank, before = 0, -1
        for at in np.lexsort((other, -points, found.points, found.steps, own)).tolist():
            rank = rank + 1 if own[at] == before else 1
            before = int(own[at])
            if rank > RUNNER_UPS:
                continue
            steps = int(found.steps[at])
            yield (
                people.ids[mine[0][before]],
                role,
                rank,
                others.ids[mine[1][other[at]]],
                int(points[at]),
                int(found.points[at]),
                int(steps >= task.bonus.base),
                0 < steps < task.bonus.base,
                False,
                bool(free[found.mentors[at]]),
            )


def _explain_unmatched(
    board: Board, task: LargeTask, proof: Proof, found: Alternatives
) -> Iterator[tuple[str, str, str, str]]:
    """Rows as of small runs: mentees without a mentor, then mentors without any mentee."""
    partner = _place(board, task, proof)
    used = np.bincount(partner[partner >= 0], minlength=len(board.mentors))
    least: dict[str, dict[int, int]] = {"mentee": {}, "mentor": {}}
    for at in np.lexsort((found.points, found.steps))[::-1].tolist():
        mentor, mentee = int(task.mentors[found.mentors[at]]), int(task.mentees[found.mentees[at]])
        least["mentee"][mentee], least["mentor"][mentor] = at, at
    for mentee in np.flatnonzero(partner < 0).tolist():
        best = least["mentee"].get(mentee)
        seat = None if best is None else int(task.mentors[found.mentors[best]])
        tight = best is not None and found.points[best] == 0 == found.steps[best]
        yield explain_mentee_briefly(board, mentee, used, partner, seat, tight)
    for mentor in np.flatnonzero(used == 0).tolist():
        best = least["mentor"].get(mentor)
        cost = None
        if best is not None:
            lost = int(found.steps[best])
            cost = (
                int(task.mentees[found.mentees[best]]),
                lost >= task.bonus.base,
                lost > 0,
                int(found.points[best]),
            )
        yield explain_mentor_briefly(board, mentor, cost)


def _price_fairness(
    board: Board,
    features: Features,
    task: LargeTask,
    summary: dict[str, Any],
    report: Callable[[Step], None],
    workers: Workers,
) -> dict[str, dict[str, int]]:
    """What each fairness option in use, and the pairs that hold, cost against the same input without them."""
    prices = {}
    policy = board.policy

    def compare(features: Features, max_min: bool) -> dict[str, int]:
        other = set_large_task(board, features, max_min=max_min)
        proof = _solve(other, policy, report, workers)
        partner = _place(board, other, proof)
        held = np.asarray(list(board.held), dtype=np.int64)
        points = proof.points + int(np.asarray(board.points[partner[held], held]).sum() if len(held) else 0)
        return {
            "points_paid": points - summary["total_points"],
            "mentees_lost": int((partner >= 0).sum()) - summary["matched"],
        }

    if policy.max_min:
        prices["max_min"] = compare(features, False) | {"value": task.threshold}
    if policy.floor:
        prices["floor"] = compare(replace(features, lowest=0), policy.max_min) | {"value": policy.floor}
    return prices


def _price_held(
    board: Board,
    features: Features,
    summary: dict[str, Any],
    report: Callable[[Step], None],
    workers: Workers,
) -> dict[str, int]:
    """What a full re-optimisation would gain: the same input without pairs that hold."""
    if not board.held:
        return {"points_gained": 0, "mentees_gained": 0}
    free = set_large_task(board, features, max_min=board.policy.max_min, held={})
    proof = _solve(free, board.policy, report, workers)
    return {
        "points_gained": proof.points - summary["total_points"],
        "mentees_gained": int((proof.partner >= 0).sum()) - summary["matched"],
    }


def _certify(board: Board, task: LargeTask, proof: Proof, partner: np.ndarray) -> dict[str, np.ndarray]:
    seats = board.mentors.capacity - np.bincount(
        np.asarray(list(board.held.values()), dtype=np.int64), minlength=len(board.mentors)
    )
    prices = np.zeros(len(board.mentors), dtype=np.int64)
    prices[task.mentors] = task.bonus.step * proof.levels + proof.prices
    bonus = np.zeros(len(board.mentees), dtype=np.int64)
    bonus[task.mentees] = task.bonus.per_mentee[task.mentees]
    seated = task.mentees[proof.partner >= 0]
    worth = proof.points + int(bonus[seated].sum())
    return certify(board, seats, prices, bonus, partner, task.threshold, worth, _cover_above(board, task))


def _cover_above(board: Board, task: LargeTask) -> np.ndarray | None:
    """Levels, in ranks, that show that the pairs above the threshold alone serve fewer."""
    if not board.policy.max_min:
        return None
    above = replace(task.features, lowest=task.threshold + 1)
    _, levels = cover_mentees(above, task.seats, task.ranks, seat_quickly(above, task.seats))
    cover = np.zeros(len(board.mentors), dtype=np.int64)
    cover[task.mentors] = levels
    return cover


def _write_out(board: Board, features: Features) -> tuple[np.ndarray, np.ndarray]:
    """Dense points and eligibility, in the order of the input: for who asks for them all the same."""
    shape = features.shape
    points, eligible = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=bool)
    columns = board.mentees.rows
    for at, row in enumerate(board.mentors.rows):
        points[row, columns], eligible[row, columns] = board.points[at], board.eligible[at]
    return points, eligible
