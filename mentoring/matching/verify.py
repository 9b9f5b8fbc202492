"""The separate checker: whether a written matching is what it says, and its certificate proves it.

Belongs here: everything recomputed from the people and the policy, pair by pair in blocks. Does not belong
here: any code of the engines; only the reading of people and the scoring definition are shared
(mentoring.matching.people, mentoring.matching.scoring).

The proof is linear programming duality in integers. With W = points + bonus and a price per mentor, a mentee's
wish is W - price at the mentor they have (0 without one). If no allowed pair has W > wish + price, prices and
wishes are at least 0 and free seats cost 0, then no matching is worth more. The bonus is so large that worth
counts mentees first, then who waits longest, then points.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mentoring.matching.result import MatchingError
from mentoring.matching.verify_pass import Case, Pass, allow_pairs, read_case, score_pairs
from mentoring.policy import CRITERIA, Policy

_ARRAYS = ("mentor_ids", "seats", "prices", "mentee_ids", "bonus", "partner", "held", "threshold", "worth")


def verify_matching(
    mentors: pd.DataFrame,
    mentees: pd.DataFrame,
    policy: Policy,
    matches: pd.DataFrame,
    certificate: Mapping[str, np.ndarray],
    summary: Mapping[str, Any],
    *,
    workers: int | None = None,
) -> list[str]:
    """Check a matching against its input; return its problems as sentences, none when it is proven best.

    `mentors`, `mentees` and `policy` are the input, `matches`, `certificate` and `summary` what was written
    (see `mentoring.matching.find_matches`). Refused are: pairs that may not be, that are missing or held
    without reason, points or totals that are not those of the applications, and a certificate that does not
    prove, over every pair, that no other matching is better.
    """
    try:
        case = read_case(mentors, mentees, policy)
    except MatchingError as error:
        return [f"The input cannot be read: {error}"]
    missing = [name for name in _ARRAYS if name not in certificate]
    if missing:
        return [f"The certificate has no {missing[0]}; match again."]
    problems = [*_check_shapes(case, certificate)]
    if problems:
        return problems
    mentors_of, mentees_of, problems = _read_pairs(case, matches)
    if problems:
        return problems
    partner = np.full(len(case.mentees), -1, dtype=np.int64)
    partner[mentees_of] = mentors_of
    proof = {name: np.asarray(certificate[name]) for name in certificate}
    return [
        *_check_pairs(case, partner, proof),
        *_check_points(case, matches, mentors_of, mentees_of),
        *_check_summary(case, partner, summary),
        *_check_proof(case, partner, proof, workers or os.cpu_count() or 1),
    ]


def _check_shapes(case: Case, certificate: Mapping[str, np.ndarray]) -> Iterator[str]:
    for role, people in (("mentor", case.mentors), ("mentee", case.mentees)):
        if tuple(np.asarray(certificate[f"{role}_ids"]).tolist()) != people.ids:
            yield f"The certificate is about other {role}s than the input; match again."
            return
    sizes = {"seats": len(case.mentors), "prices": len(case.mentors)}
    sizes |= dict.fromkeys(("bonus", "partner", "held"), len(case.mentees))
    for name, size in sizes.items():
        values = np.asarray(certificate[name])
        if values.shape != (size,) or values.dtype.kind not in "ib":
            yield f"The certificate's {name} are not {size} whole numbers; match again."


def _read_pairs(case: Case, matches: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mentor and mentee of each row of the table of matches, which the committee reads; or why it cannot be read."""
    nobody = np.zeros(0, dtype=np.int64)
    absent = [name for name in ("mentor_id", "mentee_id", "points", *CRITERIA) if name not in matches.columns]
    if absent:
        return nobody, nobody, [f"The table of matches has no column {absent[0]}."]
    ids = [matches[name].astype(str) for name in ("mentor_id", "mentee_id")]
    mentors, mentees = (
        np.asarray(pd.Index(people.ids).get_indexer(pd.Index(named)), dtype=np.int64)
        for people, named in zip((case.mentors, case.mentees), ids, strict=True)
    )
    unknown = (mentors < 0) | (mentees < 0)
    twice = ~unknown & pd.Series(mentees).duplicated().to_numpy()
    problems = [
        f"The pair {ids[0].iloc[at]} and {ids[1].iloc[at]} names somebody who is not in the input."
        for at in np.flatnonzero(unknown).tolist()
    ]
    problems += [
        f"Mentee {mentee} is matched twice."
        for mentee in dict.fromkeys(case.mentees.ids[at] for at in mentees[twice].tolist())
    ]
    return mentors, mentees, problems


