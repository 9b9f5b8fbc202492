"""Pauses: a match rests for some weeks, and goes on when the day has come or somebody asks for it earlier.

The match stays active; a pause is a life of its own (`mentoring.states`). Belongs here: until which day, which matches
are meant, what begins and ends a pause, and who is told. Does not belong here: taking in and deciding requests
(`mentoring.requests`), and what a check-in's silence means after a pause (`mentoring.pair_standing`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from mentoring.calendar import local_day, name_day, next_daytime
from mentoring.changes import (
    CancelMessage,
    Change,
    EndMatch,
    EndPause,
    LengthenPause,
    PauseMatch,
    ResumeMatch,
)
from mentoring.cohort import Application, Cohort, Draft, Match, Pause, Request

#: How long a pause lasts for which no day was given that is still to come, from the committee's confirmation.
USUAL_DAYS = 30
#: What nobody gets whose match rests.
QUIET_KINDS = ("monthly_topic", "heads_up", "check_in", "check_in_reminder")
_WORTH = timedelta(days=30)


@dataclass(frozen=True)
class PauseDay:
    """The day on which the two go on, and why that one: asked for, the usual days, or the year is over then."""

    day: date
    why: Literal["asked", "usual", "year_end"]


def settle_day(cohort: Cohort, request: Request, today: date) -> PauseDay:
    """Until when a request that is confirmed today lets its matches rest.

    The day that was asked for. Without one, or if it is past by now, `USUAL_DAYS` from today; never beyond the year's
    end. Mail and desk say which of them it was.
    """
    wished = request.paused_until
    usual = PauseDay(today + timedelta(days=USUAL_DAYS), "usual")
    settled = PauseDay(wished, "asked") if wished and wished > today else usual
    ends = cohort.settings.ends
    return settled if settled.day < ends else PauseDay(ends, "year_end")


def list_meant(cohort: Cohort, request: Request) -> list[Match]:
    """The active matches that a request to pause or to go on means.

    Whoever pauses does so as a person, in every match. Whoever asks to go on ends the own pauses, and without one of
    their own that of the partner, who may have asked for both.
    """
    mine = [match for match in cohort.list_matches("active") if request.application_id in match.pair]
    if request.kind == "paused":
        return mine
    paused = [match for match in mine if match.match_id in cohort.running_pauses]
    own = [match for match in paused if _find_asker(cohort, match) == request.application_id]
    return own or paused


def _find_asker(cohort: Cohort, match: Match) -> str | None:
    return cohort.requests[cohort.running_pauses[match.match_id].request_id].application_id


def list_resting(cohort: Cohort) -> set[str]:
    """Applications of those who asked for a pause that runs: no new match is proposed to them meanwhile."""
    askers = {cohort.requests[pause.request_id].application_id for pause in cohort.running_pauses.values()}
    return {key for key in askers if key}


def find_pause_obstacle(cohort: Cohort, request: Request, today: date) -> str:
    """Why a request to pause or to go on can't be carried out, in words; empty if it can."""
    if not any(request.application_id in match.pair for match in cohort.list_matches("active")):
        return "The sender has no match at the moment; answer the sender, then choose Decline."
    over = request.kind == "paused" and today >= cohort.settings.ends
    return "The mentoring year is over; choose Decline." if over else ""


def describe_outcome(cohort: Cohort, request: Request, today: date) -> str:
    """What Confirm would do with a request to pause or to go on, for the committee; empty for other requests."""
    if request.kind == "resumed":
        meant = list_meant(cohort, request)
        if not meant:
            return "No match of the sender pauses at the moment, so that either changes nothing."
        by_partner = any(_find_asker(cohort, match) != request.application_id for match in meant)
        doubt = " The partner asked for the pause: ask there first." if by_partner else ""
        return f"Confirm: the two go on at once.{doubt}"
    if request.kind != "paused":
        return ""
    settled = settle_day(cohort, request, today)
    until = name_day(settled.day)
    if settled.why == "asked":
        return f"Confirm: a pause until {until}."
    if settled.why == "year_end":
        return f"Confirm: a pause until the program's end on {until}."
    lack = "is past" if request.paused_until else "is missing or can't be read"
    return f"The day until which {lack}. Confirm: a pause of {USUAL_DAYS} days, until {until}."


