"""Introductions: approved matches become active, and both sides learn of each other.

Belongs here: who is introduced when, and what each side may read of the other. Does not belong here: the
words of the messages (`mentoring.messages`), the decision itself (`mentoring.proposals`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from mentoring.calendar import format_period, local_day, name_day, name_month, next_daytime
from mentoring.changes import ActivateMatch, ApproveMatch, Change, Plan, RejectMatch
from mentoring.cohort import ROLES, Application, Cohort, Draft, Match
from mentoring.decisions import Rows, Topic, read_topics
from mentoring.pair_standing import list_shared_channels
from mentoring.proposals import plan_match_decisions

_WORTH = timedelta(days=30)
_PHONE_CHANNELS = ("phone", "text")

_GOALS, _POSITION, _TOPICS = "My goals", "My institution and position", "My topics and focus areas"
#: What a mentee can agree to share → (label for the mentor, field).
_SHARED = {
    _GOALS: (("Goals", "goals_text"),),
    _POSITION: (
        ("Library type", "library_type"),
        ("Career stage", "career_stage"),
        ("Years of experience", "years_experience"),
        ("Would like to work in", "desired_library_type"),
    ),
    _TOPICS: (
        ("Topics, first choice first", "topics_wanted"),
        ("Focus areas", "focus_areas"),
    ),
}
#: How a sentence of the matching begins → what the mentee must have agreed to share before the mentor reads it.
REASONS = {
    "The mentee's first topic, ": _TOPICS,
    "The mentor offers ": _TOPICS,
    "Both name ": _TOPICS,
    "The mentee's goals and the mentor's experience ": _GOALS,
    "The mentee hopes for this type of library": _POSITION,
    "Both know this type of library": _POSITION,
    "Both belong to the same institution": _POSITION,
    "The mentor is ": _POSITION,
    "The mentor has no more years of experience": _POSITION,
    # Language, hours and ways to talk are what the two need to get in touch at all.
    "Both speak ": "",
    "Their working days ": "",
    "The mentor has not said which ways to talk": "",
    "The mentee has not said which ways to talk": "",
    "They share only one way to talk": "",
    "The pair meets every rule": "",
}
_REASON = re.compile("(?:^|(?<=[.] ))(?:" + "|".join(map(re.escape, REASONS)) + ")")


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
    topic = _describe_topic(cohort, topics.get(format_period(today)), today)
    drafts = [draft for match in ready for draft in _introduce(cohort, match, topic, now)]
    drafts.extend(_list_waiting(cohort, decided, ready, now))
    changes: list[Change] = [*decided, *(ActivateMatch(match.match_id) for match in ready)]
    plan = Plan(tuple(changes), tuple(drafts)).drop_known(cohort.queued_keys)
    told = sum(draft.kind == "waiting_list" for draft in plan.messages)
    line = f"The topic of {name_month(today)} is missing on the Topics tab; introductions go out without it."
    waiting = (line,) if ready and not topic else ()
    return replace(plan, counts={"introduced": len(ready), "told that they wait": told}, waiting=waiting)


def _describe_topic(cohort: Cohort, topic: Topic | None, today: date) -> dict[str, Any]:
    """The month's topic as an introduction tells it; whole once the topics' day is there, and empty without one.

    Before that day its title is enough: the topic itself follows on the day.
    """
    if topic is None:
        return {}
    is_out = today.day >= cohort.settings.topics_day
    return {
        "month": name_month(today),
        "title": topic.title,
        "prompts": list(topic.prompts) if is_out else [],
        "links": list(topic.links) if is_out else [],
    }


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


def _introduce(cohort: Cohort, match: Match, topic: Mapping[str, Any], now: datetime) -> list[Draft]:
    mentor, mentee = (cohort.applications[key] for key in match.pair)
    channels = list_shared_channels(mentor, mentee)
    shared: dict[str, Any] = {
        "channels": channels,
        "rematch": match.is_rematch,
        "first_topic": topic,
        # For a suggested first talk: the same day for both, wherever they live.
        "suggests_meeting": cohort.program.suggest_first_meeting,
        "link": _find_settling_link(cohort),
        "introduced_on": local_day(now, cohort.program.zone).isoformat(),
    }
    agreed = _list_agreed(mentee)
    to_mentor = {
        "mentee": _describe_mentee(cohort, mentee),
        "application": _list_shared_answers(mentee),
        "why": _list_sentences(match, cohort, "why", agreed),
        "watch_outs": _list_sentences(match, cohort, "watch_outs", agreed),
    }
    to_mentee = {
        "why": _list_sentences(match, cohort, "why", list(_SHARED)),
        "mentor": _describe_person(
            cohort, mentor, shares_institution=True, shares_phone=_talks_by_phone(channels)
        ),
        "experience": mentor.answers.get("experience_text", ""),
    }
    return [
        _draft(cohort, "introduction_mentor", match.match_id, mentor, shared | to_mentor, now),
        _draft(cohort, "introduction_mentee", match.match_id, mentee, shared | to_mentee, now),
    ]


def _find_settling_link(cohort: Cohort) -> str:
    """Where the two settle their own rhythm and fallback; empty if the program's form does not ask for them."""
    form = cohort.program.forms.get("check_in")
    asks = form is not None and not form.fields.keys().isdisjoint(("rhythm", "fallback"))
    return cohort.program.links.check_in_form if asks else ""


