"""The one call of the matching engine: tables in, a proven and explained matching out.

Belongs here: the order of the phases and the tables of the result. Does not belong here: how a phase works.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mentoring.matching.advice import advise_recruiting
from mentoring.matching.assignment import (
    Bonus,
    Solution,
    draw_ties,
    find_prices,
    set_bonus,
    solve,
    solve_with_prices,
)
from mentoring.matching.exchange import Exchanges, price_exchanges
from mentoring.matching.fairness import count_blocking_pairs, lift_worst
from mentoring.matching.generation import Step, keep_quiet
from mentoring.matching.large_engine import match_many
from mentoring.matching.people import read_people
from mentoring.matching.pricing import Workers
from mentoring.matching.result import RUNNER_UP_COLUMNS, UNMATCHED_COLUMNS, Matching
from mentoring.matching.rules import Board, lay_out
from mentoring.matching.tables import certify, list_matches, summarise
from mentoring.matching.unmatched import explain_unmatched
from mentoring.policy import Policy

RUNNER_UPS = 3
DENSE_PAIRS = 4_000_000
"""Up to so many pairs everything is written out and every cost is exact; above, memory is linear in people."""


@dataclass(frozen=True)
class _Task:
    """What was given to the solver: the pairs and seats that are not held, and worth = points + bonus where
    allowed.
    """

    allowed: np.ndarray
    capacity: np.ndarray
    bonus: Bonus
    worth: np.ndarray
    threshold: int
    wide: np.ndarray  # worth, also where the mentor has no seat


def find_matches(
    mentors: pd.DataFrame,
    mentees: pd.DataFrame,
    policy: Policy,
    *,
    stopwatch: Callable[[], float] = time.perf_counter,
    report: Callable[[Step], None] = keep_quiet,
    workers: Workers | None = None,
    dense_pairs: int = DENSE_PAIRS,
    keep: Mapping[str, str] | None = None,
) -> Matching:
    """Match mentors and mentees in the best way there is, and prove and explain it.

    Columns (all but person_id may be absent; several values in a cell are separated by `;`; unknown columns
    are refused): both sides person_id, institution, library_type, years_experience, focus_areas, channels,
    time_zone, languages, never_pair, must_pair, earlier_partners (ids of the other side); mentors also
    capacity (1 without the column), topics_offered, experience_text; mentees also desired_library_type,
    topics_wanted (first choice first), goals_text, waiting_since (ISO date).

    In this order: must-pairs hold (over every rule but never_pair and capacity); most other mentees matched;
    the longest waiting first; with `policy.max_min` the worst pair as good as possible; most points; the
    seeded rule for ties. The result does not depend on the order of rows. Summary: mentors, mentees, seats,
    free_seats, eligible_pairs, matched, held, unmatched_mentees, mentors_without_mentee, waiting,
    waiting_matched, total_points, optimal, worst_points, median_points, spread_points (interquartile range),
    blocking_pairs, fairness (per option: value, points_paid, mentees_lost), reoptimisation (what giving up all
    held pairs would gain: points_gained, mentees_gained), recruiting (see `advise_recruiting`), seed, seconds
    per phase (read off `stopwatch`).

    Certificate (canonical order by id): mentor_ids, seats (without held ones), prices (int64, per mentor),
    mentee_ids, bonus (int64, per mentee; 0: held), partner (row of the mentor or -1), held (bool), threshold,
    worth, and with max_min cover (int64, per mentor, in ranks of waiting). It proves the result: with W =
    points + bonus no allowed pair has W > wish + price, wishes and prices are at least 0, and their sum over
    mentees and seats equals the worth; see `mentoring.matching.verify_matching`.

    Above `dense_pairs` pairs memory is linear in people, costs of runner-ups are lower bounds, and reasons
    are shorter; the optimum and its proof are the same. `report` then hears about every round, with the
    proven gap; `workers` threads price (one per core by default), or what is given instead prices blocks elsewhere (see
    `mentoring.matching.pricing.MapBlocks`); neither changes the result. `keep`
    (mentor by mentee) settles ties before the seed: of equally good results the one with most of its pairs.

    Raises MatchingError with one sentence for input that cannot be read or must-pairs that contradict. An
    empty side is not an error: everybody on the other side is unmatched, with that reason.
    """
    laps = [stopwatch()]
    left, right = read_people(mentors, "mentor"), read_people(mentees, "mentee")
    if len(left) * len(right) > dense_pairs:
        return match_many(left, right, policy, report, workers or os.cpu_count() or 1, stopwatch)
    board = lay_out(left, right, policy)
    laps.append(stopwatch())
    task = _set_task(board, board.eligible)
    ties = _prefer(board, draw_ties(board.mentors.ids, board.mentees.ids, policy.seed), keep or {})
    solution = solve_with_prices(task.worth, task.capacity, ties)
    laps.append(stopwatch())
    exchanges = price_exchanges(task.worth, task.wide, task.capacity, solution)
    partner = _add_held(board, solution.partner)
    matches = list_matches(board, partner)
    runner_ups = pd.DataFrame(
        _list_runner_ups(board, task, solution, exchanges), columns=list(RUNNER_UP_COLUMNS)
    )
    unmatched = explain_unmatched(board, task.capacity, solution, exchanges, task.bonus)
    laps.append(stopwatch())
    summary = summarise(board, partner, matches["points"].tolist()) | {
        "eligible_pairs": int(board.eligible.sum()),
        "blocking_pairs": count_blocking_pairs(board.points, task.allowed, task.capacity, solution.partner),
    }
    summary["fairness"] = _price_fairness(board, summary["matched"], summary["total_points"])
    summary["reoptimisation"] = _price_held(board, summary["matched"], summary["total_points"])
    summary["recruiting"] = advise_recruiting(board, solution.prices, partner, task.bonus, exact=True)
    phases = ("score", "solve_and_prove", "explain")
    summary["seconds"] = {
        name: round(end - start, 6) for name, start, end in zip(phases, laps, laps[1:], strict=False)
    }
    return Matching(
        matches=matches,
        runner_ups=runner_ups,
        unmatched=pd.DataFrame(unmatched, columns=list(UNMATCHED_COLUMNS)),
        summary=summary,
        certificate=certify(
            board,
            task.capacity,
            solution.prices,
            task.bonus.per_mentee,
            partner,
            task.threshold,
            solution.worth,
            _cover_above(board, task) if policy.max_min else None,
        ),
        _scores=lambda: _restore_order(board),
    )


def _set_task(board: Board, eligible: np.ndarray, *, max_min: bool | None = None) -> _Task:
    """Take held pairs out, set the bonus, and with max_min (the policy's by default) drop all pairs below the
    lifted threshold.
    """
    held = list(board.held)
    capacity = board.mentors.capacity - np.bincount(
        np.asarray(list(board.held.values()), dtype=np.int64), minlength=len(board.mentors)
    )
    allowed = eligible.copy()
    allowed[:, held] = False
    wide = allowed.copy()
    allowed[capacity <= 0] = False
    # one more than there can be, because the explanations try one more seat
    most_pairs = 1 + min(allowed.shape[1], int(np.minimum(capacity, allowed.shape[1]).sum()))
    most_points = sum(board.policy.weights.model_dump().values())
    bonus = set_bonus(board.mentees.waiting_since, most_points, most_pairs)
    threshold = 0
    if board.policy.max_min if max_min is None else max_min:
        threshold = lift_worst(board.points, allowed, capacity, bonus.per_mentee)
        allowed &= board.points >= threshold
        wide &= board.points >= threshold
    worth = board.points + bonus.per_mentee[None, :]
    return _Task(allowed, capacity, bonus, np.where(allowed, worth, 0), threshold, np.where(wide, worth, 0))


def _prefer(board: Board, ties: np.ndarray, keep: Mapping[str, str]) -> np.ndarray:
    """Ties by which fewest mentees change: those in `keep` best stay, and come before those who are not."""
    if not keep:
        return ties
    mentor_at = {person_id: at for at, person_id in enumerate(board.mentors.ids)}
    ties = ties >> 10  # room for the weight of a change
    change = int(ties.max(initial=0)) * (len(board.mentees) + 1)
    for at, mentee in enumerate(board.mentees.ids):
        if mentee in keep:
            ties[:, at] += change
            ties[mentor_at[keep[mentee]], at] += change
    return ties


def _add_held(board: Board, partner: np.ndarray) -> np.ndarray:
    complete = partner.copy()
    for mentee, mentor in board.held.items():
        complete[mentee] = mentor
    return complete


def _list_runner_ups(
    board: Board, task: _Task, solution: Solution, exchanges: Exchanges
) -> Iterator[tuple[Any, ...]]:
    """Three least costly other partners of everybody, mentors first; equal costs by points, then by id."""
    costs = exchanges.costs.copy()
    chosen = np.flatnonzero(solution.partner >= 0)
    costs[solution.partner[chosen], chosen] = np.inf
    free = np.bincount(solution.partner[chosen], minlength=len(board.mentors)) < task.capacity
    for role, people, others, table, points in (
        ("mentor", board.mentors, board.mentees, costs, board.points),
        ("mentee", board.mentees, board.mentors, costs.T, board.points.T),
    ):
        for at, person_id in enumerate(people.ids):
            best = np.lexsort((-points[at], table[at]))[:RUNNER_UPS]
            for rank, other in enumerate(best[np.isfinite(table[at, best])], start=1):
                lost, passed_over, cost = task.bonus.split(int(table[at, other]))
                seat = bool(free[at] if role == "mentor" else free[other])
                figures = (int(points[at, other]), cost, lost, passed_over, exchanges.are_exact, seat)
                yield (person_id, role, rank, others.ids[other], *figures)


def _price_fairness(board: Board, matched: int, total: int) -> dict[str, dict[str, int]]:
    """What each fairness option in use costs, against the same input without it."""
    report = {}
    if board.policy.max_min:
        task = _set_task(board, board.eligible, max_min=False)
        report["max_min"] = _compare(board, task, matched, total) | {
            "value": _set_task(board, board.eligible).threshold
        }
    if board.policy.floor:
        rules = [table for name, table in board.violations.items() if name != "floor"]
        task = _set_task(board, board.eligible | ~np.logical_or.reduce(rules))
        report["floor"] = _compare(board, task, matched, total) | {"value": board.policy.floor}
    return report


def _price_held(board: Board, matched: int, total: int) -> dict[str, int]:
    """What a full re-optimisation would gain: the same input without pairs that hold."""
    if not board.held:
        return {"points_gained": 0, "mentees_gained": 0}
    # a held pair that breaks a rule stays out: nobody would choose it anew
    free = replace(board, held={})
    allowed = ~np.logical_or.reduce(list(board.violations.values()))
    gained = _compare(free, _set_task(free, allowed), matched, total)
    return {"points_gained": gained["points_paid"], "mentees_gained": gained["mentees_lost"]}


def _compare(board: Board, without: _Task, matched: int, total: int) -> dict[str, int]:
    partner = _add_held(board, solve(without.worth, without.capacity))
    pairs = np.flatnonzero(partner >= 0)
    points = int(board.points[partner[pairs], pairs].sum())
    return {"points_paid": points - total, "mentees_lost": len(pairs) - matched}


def _cover_above(board: Board, task: _Task) -> np.ndarray:
    """Prices, in ranks, that show that the pairs above the threshold alone serve fewer."""
    above = task.allowed & (board.points > task.threshold)
    ranks = task.bonus.per_mentee // task.bonus.step
    worth = np.where(above, ranks[None, :], 0)
    return find_prices(worth, solve(worth, task.capacity), task.capacity)


def _restore_order(board: Board) -> tuple[np.ndarray, np.ndarray]:
    points, eligible = np.zeros_like(board.points), np.zeros_like(board.eligible)
    at = np.ix_(board.mentors.rows, board.mentees.rows)
    points[at], eligible[at] = board.points, board.eligible
    return points, eligible