def describe_pause(pause: Pause) -> str:
    """Until when a match rests, in words that begin a sentence."""
    return f"Paused until {name_day(pause.paused_until)}"


def describe_carried(cohort: Cohort, request: Request) -> str:
    """What a request to pause that is done has come to, in words; empty for others."""
    mine = [pause for pause in cohort.pauses if pause.request_id == request.request_id]
    running = [pause for pause in mine if pause.state == "running"]
    if running:
        return describe_pause(running[0])
    return "Pause is over" if mine else ""


def was_paused(cohort: Cohort, match_id: str, moment: datetime) -> bool:
    """Whether the match rested at that moment."""
    return any(pause.match_id == match_id and pause.covers(moment) for pause in cohort.pauses)


def find_latest_pause(cohort: Cohort, match: Match) -> Pause | None:
    """The pause of a match that began last, running or over."""
    mine = [pause for pause in cohort.pauses if pause.match_id == match.match_id]
    return max(mine, key=lambda pause: pause.began_at, default=None)


def find_going_on(cohort: Cohort, match: Match) -> datetime | None:
    """When the two last went on after a pause; None if they never paused, or pause now."""
    pause = find_latest_pause(cohort, match)
    return pause.ended_at if pause else None


def end_match(cohort: Cohort, match: Match, reason: str) -> list[Change]:
    """An active match ends, and the pause with it: the database lets no match end that rests."""
    pause = cohort.running_pauses.get(match.match_id)
    ending: list[Change] = [EndPause(match.match_id, pause.pause_id)] if pause else []
    return [*ending, EndMatch(match.match_id, reason)]


@dataclass
class _Outcome:
    """What follows so far; `running` are the pauses that run by then."""

    running: dict[str, Pause]
    changes: list[Change] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


def plan_pauses(
    cohort: Cohort, confirmed: Sequence[Request], ended: Collection[str], now: datetime
) -> tuple[list[Change], list[Draft]]:
    """Let go on whose day has come, carry out confirmed requests to pause or to go on, and keep the resting quiet.

    `ended` are matches that end in the same run: they need neither. Several requests to pause for one match are one
    pause until the latest of their days, and one for a match that rests already can only lengthen it: to go on sooner
    there is a request of its own.
    """
    here = {key: pause for key, pause in cohort.running_pauses.items() if key not in ended}
    outcome = _Outcome(dict(here))
    today = local_day(now, cohort.program.zone)
    for pause in here.values():
        # On the last day there is nothing left to go on with: such a pause ends with its match.
        if pause.paused_until <= today < cohort.settings.ends:
            _resume(cohort, outcome, pause, "elapsed", now)
    for request in confirmed:
        if request.kind == "resumed":
            for match in list_meant(cohort, request):
                if match.match_id in outcome.running:
                    _resume(cohort, outcome, outcome.running[match.match_id], "resumed", now)
    for match_id, wishes in _list_wishes(cohort, confirmed, today).items():
        if wishes and match_id not in ended:
            _pause(cohort, outcome, cohort.matches[match_id], wishes, now)
    outcome.changes += [cancel for match_id in outcome.running for cancel in _keep_quiet(cohort, match_id)]
    return outcome.changes, outcome.drafts


_Wishes = Sequence[tuple[Request, PauseDay]]


def _list_wishes(cohort: Cohort, confirmed: Sequence[Request], today: date) -> Mapping[str, _Wishes]:
    """Who wants to pause until when, by match; who asked to go on again before it was decided never pauses."""
    wishes: dict[str, list[tuple[Request, PauseDay]]] = {}
    for request in confirmed:
        if request.kind == "paused":
            for match in list_meant(cohort, request):
                wishes.setdefault(match.match_id, []).append((request, settle_day(cohort, request, today)))
        if request.kind == "resumed":
            for match_id, made in wishes.items():
                if request.application_id in cohort.matches[match_id].pair:
                    others = [wish for wish in made if wish[0].application_id != request.application_id]
                    wishes[match_id] = others if len(others) < len(made) else []
    return wishes