def _draft(
    cohort: Cohort, kind: str, subject_id: str, to: Application, context: dict[str, Any], now: datetime
) -> Draft:
    not_before = next_daytime(now, cohort.zone_of(to.application_id), cohort.program.sending_hours)
    person_id = cohort.person_of(to.application_id)
    return Draft(kind, subject_id, "first", person_id, context, not_before, not_before + _WORTH)


def _list_agreed(mentee: Application) -> list[str]:
    return mentee.list_answers("share_consent")


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


def _list_sentences(match: Match, cohort: Cohort, key: str, agreed: Sequence[str]) -> list[str]:
    """The matching's sentences about a pair that tell nothing but what the mentee agreed to share."""
    from mentoring.matching import name_people

    names = {person: cohort.name_of(person) for person in match.pair}
    return [
        name_people(sentence, names)
        for sentence in split_reasons(match.explanation.get(key, ""))
        if set(agreed).issuperset(_list_told(sentence))
    ]


def split_reasons(text: str) -> Iterator[str]:
    """The sentences of a pair's explanation, parted where one of the matching's sentences begins."""
    starts = [found.start() for found in _REASON.finditer(text)]
    for start, end in pairwise([0, *(place for place in starts if place), len(text)]):
        if sentence := text[start:end].strip():
            yield sentence


def _list_told(sentence: str) -> Sequence[str]:
    """What a sentence tells of the mentee; everything, if it is none that is known or may be more than one."""
    found = _REASON.match(sentence)
    if found is None or re.search(r"[.!?]\s+\S", sentence):
        return list(_SHARED)
    part = REASONS[found[0]]
    return [part] if part else []


def _list_waiting(
    cohort: Cohort, decided: Sequence[Change], ready: Sequence[Match], now: datetime
) -> list[Draft]:
    """Mentees for whom there is nobody once introductions have begun; each is told once.

    Whose proposal the committee has just rejected has nobody any more, as the next run would find.
    """
    if not ready and not any(match.introduced_at for match in cohort.matches.values()):
        return []
    rejected = {change.match_id for change in decided if isinstance(change, RejectMatch)}
    live = [match for match in cohort.matches.values() if match.is_live or match.introduced_at]
    matches = [match for match in live if match.match_id not in rejected]
    busy = {key for match in matches for key in match.pair}
    reason = "Every mentor who would fit has a mentee at the moment; as soon as a place is free, we look on."
    context = {"role": "mentee", "reason": reason}
    free = [item for item in cohort.list_accepted("mentee") if item.application_id not in busy]
    return [_draft(cohort, "waiting_list", item.application_id, item, context, now) for item in free]
