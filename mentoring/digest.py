"""The committee's digest: what waits for whom, in one short mail.

It goes out once a week, and on the same day when something urgent is new; never twice a day. Belongs here: what
waits, since when, and whether that is worth a mail now. Does not belong here: the words around it
(`mentoring/templates`). A digest holds references and counts, never a name: its text outlives people's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mentoring.calendar import (
    format_period,
    list_topic_days,
    local_day,
    name_day,
    name_month,
    next_daytime,
)
from mentoring.changes import AddPerson, Change, Plan, RenamePerson, ResolveMessage
from mentoring.cohort import Cohort, Draft, QueuedMessage
from mentoring.confirmations import count_waiting
from mentoring.decisions import Rows, read_topics
from mentoring.outbox import came_back, list_doubtful
from mentoring.pair_standing import describe_standing

KIND = "committee_digest"
#: The committee as a recipient; its key can't be anybody's address.
COMMITTEE_ID, COMMITTEE_KEY, COMMITTEE_NAME = "committee", "committee:", "mentoring committee"
#: After the morning's runs have read the forms.
_MORNING = time(9)
_WORTH = timedelta(days=2)
_AHEAD = timedelta(days=14)
_SHOWN = 8
_URGENT_SIGNALS = ("partner_missing", "want_to_talk")
_CONCERNS = {
    "talk": "in which somebody would like to talk to you",
    "missing": "in which one side has not heard from the other",
    "silent": "of which nobody answers the check-ins",
}


@dataclass(frozen=True)
class Waiting:
    """One line of the digest: `count` things on one tab, by their references, and since when the first waits.

    Without `since` nobody knows how long it has waited; `is_urgent` is worth a mail on the same day.
    """

    tab: str
    count: int
    what: str
    references: tuple[str, ...] = ()
    since: datetime | None = None
    is_urgent: bool = False


def add_digest(decided: Plan, cohort: Cohort, topic_rows: Rows, now: datetime) -> Plan:
    """The plan of a delivery with today's digest, which leaves out what the plan itself settles."""
    settled = {change.message_id for change in decided.changes if isinstance(change, ResolveMessage)}
    left = [
        replace(message, resolution="left") if message.message_id in settled else message
        for message in cohort.messages
    ]
    digest = plan_digest(replace(cohort, messages=left), topic_rows, now)
    return replace(
        decided,
        changes=(*decided.changes, *digest.changes),
        messages=(*decided.messages, *digest.messages),
        counts={**decided.counts, **digest.counts},
    )


def plan_digest(cohort: Cohort, topic_rows: Rows, now: datetime) -> Plan:
    """Queue today's digest to the committee if there is a reason.

    Weekly: by the first run from Monday at nine on, if something has waited since before then. The same day: when
    an urgent answer or a message in doubt is new since the last digest. The message's period is the day, and its
    subject counts what was urgent so far, so that the next run knows what is new.
    """
    today = local_day(now, cohort.program.zone)
    earlier = [message for message in cohort.messages if message.kind == KIND]
    if cohort.is_anonymised or not _is_time(cohort, now) or today.isoformat() in {m.period for m in earlier}:
        return Plan()
    waiting = list_waiting(cohort, topic_rows, now)
    is_urgent = any(line.is_urgent for line in waiting) and _is_new(cohort, earlier)
    if not is_urgent and not _is_due(cohort, waiting, earlier, now):
        return Plan()
    return Plan(tuple(_keep_committee(cohort)), (_write(cohort, waiting, now),), counts={"digest": 1})


def _is_time(cohort: Cohort, now: datetime) -> bool:
    hours, clock = cohort.program.sending_hours, now.astimezone(cohort.program.zone).time()
    return (_MORNING if hours.start <= _MORNING < hours.end else hours.start) <= clock < hours.end


