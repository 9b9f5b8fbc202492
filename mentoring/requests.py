"""Requests: somebody can't go on, or a match does not work out. The committee confirms, and both sides are told.

Belongs here: finding who and which match is meant, and what follows from a confirmed request. The rematch itself is a
proposal like any other (`mentoring.proposals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from mentoring.answers import FormAnswers
from mentoring.calendar import local_day, next_daytime, start_of_day
from mentoring.changes import (
    AddRequest,
    AddUnplacedResponse,
    CancelMessage,
    Change,
    DecideRequest,
    EndMatch,
    FinishRequest,
    Plan,
    RejectMatch,
    SettleApplication,
)
from mentoring.check_ins import find_sender
from mentoring.cohort import Application, Cohort, Draft, Match, Request
from mentoring.decisions import Rows, read_request_decisions
from mentoring.responses import REMATCH_ANSWERS, REQUESTS, Response, normalise_address

_WORTH = timedelta(days=30)
_KINDS: Mapping[str, Literal["withdrawn", "not_working_out"]] = dict(
    zip(REQUESTS, ("withdrawn", "not_working_out"), strict=True)
)


def plan_requests(cohort: Cohort, answers: FormAnswers, request_rows: Rows, now: datetime) -> Plan:
    """Take in new requests, and carry out those that the committee confirmed."""
    added = _take_in(cohort, answers, now)
    decisions = read_request_decisions(request_rows)
    changes: list[Change] = list(added)
    drafts: list[Draft] = []
    ended: set[str] = set()
    waiting: list[str] = [
        *answers.problems,
        *(f"Requests, row {item.sheet_row}: {item.problem}" for item in added if isinstance(item, AddUnplacedResponse)),
    ]
    open_requests = sum(isinstance(item, AddRequest) for item in added)
    for request in cohort.requests.values():
        if request.state not in ("received", "unclear"):
            continue
        decision = decisions.taken.get(request.request_id)
        if decision is None or (decision.word == "Confirm" and find_obstacle(cohort, request)):
            open_requests += 1
        elif decision.word == "Decline":
            changes.append(DecideRequest(request.request_id, request.state, "declined", decision.by))
        else:
            changes.append(DecideRequest(request.request_id, request.state, "confirmed", decision.by))
            carried, letters = _carry_out(cohort, request, ended, now)
            changes.extend(carried)
            drafts.extend(letters)
    if open_requests:
        waiting.append(f"{open_requests} requests wait for a decision on the Requests tab.")
    counts = {
        "new requests": sum(isinstance(item, AddRequest) for item in added),
        "confirmed": sum(isinstance(item, DecideRequest) and item.state == "confirmed" for item in changes),
        "declined": sum(isinstance(item, DecideRequest) and item.state == "declined" for item in changes),
        "matches ended": len(ended),
    }
    return Plan(tuple(changes), tuple(drafts), counts=counts, waiting=tuple(waiting)).drop_known(cohort.queued_keys)


def _take_in(cohort: Cohort, answers: FormAnswers, now: datetime) -> list[AddRequest | AddUnplacedResponse]:
    known = {request.response_key for request in cohort.requests.values()} | set(cohort.unplaced) | cohort.forgotten
    added: list[AddRequest | AddUnplacedResponse] = []
    number = len(cohort.requests)
    for response in answers.responses:
        if response.key in known or (response.submitted_at and response.submitted_at < _opening(cohort)):
            continue
        known = known | {response.key}
        if problem := answers.describe_faults(response):
            added.append(AddUnplacedResponse(response.key, "request", response.row, problem))
            continue
        number += 1
        added.append(_describe_request(cohort, f"{cohort.cohort_id}-request-{number:03d}", response, now))
    return added


def _opening(cohort: Cohort) -> datetime:
    return start_of_day(cohort.settings.applications_open, cohort.program.zone)


def _describe_request(cohort: Cohort, request_id: str, response: Response, now: datetime) -> AddRequest:
    kind = _KINDS[response.answers["request"]]
    application, match, problem = _find_meant(cohort, response, kind)
    return AddRequest(
        request_id,
        response.key,
        (response.submitted_at or now).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        application.application_id if application else None,
        match.match_id if match else None,
        kind,
        int(response.answers.get("rematch") == REMATCH_ANSWERS[0]),
        response.answers.get("comment", ""),
        problem,
    )


def _find_meant(
    cohort: Cohort, response: Response, kind: str
) -> tuple[Application | None, Match | None, str]:
    found = find_sender(cohort, response.answers.get("token", ""))
    if found is not None:
        return cohort.applications[found[1]], found[0], ""
    key = normalise_address(response.email)
    mine = [
        item
        for item in cohort.applications.values()
        if item.state == "accepted" and item.email and normalise_address(item.email) == key
    ]
    if not mine:
        return None, None, "Nobody of this cohort has the sender's address; ask from which address the person applied."
    live = [(item, match) for item in mine for match in cohort.list_matches("active") if item.application_id in match.pair]
    if len(live) == 1:
        return live[0][0], live[0][1], ""
    if not live:
        return mine[0], None, ""
    if kind == "withdrawn" and len({item.application_id for item, _ in live}) == 1:
        return live[0][0], None, ""
    return live[0][0], None, "The sender has several matches; ask which one, and that the link in a mail of it be used."


def find_obstacle(cohort: Cohort, request: Request) -> str:
    """Why a confirmed request can't be carried out yet, in words; empty if it can."""
    if request.application_id is None or (request.problem and request.match_id is None):
        return request.problem
    return ""


