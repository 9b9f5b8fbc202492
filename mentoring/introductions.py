"""Introductions: approved matches become active, and both sides learn of each other.

Belongs here: who is introduced when, and what each side may read of the other. Does not belong here: the words of the
messages (`mentoring.messages`), the decision itself (`mentoring.proposals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mentoring.calendar import format_period, local_day, name_day, next_daytime, start_of_day
from mentoring.changes import ActivateMatch, ApproveMatch, Change, Plan, RejectMatch
from mentoring.cohort import Application, Cohort, Draft, Match
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
    "My topics and focus areas": (("Topics, first choice first", "topics_wanted"), ("Focus areas", "focus_areas")),
}


def plan_introductions(cohort: Cohort, match_rows: Rows, topic_rows: Rows, now: datetime) -> Plan:
    """Record the committee's decisions and introduce every approved pair, once the cohort has started."""
    decided, _ = plan_match_decisions(cohort, match_rows)
    rejected = {change.match_id for change in decided if isinstance(change, RejectMatch)}
    approved = {change.match_id for change in decided if isinstance(change, ApproveMatch)}
    ready = [
        match
        for match in cohort.list_matches("proposed", "approved")
        if match.match_id not in rejected and (match.state == "approved" or match.match_id in approved)
    ]
    if now < start_of_day(cohort.settings.starts, cohort.program.zone):
        line = f"{len(ready)} approved pairs will be introduced on {name_day(cohort.settings.starts)}."
        return Plan(tuple(decided), counts={"introduced": 0, "approved": len(ready)}, waiting=(line,) if ready else ())
    topics, _ = read_topics(topic_rows)
    topic = topics.get(format_period(local_day(now, cohort.program.zone)))
    introduced = {key for match in ready for key in match.pair}
    drafts = [draft for match in ready for draft in _introduce(cohort, match, topic, now)]
    waiting_list = _list_waiting(cohort, introduced, rejected, bool(ready), now)
    counts = {"introduced": len(ready), "told that they wait": len(waiting_list)}
    changes: list[Change] = [*decided, *(ActivateMatch(match.match_id) for match in ready)]
    return Plan(tuple(changes), (*drafts, *waiting_list), counts=counts).drop_known(cohort.queued_keys)


def _introduce(cohort: Cohort, match: Match, topic: Topic | None, now: datetime) -> list[Draft]:
    mentor, mentee = (cohort.applications[key] for key in match.pair)
    channels = list_shared_channels(mentor, mentee)
    shared: dict[str, Any] = {
        "channels": channels,
        "why": _split_sentences(match, cohort, "why"),
        "rematch": match.is_rematch,
        "first_topic": topic.title if topic else "",
    }
    to_mentor = {
        "mentee": _describe_mentee(mentee),
        "application": _list_shared_answers(mentee),
        "watch_outs": _split_sentences(match, cohort, "watch_outs"),
    }
    to_mentee = {
        "mentor": _describe_person(mentor, shares_institution=True, shares_phone=_talks_by_phone(channels)),
        "experience": mentor.answers.get("experience_text", ""),
    }
    return [
        _draft(cohort, "introduction_mentor", match, mentor, shared | to_mentor, now),
        _draft(cohort, "introduction_mentee", match, mentee, shared | to_mentee, now),
    ]


def _draft(
    cohort: Cohort, kind: str, match: Match, to: Application, context: dict[str, Any], now: datetime
) -> Draft:
    not_before = next_daytime(now, cohort.zone_of(to.application_id), cohort.program.sending_hours)
    person_id = cohort.person_of(to.application_id)
    return Draft(kind, match.match_id, "first", person_id, context, not_before, not_before + _WORTH)


def list_shared_channels(mentor: Application, mentee: Application) -> list[str]:
    """Ways to talk that both named, in the mentee's order."""
    offered = {channel.casefold() for channel in mentor.answers.get("channels", "").split("; ")}
    return [channel for channel in mentee.answers.get("channels", "").split("; ") if channel.casefold() in offered]


def _talks_by_phone(channels: Sequence[str]) -> bool:
    return any(word in channel.casefold() for channel in channels for word in _PHONE_CHANNELS)


def _describe_person(application: Application, shares_institution: bool, shares_phone: bool) -> dict[str, str]:
    answers = application.answers
    return {
        "name": application.name,
        "email": application.email,
        "pronouns": answers.get("pronouns", ""),
        "phone": answers.get("phone", "") if shares_phone else "",
        "institution": answers.get("institution", "") if shares_institution else "",
        "time_zone": application.time_zone.replace("_", " "),
    }


def _describe_mentee(mentee: Application) -> dict[str, str]:
    agreed = mentee.answers.get("share_consent", "")
    return _describe_person(mentee, "My institution and position" in agreed, "My telephone number" in agreed)


def _list_shared_answers(mentee: Application) -> list[dict[str, str]]:
    agreed = mentee.answers.get("share_consent", "").split("; ")
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
    sentences = text if isinstance(text, list) else [part for part in text.split("\n") if part]
    return [name_people(sentence, {key: cohort.name_of(key) for key in match.pair}) for sentence in sentences]


def _list_waiting(
    cohort: Cohort, introduced: set[str], rejected: set[str], anybody: bool, now: datetime
) -> list[Draft]:
    """Mentees for whom there is nobody once introductions have begun; each is told once."""
    if not anybody and not any(match.introduced_at for match in cohort.matches.values()):
        return []
    if local_day(now, cohort.program.zone) > cohort.settings.ends:
        return []
    busy = introduced | {
        key for match in cohort.matches.values() for key in match.pair if match.is_live or match.introduced_at
    }
    context = {
        "role": "mentee",
        "reason": "All our mentors have a mentee at the moment. You are on the list, and as soon as a seat is free we look again.",
    }
    return [
        Draft("waiting_list", mentee.application_id, "first", cohort.person_of(mentee.application_id), context, moment, moment + _WORTH)
        for mentee in cohort.list_accepted("mentee")
        if mentee.application_id not in busy
        for moment in [next_daytime(now, cohort.zone_of(mentee.application_id), cohort.program.sending_hours)]
    ]
