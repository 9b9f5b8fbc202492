"""Requests: somebody can't go on or has to pause, or a match does not work out. The committee confirms, both are told.

Belongs here: finding who and which match is meant, and what follows from a confirmed request. The rematch
itself is a proposal like any other (`mentoring.proposals`), and a pause a life of its own (`mentoring.pauses`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime

from mentoring.addresses import normalise_address
from mentoring.answers import FormAnswers
from mentoring.applicants import IN_FORCE
from mentoring.calendar import local_day, start_of_day
from mentoring.changes import (
    AddRequest,
    AddUnplacedResponse,
    Change,
    DecideRequest,
    EndMatch,
    FinishRequest,
    PauseMatch,
    Plan,
    RejectMatch,
    ResumeMatch,
    SettleApplication,
)
from mentoring.check_ins import find_sender
from mentoring.cohort import Application, Cohort, Draft, Match, Request, RequestKind
from mentoring.decisions import Decision, Rows, read_request_decisions
from mentoring.form_fields import REMATCH_ANSWERS, REQUESTS
from mentoring.pauses import cancel_pending, end_match, find_pause_obstacle, plan_pauses, write_letter
from mentoring.responses import Response
from mentoring.times import read_time

_ENDED = "The match ended before it went out."
_OPEN = ("received", "unclear")
_KINDS: Mapping[str, RequestKind] = dict(
    zip(REQUESTS, ("withdrawn", "not_working_out", "paused", "resumed"), strict=True)
)
_ENDINGS = ("withdrawn", "not_working_out")


def plan_requests(cohort: Cohort, answers: FormAnswers, request_rows: Rows, now: datetime) -> Plan:
    """Take in new requests, carry out those that the committee confirmed, and end pauses whose day has come."""
    added = _take_in(cohort, answers, now)
    decided = _list_decided(cohort, request_rows, local_day(now, cohort.program.zone))
    confirmed = [request for request, decision in decided if decision.word == "Confirm"]
    decisions: list[Change] = [
        DecideRequest(
            request.request_id,
            request.state,
            "confirmed" if decision.word == "Confirm" else "declined",
            decision.by,
        )
        for request, decision in decided
    ]
    carried, drafts = _carry_out(cohort, confirmed, now)
    unplaced = [item for item in added if isinstance(item, AddUnplacedResponse)]
    new = len(added) - len(unplaced)
    undecided = new + sum(item.state in _OPEN for item in cohort.requests.values()) - len(decided)
    waiting = [*answers.problems, *(f"Requests, row {item.sheet_row}: {item.problem}" for item in unplaced)]
    if undecided:
        waiting.append(f"Requests that wait for a decision on the Requests tab: {undecided}.")
    counts = {
        "new requests": new,
        "confirmed": len(confirmed),
        "declined": len(decided) - len(confirmed),
        "matches ended": sum(isinstance(change, EndMatch) for change in carried),
        "matches paused": sum(isinstance(change, PauseMatch) for change in carried),
        "matches resumed": sum(isinstance(change, ResumeMatch) for change in carried),
    }
    plan = Plan((*added, *decisions, *carried), tuple(drafts), counts=counts, waiting=tuple(waiting))
    return plan.drop_known(cohort.queued_keys)


def _list_decided(cohort: Cohort, request_rows: Rows, today: date) -> list[tuple[Request, Decision]]:
    """Open requests with a decision that can be carried out."""
    taken = read_request_decisions(request_rows).taken
    open_ones = [request for request in cohort.requests.values() if request.state in _OPEN]
    return [
        (request, taken[request.request_id])
        for request in open_ones
        if request.request_id in taken
        and not (taken[request.request_id].word == "Confirm" and find_obstacle(cohort, request, today))
    ]


def _take_in(cohort: Cohort, answers: FormAnswers, now: datetime) -> list[AddRequest | AddUnplacedResponse]:
    known = (
        {request.response_key for request in cohort.requests.values()}
        | set(cohort.unplaced)
        | cohort.forgotten
    )
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
    until, words = (
        _read_wish(cohort, response) if kind == "paused" else (None, response.answers.get("comment", ""))
    )
    return AddRequest(
        request_id,
        response.key,
        (response.submitted_at or now).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        application.application_id if application else None,
        match.match_id if match else None,
        kind,
        int(response.answers.get("rematch") == REMATCH_ANSWERS[0]),
        words,
        problem,
        until,
    )


def _read_wish(cohort: Cohort, response: Response) -> tuple[str | None, str]:
    """The day until which somebody wants to pause, and the comment, behind which a day stays that can't be read."""
    written, comment = response.answers.get("until", ""), response.answers.get("comment", "")
    moment = read_time(written, cohort.program.zone)
    if moment is not None or not written:
        return (local_day(moment, cohort.program.zone).isoformat() if moment else None), comment
    return None, "\n\n".join(part for part in (comment, f"Until: {written}") if part)


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
        if item.state in IN_FORCE and item.email and normalise_address(item.email) == key
    ]
    if not mine:
        return (
            None,
            None,
            "Nobody of this cohort has the sender's address; ask from which address the person applied.",
        )
    live = [
        (item, match)
        for item in mine
        for match in cohort.list_matches("active")
        if item.application_id in match.pair
    ]
    if len(live) == 1:
        return live[0][0], live[0][1], ""
    if not live:
        return mine[0], None, _remark_without_match(mine, kind)
    if kind != "not_working_out" and len({item.application_id for item, _ in live}) == 1:
        return live[0][0], None, ""
    problem = "The sender has several matches; ask which one, and that the link in a mail of it be used."
    return live[0][0], None, problem


