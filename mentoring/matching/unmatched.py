"""Why somebody has no match, and the smallest change that would help.

Belongs here: reasons and changes for single unmatched people. Does not belong here: pairs, recruiting advice,
files.
"""

from collections.abc import Iterable

import numpy as np

from mentoring.matching.assignment import Bonus, Solution
from mentoring.matching.exchange import Exchanges, value_extra_seats
from mentoring.matching.people import People, join_words
from mentoring.matching.reasons import count, name_rules, spell
from mentoring.matching.rules import ABSOLUTE_RULES, Board

Row = tuple[str, str, str, str]
ALL_HELD = "The possible mentees are in pairs that the committee set; releasing one of them would help."
SOME_POSSIBLE = "Some mentees are possible for this mentor, but other pairs make the best result for all."
SeatValues = tuple[
    np.ndarray, np.ndarray
]  # worth won for each mentor's extra seat, and the mentor this mentee would get


def explain_unmatched(
    board: Board, capacity: np.ndarray, solution: Solution, exchanges: Exchanges, bonus: Bonus
) -> list[Row]:
    """Rows (person_id, role, reason, smallest_change): mentees without a mentor, then mentors without any
    mentee.
    """
    mentees = [mentee for mentee in np.flatnonzero(solution.partner < 0).tolist() if mentee not in board.held]
    busy = {*solution.partner.tolist(), *board.held.values()}
    idle = [mentor for mentor in range(len(board.mentors)) if mentor not in busy]
    # also where there is no seat yet
    worth = np.where(board.eligible, board.points + bonus.per_mentee[None, :], 0)
    seats = _value_seats(worth, mentees, exchanges)
    rows = [_explain_mentee(board, mentee, capacity, solution, seats) for mentee in mentees]
    return rows + [_explain_mentor(board, mentor, exchanges, bonus) for mentor in idle]


def explain_mentee_briefly(
    board: Board, at: int, used: np.ndarray, partner: np.ndarray, seat: int | None, tight: bool
) -> Row:
    """Row of a mentee in a large cohort. `used` counts the mentees of every mentor; `seat` is the possible
    mentor at whom the loss is least (None: nobody is possible), `tight` where it is nothing.
    """
    person_id = board.mentees.ids[at]
    if not len(board.mentors):
        return _explain_emptiness(person_id, "mentee", "mentors")
    if seat is None:
        possible = np.flatnonzero(board.eligible[:, at])
        if len(possible):
            could = f"{count(len(possible), 'mentor')} could take this mentee, but without a seat to give."
            named = board.mentors.ids[int(possible[0])]
            return person_id, "mentee", could, _name_seat(named, False)
        change = _find_relaxation(board, at, "mentee", used < board.mentors.capacity)
        return person_id, "mentee", _explain_nobody(board, at, "mentee"), change
    others = _list_some(board.mentees, np.flatnonzero(partner == seat))
    reason = (
        f"The seats of {{{board.mentors.ids[seat]}}} and of all other mentors who could take this mentee went to "
        f"others ({others}): that gives most mentees a mentor, those who wait longest first, and then the most points."
    )
    return person_id, "mentee", reason, _name_seat(board.mentors.ids[seat], tight)


def _name_seat(mentor_id: str, tight: bool) -> str:
    if tight:  # the mentee is as good as anybody for that seat
        return (
            f"One more seat at mentor {{{mentor_id}}} would match this mentee, or one who is as good for it."
        )
    return (
        f"One more seat at mentor {{{mentor_id}}} would match this mentee if the committee also sets that pair; "
        "otherwise another mentee may come first."
    )


def explain_mentor_briefly(board: Board, mentor: int, cost: tuple[int, bool, bool, int] | None) -> Row:
    """Row of a mentor in a large cohort. `cost`: the possible mentee whose choice loses least, whether a mentee
    and whether a turn is lost, and at least how many points; None where nobody is possible.
    """
    person_id = board.mentors.ids[mentor]
    if not board.mentors.capacity[mentor]:
        return _explain_seatless(person_id)
    if not len(board.mentees):
        return _explain_emptiness(person_id, "mentor", "mentees")
    if cost is None and board.eligible[mentor].any():
        return person_id, "mentor", SOME_POSSIBLE, ALL_HELD
    if cost is None:
        reason = _explain_nobody(board, mentor, "mentor")
        return person_id, "mentor", reason, _find_relaxation(board, mentor, "mentor")
    mentee, loses_mentee, loses_turn, points = cost
    extra = " and one mentee their place" * loses_mentee
    extra += " and passes over someone who waited longer" * (loses_turn and not loses_mentee)
    cost_text = f"at least {count(points, 'point')} in total{extra}"
    change = f"Choosing {{{board.mentees.ids[mentee]}}} for this mentor costs {cost_text}."
    return person_id, "mentor", SOME_POSSIBLE, change


