"""Check-ins: asking both sides how it goes, reminding whoever is silent, and reading their answers.

The first check-in follows some days after the introduction, then one every month, or in the pair's own rhythm, until
the year ends. Silence goes up in steps: a reminder, another way to talk, then the committee. A pair that pauses is
asked nothing, and afterwards only what becomes due from the day on which it goes on. Belongs here: who is asked and
reminded when. Does not belong here: what the answers come to (`mentoring.pair_standing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from mentoring.answers import FormAnswers
from mentoring.calendar import local_day, name_month, next_daytime, start_of_day
from mentoring.changes import AddCheckIn, AddUnplacedResponse, Change, Plan
from mentoring.cohort import CheckIn, Cohort, Draft, Match, QueuedMessage, Rhythm
from mentoring.form_fields import RHYTHMS, SIGNALS
from mentoring.pair_standing import (
    PATIENCE,
    describe_standing,
    find_fallback,
    list_check_in_days,
    list_shared_channels,
)
from mentoring.pauses import find_going_on
from mentoring.responses import Response

_WORTH = timedelta(days=20)
#: Days after an unanswered question: a reminder, then a reminder that names another way to talk.
REMINDERS = (3, 7)

Signal = Literal["connected", "not_yet", "partner_missing", "want_to_talk"]
#: What people choose in the form → what it means.
MEANINGS: Mapping[str, Signal] = dict(
    zip(SIGNALS, ("connected", "not_yet", "partner_missing", "want_to_talk"), strict=True)
)
_RHYTHMS: Mapping[str, Rhythm] = dict(zip(RHYTHMS, ("two_weeks", "month", "two_months"), strict=True))


def find_sender(cohort: Cohort, token: str) -> tuple[Match, str] | None:
    """The match and the application that a prefilled reference belongs to, or None if it is none of ours."""
    message = cohort.messages_by_id.get(token.strip().casefold())
    match = cohort.matches.get(message.subject_id) if message else None
    if message is None or match is None:
        return None
    sender = next(
        (key for key in match.pair if cohort.applications[key].person_id == message.recipient_id), None
    )
    return (match, sender) if sender else None


def plan_check_ins(cohort: Cohort, answers: FormAnswers, now: datetime) -> Plan:
    """Take in new answers, ask everybody whose check-in is due, and remind whoever has not answered."""
    taken = (_take_answer(cohort, item, answers, now) for item in answers.responses)
    fresh: dict[str, Change] = {change.entity[1]: change for change in taken if change is not None}
    heard = _hear(cohort, fresh.values())
    drafts = [
        draft
        for match in heard.list_active_pairs()
        if match.match_id not in heard.running_pauses
        for draft in (*_ask(heard, match, now), *_remind(heard, match, now))
    ]
    unplaced = [change for change in fresh.values() if isinstance(change, AddUnplacedResponse)]
    plan = Plan(tuple(fresh.values()), tuple(drafts)).drop_known(cohort.queued_keys)
    reminded = sum(draft.kind == "check_in_reminder" for draft in plan.messages)
    counts = {
        "answers": len(fresh) - len(unplaced),
        "asked": len(plan.messages) - reminded,
        "reminded": reminded,
    }
    waiting = (
        *answers.problems,
        *(f"Check-ins, row {change.sheet_row}: {change.problem}" for change in unplaced),
    )
    return Plan(plan.changes, plan.messages, counts=counts, waiting=waiting)


def _take_answer(cohort: Cohort, response: Response, form: FormAnswers, now: datetime) -> Change | None:
    if response.key in cohort.unplaced or response.key in {item.response_key for item in cohort.check_ins}:
        return None
    if response.key in cohort.forgotten:
        return None
    if response.submitted_at and response.submitted_at < start_of_day(
        cohort.settings.starts, cohort.program.zone
    ):
        return None
    found = find_sender(cohort, response.answers.get("token", ""))
    if found is None:
        problem = "The reference is not one of ours; ask the sender to use the link in the latest mail."
        return AddUnplacedResponse(response.key, "check_in", response.row, problem)
    if problem := form.describe_faults(response):
        return AddUnplacedResponse(response.key, "check_in", response.row, problem)
    match, sender = found
    answers = response.answers
    contacts = answers.get("contacts", "")
    return AddCheckIn(
        response.key,
        match.match_id,
        sender,
        (response.submitted_at or now).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        MEANINGS[answers["signal"]],
        int(contacts) if contacts else None,
        answers.get("comment", ""),
        _RHYTHMS.get(answers.get("rhythm", "")),
        answers.get("fallback", ""),
    )


def _hear(cohort: Cohort, changes: Iterable[Change]) -> Cohort:
    """The cohort with the answers that were just read: nobody is reminded of a question answered today."""
    answers = [
        CheckIn(**{**vars(change), "answered_at": datetime.fromisoformat(change.answered_at)})
        for change in changes
        if isinstance(change, AddCheckIn)
    ]
    heard = sorted((*cohort.check_ins, *answers), key=lambda item: (item.answered_at, item.response_key))
    return replace(cohort, check_ins=heard)


def _ask(cohort: Cohort, match: Match, now: datetime) -> list[Draft]:
    """The latest check-in that is due; an older one that was missed is pointless by then."""
    today = local_day(now, cohort.program.zone)
    due = [day for day in list_check_in_days(cohort, match) if day <= today]
    if not due or today >= cohort.settings.ends or _came_before_pause_ended(cohort, match, due[-1]):
        return []
    period, drafts = str(len(due)), []
    for key in match.pair:
        zone = cohort.zone_of(key)
        opens = start_of_day(due[-1], zone)
        not_before = next_daytime(max(opens, now), zone, cohort.program.sending_hours)
        context = {
            "partner": {"name": cohort.name_of(match.find_partner(key))},
            "link": cohort.program.links.check_in_form,
            "first": len(due) == 1,
            "month": name_month(due[-1]),
        }
        expires_at = opens + _WORTH
        if not_before < expires_at:
            drafts.append(
                Draft(
                    "check_in", match.match_id, period, cohort.person_of(key), context, not_before, expires_at
                )
            )
    return drafts


def _came_before_pause_ended(cohort: Cohort, match: Match, day: date) -> bool:
    """Whether the pair paused since a question's day, so that there is nothing to ask about it."""
    went_on = find_going_on(cohort, match)
    return went_on is not None and day < local_day(went_on, cohort.program.zone)


