"""Introductions: approved matches become active, and both sides learn of each other.

Belongs here: who is introduced when, and what each side may read of the other. Does not belong here: the
words of the messages (`mentoring.messages`), the decision itself (`mentoring.proposals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mentoring.calendar import format_period, local_day, name_day, next_daytime
from mentoring.changes import ActivateMatch, ApproveMatch, Change, Plan, RejectMatch
from mentoring.cohort import ROLES, Application, Cohort, Draft, Match
from mentoring.decisions import Rows, Topic, read_topics
from mentoring.proposals import plan_match_decisions

_WORTH = timedelta(days=30)
_PHONE_CHANNELS = ("phone", "text")

#: What a mentee can agree to share → (label for the mentor, field).
_SHARED = {
    "My goals": (("Goals", "goals_text"),),
    "My institution and position": (
        ("Library type", "library_type"),
        ("Career stage", "career_stage"),
        ("Years of experience", "years_experience"),
        ("Would like to work in", "desired_library_type"),
    ),
    "My topics and focus areas": (
        ("Topics, first choice first", "topics_wanted"),
        ("Focus areas", "focus_areas"),
    ),
}


def plan_introductions(cohort: Cohort, match_rows: Rows, topic_rows: Rows, now: datetime) -> Plan:
    """Record the committee's decisions and introduce every approved pair, while the cohort's year lasts."""
    decided, _ = plan_match_decisions(cohort, match_rows)
    ready = _list_ready(cohort, decided)
    settings, today = cohort.settings, local_day(now, cohort.program.zone)
    if not settings.starts <= today <= settings.ends:
        line = (
            f"Approved pairs to be introduced on {name_day(settings.starts)}: {len(ready)}."
            if today < settings.starts
            else f"The mentoring year ended on {name_day(settings.ends)}; approved pairs that are no longer "
            f"introduced: {len(ready)}."
        )
        counts = {"introduced": 0, "approved": len(ready)}
        return Plan(tuple(decided), counts=counts, waiting=(line,) if ready else ())
    topics, _ = read_topics(topic_rows)
    topic = topics.get(format_period(today))
    drafts = [draft for match in ready for draft in _introduce(cohort, match, topic, now)]
    drafts.extend(_list_waiting(cohort, ready, now))
    changes: list[Change] = [*decided, *(ActivateMatch(match.match_id) for match in ready)]
    plan = Plan(tuple(changes), tuple(drafts)).drop_known(cohort.queued_keys)
    told = sum(draft.kind == "waiting_list" for draft in plan.messages)
    return replace(plan, counts={"introduced": len(ready), "told that they wait": told})


def _list_ready(cohort: Cohort, decided: Sequence[Change]) -> list[Match]:
    """Approved pairs, by now or before, whose two people still take part."""
    rejected = {change.match_id for change in decided if isinstance(change, RejectMatch)}
    approved = {change.match_id for change in decided if isinstance(change, ApproveMatch)}
    here = {item.application_id for role in ROLES for item in cohort.list_accepted(role)}
    return [
        match
        for match in cohort.list_matches("proposed", "approved")
        if match.match_id not in rejected
        and (match.state == "approved" or match.match_id in approved)
        and here.issuperset(match.pair)
    ]


def _introduce(cohort: Cohort, match: Match, topic: Topic | None, now: datetime) -> list[Draft]:
    mentor, mentee = (cohort.applications[key] for key in match.pair)
    channels = list_shared_channels(mentor, mentee)
    why = _split_sentences(match, cohort, "why")
    shared: dict[str, Any] = {
        "channels": channels,
        "rematch": match.is_rematch,
        "first_topic": topic.title if topic else "",
    }
    # The reasons speak of the mentee's goals, topics and position alike.
    is_open = set(_list_agreed(mentee)).issuperset(_SHARED)
    to_mentor = {
        "mentee": _describe_mentee(cohort, mentee),
        "application": _list_shared_answers(mentee),
        "why": why if is_open else [],
        "watch_outs": _split_sentences(match, cohort, "watch_outs") if is_open else [],
    }
    to_mentee = {
        "why": why,
        "mentor": _describe_person(
            cohort, mentor, shares_institution=True, shares_phone=_talks_by_phone(channels)
        ),
        "experience": mentor.answers.get("experience_text", ""),
    }
    return [
        _draft(cohort, "introduction_mentor", match.match_id, mentor, shared | to_mentor, now),
        _draft(cohort, "introduction_mentee", match.match_id, mentee, shared | to_mentee, now),
    ]


def _draft(
    cohort: Cohort, kind: str, subject_id: str, to: Application, context: dict[str, Any], now: datetime
) -> Draft:
    not_before = next_daytime(now, cohort.zone_of(to.application_id), cohort.program.sending_hours)
    person_id = cohort.person_of(to.application_id)
    return Draft(kind, subject_id, "first", person_id, context, not_before, not_before + _WORTH)


def list_shared_channels(mentor: Application, mentee: Application) -> list[str]:
    """Ways to talk that both named, in the mentee's order."""
    offered = {channel.casefold() for channel in _split_answer(mentor, "channels")}
    return [channel for channel in _split_answer(mentee, "channels") if channel.casefold() in offered]


def _split_answer(application: Application, name: str) -> list[str]:
    return [part for part in application.answers.get(name, "").split("; ") if part]


def _list_agreed(mentee: Application) -> list[str]:
    return _split_answer(mentee, "share_consent")


def _talks_by_phone(channels: Sequence[str]) -> bool:
    return any(word in channel.casefold() for channel in channels for word in _PHONE_CHANNELS)


def _describe_person(
    cohort: Cohort, application: Application, shares_institution: bool, shares_phone: bool
) -> dict[str, str]:
    answers = application.answers
    return {
        "name": application.name,
        "email": application.email,
        "pronouns": answers.get("pronouns", ""),
        "phone": answers.get("phone", "") if shares_phone else "",
        "institution": answers.get("institution", "") if shares_institution else "",
        "time_zone": cohort.program.name_time_zone(application.time_zone),
    }


def _describe_mentee(cohort: Cohort, mentee: Application) -> dict[str, str]:
    agreed = _list_agreed(mentee)
    shares = [part in agreed for part in ("My institution and position", "My telephone number")]
    return _describe_person(cohort, mentee, *shares)


def _list_shared_answers(mentee: Application) -> list[dict[str, str]]:
    agreed = _list_agreed(mentee)
    return [
        {"label": label, "value": mentee.answers[name]}
        for part, answers in _SHARED.items()
        if part in agreed
        for label, name in answers
        if mentee.answers.get(name)
    ]


def _split_sentences(match: Match, cohort: Cohort, key: str) -> list[str]:
    from mentoring.matching import name_people

    text = match.explanation.get(key, "")
    return [name_people(text, {key: cohort.name_of(key) for key in match.pair})] if text else []


def _list_waiting(cohort: Cohort, ready: Sequence[Match], now: datetime) -> list[Draft]:
    """Mentees for whom there is nobody once introductions have begun; each is told once."""
    if not ready and not any(match.introduced_at for match in cohort.matches.values()):
        return []
    matches = [match for match in cohort.matches.values() if match.is_live or match.introduced_at]
    busy = {key for match in matches for key in match.pair}
    reason = "Every mentor who would fit has a mentee at the moment; as soon as a place is free, we look on."
    context = {"role": "mentee", "reason": reason}
    free = [item for item in cohort.list_accepted("mentee") if item.application_id not in busy]
    return [_draft(cohort, "waiting_list", item.application_id, item, context, now) for item in free]
