"""How a pair stands by what both said: when it is asked, in touch or silent, and the next step for the committee.

Belongs here: a pair's rhythm, what answers and silence mean, and by which other way somebody can be reached. Does not
belong here: taking in answers and asking (`mentoring.check_ins`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from mentoring.calendar import add_months, local_day, name_day, start_of_day
from mentoring.cohort import Application, CheckIn, Cohort, Match, Rhythm
from mentoring.pauses import describe_pause, find_going_on, find_latest_pause, was_paused

#: How long a question may stay without an answer before the committee is told. Reminders come before.
PATIENCE = timedelta(days=10)
#: How often a pair is asked that has not said how often it likes to be.
USUAL: Rhythm = "month"
#: What is known of a pair's contact when its time together is over.
Contact = Literal["told", "none", "unknown"]
_NOTHING_HEARD = ("not_yet", "partner_missing")
_TROUBLE = ("want_to_talk", "partner_missing")


def step_on(day: date, rhythm: Rhythm, steps: int = 1) -> date:
    """The day so many questions later."""
    if rhythm == "two_weeks":
        return day + timedelta(weeks=2 * steps)
    return add_months(day, steps if rhythm == "month" else 2 * steps)


def list_check_in_days(cohort: Cohort, match: Match) -> list[date]:
    """The days on which the two are asked, first to last: in the pair's own rhythm, as the latest wish of either says.

    A new rhythm counts from the day on which it was told; days before stay, so that a number names one question.
    """
    assert match.introduced_at is not None, "only introduced pairs are asked"
    zone = cohort.program.zone
    first = local_day(match.introduced_at, zone) + timedelta(days=cohort.settings.check_in_after_days)
    told = [(local_day(item.answered_at, zone), rhythm) for item, rhythm in _list_wishes(cohort, match)]
    days, start, rhythm, steps = [first], first, USUAL, 0
    while days[-1] < cohort.settings.ends:
        due = step_on(start, rhythm, steps + 1)
        if told and told[0][0] < due:
            day, wished = told.pop(0)
            # The same wish again, as with every answer from a prefilled form, moves nothing.
            if wished != rhythm:
                start, rhythm, steps = max(day, days[-1]), wished, 0
            continue
        steps += 1
        days.append(due)
    return [day for day in days if day < cohort.settings.ends]


def _list_wishes(cohort: Cohort, match: Match) -> list[tuple[CheckIn, Rhythm]]:
    return [
        (item, item.rhythm) for item in cohort.check_ins if item.match_id == match.match_id and item.rhythm
    ]


def find_rhythm(cohort: Cohort, match: Match) -> Rhythm:
    """How often the pair likes to be asked, by now."""
    return next((rhythm for _, rhythm in reversed(_list_wishes(cohort, match))), USUAL)


def list_shared_channels(mentor: Application, mentee: Application) -> list[str]:
    """Ways to talk that both named, in the mentee's order."""
    offered = {channel.casefold() for channel in mentor.list_answers("channels")}
    return [channel for channel in mentee.list_answers("channels") if channel.casefold() in offered]


def find_fallback(cohort: Cohort, match: Match, application_id: str) -> str:
    """How somebody likes to be reached by this partner when nothing is heard, in their own words; empty if not said."""
    said = (
        item.fallback
        for item in reversed(cohort.check_ins)
        if (item.match_id, item.application_id) == (match.match_id, application_id) and item.fallback
    )
    return next(said, "")