def _pause(cohort: Cohort, outcome: _Outcome, match: Match, wishes: _Wishes, now: datetime) -> None:
    """Begin a pause, or lengthen the one that runs; who asked reads other words than the partner."""
    longest = max((settled for _, settled in wishes), key=lambda settled: settled.day)
    running = outcome.running.get(match.match_id)
    if running and longest.day <= running.paused_until:
        return
    day = longest.day.isoformat()
    number = 1 + sum(pause.match_id == match.match_id for pause in cohort.pauses) - (running is not None)
    if running:
        pause = replace(running, paused_until=longest.day)
        outcome.changes.append(LengthenPause(match.match_id, pause.pause_id, day))
        outcome.changes += cancel_pending(
            cohort, match.match_id, "The pause became longer before it went out.", ("match_paused",)
        )
    else:
        request_id, key = wishes[0][0].request_id, f"{match.match_id}-pause-{number}"
        pause = Pause(key, match.match_id, request_id, now, longest.day, None, "running")
        outcome.changes.append(PauseMatch(match.match_id, key, request_id, day))
    outcome.running[match.match_id] = pause
    askers = {request.application_id for request, _ in wishes}
    for own, partner in _list_sides(cohort, match):
        context = {
            "partner": {"name": partner.name},
            "until": name_day(longest.day),
            "until_is": longest.why,
            "own_request": own.application_id in askers,
            "longer": running is not None,
            "link": cohort.program.links.request_form,
        }
        outcome.drafts.append(
            write_letter(cohort, "match_paused", match.match_id, f"{number}-{day}", own, context, now)
        )


def _resume(
    cohort: Cohort, outcome: _Outcome, pause: Pause, state: Literal["elapsed", "resumed"], now: datetime
) -> None:
    match = cohort.matches[pause.match_id]
    outcome.changes.append(ResumeMatch(match.match_id, pause.pause_id, state))
    # That the match rests has become wrong, if mail was away all the time.
    outcome.changes += cancel_pending(
        cohort, match.match_id, "The pause was over before it went out.", ("match_paused",)
    )
    for own, partner in _list_sides(cohort, match):
        context = {"partner": {"name": partner.name}, "early": state == "resumed"}
        period = pause.pause_id.rpartition("-")[2]
        outcome.drafts.append(
            write_letter(cohort, "match_resumed", match.match_id, period, own, context, now)
        )
    del outcome.running[match.match_id]


def _keep_quiet(cohort: Cohort, match_id: str) -> list[Change]:
    """In every run: a message may have come back to the queue since the pause began."""
    return cancel_pending(cohort, match_id, "The match was paused before it went out.", QUIET_KINDS)


def cancel_pending(
    cohort: Cohort, match_id: str, why: str, kinds: Collection[str] | None = None
) -> list[Change]:
    """Take back what has not gone out to the two of a match, of all kinds or of these."""
    return [
        CancelMessage(message.message_id, why)
        for message in cohort.messages
        if message.subject_id == match_id
        and message.state == "pending"
        and (kinds is None or message.kind in kinds)
    ]


def _list_sides(cohort: Cohort, match: Match) -> Iterator[tuple[Application, Application]]:
    """Each of the two who can be written to, with the partner."""
    for key in match.pair:
        if cohort.applications[key].email:
            yield cohort.applications[key], cohort.applications[match.find_partner(key)]


def write_letter(
    cohort: Cohort,
    kind: str,
    subject_id: str,
    period: str,
    to: Application,
    context: Mapping[str, Any],
    now: datetime,
) -> Draft:
    """A letter about what became of a match or a request, in the recipient's daytime."""
    not_before = next_daytime(now, cohort.zone_of(to.application_id), cohort.program.sending_hours)
    person_id = cohort.person_of(to.application_id)
    return Draft(kind, subject_id, period, person_id, context, not_before, not_before + _WORTH)
