"""Check-ins: asking both sides how it goes, reading their answers, and seeing silence early.

The first check-in follows some days after the introduction, then one every month until the year ends. Belongs
here: who is asked when, what an answer means, and the next step for the committee.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from mentoring.answers import FormAnswers
from mentoring.calendar import (
    add_months,
    local_day,
    name_day,
    name_month,
    next_daytime,
    start_of_day,
)
from mentoring.changes import AddCheckIn, AddUnplacedResponse, Change, Plan
from mentoring.cohort import CheckIn, Cohort, Draft, Match
from mentoring.form_fields import SIGNALS
from mentoring.responses import Response

_WORTH = timedelta(days=20)
_PATIENCE = timedelta(days=7)

Signal = Literal["connected", "not_yet", "partner_missing", "want_to_talk"]
#: What people choose in the form → what it means.
MEANINGS: Mapping[str, Signal] = dict(
    zip(SIGNALS, ("connected", "not_yet", "partner_missing", "want_to_talk"), strict=True)
)


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
    """Take in new answers, and ask everybody whose check-in is due."""
    taken = (_take_answer(cohort, item, answers, now) for item in answers.responses)
    fresh: dict[str, Change] = {change.entity[1]: change for change in taken if change is not None}
    drafts = [draft for match in cohort.list_active_pairs() for draft in _ask(cohort, match, now)]
    unplaced = [change for change in fresh.values() if isinstance(change, AddUnplacedResponse)]
    plan = Plan(tuple(fresh.values()), tuple(drafts)).drop_known(cohort.queued_keys)
    counts = {"answers": len(fresh) - len(unplaced), "asked": len(plan.messages)}
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
    )


def list_check_in_days(cohort: Cohort, match: Match) -> list[date]:
    """The days on which the two are asked, first to last."""
    assert match.introduced_at is not None, "only introduced pairs are asked"
    first = local_day(match.introduced_at, cohort.program.zone) + timedelta(
        days=cohort.settings.check_in_after_days
    )
    days = (add_months(first, months) for months in range(24))
    return [day for day in days if day < cohort.settings.ends]


def _ask(cohort: Cohort, match: Match, now: datetime) -> list[Draft]:
    """The latest check-in that is due; an older one that was missed is pointless by then."""
    today = local_day(now, cohort.program.zone)
    due = [day for day in list_check_in_days(cohort, match) if day <= today]
    if not due or today >= cohort.settings.ends:
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


@dataclass(frozen=True)
class Standing:
    """How a pair stands by what both said: last contact, the signal in words, the committee's next step.

    `concern` names what needs the committee, and `since` is the moment from which it does.
    """

    last_contact: date | None
    signal: str
    next_step: str
    concern: Literal["", "talk", "missing", "silent"] = ""
    since: datetime | None = None


def describe_standing(cohort: Cohort, match: Match, now: datetime) -> Standing:
    """Read the latest answer of each side; trouble goes before silence, silence before good news.

    Silence: nobody has answered for a check-in and a week of patience, counted from the latest answer, or from the
    first question if there never was one.
    """
    answers = [item for item in cohort.check_ins if item.match_id == match.match_id]
    latest: dict[str, CheckIn] = {item.application_id: item for item in answers}
    signals = {item.signal: item for item in latest.values()}
    zone = cohort.program.zone
    contacts = [local_day(item.answered_at, zone) for item in answers if item.signal == "connected"]
    last_contact = max(contacts, default=None)
    for trouble in ("want_to_talk", "partner_missing"):
        if trouble in signals:
            return _describe_trouble(match, signals[trouble], last_contact)
    if not answers:
        return _describe_unanswered(cohort, match, now)
    last_answer = local_day(max(item.answered_at for item in answers), zone)
    patient_until = start_of_day(add_months(last_answer, 1), zone) + _PATIENCE
    if now >= patient_until:
        said = "last said to be in touch" if last_answer == last_contact else "last answer"
        words = f"Silent since {name_day(last_answer)} ({said})"
        return Standing(last_contact, words, "Write to both, or call.", "silent", patient_until)
    if "connected" in signals:
        return Standing(last_contact, "In touch", "")
    step = "Wait for the next check-in; a friendly word to both helps."
    return Standing(last_contact, "Not in touch yet", step)


def _describe_trouble(match: Match, answer: CheckIn, last_contact: date | None) -> Standing:
    side = _side(match, answer.application_id)
    if answer.signal == "want_to_talk":
        words, step = f"The {side} would like to talk to the committee", f"Write to the {side} today."
        return Standing(last_contact, words, step, "talk", answer.answered_at)
    other = "mentor" if side == "mentee" else "mentee"
    step = f"Ask the {other} whether all is well, and answer the {side}."
    words = f"The {side} has not heard from the {other}"
    return Standing(last_contact, words, step, "missing", answer.answered_at)


def _describe_unanswered(cohort: Cohort, match: Match, now: datetime) -> Standing:
    asked = [
        message.settled_at or message.queued_at
        for message in cohort.messages
        if message.subject_id == match.match_id and message.kind == "check_in" and message.state == "sent"
    ]
    # The first question counts: a new one every month must not begin the patience anew.
    if asked and now - min(asked) > _PATIENCE:
        words = "Silence: nobody answered the check-in"
        return Standing(None, words, "Write to both, or call.", "silent", min(asked) + _PATIENCE)
    return Standing(None, "Asked, no answer yet" if asked else "Not asked yet", "")


def _side(match: Match, application_id: str) -> str:
    return "mentor" if application_id == match.mentor_application_id else "mentee"