def _carry_out(
    cohort: Cohort, request: Request, ended: set[str], now: datetime
) -> tuple[list[Change], list[Draft]]:
    assert request.application_id is not None, "find_obstacle was asked before"
    own = cohort.applications[request.application_id]
    meant = [
        match
        for match in cohort.list_matches("active")
        if match.match_id not in ended
        and own.application_id in match.pair
        and (request.kind == "withdrawn" or match.match_id == request.match_id)
    ]
    changes: list[Change] = []
    drafts: list[Draft] = []
    for match in meant:
        ended.add(match.match_id)
        changes.append(EndMatch(match.match_id, request.kind))
        changes.extend(_cancel_pending(cohort, match))
        drafts.extend(_tell_both(cohort, request, match, own, now))
    if request.kind == "withdrawn" or not request.wants_rematch:
        changes.extend(_leave(cohort, request, own, ended))
    changes.append(FinishRequest(request.request_id))
    return changes, drafts


def _leave(cohort: Cohort, request: Request, own: Application, ended: set[str]) -> list[Change]:
    """The requester takes no further part: no rematch is looked for. Other active matches of a mentor stay."""
    others = [m for m in cohort.list_matches("active") if own.application_id in m.pair and m.match_id not in ended]
    if own.state != "accepted" or others:
        return []
    reason = "Left the program during the year." if request.kind == "withdrawn" else "Wants no other match this year."
    proposals = [
        RejectMatch(match.match_id, match.state, "applicant_withdrew", None)
        for match in cohort.list_matches("proposed", "approved")
        if own.application_id in match.pair
    ]
    return [SettleApplication(own.application_id, "accepted", "withdrawn", "[]", reason), *proposals]


def _cancel_pending(cohort: Cohort, match: Match) -> list[Change]:
    return [
        CancelMessage(message.message_id, "The match ended before it went out.")
        for message in cohort.messages
        if message.subject_id == match.match_id and message.state == "pending"
    ]


def _tell_both(cohort: Cohort, request: Request, match: Match, own: Application, now: datetime) -> list[Draft]:
    partner = cohort.applications[match.find_partner(own.application_id)]
    still_on = local_day(now, cohort.program.zone) <= cohort.settings.ends
    to_partner = {"partner": {"name": own.name}, "rematch": still_on}
    to_own = {
        "partner": {"name": partner.name},
        "rematch": still_on and request.wants_rematch and request.kind == "not_working_out",
        "own_request": True,
    }
    letters = [
        ("match_ended", own, to_own),
        ("partner_withdrew", partner, to_partner)
        if request.kind == "withdrawn"
        else ("match_ended", partner, to_partner | {"own_request": False}),
    ]
    drafts = []
    for kind, to, context in letters:
        not_before = next_daytime(now, cohort.zone_of(to.application_id), cohort.program.sending_hours)
        person_id = cohort.person_of(to.application_id)
        drafts.append(Draft(kind, match.match_id, "end", person_id, context, not_before, not_before + _WORTH))
    return drafts
