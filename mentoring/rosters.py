"""Who takes part in a matching run, and what holds between them, as the engine's two tables.

Belongs here: who is free, which pairs must or must never be, who has waited longest. Does not belong here: what becomes
of the engine's result (`mentoring.proposals`), scores and the optimum (`mentoring.matching`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from mentoring.calendar import local_day
from mentoring.changes import ApproveMatch, Change, HoldMatch, RejectMatch
from mentoring.cohort import Application, Cohort, Match
from mentoring.decisions import PairRules
from mentoring.pauses import list_resting
from mentoring.requests import count_given_up

if TYPE_CHECKING:
    import pandas as pd

_MENTOR_FIELDS = ("topics_offered", "experience_text")
_MENTEE_FIELDS = ("desired_library_type", "topics_wanted", "goals_text")
_FIELDS = (
    "institution",
    "library_type",
    "years_experience",
    "focus_areas",
    "channels",
    "time_zone",
    "languages",
)


@dataclass(frozen=True)
class Roster:
    """Who is free, and what holds between them. Ids are those of applications; `held` has must-pairs, too."""

    mentors: Sequence[tuple[Application, int]]
    mentees: Sequence[Application]
    on_hold: frozenset[tuple[str, str]]
    held: frozenset[tuple[str, str]]
    never: frozenset[tuple[str, str]]
    earlier: frozenset[tuple[str, str]]


def list_free(cohort: Cohort, changes: Sequence[Change], rules: PairRules) -> Roster:
    """Everybody who is accepted and free once `changes` are made, with the committee's rules between them."""
    approved, rejected = _read_changes(changes)
    holds = {change.match_id: bool(change.is_held) for change in changes if isinstance(change, HoldMatch)}
    fixed = list_fixed(cohort, changes)
    taken_mentees = {match.mentee_application_id for match in fixed}
    # Who asked for a pause, with another seat free, hardly means to begin with somebody new.
    resting = list_resting(cohort)
    mentors = [
        (
            mentor,
            mentor.capacity
            - count_given_up(cohort, mentor)
            - sum(match.mentor_application_id == mentor.application_id for match in fixed),
        )
        for mentor in cohort.list_accepted("mentor")
        if mentor.application_id not in resting
    ]
    mentees = [
        mentee for mentee in cohort.list_accepted("mentee") if mentee.application_id not in taken_mentees
    ]
    held = {
        match.pair
        for match in cohort.list_matches("proposed")
        if holds.get(match.match_id, match.is_held) and match.match_id not in approved | rejected
    }
    turned_down = {
        match.pair
        for match in cohort.matches.values()
        if match.match_id in rejected or (match.state == "rejected" and match.reason == "committee")
    }
    never = frozenset(rules.never_pair | turned_down | _list_same_person(mentors, mentees))
    return Roster(
        [(mentor, seats) for mentor, seats in mentors if seats > 0],
        mentees,
        frozenset(held),
        # A Never pair rule is stronger than a hold.
        _keep_present((held | rules.must_pair) - never, mentors, mentees),
        never,
        _list_earlier_pairs(cohort, mentors, mentees),
    )


def list_fixed(cohort: Cohort, changes: Sequence[Change]) -> list[Match]:
    """Matches that stay as they are once `changes` are made: approved and active ones."""
    approved, rejected = _read_changes(changes)
    return [
        match
        for match in cohort.matches.values()
        if match.match_id not in rejected
        and (match.state in ("approved", "active") or match.match_id in approved)
    ]


def _read_changes(changes: Sequence[Change]) -> tuple[set[str], set[str]]:
    return (
        {change.match_id for change in changes if isinstance(change, ApproveMatch)},
        {change.match_id for change in changes if isinstance(change, RejectMatch)},
    )


def add_fixed(cohort: Cohort, changes: Sequence[Change], free: Roster) -> Roster:
    """Everybody who is free or in a match that stays, with those matches held."""
    fixed = {match.pair for match in list_fixed(cohort, changes)}
    seats = Counter(mentor for mentor, _ in fixed)
    seats.update({mentor.application_id: number for mentor, number in free.mentors})
    mentors = [(one, seats[one.application_id]) for one in cohort.list_accepted("mentor")]
    mentors = [(one, number) for one, number in mentors if number > 0]
    mentees = cohort.list_accepted("mentee")
    return Roster(
        mentors,
        mentees,
        free.on_hold,
        _keep_present({*free.held, *fixed}, mentors, mentees),
        frozenset((free.never | _list_same_person(mentors, mentees)) - fixed),
        _list_earlier_pairs(cohort, mentors, mentees),
    )


