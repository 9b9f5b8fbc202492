"""Monthly topics: on the topics' day of each month the mentor gets the topic and the mentee a heads-up.

Belongs here: which topic is due for which pair, and until when it is worth sending. Does not belong here: the text of a
topic (the committee's `Topics` tab).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

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
from mentoring.cohort import Cohort, Draft, Match
from mentoring.decisions import Rows, Topic, read_topics

#: A topic that is three weeks late would meet the next one; the committee decides then.
WORTH = timedelta(days=21)


def list_due_days(cohort: Cohort, now: datetime) -> list[date]:
    """Topic days of the cohort up to now."""
    settings, today = cohort.settings, local_day(now, cohort.program.zone)
    return [day for day in list_topic_days(settings.starts, settings.ends, settings.topics_day) if day <= today]


def plan_monthly_topics(cohort: Cohort, topic_rows: Rows, now: datetime) -> Plan:
    """Queue every topic that is due and was not queued yet, for every active pair introduced before its day.

    A missed first of the month is caught up; a topic older than `WORTH` is queued as expired, so that the committee
    sees on the `Messages` tab who did not get it. A month without a topic waits for the committee.
    """
    topics, _ = read_topics(topic_rows)
    drafts: list[Draft] = []
    waiting: list[str] = []
    for day in list_due_days(cohort, now):
        period = format_period(day)
        matches = [match for match in cohort.list_matches("active") if _was_introduced_before(cohort, match, day)]
        missing = [match for match in matches if not _is_queued(cohort, match, period)]
        topic = topics.get(period)
        if topic is not None:
            drafts.extend(draft for match in missing for draft in _write_pair(cohort, match, topic, day, now))
        elif missing and now < _expiry(cohort, day):
            waiting.append(f"The topic of {name_month(day)} is missing on the Topics tab; {len(missing)} pairs wait for it.")
    plan = Plan(messages=tuple(drafts), waiting=tuple(waiting)).drop_known(cohort.queued_keys)
    counts = {"topics to mentors": 0, "heads-ups to mentees": 0}
    for draft in plan.messages:
        counts["topics to mentors" if draft.kind == "monthly_topic" else "heads-ups to mentees"] += 1
    return Plan(messages=plan.messages, counts=counts, waiting=plan.waiting)


def _was_introduced_before(cohort: Cohort, match: Match, day: date) -> bool:
    # Whoever is introduced on the topics' day has the month's topic in the introduction.
    return match.introduced_at is not None and local_day(match.introduced_at, cohort.program.zone) < day


def _is_queued(cohort: Cohort, match: Match, period: str) -> bool:
    mentor = cohort.person_of(match.mentor_application_id)
    return ("monthly_topic", match.match_id, period, mentor) in cohort.queued_keys


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
        ("monthly_topic", mentor, shared | {"mentee": {"name": mentee.name, "email": mentee.email}, "is_late": is_late}),
        ("heads_up", mentee, shared | {"mentor": {"name": mentor.name, "email": mentor.email}}),
    )
    drafts = []
    for kind, to, context in contexts:
        due = start_of_day(day, cohort.zone_of(to.application_id))
        expires_at = max(_expiry(cohort, day), due + WORTH)
        # Beyond its worth it is queued all the same, already expired: that is how the committee learns of it.
        earliest = max(due, now) if now < expires_at else due
        not_before = next_daytime(earliest, cohort.zone_of(to.application_id), cohort.program.sending_hours)
        person_id = cohort.person_of(to.application_id)
        drafts.append(Draft(kind, match.match_id, format_period(day), person_id, context, not_before, expires_at))
    return [draft for draft in drafts if draft.not_before < draft.expires_at]