def _remind(cohort: Cohort, match: Match, now: datetime) -> Iterator[Draft]:
    """A reminder to each of the two who has not answered, unless the other said that all is well.

    Once the committee has the pair on its desk, the next word is the committee's.
    """
    today = local_day(now, cohort.program.zone)
    if today >= cohort.settings.ends or describe_standing(cohort, match, now).concern:
        return
    number = sum(day <= today for day in list_check_in_days(cohort, match))
    went_on = find_going_on(cohort, match)
    mentor, mentee = (cohort.applications[key] for key in match.pair)
    for key in match.pair:
        question = _find_question(cohort, match, str(number), cohort.person_of(key))
        if question is None or question.settled_at is None:
            continue
        asked_at = question.settled_at
        if went_on is not None and asked_at < went_on:
            continue
        answers = [
            item
            for item in cohort.check_ins
            if item.match_id == match.match_id and item.answered_at >= asked_at
        ]
        if any(item.application_id == key or item.signal == "connected" for item in answers):
            continue
        steps = [step for step, days in enumerate(REMINDERS, 1) if asked_at + timedelta(days=days) <= now]
        expires_at = asked_at + PATIENCE
        not_before = next_daytime(now, cohort.zone_of(key), cohort.program.sending_hours)
        if not steps or not_before >= expires_at:
            continue
        partner = match.find_partner(key)
        context = {
            "partner": {"name": cohort.name_of(partner)},
            "link": cohort.program.links.check_in_form,
            # After downtime only the latest: two on one day would be a nuisance.
            "number": steps[-1],
            "ways": list_shared_channels(mentor, mentee),
            "fallback": find_fallback(cohort, match, partner),
        }
        yield Draft(
            "check_in_reminder",
            match.match_id,
            f"{number}-{steps[-1]}",
            cohort.person_of(key),
            context,
            not_before,
            expires_at,
        )


def _find_question(cohort: Cohort, match: Match, period: str, person_id: str) -> QueuedMessage | None:
    """The check-in of a period that reached somebody."""
    key = ("check_in", match.match_id, period, person_id)
    return next((item for item in cohort.messages if item.key == key and item.state == "sent"), None)
