"""Monthly topics: on the topics' day of each month the mentor gets the topic and the mentee a heads-up.

Belongs here: which topic is due for which pair, and until when it is worth sending. Does not belong here: the
text of a topic (the committee's `Topics` tab), and which pairs pause (`mentoring.pauses`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from mentoring.calendar import (
    end_of_day,
    format_period,
    list_topic_days,
    local_day,
    name_month,
    next_daytime,
    start_of_day,
)
from mentoring.changes import Plan
from mentoring.cohort import Application, Cohort, Draft, Match, MessageKey
from mentoring.decisions import Rows, Topic, read_topics
from mentoring.pauses import was_paused

#: A topic that is three weeks late would meet the next one; the committee decides then.
WORTH = timedelta(days=21)


def list_due_days(cohort: Cohort, now: datetime) -> list[date]:
    """Topic days of the cohort up to now."""
    settings, today = cohort.settings, local_day(now, cohort.program.zone)
    return [
        day for day in list_topic_days(settings.starts, settings.ends, settings.topics_day) if day <= today
    ]


def plan_monthly_topics(cohort: Cohort, topic_rows: Rows, now: datetime) -> Plan:
    """Queue every topic that is due and was not queued yet, for every active pair introduced before its day.

    A pair that pauses gets none; once it goes on, it gets the month's as a late one, if that is still worth it. A
    missed first of the month is caught up; a topic older than `WORTH` is queued as expired, so that the committee
    sees on the `Messages` tab who did not get it. A month without a topic waits for the committee.
    """
    topics, _ = read_topics(topic_rows)
    drafts: list[Draft] = []
    waiting: list[str] = []
    for day in list_due_days(cohort, now):
        missing = _list_missing(cohort, day)
        topic = topics.get(format_period(day))
        if topic is not None:
            drafts.extend(draft for match in missing for draft in _write_pair(cohort, match, topic, day, now))
        elif missing and now < _expiry(cohort, day):
            waiting.append(
                f"The topic of {name_month(day)} is missing on the Topics tab; pairs that wait for it: "
                f"{len(missing)}."
            )
    plan = Plan(messages=tuple(drafts), waiting=tuple(waiting)).drop_known(cohort.queued_keys)
    to_mentors = sum(draft.kind == "monthly_topic" for draft in plan.messages)
    counts = {"topics to mentors": to_mentors, "heads-ups to mentees": len(plan.messages) - to_mentors}
    return replace(plan, counts=counts)


def _list_missing(cohort: Cohort, day: date) -> list[Match]:
    """Pairs introduced before this topics' day for which the month's topic was not queued yet."""
    return [
        match
        for match in cohort.list_active_pairs()
        if _was_introduced_before(cohort, match, day)
        and not _rests(cohort, match, day)
        and not _is_queued(cohort, match, format_period(day))
    ]


def _rests(cohort: Cohort, match: Match, day: date) -> bool:
    """Whether the pair pauses, or did when the day's topic stopped being worth sending: nothing was missed then."""
    return match.match_id in cohort.running_pauses or was_paused(cohort, match.match_id, _expiry(cohort, day))


def _was_introduced_before(cohort: Cohort, match: Match, day: date) -> bool:
    # Whoever is introduced on the topics' day has the month's topic in the introduction.
    return match.introduced_at is not None and local_day(match.introduced_at, cohort.program.zone) < day


def _is_queued(cohort: Cohort, match: Match, period: str) -> bool:
    mentor, mentee = (cohort.person_of(key) for key in match.pair)
    topic, heads_up = (
        ("monthly_topic", match.match_id, period, mentor),
        ("heads_up", match.match_id, period, mentee),
    )
    # Of two time zones, a pause may have cancelled one side's alone.
    own_way = heads_up in cohort.cancelled_keys
    return _renew(cohort, topic) in cohort.queued_keys and (
        not own_way or _renew(cohort, heads_up) in cohort.queued_keys
    )


def _renew(cohort: Cohort, key: MessageKey) -> MessageKey:
    """The key itself; with a number behind its month if a pause had cancelled that message before it went out."""
    kind, subject_id, month, recipient_id = key
    number = 2
    while key in cohort.cancelled_keys:
        key, number = (kind, subject_id, f"{month}-{number}", recipient_id), number + 1
    return key


def _expiry(cohort: Cohort, day: date) -> datetime:
    return start_of_day(day, cohort.program.zone) + WORTH


def _write_pair(cohort: Cohort, match: Match, topic: Topic, day: date, now: datetime) -> list[Draft]:
    mentor, mentee = (cohort.applications[key] for key in match.pair)
    is_late = now >= end_of_day(day, cohort.program.zone)
    shared = {
        "month": name_month(day),
        "topic": {"title": topic.title, "prompts": list(topic.prompts), "links": list(topic.links)},
    }
    contexts = (
        (
            "monthly_topic",
            mentor,
            shared | {"mentee": {"name": mentee.name, "email": mentee.email}, "is_late": is_late},
        ),
        ("heads_up", mentee, shared | {"mentor": {"name": mentor.name, "email": mentor.email}}),
    )
    return [_draft(cohort, kind, match, to, context, day, now) for kind, to, context in contexts]


def _draft(
    cohort: Cohort,
    kind: str,
    match: Match,
    to: Application,
    context: Mapping[str, Any],
    day: date,
    now: datetime,
) -> Draft:
    zone, hours = cohort.zone_of(to.application_id), cohort.program.sending_hours
    due = start_of_day(day, zone)
    expires_at = max(_expiry(cohort, day), due + WORTH)
    not_before = next_daytime(max(due, now), zone, hours)
    if not_before >= expires_at:
        # Queued all the same, already expired: that is how the committee learns of it.
        not_before, expires_at = next_daytime(due, zone, hours), min(expires_at, now)
    key = (kind, match.match_id, format_period(day), cohort.person_of(to.application_id))
    _, subject_id, period, person_id = _renew(cohort, key)
    return Draft(kind, subject_id, period, person_id, context, not_before, expires_at)