def _keep_present(
    pairs: set[tuple[str, str]], mentors: Sequence[tuple[Application, int]], mentees: Sequence[Application]
) -> frozenset[tuple[str, str]]:
    here = {mentor.application_id for mentor, seats in mentors if seats > 0} | {
        item.application_id for item in mentees
    }
    return frozenset(pair for pair in pairs if set(pair) <= here)


def _list_same_person(
    mentors: Sequence[tuple[Application, int]], mentees: Sequence[Application]
) -> set[tuple[str, str]]:
    return {
        (mentor.application_id, mentee.application_id)
        for mentor, _ in mentors
        for mentee in mentees
        if mentor.person_id == mentee.person_id
    }


def _list_earlier_pairs(
    cohort: Cohort, mentors: Sequence[tuple[Application, int]], mentees: Sequence[Application]
) -> frozenset[tuple[str, str]]:
    this_year = {match.pair for match in cohort.list_matches("ended")}
    before = {
        (mentor.application_id, mentee.application_id)
        for mentor, _ in mentors
        for mentee in mentees
        if (mentor.person_id, mentee.person_id) in cohort.earlier_pairs
    }
    return frozenset(this_year | before)


def tabulate_mentors(roster: Roster) -> pd.DataFrame:
    """The engine's table of mentors, a row each; `capacity` counts the seats that are free."""
    import pandas as pd

    rows = [
        _describe(mentor, _MENTOR_FIELDS)
        | _pairs_of(roster, mentor.application_id, 0, 1)
        | {"capacity": seats}
        for mentor, seats in roster.mentors
    ]
    columns = [
        "person_id",
        *_FIELDS,
        *_MENTOR_FIELDS,
        "never_pair",
        "must_pair",
        "earlier_partners",
        "capacity",
    ]
    return pd.DataFrame(rows, columns=columns)


def tabulate_mentees(cohort: Cohort, roster: Roster) -> pd.DataFrame:
    """The engine's table of mentees, a row each."""
    import pandas as pd

    rows = [
        _describe(mentee, _MENTEE_FIELDS)
        | _pairs_of(roster, mentee.application_id, 1, 0)
        | {"waiting_since": find_waiting_since(cohort, mentee).isoformat()}
        for mentee in roster.mentees
    ]
    columns = [
        "person_id",
        *_FIELDS,
        *_MENTEE_FIELDS,
        "never_pair",
        "must_pair",
        "earlier_partners",
        "waiting_since",
    ]
    return pd.DataFrame(rows, columns=columns)


def _describe(application: Application, extra: Sequence[str]) -> dict[str, Any]:
    return {"person_id": application.application_id} | {
        name: application.answers.get(name, "") for name in (*_FIELDS, *extra)
    }


def _pairs_of(roster: Roster, own: str, mine: int, other: int) -> dict[str, str]:
    return {
        name: "; ".join(sorted(pair[other] for pair in pairs if pair[mine] == own))
        for name, pairs in (
            ("never_pair", roster.never),
            ("must_pair", roster.held),
            ("earlier_partners", roster.earlier),
        )
    }


def find_waiting_since(cohort: Cohort, mentee: Application) -> date:
    """The day from which a mentee's place in line counts; who waits longer is matched first.

    Somebody whose match ended goes before everybody who applied this year; somebody who waited through an
    earlier year keeps that year's place; everybody in time shares the closing day; a late application counts
    from its day.
    """
    settings = cohort.settings
    if mentee.person_id and mentee.person_id in cohort.waited_since:
        return cohort.waited_since[mentee.person_id]
    if any(mentee.application_id in match.pair for match in cohort.list_matches("ended")):
        return settings.applications_open - timedelta(days=1)
    return (
        local_day(mentee.received_at, cohort.program.zone) if mentee.is_late else settings.applications_close
    )