def count_contact(cohort: Cohort) -> dict[Contact, int]:
    """Of the pairs whose time together is over: how many told of contact, how many of none, and how many of neither.

    `none` is what the view `matches_without_contact` holds for next year's priorities: the mentee told that nothing
    came of it, and nobody ever that the two were in touch. Silence is `unknown`, never `none`, and that nothing was
    heard while the two paused is no news.
    """
    counts: dict[Contact, int] = {"told": 0, "none": 0, "unknown": 0}
    for match in cohort.list_matches("ended"):
        answers = [item for item in cohort.check_ins if item.match_id == match.match_id]
        mentee = match.mentee_application_id
        if any(item.signal == "connected" or (item.contacts or 0) > 0 for item in answers):
            counts["told"] += 1
        elif any(
            item.application_id == mentee
            and item.signal in _NOTHING_HEARD
            and not was_paused(cohort, match.match_id, item.answered_at)
            for item in answers
        ):
            counts["none"] += 1
        else:
            counts["unknown"] += 1
    return counts


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

    Silence: nobody has answered for a check-in and `PATIENCE`, counted from the latest answer, or from the first
    question if there never was one. A pause begins all that anew: the clock runs from the day on which the two went
    on, and trouble from before the pause is what the pause was for.
    """
    answers = [item for item in cohort.check_ins if item.match_id == match.match_id]
    latest: dict[str, CheckIn] = {item.application_id: item for item in answers}
    zone = cohort.program.zone
    pause, went_on = find_latest_pause(cohort, match), find_going_on(cohort, match)
    # By the day: a call of that morning has not been answered by the pause, whenever the flows came to it.
    since = start_of_day(local_day(pause.began_at, zone), zone) if pause else None
    signals = {
        item.signal: item
        for item in latest.values()
        if since is None or item.answered_at >= since or item.signal not in _TROUBLE
    }
    contacts = [local_day(item.answered_at, zone) for item in answers if item.signal == "connected"]
    last_contact = max(contacts, default=None)
    for trouble in _TROUBLE:
        if trouble in signals:
            standing = _describe_trouble(cohort, match, signals[trouble], last_contact)
            rests = f". {describe_pause(pause)}" if pause and pause.state == "running" else ""
            return replace(standing, signal=standing.signal + rests)
    if pause and pause.state == "running":
        return Standing(last_contact, describe_pause(pause), "Wait: both are told when they go on.")
    if not answers:
        return _describe_unanswered(cohort, match, went_on, now)
    last_answer = local_day(max(item.answered_at for item in answers), zone)
    counts_from = max(last_answer, local_day(went_on, zone)) if went_on else last_answer
    patient_until = start_of_day(step_on(counts_from, find_rhythm(cohort, match)), zone) + PATIENCE
    if now >= patient_until:
        said = "last said to be in touch" if last_answer == last_contact else "last answer"
        words = f"Silent since {name_day(last_answer)} ({said})"
        return Standing(last_contact, words, _suggest_call(cohort, match), "silent", patient_until)
    if "connected" in signals:
        return Standing(last_contact, "In touch", "")
    step = "Wait for the next check-in; a friendly word to both helps."
    return Standing(last_contact, "Not in touch yet", step)


def _describe_trouble(cohort: Cohort, match: Match, answer: CheckIn, last_contact: date | None) -> Standing:
    side = _side(match, answer.application_id)
    if answer.signal == "want_to_talk":
        words, step = f"The {side} would like to talk to the committee", f"Write to the {side} today."
        return Standing(last_contact, words, step, "talk", answer.answered_at)
    other = "mentor" if side == "mentee" else "mentee"
    step = f"Ask the {other} whether all is well, and answer the {side}."
    if fallback := find_fallback(cohort, match, match.find_partner(answer.application_id)):
        step += f" For this the {other} wrote: “{fallback}”"
    words = f"The {side} has not heard from the {other}"
    return Standing(last_contact, words, step, "missing", answer.answered_at)


def _describe_unanswered(cohort: Cohort, match: Match, went_on: datetime | None, now: datetime) -> Standing:
    asked = [
        asked_at
        for message in cohort.messages
        if message.subject_id == match.match_id and message.kind == "check_in" and message.state == "sent"
        for asked_at in [message.settled_at or message.queued_at]
        if went_on is None or asked_at >= went_on
    ]
    # The first question counts: a new one every month must not begin the patience anew.
    if asked and now - min(asked) > PATIENCE:
        words = "Silence: nobody answered the check-in"
        return Standing(None, words, _suggest_call(cohort, match), "silent", min(asked) + PATIENCE)
    waiting = "Not asked yet" if went_on is None else "Not asked since the pause"
    return Standing(None, "Asked, no answer yet" if asked else waiting, "")


def _suggest_call(cohort: Cohort, match: Match) -> str:
    """The committee's step after reminders were in vain, with what the two wrote for this case."""
    wishes = [
        f" For this the {_side(match, key)} wrote: “{fallback}”"
        for key in match.pair
        if (fallback := find_fallback(cohort, match, key))
    ]
    return "".join(("Reminders were in vain. Write to both, or call.", *wishes))


def _side(match: Match, application_id: str) -> str:
    return "mentor" if application_id == match.mentor_application_id else "mentee"
