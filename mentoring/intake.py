"""Intake: what each form response means for the applications of a cohort.

One application per person and role; a later response of the same address replaces an earlier one, an edited response
is looked at anew, a response that asks for it or has disappeared withdraws the application. Belongs here: these
decisions and the acknowledgements. Does not belong here: whether an answer is acceptable (`tasks.validation`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mentoring.answers import FormAnswers
from mentoring.calendar import end_of_day, name_day, next_daytime, start_of_day
from mentoring.changes import (
    AddApplication,
    AddPerson,
    AddRequest,
    AddSeat,
    Change,
    CancelMessage,
    Plan,
    RejectMatch,
    RemoveSeats,
    RenamePerson,
    ReviseApplication,
    SettleApplication,
)
from mentoring.cohort import Application, Cohort, Draft, Person, Role
from mentoring.responses import Response, normalise_address

#: How long an acknowledgement or a plea to correct is worth sending.
_WORTH = timedelta(days=14)
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
#: A sheet that lost more than this share of its responses was probably broken, not tidied.
_MOST_VANISHED = 0.5


@dataclass
class _Intake:
    """Collects the outcome of one run, and knows the ids that were given out during it."""

    cohort: Cohort
    now: datetime
    changes: list[Change] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)

    def next_id(self, series: str, existing: int) -> str:
        self.taken[series] = self.taken.get(series, existing) + 1
        return f"{self.cohort.cohort_id}-{series}-{self.taken[series]:03d}"

    def find_or_add_person(self, response: Response) -> str | None:
        key = normalise_address(response.email)
        if key is None:
            return None
        name, known = response.answers.get("name", ""), self.people.get(key)
        if known is None:
            known = Person(f"person-{len(self.people) + 1:04d}", key, response.email, name)
            self.changes.append(AddPerson(known.person_id, key, response.email, name))
        elif name and (known.name, known.email) != (name, response.email):
            known = Person(known.person_id, key, response.email, name)
            self.changes.append(RenamePerson(known.person_id, response.email, name))
        self.people[key] = known
        return known.person_id


def plan_intake(cohort: Cohort, forms: Sequence[FormAnswers], now: datetime) -> Plan:
    """Decide about every response of the application forms. `now` is aware."""
    intake = _Intake(cohort, now, people={person.email_key: person for person in cohort.people.values()})
    for form in forms:
        intake.waiting.extend(form.problems)
        if not form.problems:
            _take_in_form(intake, "mentor" if form.form == "mentor" else "mentee", form)
    changes = tuple(intake.changes)
    return Plan(changes, tuple(intake.drafts), counts=_count(changes), waiting=tuple(intake.waiting))


def _count(changes: Sequence[Change]) -> dict[str, int]:
    settled = [change.state for change in changes if isinstance(change, SettleApplication)]
    return {
        "new applications": sum(isinstance(change, AddApplication) for change in changes),
        "changed applications": sum(isinstance(change, ReviseApplication) for change in changes),
        **{state.replace("_", " "): settled.count(state) for state in ("accepted", "needs_attention", "duplicate", "withdrawn")},
    }


def _take_in_form(intake: _Intake, role: Role, form: FormAnswers) -> None:
    mine = {key: item for key, item in intake.cohort.applications.items() if item.role == role}
    responses = [
        response
        for response in form.responses
        if response.key not in intake.cohort.forgotten and _belongs(intake.cohort, response)
    ]
    groups = _group_by_person(responses)
    seen: set[str] = set()
    for responses_of_one in groups.values():
        existing = _find_existing(mine, responses_of_one)
        seen.add(existing.application_id if existing else "")
        _take_in_person(intake, role, form, mine, existing, responses_of_one)
    _withdraw_vanished(intake, role, [item for key, item in mine.items() if key not in seen], bool(responses))


def _belongs(cohort: Cohort, response: Response) -> bool:
    """Whether a response is for this cohort: it came after the opening, and no later cohort had opened yet."""
    moment = response.submitted_at
    if moment is None:
        return True
    opened = {
        cohort_id: start_of_day((cohort.settings if cohort_id == cohort.cohort_id else other).applications_open, cohort.program.zone)
        for cohort_id, other in cohort.program.cohorts.items()
    }
    mine = opened[cohort.cohort_id]
    return mine <= moment and not any(mine < opening <= moment for opening in opened.values())


def _group_by_person(responses: Sequence[Response]) -> dict[str, list[Response]]:
    groups: dict[str, list[Response]] = defaultdict(list)
    for response in sorted(responses, key=lambda item: (item.submitted_at or _NO_TIME, item.row)):
        groups[normalise_address(response.email) or response.key].append(response)
    return groups


def _find_existing(mine: Mapping[str, Application], responses: Sequence[Response]) -> Application | None:
    """The application that these responses belong to: by address, or for an unusable address by its time."""
    key = normalise_address(responses[-1].email)
    candidates = [item for item in mine.values() if item.state != "duplicate"]
    by_person = [item for item in candidates if key and item.email and normalise_address(item.email) == key]
    by_key = [item for item in candidates if item.response_key == responses[-1].key]
    by_time = [item for item in candidates if item.person_id is None and item.received_at == responses[-1].submitted_at]
    return next(iter(by_person or by_key or by_time), None)


def _take_in_person(
    intake: _Intake,
    role: Role,
    form: FormAnswers,
    mine: Mapping[str, Application],
    existing: Application | None,
    responses: Sequence[Response],
) -> None:
    current = responses[-1]
    faults = list(form.faults.get(current.row, ()))
    if existing is None:
        application_id = intake.next_id(role, len(mine))
        intake.changes.append(_add_application(intake, application_id, role, current))
        _settle(intake, role, application_id, 1, current, faults, ever_accepted=False)
    elif existing.response_key != current.key:
        _revise(intake, existing, current, faults)
    elif existing.state == "needs_attention" and faults != [dict(fault) for fault in existing.faults]:
        # The same answers, judged by new rules: only ever to the applicant's good.
        _revise(intake, existing, current, faults)
    kept = {item.response_key for item in mine.values() if existing is None or item is not existing} | {current.key}
    for older in responses[:-1]:
        if older.key not in kept:
            kept.add(older.key)
            duplicate_id = intake.next_id(role, len(mine))
            intake.changes.append(_add_application(intake, duplicate_id, role, older))
            reason = "A later application of the same person counts."
            intake.changes.append(SettleApplication(duplicate_id, "received", "duplicate", "[]", reason))


def _add_application(intake: _Intake, application_id: str, role: Role, response: Response) -> AddApplication:
    return AddApplication(
        application_id,
        role,
        intake.find_or_add_person(response),
        response.key,
        response.row,
        _format(response.submitted_at or intake.now),
        int(_is_late(intake.cohort, response)),
        _dump(response.answers),
    )


def _revise(intake: _Intake, existing: Application, current: Response, faults: list[Mapping[str, str]]) -> None:
    active = [match for match in intake.cohort.list_matches("active") if existing.application_id in match.pair]
    if current.is_withdrawal and active:
        _ask_committee(intake, existing, current, active[0].match_id)
        return
    intake.changes.append(
        ReviseApplication(
            existing.application_id,
            existing.state,
            intake.find_or_add_person(current),
            current.key,
            current.row,
            _format(current.submitted_at or intake.now),
            int(_is_late(intake.cohort, current)),
            _dump(current.answers if not current.is_withdrawal else {**existing.answers, "action": current.answers["action"]}),
        )
    )
    _settle(
        intake,
        existing.role,
        existing.application_id,
        existing.revision + 1,
        current,
        faults,
        ever_accepted=("acknowledgement", existing.application_id, "first", existing.person_id) in intake.cohort.queued_keys,
    )
    if current.is_withdrawal or faults:
        _free_partner(intake, existing)


def _ask_committee(intake: _Intake, existing: Application, current: Response, match_id: str) -> None:
    """Somebody with an active match takes the application back: the committee confirms, as with any request."""
    if current.key in {request.response_key for request in intake.cohort.requests.values()}:
        return
    request_id = intake.next_id("request", len(intake.cohort.requests))
    received = _format(current.submitted_at or intake.now)
    intake.changes.append(
        AddRequest(request_id, current.key, received, existing.application_id, match_id, "withdrawn", 0, "", "")
    )


def _settle(
    intake: _Intake,
    role: Role,
    application_id: str,
    revision: int,
    current: Response,
    faults: list[Mapping[str, str]],
    ever_accepted: bool,
) -> None:
    """Decide what becomes of a received application, and write to the applicant."""
    if current.is_withdrawal:
        state, reason = "withdrawn", "The applicant took the application back."
    elif faults:
        state, reason = "needs_attention", ""
    else:
        state, reason = "accepted", _describe_specialities(intake.cohort, role, current)
    intake.changes.append(SettleApplication(application_id, "received", state, _dump(faults), reason))
    if state == "accepted" and role == "mentor":
        capacity = int(current.answers["capacity"])
        intake.changes.extend(AddSeat(application_id, seat) for seat in range(1, capacity + 1))
        intake.changes.append(RemoveSeats(application_id, capacity))
    person = intake.people.get(normalise_address(current.email) or "")
    if person is None:
        intake.waiting.append(f"{application_id}: the address can't be used, so nobody can write to the applicant.")
        return
    draft = _write_to_applicant(intake, role, application_id, revision, current, faults, state, person)
    if not (state == "accepted" and ever_accepted):
        intake.drafts.append(draft)


def _write_to_applicant(
    intake: _Intake,
    role: Role,
    application_id: str,
    revision: int,
    current: Response,
    faults: Sequence[Mapping[str, str]],
    state: str,
    person: Person,
) -> Draft:
    program = intake.cohort.program
    form_link = program.links.mentor_form if role == "mentor" else program.links.mentee_form
    letters: dict[str, tuple[str, str, dict[str, Any]]] = {
        "accepted": (
            "acknowledgement",
            "first",
            {
                "role": role,
                "closes_on": name_day(intake.cohort.settings.applications_close),
                "is_late": _is_late(intake.cohort, current),
                "notes": [],
            },
        ),
        "needs_attention": (
            "please_correct",
            str(revision),
            {
                "role": role,
                "faults": [{"question": fault["question"], "mend": fault["mend"]} for fault in faults],
                "form_link": form_link,
            },
        ),
        "withdrawn": ("application_withdrawn", str(revision), {"role": role}),
    }
    kind, period, context = letters[state]
    zone = ZoneInfo(_zone_name(current, program.time_zone))
    not_before = next_daytime(intake.now, zone, program.sending_hours)
    return Draft(kind, application_id, period, person.person_id, context, not_before, not_before + _WORTH)


def _zone_name(response: Response, otherwise: str) -> str:
    from mentoring.program import check_time_zone

    try:
        return check_time_zone(response.answers.get("time_zone", ""))
    except ValueError:
        return otherwise


def _is_late(cohort: Cohort, response: Response) -> bool:
    closing = end_of_day(cohort.settings.applications_close, cohort.program.zone)
    return response.submitted_at is not None and response.submitted_at >= closing


def _describe_specialities(cohort: Cohort, role: Role, response: Response) -> str:
    notes = []
    if _is_late(cohort, response):
        notes.append("Came after the closing date; waits for a free seat.")
    key, other = normalise_address(response.email), "mentee" if role == "mentor" else "mentor"
    if any(item.role == other and normalise_address(item.email) == key for item in cohort.applications.values() if item.email):
        notes.append(f"Applied as {other} too.")
    return " ".join(notes)


def _withdraw_vanished(intake: _Intake, role: Role, unseen: Sequence[Application], has_rows: bool) -> None:
    """Responses that are gone from the sheet withdraw their applications, unless the whole sheet looks broken."""
    gone = [item for item in unseen if item.state in ("accepted", "needs_attention")]
    in_force = [
        item
        for item in intake.cohort.applications.values()
        if item.role == role and item.state in ("accepted", "needs_attention")
    ]
    if gone and (not has_rows or len(gone) > max(2, _MOST_VANISHED * len(in_force))):
        intake.waiting.append(
            f"{len(gone)} of {len(in_force)} {role} applications have disappeared from the form's sheet; nobody was "
            "withdrawn. Put the rows back, or withdraw the applications one by one."
        )
        return
    for item in gone:
        if any(item.application_id in match.pair for match in intake.cohort.list_matches("active")):
            intake.waiting.append(f"{item.application_id}: the form response was deleted, but the match is active.")
            continue
        reason = "The response was deleted from the form's sheet."
        intake.changes.append(SettleApplication(item.application_id, item.state, "withdrawn", "[]", reason))
        _free_partner(intake, item)


def _free_partner(intake: _Intake, application: Application) -> None:
    """A proposal or approval with somebody who is no longer there ends; the partner is free again."""
    for match in intake.cohort.list_matches("proposed", "approved"):
        if application.application_id in match.pair:
            intake.changes.append(RejectMatch(match.match_id, match.state, "applicant_withdrew", None))
    for message in intake.cohort.messages:
        if message.subject_id == application.application_id and message.state == "pending" and message.kind != "please_correct":
            intake.changes.append(CancelMessage(message.message_id, "The application changed before it went out."))


def _format(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


