"""What the program promises beyond the database's invariants, held against what people received and wrote.

Belongs here: one function per set of promises, from values to sentences. Does not belong here: the invariants of
`sql/checks`, and when anything is checked (`deployments.rehearsed_year`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from deployments.rehearsed_people import Person
from mentoring.calendar import local_day
from mentoring.cohort import Cohort
from mentoring.digest import KIND as DIGEST
from mentoring.pauses import QUIET_KINDS
from tasks.mail import OutgoingMessage

#: What nobody gets about a match that has ended, or who takes no part.
_OF_A_LIVE_MATCH = (
    "introduction_mentor",
    "introduction_mentee",
    "monthly_topic",
    "heads_up",
    "check_in",
    "check_in_reminder",
)

#: Names of the promises, for the report.
PROMISES = (
    "nothing is sent twice",
    "nobody is introduced without the committee's approval",
    "nobody gets a match's mail after it has ended",
    "nobody gets a topic or a check-in while the match pauses",
    "both are told once when a pause begins, and once when they go on",
    "nobody has more mentees than they offered",
    "a call for the committee reaches it the same day",
    "a second run queues nothing",
    "a year whose time is over keeps its figures and nobody's data, and no other year loses any",
)


def list_broken_promises(
    cohort: Cohort, accepted: Sequence[OutgoingMessage], approved: Collection[str], people: Sequence[Person]
) -> list[str]:
    """One sentence for each promise that the mail and the matches break; references only."""
    return [
        *_find_doubled(accepted),
        *_find_unapproved(cohort, approved),
        *_find_mail_after_the_end(cohort, accepted),
        *_find_mail_in_pauses(cohort, accepted),
        *_find_untold_pauses(cohort),
        *_find_overbooked(cohort, people),
    ]


def _find_doubled(accepted: Sequence[OutgoingMessage]) -> Iterator[str]:
    counts = Counter(message.message_id for message in accepted)
    yield from (f"The message {key} was sent {count} times." for key, count in counts.items() if count > 1)


def _find_unapproved(cohort: Cohort, approved: Collection[str]) -> Iterator[str]:
    for match in cohort.list_matches("active", "ended"):
        if match.match_id not in approved:
            yield f"The match {match.match_id} was introduced, and the committee never wrote Approve."


def _find_mail_after_the_end(cohort: Cohort, accepted: Sequence[OutgoingMessage]) -> Iterator[str]:
    for message in accepted:
        queued = cohort.messages_by_id.get(message.message_id)
        match = cohort.matches.get(queued.subject_id) if queued else None
        if match is None or match.ended_at is None or message.kind not in _OF_A_LIVE_MATCH:
            continue
        if message.date > match.ended_at:
            yield f"The message {message.message_id} ({message.kind}) went out after its match had ended."


def _find_mail_in_pauses(cohort: Cohort, accepted: Sequence[OutgoingMessage]) -> Iterator[str]:
    for message in accepted:
        queued = cohort.messages_by_id.get(message.message_id)
        if queued is None or message.kind not in QUIET_KINDS:
            continue
        for pause in cohort.pauses:
            # At the moment itself, what went out before in the same minute is no offence.
            is_inside = pause.match_id == queued.subject_id and pause.began_at < message.date
            if is_inside and pause.covers(message.date):
                yield f"The message {message.message_id} ({message.kind}) went out in {pause.pause_id}."


def _find_untold_pauses(cohort: Cohort) -> Iterator[str]:
    told = Counter(
        (message.kind, message.subject_id, message.period.split("-")[0], message.recipient_id)
        for message in cohort.messages
        if message.kind in ("match_paused", "match_resumed") and not message.reissue
    )
    for pause in cohort.pauses:
        number = pause.pause_id.rpartition("-")[2]
        goes_on = int(pause.state in ("elapsed", "resumed"))
        for key in cohort.matches[pause.match_id].pair:
            place = (pause.match_id, number, cohort.person_of(key))
            # A pause that became longer is told of once more.
            if not told["match_paused", *place] or told["match_resumed", *place] != goes_on:
                yield f"Of {pause.pause_id} ({pause.state}) {key} was not told as promised."


def _find_overbooked(cohort: Cohort, people: Sequence[Person]) -> Iterator[str]:
    offered = {person.email: int(person.answers["capacity"]) for person in people if person.role == "mentor"}
    taken = Counter(match.mentor_application_id for match in cohort.list_matches("approved", "active"))
    for key, count in taken.items():
        email = cohort.applications[key].email
        if email in offered and count > offered[email]:
            yield f"The mentor {key} has {count} mentees and offered {offered[email]}."


def list_unheard_calls(cohort: Cohort, references: Sequence[str], now: datetime) -> list[str]:
    """Calls for the committee that came today from pairs that go on, if no digest of today tells of them."""
    today = local_day(now, cohort.program.zone)
    if today > cohort.settings.ends:
        return []
    told = any(message.kind == DIGEST and message.period == today.isoformat() for message in cohort.messages)
    messages = (cohort.messages_by_id.get(reference) for reference in references)
    matches = [cohort.matches.get(message.subject_id) for message in messages if message]
    active = [match for match in matches if match and match.state == "active"]
    return [f"The call about {match.match_id} on {today} reached no digest." for match in active if not told]