def _explain_emptiness(person_id: str, role: str, others: str) -> Row:
    change = f"One {others[:-1]} who applies could match this {role}."
    return person_id, role, f"There are no {others} to match with.", change


def _explain_seatless(person_id: str) -> Row:
    reason = "This mentor has no seat to give."
    return person_id, "mentor", reason, "A capacity of 1 or more would let this mentor be matched."


def _value_seats(worth: np.ndarray, mentees: list[int], exchanges: Exchanges) -> dict[int, SeatValues]:
    """What matching each unmatched mentee is worth with one more seat at each mentor; without paths, at that
    mentor only.
    """
    if exchanges.paths is not None:
        return {mentee: value_extra_seats(worth[:, mentee], exchanges.paths) for mentee in mentees}
    here = np.arange(worth.shape[0])
    return {mentee: (np.where(worth[:, mentee] > 0, worth[:, mentee], -np.inf), here) for mentee in mentees}


def _explain_mentee(
    board: Board,
    at: int,
    capacity: np.ndarray,
    solution: Solution,
    seats: dict[int, SeatValues],
) -> Row:
    person_id = board.mentees.ids[at]
    if not len(board.mentors):
        return _explain_emptiness(person_id, "mentee", "mentors")
    possible = np.flatnonzero(board.eligible[:, at])
    if not len(possible):
        used = np.bincount(solution.partner[solution.partner >= 0], minlength=len(board.mentors))
        change = _find_relaxation(board, at, "mentee", used < capacity)
        return person_id, "mentee", _explain_nobody(board, at, "mentee"), change
    seated = np.isin(solution.partner, possible)
    seated[[mentee for mentee, mentor in board.held.items() if board.eligible[mentor, at]]] = True
    could = f"{count(len(possible), 'mentor')} could take this mentee"
    if not seated.any():
        return person_id, "mentee", f"{could}, but without a seat to give.", _find_seat(board, at, seats)
    others = _list_some(board.mentees, np.flatnonzero(seated))
    reason = (
        f"{could}, but the seats went to {others}: that gives most mentees a mentor, those who wait longest "
        "first, and then the most points."
    )
    return person_id, "mentee", reason, _find_seat(board, at, seats)


def _find_seat(board: Board, at: int, seats: dict[int, SeatValues]) -> str:
    """Name the mentor at whom one more seat would match this mentee, alone or with the committee's help."""
    mine, via = seats[at]
    rivals = [other for other in seats if other != at]
    best = np.max([seats[other][0] for other in rivals], axis=0, initial=-np.inf)
    first = np.where(mine > best, mine, -np.inf)
    if np.isfinite(first).any():
        return (
            f"One more seat at mentor {{{board.mentors.ids[int(np.argmax(first))]}}} would match this mentee."
        )
    mentor = int(np.argmax(mine))
    rival = max(rivals, key=lambda other: (seats[other][0][mentor], -other))
    seat, pair = board.mentors.ids[mentor], board.mentors.ids[int(via[mentor])]
    setting = "sets that pair" if seat == pair else f"sets the pair with {{{pair}}}"
    return (
        f"One more seat at mentor {{{seat}}} would match this mentee if the committee also {setting}; "
        f"otherwise {{{board.mentees.ids[rival]}}} may come first."
    )


def _explain_mentor(board: Board, mentor: int, exchanges: Exchanges, bonus: Bonus) -> Row:
    person_id = board.mentors.ids[mentor]
    if not board.mentors.capacity[mentor]:
        return _explain_seatless(person_id)
    if not len(board.mentees):
        return _explain_emptiness(person_id, "mentor", "mentees")
    possible = np.flatnonzero(board.eligible[mentor])
    if not len(possible):
        return (
            person_id,
            "mentor",
            _explain_nobody(board, mentor, "mentor"),
            _find_relaxation(board, mentor, "mentor"),
        )
    could = "1 mentee is" if len(possible) == 1 else f"{len(possible)} mentees are"
    reason = f"{could} possible for this mentor, but other pairs make the best result for all."
    return person_id, "mentor", reason, _find_exchange(board, mentor, exchanges, bonus)


def _find_exchange(board: Board, mentor: int, exchanges: Exchanges, bonus: Bonus) -> str:
    costs = exchanges.costs[mentor]
    if not np.isfinite(costs).any():
        return ALL_HELD
    mentee = int(np.argmin(costs))
    lost, passed_over, points = bonus.split(int(costs[mentee]))
    bound = "" if exchanges.are_exact else "at least "
    extra = " and one mentee their place" * lost + " and passes over someone who waited longer" * passed_over
    cost = f"{bound}{count(points, 'point')} in total{extra}"
    return f"Choosing {{{board.mentees.ids[mentee]}}} for this mentor costs {cost}."


