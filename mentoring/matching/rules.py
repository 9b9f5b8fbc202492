"""The hard rules of one run: which pairs are possible, which rule forbids the others, and which pairs hold.

Belongs here: eligibility and held pairs, dense (mentors × mentees). Does not belong here: points, solving,
sentences.
"""

from dataclasses import dataclass

import numpy as np

from mentoring.matching.people import People
from mentoring.matching.result import MatchingError
from mentoring.matching.scoring import Factor, find_mismatches, score_criteria
from mentoring.policy import Policy

ABSOLUTE_RULES = ("same_person", "never_pair", "earlier_partners")
"""Rules that no setting relaxes."""


@dataclass(frozen=True)
class Board:
    """Everything known about all pairs before solving, in canonical order.

    `points` int32 and `eligible` bool are mentors × mentees; `violations` holds a bool table for each rule;
    `held` maps a mentee to the mentor whose pair holds. `eligible` includes the held pairs.
    """

    mentors: People
    mentees: People
    policy: Policy
    factors: dict[str, Factor]
    points: np.ndarray
    violations: dict[str, np.ndarray]
    eligible: np.ndarray
    held: dict[int, int]


def lay_out(mentors: People, mentees: People, policy: Policy) -> Board:
    """Score all pairs and apply all rules. Raises MatchingError where must-pairs contradict each other or the
    capacities.
    """
    factors = score_criteria(mentors, mentees, policy)
    shape = (len(mentors), len(mentees))
    points = np.zeros(shape, dtype=np.int32)
    for factor in factors.values():
        points += factor.multiply()
    violations = {
        name: factor.multiply() > 0 for name, factor in find_mismatches(mentors, mentees, policy).items()
    }
    violations["same_person"] = _mark_equal(mentors.ids, mentees.ids)
    if not policy.same_institution_allowed:
        violations["same_institution"] = _mark_equal(mentors.institution, mentees.institution)
    for rule in ("never_pair", "earlier_partners"):
        violations[rule] = _mark_listed(getattr(mentors, rule), getattr(mentees, rule), mentors, mentees)
    if policy.floor:
        violations["floor"] = points < policy.floor
    held = find_held(mentors, mentees)
    eligible = np.ones(shape, dtype=bool)
    for broken in violations.values():
        eligible &= ~broken
    for mentee, mentor in held.items():
        eligible[mentor, mentee] = True
    return Board(mentors, mentees, policy, factors, points, violations, eligible, held)


def _mark_equal(mentors: tuple[str, ...], mentees: tuple[str, ...]) -> np.ndarray:
    left, right = number_equal(mentors, mentees)
    return np.asarray(left[:, None] == right[None, :])


def number_equal(mentors: tuple[str, ...], mentees: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each text (int64), the same for equal ones; empty texts equal none (-1 and -2)."""
    number = {value: at for at, value in enumerate(dict.fromkeys((*mentors, *mentees)))}
    left = np.asarray([number[value] if value else -1 for value in mentors], dtype=np.int64)
    right = np.asarray([number[value] if value else -2 for value in mentees], dtype=np.int64)
    return left, right


def list_pairs(
    of_mentors: tuple[tuple[str, ...], ...],
    of_mentees: tuple[tuple[str, ...], ...],
    mentors: People,
    mentees: People,
) -> list[tuple[int, int]]:
    """Pairs (mentor, mentee) that either side lists; ids of people who are not here are left out."""
    mentor_at = {person_id: at for at, person_id in enumerate(mentors.ids)}
    mentee_at = {person_id: at for at, person_id in enumerate(mentees.ids)}
    pairs = {
        (mentor, mentee_at[other])
        for mentor, ids in enumerate(of_mentors)
        for other in ids
        if other in mentee_at
    }
    pairs |= {
        (mentor_at[other], mentee)
        for mentee, ids in enumerate(of_mentees)
        for other in ids
        if other in mentor_at
    }
    return sorted(pairs)


def _mark_listed(
    of_mentors: tuple[tuple[str, ...], ...],
    of_mentees: tuple[tuple[str, ...], ...],
    mentors: People,
    mentees: People,
) -> np.ndarray:
    marked = np.zeros((len(mentors), len(mentees)), dtype=bool)
    for mentor, mentee in list_pairs(of_mentors, of_mentees, mentors, mentees):
        marked[mentor, mentee] = True
    return marked


def find_held(mentors: People, mentees: People) -> dict[int, int]:
    """Return the mentor of each mentee whose pair holds. Raises MatchingError where must-pairs contradict."""
    _check_present(mentors, mentees)
    _check_present(mentees, mentors)
    never = set(list_pairs(mentors.never_pair, mentees.never_pair, mentors, mentees))
    held: dict[int, int] = {}
    used = np.zeros(len(mentors), dtype=np.int64)
    for mentor, mentee in list_pairs(mentors.must_pair, mentees.must_pair, mentors, mentees):
        names = f"Mentee {mentees.ids[mentee]}"
        if mentee in held:
            others = f"{mentors.ids[held[mentee]]} and {mentors.ids[mentor]}"
            raise MatchingError(f"{names} must be paired with two mentors, {others}; keep one of them.")
        pair = f"{names} and mentor {mentors.ids[mentor]}"
        if mentors.ids[mentor] == mentees.ids[mentee]:
            raise MatchingError(f"{pair} are the same person and cannot be paired; remove the must-pair.")
        if (mentor, mentee) in never:
            raise MatchingError(
                f"{pair} must be paired and must never be paired; remove one of the two rules."
            )
        held[mentee] = mentor
        used[mentor] += 1
    for mentor in np.flatnonzero(used > mentors.capacity).tolist():
        raise MatchingError(
            f"Mentor {mentors.ids[mentor]} must be paired with {used[mentor]} mentees but has room for "
            f"{mentors.capacity[mentor]}; raise the capacity or remove a must-pair."
        )
    return held


def _check_present(people: People, others: People) -> None:
    present = set(others.ids)
    for person_id, ids in zip(people.ids, people.must_pair, strict=True):
        for other in ids:
            if other not in present:
                raise MatchingError(
                    f"{people.role.capitalize()} {person_id} must be paired with {other}, but there is no "
                    f"{others.role} {other}; correct the id or remove the must-pair."
                )