def _check_pairs(case: Case, partner: np.ndarray, proof: dict[str, np.ndarray]) -> Iterator[str]:
    matched = np.flatnonzero(partner >= 0)
    mentors = partner[matched]
    ids = case.mentors.ids, case.mentees.ids
    used = np.bincount(mentors, minlength=len(case.mentors))
    for mentor in np.flatnonzero(used > case.mentors.capacity).tolist():
        yield f"Mentor {ids[0][mentor]} has {used[mentor]} mentees but room for {case.mentors.capacity[mentor]}."
    if (proof["partner"] != partner).any():
        yield "The certificate is about other pairs than the table of matches."
    pairs = set(zip(mentors.tolist(), matched.tolist(), strict=True))
    for mentor, mentee in sorted(case.must - pairs):
        yield f"Mentor {ids[0][mentor]} and mentee {ids[1][mentee]} must be paired and are not."
    held = {mentee for _, mentee in case.must}
    if set(np.flatnonzero(proof["held"]).tolist()) != held:
        yield "The certificate holds other pairs than those that must be paired."
    free = np.asarray([mentee not in held for mentee in matched.tolist()], dtype=bool)
    points = score_pairs(case.criteria, mentors, matched)
    lowest = max(case.policy.floor, int(proof["threshold"]))
    for at in np.flatnonzero(free & ~allow_pairs(case, mentors, matched)).tolist():
        yield f"Mentor {ids[0][mentors[at]]} and mentee {ids[1][matched[at]]} may not be paired by the rules."
    for at in np.flatnonzero(free & (points < lowest)).tolist():
        yield f"Mentor {ids[0][mentors[at]]} and mentee {ids[1][matched[at]]} are below {lowest} points."


def _check_points(
    case: Case, matches: pd.DataFrame, mentors: np.ndarray, mentees: np.ndarray
) -> Iterator[str]:
    total = np.zeros(len(mentors), dtype=np.int64)
    for name, factor in case.criteria.items():
        points = score_pairs({name: factor}, mentors, mentees)
        total += points
        for at in np.flatnonzero(points != matches[name].astype(np.int64).to_numpy()).tolist():
            yield (
                f"Mentor {matches.mentor_id.iloc[at]} and mentee {matches.mentee_id.iloc[at]} earn {points[at]} points "
                f"for {name}, not {matches[name].iloc[at]}."
            )
    for at in np.flatnonzero(total != matches.points.astype(np.int64).to_numpy()).tolist():
        yield (
            f"Mentor {matches.mentor_id.iloc[at]} and mentee {matches.mentee_id.iloc[at]} earn {total[at]} points, "
            f"not {matches.points.iloc[at]}."
        )


def _check_summary(case: Case, partner: np.ndarray, summary: Mapping[str, Any]) -> Iterator[str]:
    matched = np.flatnonzero(partner >= 0)
    points = score_pairs(case.criteria, partner[matched], matched).tolist()
    waits = [bool(date) for date in case.mentees.waiting_since]
    facts = {
        "mentors": len(case.mentors),
        "mentees": len(case.mentees),
        "matched": len(matched),
        "held": len({mentee for _, mentee in case.must}),
        "unmatched_mentees": len(case.mentees) - len(matched),
        "seats": int(case.mentors.capacity.sum()),
        "waiting_matched": sum(waits[mentee] for mentee in matched.tolist()),
        "total_points": sum(points),
        "worst_points": min(points, default=None),
        "optimal": True,
    }
    for name, fact in facts.items():
        if name not in summary or summary[name] != fact:
            yield f"The summary says {summary.get(name)} for {name}, but it is {fact}."


