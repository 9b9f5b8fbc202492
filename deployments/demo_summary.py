"""The demo's closing words: what happened in the year, told to a committee member.

Belongs here: figures of the cohort as sentences. Does not belong here: living the year (`deployments.demo`), the
board's figures (`mentoring.evaluation`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from mentoring.calendar import list_topic_days, local_day, name_day, name_month
from mentoring.cohort import ROLES, Cohort, Match

_APPLICATION_WORDS = {
    "accepted": "accepted",
    "needs_attention": "still in need of a correction",
    "withdrawn": "withdrawn",
    "duplicate": "replaced by a later one of the same person",
}

#: States of a match that only the committee's approval leads to.
_APPROVED = ("approved", "active", "ended")


def summarise_year(cohort: Cohort, timeline: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a committee member would want to know of the sample year: (what, in words), in the year's order."""
    yield from _tell_applications(cohort)
    yield from _tell_matches(cohort, timeline)
    yield "Topics sent", _tell_topics(cohort, timeline)
    broken_off = [match for match in cohort.list_matches("ended") if match.reason != "completed"]
    for match in sorted(broken_off, key=lambda match: str(match.ended_at)):
        yield _tell_end(cohort, match)
    signals = Counter(item.signal for item in cohort.check_ins)
    yield (
        "Check-ins",
        f"{len(cohort.check_ins)} answers: {signals['connected']} in touch, {signals['not_yet']} not yet, "
        f"{signals['partner_missing']} had heard nothing, {signals['want_to_talk']} wanted to talk",
    )
    invited = sum(message.kind == "evaluation_invitation" for message in cohort.messages)
    completed = sum(match.reason == "completed" for match in cohort.matches.values())
    yield (
        "Evaluation",
        f"{completed} pairs completed the year; {len(cohort.evaluations)} of {invited} invitations answered",
    )
    yield "Mails", _tell_mails(cohort)


def _tell_applications(cohort: Cohort) -> Iterator[tuple[str, str]]:
    yield "Applications", f"{len(cohort.applications)} in"
    for role in ROLES:
        states = Counter(item.state for item in cohort.applications.values() if item.role == role)
        words = (f"{states[state]} {words}" for state, words in _APPLICATION_WORDS.items() if states[state])
        yield f"  of {role}s", f"{states.total()} in: {', '.join(words)}"


def _tell_matches(cohort: Cohort, timeline: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    matches = list(cohort.matches.values())
    reasons = Counter(match.reason for match in matches if match.state == "rejected")
    introduced = [match for match in matches if match.introduced_at]
    yield (
        "Matches",
        f"{len(matches)} proposed: {sum(match.state in _APPROVED for match in matches)} approved and "
        f"{reasons['committee']} rejected by the committee, {reasons['superseded']} replaced by better proposals; "
        f"1 of the approved was on hold until {name_day(timeline['decisions']['hold']['approve_on'])}",
    )
    rematches = sum(match.is_rematch for match in introduced)
    yield "Introduced", f"{len(introduced)} pairs, {rematches} of them as a rematch"


def _tell_topics(cohort: Cohort, timeline: Mapping[str, Any]) -> str:
    settings, zone = cohort.settings, cohort.program.zone
    mailed = Counter(m.period for m in cohort.messages if m.kind == "monthly_topic" and m.state == "sent")
    months = []
    for day in list_topic_days(settings.starts, settings.ends, settings.topics_day):
        period, month = f"{day:%Y-%m}", name_month(day).split()[0]
        if day == settings.starts:
            first = sum(
                match.introduced_at is not None and f"{local_day(match.introduced_at, zone):%Y-%m}" == period
                for match in cohort.matches.values()
            )
            months.append(f"{month} {first} (inside the introductions)")
        elif period == timeline["missed_day"]:
            back_on = name_day(timeline["back_on"]).rsplit(" ", 1)[0]
            months.append(f"{month} {mailed[period]} (on {back_on}, the server was down on the first)")
        else:
            months.append(f"{month} {mailed[period]}")
    return ", ".join(months)


def _tell_end(cohort: Cohort, match: Match) -> tuple[str, str]:
    mentor, mentee = (cohort.name_of(key) for key in match.pair)
    ended_on = _name_day(cohort, match.ended_at)
    if match.reason == "withdrawn":
        what = "A withdrawal"
        gone = _find_who_left(cohort, match)
        words = f"{cohort.name_of(gone)} could not go on, so the match with {cohort.name_of(match.find_partner(gone))}"
    else:
        what, words = "Not working out", f"The match of {mentor} and {mentee}"
    follower = _find_follower(cohort, match)
    if follower is None:
        return what, f"{words} ended on {ended_on}"
    new_mentor, new_mentee = (cohort.name_of(key) for key in follower.pair)
    introduced_on = _name_day(cohort, follower.introduced_at)
    return (
        what,
        f"{words} ended on {ended_on}; rematch: {new_mentor} and {new_mentee}, introduced on {introduced_on}",
    )


def _find_who_left(cohort: Cohort, match: Match) -> str:
    leavers = (
        request.application_id for request in cohort.requests.values() if request.match_id == match.match_id
    )
    return next(key for key in leavers if key)


def _find_follower(cohort: Cohort, match: Match) -> Match | None:
    """The next match of the same mentee that was introduced."""
    assert match.ended_at is not None, "an ended match has its moment"
    later = (
        other
        for other in cohort.matches.values()
        if other.mentee_application_id == match.mentee_application_id
        and other.introduced_at is not None
        and other.introduced_at >= match.ended_at
    )
    return min(later, key=lambda other: str(other.introduced_at), default=None)


def _name_day(cohort: Cohort, moment: datetime | None) -> str:
    assert moment is not None, "only asked of what has happened"
    return name_day(local_day(moment, cohort.program.zone))


def _tell_mails(cohort: Cohort) -> str:
    states = Counter(message.state for message in cohort.messages)
    written = f"{states.pop('sent', 0)} written into files, none of them sent to anybody"
    others = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"{written}; besides {others}" if others else written