def _is_due(
    cohort: Cohort, waiting: Sequence[Waiting], earlier: Sequence[QueuedMessage], now: datetime
) -> bool:
    """Whether the weekly digest is due; after downtime also later in the week."""
    local = now.astimezone(cohort.program.zone)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), _MORNING, cohort.program.zone)
    since = monday.astimezone(UTC)
    if any(message.queued_at >= since for message in earlier):
        return False
    return any(local.weekday() == 0 or (line.since and line.since <= since) for line in waiting)


def _is_new(cohort: Cohort, earlier: Sequence[QueuedMessage]) -> bool:
    """Whether something urgent is there that no digest told of."""
    last = max(earlier, key=lambda message: message.queued_at, default=None)
    if last is None:
        return bool(_count_urgent(cohort)) or any(map(_is_urgent, list_doubtful(cohort)))
    return last.subject_id != _name_subject(cohort) or any(
        # At the same moment it may have been settled after the digest was written.
        (message.settled_at or message.queued_at) >= last.queued_at
        for message in filter(_is_urgent, list_doubtful(cohort))
    )


def _is_urgent(message: QueuedMessage) -> bool:
    # A digest that did not arrive would otherwise be a reason for the next.
    return message.kind != KIND


def _count_urgent(cohort: Cohort) -> int:
    """Urgent things that carry no time of ours: answers, and messages that came back after they were sent."""
    answers = sum(item.signal in _URGENT_SIGNALS for item in cohort.check_ins)
    return answers + sum(came_back(message) for message in cohort.messages if _is_urgent(message))


def _name_subject(cohort: Cohort) -> str:
    return f"{cohort.cohort_id}-urgent-{_count_urgent(cohort)}"


def _keep_committee(cohort: Cohort) -> Iterator[Change]:
    """The committee among the people, with the address that the program names now."""
    address, known = cohort.program.committee_address, cohort.people.get(COMMITTEE_ID)
    if known is None:
        yield AddPerson(COMMITTEE_ID, COMMITTEE_KEY, address, COMMITTEE_NAME)
    elif known.email != address:
        yield RenamePerson(COMMITTEE_ID, address, COMMITTEE_NAME)


def _write(cohort: Cohort, waiting: Sequence[Waiting], now: datetime) -> Draft:
    today, google = local_day(now, cohort.program.zone), cohort.program.google
    context: dict[str, Any] = {
        "day": name_day(today),
        "urgent": [_describe(line) for line in waiting if line.is_urgent],
        "waiting": [_describe(line) for line in waiting if not line.is_urgent],
        "others": list(_list_with_others(cohort, now)),
        "upcoming": list(_list_upcoming(cohort, now)),
        "desk": google.committee_link if google else "",
    }
    not_before = next_daytime(now, cohort.program.zone, cohort.program.sending_hours)
    return Draft(
        KIND,
        _name_subject(cohort),
        today.isoformat(),
        COMMITTEE_ID,
        context,
        not_before,
        not_before + _WORTH,
    )


def _describe(line: Waiting) -> dict[str, Any]:
    shown, more = line.references[:_SHOWN], len(line.references) - _SHOWN
    names = [*shown, *([f"{more} more"] if more > 0 else [])]
    return {"tab": line.tab, "count": line.count, "what": line.what, "references": names}


def list_waiting(cohort: Cohort, topic_rows: Rows, now: datetime) -> list[Waiting]:
    """What waits for the committee, urgent things first."""
    found = [
        *_list_check_ins(cohort, now),
        *_list_messages(cohort),
        *_list_requests(cohort),
        *_list_for_the_year(cohort, topic_rows, now),
    ]
    return sorted(found, key=lambda line: not line.is_urgent)


def _list_check_ins(cohort: Cohort, now: datetime) -> Iterator[Waiting]:
    standings = [
        (match.match_id, describe_standing(cohort, match, now)) for match in cohort.list_active_pairs()
    ]
    for concern, what in _CONCERNS.items():
        found = [(key, standing.since) for key, standing in standings if standing.concern == concern]
        yield from _count("Check-ins", "pair", what, found, is_urgent=concern != "silent")


