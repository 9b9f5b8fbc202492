"""Sentences about a pair, for a librarian, from what both people said.

Belongs here: why a pair fits, what to watch, and how a rule is called. Does not belong here: unmatched
people, numbers of the solver. People stand in sentences as their id in braces (see
mentoring.matching.result.name_people).
"""

from collections.abc import Iterable

from mentoring.matching.people import People, join_words
from mentoring.matching.rules import Board
from mentoring.matching.text import read_words
from mentoring.matching.time_zones import find_overlap
from mentoring.policy import Policy

FEW_SHARED_HOURS = 3


def name_rules(policy: Policy) -> dict[str, str]:
    """Return each hard rule as the clause that says how a pair breaks it, in the order of the waterfall."""
    gap = policy.experience_gap.minimum
    return {
        "same_person": "both are the same person",
        "never_pair": "the committee ruled the pair out",
        "earlier_partners": "they were partners before",
        "same_institution": "they belong to the same institution",
        "experience_gap": f"the mentor is fewer than {count(gap, 'year')} ahead in experience",
        "shared_channel": "they share no way to talk",
        "shared_language": "they share no language",
        "floor": f"the pair reaches fewer than {policy.floor} points",
    }


def explain_pair(board: Board, mentor: int, mentee: int) -> str:
    """Return why the pair fits, best criterion first."""
    points = {name: int(f.mentors[mentor] @ f.mentees[mentee]) for name, f in board.factors.items()}
    tell = {
        "topics": _tell_topics,
        "focus_areas": _tell_focus,
        "goals": _tell_goals,
        "library_type": _tell_library,
        "time_zone": _tell_hours,
        "experience": _tell_experience,
        "languages": _tell_languages,
    }
    told = [
        tell[name](board, mentor, mentee)
        for name in sorted(points, key=lambda name: -points[name])
        if points[name]
    ]
    return " ".join(told) or "The pair meets every rule, though the two applications share little."


def warn_about_pair(board: Board, mentor: int, mentee: int) -> str:
    """Return what the committee should know before it approves; empty when there is nothing."""
    mentors, mentees = board.mentors, board.mentees
    clauses = name_rules(board.policy)
    broken = [
        clauses[name]
        for name in clauses
        if name in board.violations and board.violations[name][mentor, mentee]
    ]
    warnings = [f"The committee set this pair although {join_words(broken)}."] if broken else []
    wanted, offered = mentees.topics[mentee], mentors.topics[mentor]
    if wanted and not set(wanted) & set(offered):
        warnings.append("The mentor offers none of the topics that the mentee wants.")
    elif wanted and wanted[0] not in offered:
        warnings.append(f"The mentee's first topic, {_spell(board, wanted[:1])}, is not among the mentor's.")
    if (
        mentors.institution[mentor]
        and mentors.institution[mentor] == mentees.institution[mentee]
        and not broken
    ):
        warnings.append("Both belong to the same institution.")
    return " ".join(
        [*warnings, *_warn_about_meeting(board, mentor, mentee), *_warn_about_gap(board, mentor, mentee)]
    )


def count(number: int, thing: str) -> str:
    """Return a number with its noun: 1 mentor, 2 mentors."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _warn_about_meeting(board: Board, mentor: int, mentee: int) -> Iterable[str]:
    mentors, mentees = board.mentors, board.mentees
    here, there = mentors.offsets[mentor], mentees.offsets[mentee]
    if here is not None and there is not None and find_overlap(here, there) < FEW_SHARED_HOURS * 60:
        hours = (
            f"overlap by only {_say_hours(overlap)}"
            if (overlap := find_overlap(here, there))
            else "do not overlap"
        )
        yield f"Their working days {hours}, so meetings need planning."
    shared = [channel for channel in mentees.channels[mentee] if channel in mentors.channels[mentor]]
    for people, at in ((mentors, mentor), (mentees, mentee)):
        if not people.channels[at] and any((*mentors.channels, *mentees.channels)):
            yield f"The {people.role} has not said which ways to talk suit."
    if len(shared) == 1:
        yield f"They share only one way to talk: {_spell(board, shared)}."


def _warn_about_gap(board: Board, mentor: int, mentee: int) -> Iterable[str]:
    more, fewer = board.mentors.years[mentor], board.mentees.years[mentee]
    if more is not None and fewer is not None and more <= fewer:
        yield "The mentor has no more years of experience than the mentee."


def _tell_topics(board: Board, mentor: int, mentee: int) -> str:
    wanted, offered = board.mentees.topics[mentee], board.mentors.topics[mentor]
    shared = [topic for topic in wanted if topic in offered]
    if wanted[0] not in offered:
        return f"The mentor offers {_spell(board, shared)}, which the mentee wants to talk about."
    first = f"The mentee's first topic, {_spell(board, wanted[:1])}, is offered by the mentor"
    return (
        f"{first}, and so {'is' if len(shared) == 2 else 'are'} {_spell(board, shared[1:])}."
        if shared[1:]
        else f"{first}."
    )


def _tell_focus(board: Board, mentor: int, mentee: int) -> str:
    wanted = board.mentees.focus_areas[mentee]
    shared = [area for area in wanted if area in board.mentors.focus_areas[mentor]]
    which = "a focus area" if len(shared) == 1 else "focus areas"
    return f"Both name {_spell(board, shared)} as {which}."


def _tell_goals(board: Board, mentor: int, mentee: int) -> str:
    shared = read_words(board.mentors.text[mentor]) & read_words(board.mentees.text[mentee])
    rarest_first = sorted(shared, key=lambda word: (-len(word), word))[:4]
    return f"The mentee's goals and the mentor's experience both speak of {join_words(sorted(rarest_first))}."


def _tell_library(board: Board, mentor: int, mentee: int) -> str:
    here = board.mentors.library_type[mentor]
    now, desired = board.mentees.library_type[mentee], board.mentees.desired_library_type[mentee]
    hoped = [kind for kind in desired if kind in here]
    if hoped:
        return f"The mentee hopes for this type of library, and the mentor knows it: {_spell(board, hoped)}."
    return f"Both know this type of library: {_spell(board, [kind for kind in now if kind in here])}."


def _tell_hours(board: Board, mentor: int, mentee: int) -> str:
    here, there = board.mentors.offsets[mentor], board.mentees.offsets[mentee]
    assert here is not None
    assert there is not None
    return f"Their working days overlap by {_say_hours(find_overlap(here, there))}."


def _tell_experience(board: Board, mentor: int, mentee: int) -> str:
    ahead = (board.mentors.years[mentor] or 0) - (board.mentees.years[mentee] or 0)
    return f"The mentor is {count(ahead, 'year')} ahead in experience."


def _tell_languages(board: Board, mentor: int, mentee: int) -> str:
    shared = [
        language
        for language in board.mentees.languages[mentee]
        if language in board.mentors.languages[mentor]
    ]
    return f"Both speak {_spell(board, shared)}."


def _say_hours(minutes: int) -> str:
    if minutes % 60 == 0:
        return count(minutes // 60, "hour")
    return f"{minutes // 60} h {minutes % 60} min" if minutes > 60 else f"{minutes} minutes"


def _spell(board: Board, labels: Iterable[str]) -> str:
    return join_words(spell(board.mentees, board.mentors, label) for label in labels)


def spell(first: People, second: People, label: str) -> str:
    """Return a label as people wrote it, first as the first side did."""
    return first.spelling.get(label) or second.spelling.get(label, label)
