"""What if the committee pairs A with B: the exact cost, and who else moves.

Belongs here: one forced pair against the best matching, with the fewest other moves. Does not belong here:
the best matching itself, the committee's decisions.
"""

from dataclasses import dataclass

import pandas as pd

from mentoring.matching.engine import find_matches
from mentoring.matching.people import join_words
from mentoring.matching.reasons import count
from mentoring.matching.result import Matching, MatchingError
from mentoring.policy import Policy

MOVE_COLUMNS = ("mentee_id", "from_mentor_id", "to_mentor_id")


@dataclass(frozen=True)
class WhatIf:
    """What choosing one pair would change.

    `cost`: points lost in total, everybody else rearranged in the best way (negative: points are gained,
    which happens only with fewer mentees or another turn). `mentees_lost`: mentees fewer with a mentor.
    `waiting_passed_over`: somebody who waited longer gives way. `moves`: one row per mentee whose mentor
    changes, the chosen one first, with mentee_id, from_mentor_id and to_mentor_id ("" for none); as few as a
    best arrangement allows in cohorts of up to `mentoring.matching.engine.DENSE_PAIRS` pairs. `sentence` says
    all that, with ids in braces.
    """

    mentor_id: str
    mentee_id: str
    cost: int
    mentees_lost: int
    waiting_passed_over: bool
    moves: pd.DataFrame
    sentence: str


def ask_what_if(
    mentors: pd.DataFrame,
    mentees: pd.DataFrame,
    policy: Policy,
    mentor_id: str,
    mentee_id: str,
    *,
    matching: Matching | None = None,
) -> WhatIf:
    """Return what it costs to pair a mentor with a mentee, and who else moves; nothing is decided by it.

    Tables and policy are those of `find_matches`; `matching` spares its run when there is one. The forced
    pair overrides the rules as a must-pair does, never capacity and never-pairs. Raises MatchingError where
    the pair cannot be, or names nobody.
    """
    matching = matching or find_matches(mentors, mentees, policy)
    before = dict(zip(matching.matches.mentee_id, matching.matches.mentor_id, strict=True))
    forced = _force(mentors, mentees, mentor_id, mentee_id)
    # pairs that stay settle ties first, so that nobody moves without need
    after_all = find_matches(mentors, forced, policy.model_copy(update={"max_min": False}), keep=before)
    after = dict(zip(after_all.matches.mentee_id, after_all.matches.mentor_id, strict=True))
    moves = _list_moves(before, after, mentee_id)
    cost = matching.summary["total_points"] - after_all.summary["total_points"]
    lost = len(before) - len(after)
    passed = lost == 0 and _count_waiting(mentees, before) != _count_waiting(mentees, after)
    sentence = _say(mentor_id, mentee_id, cost, lost, passed, moves)
    return WhatIf(mentor_id, mentee_id, cost, lost, passed, moves, sentence)


def _force(mentors: pd.DataFrame, mentees: pd.DataFrame, mentor_id: str, mentee_id: str) -> pd.DataFrame:
    """Mentees with the pair set; other must-pairs of the mentee would contradict and are refused by the engine."""
    for table, person_id, role in ((mentors, mentor_id, "mentor"), (mentees, mentee_id, "mentee")):
        ids = set(table["person_id"].astype(str).str.strip()) if "person_id" in table else set()
        if person_id not in ids:
            raise MatchingError(f"There is no {role} {person_id}; name a {role} by the id in the table.")
    column = mentees["must_pair"] if "must_pair" in mentees else pd.Series("", index=mentees.index)
    chosen = mentees["person_id"].astype(str).str.strip() == mentee_id
    must = column.astype(object).where(~chosen, column[chosen].map(lambda cell: _add(cell, mentor_id)))
    return mentees.assign(must_pair=must)


def _add(cell: object, mentor_id: str) -> str:
    return f"{cell};{mentor_id}" if isinstance(cell, str) and cell.strip() else mentor_id


def _list_moves(before: dict[str, str], after: dict[str, str], first: str) -> pd.DataFrame:
    changed = {mentee for mentee in before.keys() | after.keys() if before.get(mentee) != after.get(mentee)}
    ordered = sorted(changed, key=lambda mentee: (mentee != first, mentee))
    rows = [(mentee, before.get(mentee, ""), after.get(mentee, "")) for mentee in ordered]
    return pd.DataFrame(rows, columns=list(MOVE_COLUMNS), dtype=object)


def _count_waiting(mentees: pd.DataFrame, matched: dict[str, str]) -> list[str]:
    if "waiting_since" not in mentees:
        return []
    ids = mentees["person_id"].astype(str).str.strip()
    return sorted(
        str(date) for person_id, date in zip(ids, mentees.waiting_since, strict=True) if person_id in matched
    )


def _say(mentor_id: str, mentee_id: str, cost: int, lost: int, passed: bool, moves: pd.DataFrame) -> str:
    pair = f"Pairing {{{mentor_id}}} with {{{mentee_id}}}"
    if not len(moves):
        return f"{pair} is part of the best matching; nothing else changes."
    points = f"costs {count(cost, 'point')}" if cost >= 0 else f"gains {count(-cost, 'point')}"
    parts = [f"{points} in total"]
    if lost:
        parts.append("leaves one mentee fewer with a mentor")
    if passed:
        parts.append("passes over someone who waited longer")
    others = [
        f"{{{mentee}}} would go from {_name(origin)} to {_name(target)}"
        for mentee, origin, target in moves.itertuples(index=False)
        if mentee != mentee_id
    ]
    tail = f" {join_words(others)}." if others else " Nobody else moves."
    return f"{pair} {join_words(parts)}.{tail}"


def _name(mentor_id: str) -> str:
    return f"{{{mentor_id}}}" if mentor_id else "no mentor"