def _check_proof(
    case: Case, partner: np.ndarray, proof: dict[str, np.ndarray], workers: int
) -> Iterator[str]:
    held = np.asarray([mentee for _, mentee in sorted(case.must)], dtype=np.int64)
    taken = np.bincount([mentor for mentor, _ in case.must], minlength=len(case.mentors)) if case.must else 0
    seats = case.mentors.capacity - taken
    if (proof["seats"] != seats).any():
        yield "The certificate counts other seats than the input."
    free = np.ones(len(case.mentees), dtype=bool)
    free[held] = False
    step, ranks = _find_step(case, free, seats, proof["bonus"])
    if step is None:
        yield "The certificate's bonus does not put most mentees first and then those who wait longest."
        return
    prices, bonus = proof["prices"].astype(np.int64), proof["bonus"].astype(np.int64)
    mine = np.flatnonzero((partner >= 0) & free)
    worth = score_pairs(case.criteria, partner[mine], mine) + bonus[mine]
    wishes = np.zeros(len(case.mentees), dtype=np.int64)
    wishes[mine] = worth - prices[partner[mine]]
    used = np.bincount(partner[mine], minlength=len(case.mentors))
    total = sum(worth.tolist())
    if total != int(proof["worth"]):
        yield f"The certificate says that the matching is worth {int(proof['worth'])}, but it is worth {total}."
    if (prices < 0).any() or (wishes < 0).any() or prices[used < seats].any():
        yield "The certificate's prices do not fit the matching, so they prove nothing."
        return
    sides = np.flatnonzero(seats > 0), np.flatnonzero(free)
    lowest = max(case.policy.floor, int(proof["threshold"]))
    better = Pass(case, sides, lowest, workers).count(prices, wishes - bonus, step)
    if better:
        yield f"Not proven best: {better} possible pairs are worth more than the certificate's prices."
    if case.policy.max_min:
        yield from _check_threshold(case, proof, sides, seats, ranks, mine, workers)
    elif int(proof["threshold"]):
        yield "The certificate has a threshold although the policy does not lift the worst pair."


def _find_step(
    case: Case, free: np.ndarray, seats: np.ndarray, bonus: np.ndarray
) -> tuple[int | None, np.ndarray]:
    """The bonus must be step × rank for everybody, with a step above all points that can be won."""
    waiting = case.mentees.waiting_since
    dates = sorted({date for date in waiting if date}, reverse=True)
    order = {date: at for at, date in enumerate(["", *dates])}
    ranks = np.asarray([len(dates) + 1 + order[date] for date in waiting], dtype=np.int64)
    if not free.any():
        return 1, ranks
    first = int(np.flatnonzero(free)[0])
    step = int(bonus[first]) // int(ranks[first])
    pairs = min(int(free.sum()), sum(seats[seats > 0].tolist()))
    enough = step > sum(case.policy.weights.model_dump().values()) * pairs
    return (step if enough and (bonus[free] == step * ranks[free]).all() else None), ranks


def _check_threshold(
    case: Case,
    proof: dict[str, np.ndarray],
    sides: tuple[np.ndarray, np.ndarray],
    seats: np.ndarray,
    ranks: np.ndarray,
    mine: np.ndarray,
    workers: int,
) -> Iterator[str]:
    """A cover over the pairs above the threshold must show that they alone match fewer."""
    cover = proof.get("cover")
    if not len(mine):
        return
    if cover is None or cover.shape != seats.shape or (cover < 0).any():
        yield "The certificate does not show that the worst pair could not be better; match again."
        return
    cover = cover.astype(np.int64)
    most = Pass(case, sides, max(case.policy.floor, int(proof["threshold"]) + 1), workers).find_uncovered(
        cover, ranks
    )
    bound = int(most[sides[1]].sum()) + sum(
        (cover[sides[0]] * np.minimum(seats[sides[0]], len(ranks))).tolist()
    )
    if bound >= int(ranks[mine].sum()):
        yield "Not proven that the worst pair is as good as it can be: pairs above it may serve as many."