def _view(board: Board, role: str, at: int) -> tuple[People, People, dict[str, np.ndarray]]:
    """Return the person's side, the other side, and each rule's row of forbidden partners."""
    if role == "mentor":
        return board.mentors, board.mentees, {name: table[at] for name, table in board.violations.items()}
    return board.mentees, board.mentors, {name: table[:, at] for name, table in board.violations.items()}


def _explain_nobody(board: Board, at: int, role: str) -> str:
    _, others, broken = _view(board, role, at)
    left = np.ones(len(others), dtype=bool)
    steps = []
    for rule, clause in name_rules(board.policy).items():
        if rule in broken and (left & broken[rule]).any():
            steps.append(f"{int((left & broken[rule]).sum())} because {clause}")
            left &= ~broken[rule]
    return f"None of the {count(len(others), others.role)} is possible: {join_words(steps)}."


def _find_relaxation(board: Board, at: int, role: str, with_free_seat: np.ndarray | None = None) -> str:
    """Name the rule that alone stands between this person and most others, else describe whom to look for."""
    _, others, broken = _view(board, role, at)
    hurdles = np.sum(list(broken.values()), axis=0)
    willing = np.ones(len(others), dtype=bool) if role == "mentor" else others.capacity > 0
    relaxable = [rule for rule in broken if rule not in ABSOLUTE_RULES]
    alone = {rule: np.flatnonzero(broken[rule] & (hurdles == 1) & willing) for rule in relaxable}
    free = np.ones(len(others), dtype=bool) if with_free_seat is None else with_free_seat
    rule = max(alone, key=lambda name: (free[alone[name]].sum(), len(alone[name])), default=None)
    if rule is None or not len(alone[rule]):
        return _describe_wanted(board, at, role)
    with_seat = alone[rule][free[alone[rule]]]
    phrase, partners = _say_relaxed(board, at, role, rule, with_seat if len(with_seat) else alone[rule])
    suffix = (
        ""
        if len(with_seat)
        else ", who would need one more seat"
        if len(partners) == 1
        else ", who would need more seats"
    )
    return f"{phrase} would make {_list_some(others, partners)} possible{suffix}."


def _say_relaxed(board: Board, at: int, role: str, rule: str, partners: np.ndarray) -> tuple[str, np.ndarray]:
    """Return the least relaxation of a rule, and the partners that it makes possible."""
    side, others, _ = _view(board, role, at)
    if rule in {"shared_channel", "shared_language"}:
        answers, act = (
            (others.channels, "Talking by") if rule == "shared_channel" else (others.languages, "Speaking")
        )
        label = answers[int(partners[0])][0]
        return f"{act} {spell(others, side, label)} as well", partners[
            [label in answers[p] for p in partners]
        ]
    if rule == "experience_gap":
        ahead = [(others.years[p] or 0) - (side.years[at] or 0) for p in partners]
        gaps = np.asarray(ahead if role == "mentee" else [-gap for gap in ahead])
        if gaps.max() < 0:
            return "Not requiring an experience gap", partners
        gap = count(int(gaps.max()), "year")
        least = f"An experience gap of {gap} instead of {board.policy.experience_gap.minimum}"
        return least, partners[gaps == gaps.max()]
    if rule == "floor":
        points = board.points[partners, at] if role == "mentee" else board.points[at, partners]
        return f"A floor of {int(points.max())} points instead of {board.policy.floor}", partners[
            points == points.max()
        ]
    return "Allowing pairs of one institution", partners


def _describe_wanted(board: Board, at: int, role: str) -> str:
    side, others, _ = _view(board, role, at)
    traits = (
        ["from another institution"]
        if side.institution[at] and not board.policy.same_institution_allowed
        else []
    )
    years, gap = side.years[at], board.policy.experience_gap.minimum
    if years is not None and board.policy.experience_gap_required:
        needed = years + gap if role == "mentee" else max(years - gap, 0)
        traits.append(
            f"with {count(needed, 'year')} of experience or {'more' if role == 'mentee' else 'fewer'}"
        )
    if side.channels[at]:
        traits.append(
            f"who talks by {' or '.join(spell(side, others, channel) for channel in side.channels[at])}"
        )
    if side.languages[at] and board.policy.shared_language_required:
        traits.append(
            f"speaks {' or '.join(spell(side, others, language) for language in side.languages[at])}"
        )
    if side.topics[at]:
        verb = "offers" if role == "mentee" else "wants"
        traits.append(f"{verb} {spell(side, others, side.topics[at][0])}")
    profile = f", {', '.join(traits)}," if traits else ""
    return f"One more {others.role}{profile} could match this {role}."


def _list_some(people: People, which: Iterable[int], most: int = 3) -> str:
    ids = [f"{{{people.ids[at]}}}" for at in which]
    rest = len(ids) - most
    return join_words(ids) if rest < 2 else join_words([*ids[:most], f"{rest} others"])