def _list_messages(cohort: Cohort) -> Iterator[Waiting]:
    # By what they are about: a message's own reference opens its recipient's forms.
    found = [
        (message.subject_id, message.settled_at or message.queued_at)
        for message in list_doubtful(cohort)
        if _is_urgent(message)
    ]
    yield from _count("Messages", "message", "in doubt, not delivered or come back", found, is_urgent=True)


def _list_requests(cohort: Cohort) -> Iterator[Waiting]:
    found = [
        (request.request_id, request.received_at)
        for request in cohort.requests.values()
        if request.state in ("received", "unclear")
    ]
    yield from _count("Requests", "request", "to confirm or decline", found)


def _list_for_the_year(cohort: Cohort, topic_rows: Rows, now: datetime) -> Iterator[Waiting]:
    """What is worth deciding only while the mentoring year lasts."""
    today = local_day(now, cohort.program.zone)
    if today > cohort.settings.ends:
        return
    proposals = [
        (match.match_id, match.proposed_at) for match in cohort.list_matches("proposed") if not match.is_held
    ]
    yield from _count("Matches", "proposal", "to approve, reject or hold", proposals)
    unreachable = [
        (item.application_id, item.received_at)
        for item in cohort.applications.values()
        if item.state == "needs_attention" and not item.email
    ]
    yield from _count("Applications", "application", "with an address that can't be used", unreachable)
    topics, _ = read_topics(topic_rows)
    missing = [day for day in _list_topic_days(cohort, now) if format_period(day) not in topics]
    if missing:
        yield Waiting("Topics", len(missing), f"topic to write: {name_month(missing[0])}")


def _count(
    tab: str, thing: str, what: str, found: Iterable[tuple[str, datetime | None]], is_urgent: bool = False
) -> Iterator[Waiting]:
    keys = sorted(found)
    if keys:
        things = thing if len(keys) == 1 else f"{thing}s"
        since = min((moment for _, moment in keys if moment), default=None)
        references = tuple(dict.fromkeys(key for key, _ in keys))
        yield Waiting(tab, len(keys), f"{things} {what}", references, since, is_urgent)


def _list_with_others(cohort: Cohort, now: datetime) -> Iterator[str]:
    """What waits for somebody else, in words."""
    if local_day(now, cohort.program.zone) > cohort.settings.ends:
        return
    faulty = sum(
        item.state == "needs_attention" and bool(item.email) for item in cohort.applications.values()
    )
    if faulty:
        yield f"applicants who were asked to correct an answer: {faulty}"
    if unconfirmed := count_waiting(cohort):
        yield f"applicants who have not confirmed their application: {unconfirmed}"
    held = sum(match.is_held for match in cohort.list_matches("proposed"))
    if held:
        yield f"pairs that you hold: {held}"
    if cohort.running_pauses:
        yield f"pairs that pause: {len(cohort.running_pauses)}"


def _list_topic_days(cohort: Cohort, now: datetime) -> list[date]:
    settings, today = cohort.settings, local_day(now, cohort.program.zone)
    days = list_topic_days(settings.starts, settings.ends, settings.topics_day)
    return [day for day in days if today <= day <= today + _AHEAD]


def _list_upcoming(cohort: Cohort, now: datetime) -> Iterator[dict[str, str]]:
    """What is due within two weeks."""
    settings, today = cohort.settings, local_day(now, cohort.program.zone)
    days = [
        (settings.applications_close, "last day to apply"),
        (settings.starts, "introductions begin"),
        *(
            (day, "the month's topic goes out")
            for day in _list_topic_days(cohort, now)
            if day > settings.starts
        ),
        (settings.evaluation_opens, "the evaluation is sent"),
        (settings.evaluation_due, "last day of the evaluation"),
        (settings.ends, "last day of the mentoring year"),
    ]
    if settings.next_cohort_opens:
        days.append((settings.next_cohort_opens, "applications for the next cohort open"))
    for day, what in sorted(days):
        if today <= day <= today + _AHEAD:
            yield {"day": name_day(day), "what": what}
