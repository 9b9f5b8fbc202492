"""Whom to recruit: the mentors whose seats are worth most, from the prices that prove the matching.

Belongs here: advice to the committee for its call for mentors, before the deadline as well as after. Does not
belong here: single unmatched people (mentoring.matching.unmatched).

A price is what one more seat at a mentor is worth: with the bonus in it, whether it gives one more mentee a
mentor.
"""

from typing import Any

import numpy as np

from mentoring.matching.assignment import Bonus
from mentoring.matching.people import join_words
from mentoring.matching.reasons import count, spell
from mentoring.matching.rules import Board

MOST_ADVICE = 5


def advise_recruiting(
    board: Board, prices: np.ndarray, partner: np.ndarray, bonus: Bonus, *, exact: bool
) -> list[dict[str, Any]]:
    """Return up to five profiles of mentors to look for, most valuable first.

    `prices` (int64, with the bonus, per mentor) and `partner` (per mentee, with held pairs) are the result's.
    Each has like (a mentor's id), mentees_unlocked (0 or 1), points (gained by one more seat; `exact`, else at
    most), unmatched_possible (unmatched mentees whom such a mentor could take), a sentence for the committee and a
    call without anybody's name or id, to paste into a call for mentors.
    """
    alone = np.flatnonzero(partner < 0)
    advice: list[dict[str, Any]] = []
    seen: set[tuple[Any, ...]] = set()
    for mentor in np.argsort(-prices, kind="stable").tolist():
        if prices[mentor] <= 0 or len(advice) == MOST_ADVICE:
            break
        profile = (
            tuple(sorted(board.mentors.library_type[mentor])),
            tuple(sorted(board.mentors.topics[mentor])),
        )
        if profile in seen:
            continue
        seen.add(profile)
        unlocked, _, points = bonus.split(int(prices[mentor]))
        possible = int(board.eligible[mentor][alone].sum())
        like = board.mentors.ids[mentor]
        described = _describe(board, mentor)
        advice.append(
            {
                "like": like,
                "mentees_unlocked": unlocked,
                "points": points,
                "unmatched_possible": possible,
                "sentence": _say(described, like, unlocked, points, possible, exact),
                "call": f"Wanted: one more mentor{described.rstrip(',')}.",
            }
        )
    return advice


def _describe(board: Board, mentor: int) -> str:
    people = board.mentors
    traits = []
    if people.library_type[mentor]:
        traits.append(f"whose type of library is {_spell(board, people.library_type[mentor])}")
    years = people.years[mentor]
    if years is not None:
        traits.append(f"with about {count(years, 'year')} of experience")
    if people.topics[mentor]:
        traits.append(f"who offers {_spell(board, people.topics[mentor][:3])}")
    return f", {', '.join(traits)}," if traits else ""


def _spell(board: Board, labels: tuple[str, ...]) -> str:
    return join_words(spell(board.mentors, board.mentees, label) for label in labels)


def _say(profile: str, like: str, unlocked: int, points: int, possible: int, exact: bool) -> str:
    subject = f"One more mentor like {{{like}}}{profile}"
    if unlocked:
        others = (
            f"; {count(possible, 'mentee')} without a mentor could be paired with such a mentor"
            if possible
            else ""
        )
        return f"{subject} would give one more mentee a mentor{others}."
    bound = "" if exact else "up to "
    return f"{subject} would make the pairs better by {bound}{count(points, 'point')} in total."