def _remark_without_match(mine: Sequence[Application], kind: str) -> str:
    if kind != "withdrawn":
        return "The sender has no match at the moment; answer the sender, then choose Decline."
    if len(mine) > 1:
        return (
            "The sender applied as mentor and as mentee; ask the sender to withdraw the one that is meant with "
            "the application form, then choose Decline."
        )
    return ""


def find_obstacle(cohort: Cohort, request: Request, today: date) -> str:
    """Why a request can't be carried out as it is, in words; empty if it can."""
    if request.application_id is None or not cohort.applications[request.application_id].email:
        return request.problem or "The sender's data was removed; choose Decline."
    problem = request.problem if request.match_id is None else ""
    return problem or ("" if request.kind in _ENDINGS else find_pause_obstacle(cohort, request, today))


def count_given_up(cohort: Cohort, mentor: Application) -> int:
    """Seats of a mentor who wants no other mentee on them, until the mentor applies anew."""
    ended = {match.match_id for match in cohort.list_matches("ended") if mentor.application_id in match.pair}
    return len(
        {
            request.match_id
            for request in cohort.requests.values()
            if request.application_id == mentor.application_id
            and request.match_id in ended
            and request.state in ("confirmed", "done")
            and request.kind in _ENDINGS
            and not request.wants_rematch
            and request.received_at > mentor.received_at
        }
    )


def _carry_out(
    cohort: Cohort, confirmed: Sequence[Request], now: datetime
) -> tuple[list[Change], list[Draft]]:
    """End the matches that are meant, tell everybody once, and let go who wants no other match; pause and resume."""
    changes: list[Change] = []
    drafts: list[Draft] = []
    ended: set[str] = set()
    leaving = {request.application_id for request in confirmed if _takes_leave(request)}
    left: set[str] = set()
    for request in confirmed:
        assert request.application_id is not None, "find_obstacle was asked before"
        own = cohort.applications[request.application_id]
        # Whoever only rests ends nothing.
        meant = [match for match in _list_ending(cohort, request) if match.match_id not in ended]
        ended |= {match.match_id for match in meant}
        for match in meant:
            changes += [
                *end_match(cohort, match, request.kind),
                *cancel_pending(cohort, match.match_id, _ENDED),
            ]
            drafts += _tell_both(cohort, request, match, own, leaving, now)
        if _takes_leave(request) and own.application_id not in left:
            farewell = _leave(cohort, request, own, ended)
            changes += farewell
            left |= {own.application_id} if farewell else set()
            if farewell and request.kind == "withdrawn" and not _list_ending(cohort, request):
                drafts.append(
                    write_letter(
                        cohort,
                        "application_withdrawn",
                        request.request_id,
                        "end",
                        own,
                        {"role": own.role},
                        now,
                    )
                )
        changes.append(FinishRequest(request.request_id))
    resting, letters = plan_pauses(cohort, confirmed, ended, now)
    changes, drafts = [*changes, *resting], [*drafts, *letters]
    # Two people of one proposal may leave in one run.
    return list(dict.fromkeys(changes)), drafts


def _takes_leave(request: Request) -> bool:
    return request.kind in _ENDINGS and (request.kind == "withdrawn" or not request.wants_rematch)


def _list_ending(cohort: Cohort, request: Request) -> list[Match]:
    """Active matches that end with a request: all of somebody who can't go on, else the one."""
    if request.kind not in _ENDINGS:
        return []
    return [
        match
        for match in cohort.list_matches("active")
        if request.application_id in match.pair
        and (request.kind == "withdrawn" or match.match_id == request.match_id)
    ]


def _leave(cohort: Cohort, request: Request, own: Application, ended: set[str]) -> list[Change]:
    """The requester takes no further part. A mentor who goes on with another mentee stays."""
    others = [
        match
        for match in cohort.list_matches("active")
        if own.application_id in match.pair and match.match_id not in ended
    ]
    if own.state not in IN_FORCE or others:
        return []
    went = request.kind == "withdrawn"
    reason = "Left the program during the year." if went else "Wants no other match this year."
    proposals = [
        RejectMatch(match.match_id, match.state, "applicant_withdrew", None)
        for match in cohort.list_matches("proposed", "approved")
        if own.application_id in match.pair
    ]
    return [SettleApplication(own.application_id, own.state, "withdrawn", "[]", reason), *proposals]


def _tell_both(
    cohort: Cohort,
    request: Request,
    match: Match,
    own: Application,
    leaving: Set[str | None],
    now: datetime,
) -> list[Draft]:
    partner = cohort.applications[match.find_partner(own.application_id)]
    goes_on = local_day(now, cohort.program.zone) <= cohort.settings.ends
    own_hopes = goes_on and own.application_id not in leaving
    partner_hopes = goes_on and partner.state in IN_FORCE and partner.application_id not in leaving
    to_own = {"partner": {"name": partner.name}, "rematch": own_hopes, "own_request": True}
    to_partner = {"partner": {"name": own.name}, "rematch": partner_hopes}
    letters = [("match_ended", own, to_own)]
    if request.kind == "withdrawn":
        letters.append(("partner_withdrew", partner, to_partner))
    else:
        letters.append(("match_ended", partner, to_partner | {"own_request": False}))
    return [
        write_letter(cohort, kind, match.match_id, "end", to, context, now)
        for kind, to, context in letters
        if to.email
    ]
