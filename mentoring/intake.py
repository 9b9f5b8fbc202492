"""Intake: what each form response means for the applications of a cohort.

One application per person and role; a later response of the same address replaces an earlier one, an edited
response is looked at anew, a response that asks for it or has disappeared withdraws the application. Belongs
here: these decisions. Does not belong here: whether an answer is acceptable (`tasks.validation`) and what the
applicant hears (`mentoring.acknowledgements`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mentoring.acknowledgements import write_to_applicant
from mentoring.answers import FormAnswers
from mentoring.applicants import (
    IN_FORCE,
    KnownApplications,
    belongs,
    came_late,
    count_early,
    group_by_person,
    index_applications,
    is_after_closing,
)
from mentoring.calendar import name_day
from mentoring.changes import (
    AddApplication,
    AddPerson,
    AddRequest,
    AddSeat,
    CancelMessage,
    Change,
    Plan,
    RejectMatch,
    RemoveSeats,
    RenamePerson,
    ReviseApplication,
    SettleApplication,
)
from mentoring.cohort import Application, Cohort, Draft, Person, Role
from mentoring.responses import Response, normalise_address

#: A sheet that lost more than this share of its responses was probably broken, not tidied.
_MOST_VANISHED = 0.5
_VANISHED = "The response was deleted from the form's sheet."

Faults = Sequence[Mapping[str, str]]


@dataclass
class _Intake:
    """Collects the outcome of one run, and knows the ids that were given out during it."""

    cohort: Cohort
    now: datetime
    #: Address keys of everybody who applied, before or in this run.
    applied: Mapping[Role, frozenset[str]]
    changes: list[Change] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)

    def next_number(self, series: str, existing: int) -> int:
        self.taken[series] = self.taken.get(series, existing) + 1
        return self.taken[series]

    def next_id(self, series: str, existing: int) -> str:
        return f"{self.cohort.cohort_id}-{series}-{self.next_number(series, existing):03d}"

    def find_or_add_person(self, response: Response) -> str | None:
        """The sender as known from the address; the name and spelling of this response count from now on."""
        key = normalise_address(response.email)
        if key is None:
            return None
        name, known = response.answers.get("name", ""), self.people.get(key)
        if known is None:
            # Erased people keep their ids, so all of them count.
            number = self.next_number("person", len(self.cohort.people))
            known = Person(f"person-{number:04d}", key, response.email, name)
            self.changes.append(AddPerson(known.person_id, key, response.email, name))
        elif name and (known.name, known.email) != (name, response.email):
            known = Person(known.person_id, key, response.email, name)
            self.changes.append(RenamePerson(known.person_id, response.email, name))
        self.people[key] = known
        return known.person_id


def plan_intake(cohort: Cohort, forms: Sequence[FormAnswers], now: datetime) -> Plan:
    """Decide about every response of the application forms. `now` is aware."""
    people = {person.email_key: person for person in cohort.people.values() if person.email_key}
    intake = _Intake(cohort, now, _list_applied(cohort, forms), people=people)
    for form in forms:
        intake.waiting.extend(form.problems)
        if not form.problems:
            _take_in_form(intake, _role_of(form), form)
    # Both sides of a pair may leave in one run.
    changes = tuple(dict.fromkeys(intake.changes))
    return Plan(changes, tuple(intake.drafts), counts=_count(changes), waiting=tuple(intake.waiting))


def _role_of(form: FormAnswers) -> Role:
    return "mentor" if form.form == "mentor" else "mentee"


def _list_applied(cohort: Cohort, forms: Sequence[FormAnswers]) -> dict[Role, frozenset[str]]:
    applied: dict[Role, set[str | None]] = {"mentor": set(), "mentee": set()}
    for item in cohort.applications.values():
        if item.state in IN_FORCE:
            applied[item.role].add(normalise_address(item.email))
    for form in forms:
        mine = (item for item in form.responses if belongs(cohort, item) and not item.is_withdrawal)
        applied[_role_of(form)].update(normalise_address(response.email) for response in mine)
    return {role: frozenset(key for key in keys if key) for role, keys in applied.items()}


def _count(changes: Sequence[Change]) -> dict[str, int]:
    settled = [change.state for change in changes if isinstance(change, SettleApplication)]
    return {
        "new applications": sum(isinstance(change, AddApplication) for change in changes),
        "changed applications": sum(isinstance(change, ReviseApplication) for change in changes),
        **{
            state.replace("_", " "): settled.count(state)
            for state in ("accepted", "needs_attention", "duplicate", "withdrawn")
        },
    }


def _take_in_form(intake: _Intake, role: Role, form: FormAnswers) -> None:
    cohort = intake.cohort
    known = index_applications(cohort, role)
    remembered = [response for response in form.responses if response.key not in cohort.forgotten]
    responses = [response for response in remembered if belongs(cohort, response)]
    _note_early(intake, role, remembered)
    seen: set[str] = set()
    for responses_of_one in group_by_person(responses):
        existing = known.find(responses_of_one)
        seen.add(existing.application_id if existing else "")
        _take_in_person(intake, role, form, known, existing, responses_of_one)
    seen_keys = {response.key for response in form.responses}
    unseen = [
        item
        for item in known.applications
        if item.application_id not in seen and item.response_key not in seen_keys
    ]
    _withdraw_vanished(intake, role, unseen, has_rows=bool(responses))


def _note_early(intake: _Intake, role: Role, responses: Sequence[Response]) -> None:
    early = count_early(intake.cohort, responses)
    if early:
        opens_on = name_day(intake.cohort.settings.applications_open)
        intake.waiting.append(
            f"The {role} form has responses from before applications opened on {opens_on} ({early}); if they "
            "should count, move the day on the Program tab."
        )


def _take_in_person(
    intake: _Intake,
    role: Role,
    form: FormAnswers,
    known: KnownApplications,
    existing: Application | None,
    responses: Sequence[Response],
) -> None:
    # A response that was replaced once does not come back into force when the later one is deleted.
    fresh = [response for response in responses if response.key not in known.replaced]
    if not fresh:
        return
    current = fresh[-1]
    faults = [dict(fault) for fault in form.faults.get(current.row, ())]
    is_late = came_late(intake.cohort, existing, responses)
    counting = current.key
    if existing is None:
        person_id = intake.find_or_add_person(current)
        application_id = intake.next_id(role, len(known.applications))
        intake.changes.append(
            _add_application(intake, application_id, role, current, person_id, is_late=is_late)
        )
        _settle(intake, role, application_id, "first", current, faults, is_late=is_late)
    else:
        person_id = existing.person_id
        if not _reconsider(intake, existing, current, faults, is_late=is_late):
            counting = existing.response_key
    for older in {response.key: response for response in fresh if response.key != counting}.values():
        if older is not current:
            _set_aside(intake, role, known, older, person_id)


def _set_aside(
    intake: _Intake, role: Role, known: KnownApplications, older: Response, person_id: str | None
) -> None:
    application_id = intake.next_id(role, len(known.applications))
    is_late = is_after_closing(intake.cohort, older)
    intake.changes.append(_add_application(intake, application_id, role, older, person_id, is_late=is_late))
    reason = "A later application of the same person counts."
    intake.changes.append(SettleApplication(application_id, "received", "duplicate", "[]", reason))


def _add_application(
    intake: _Intake,
    application_id: str,
    role: Role,
    response: Response,
    person_id: str | None,
    *,
    is_late: bool,
) -> AddApplication:
    return AddApplication(
        application_id,
        role,
        person_id,
        response.key,
        response.row,
        _format(response.submitted_at or intake.now),
        int(is_late),
        _dump(response.answers),
    )


def _reconsider(
    intake: _Intake, existing: Application, current: Response, faults: Faults, *, is_late: bool
) -> bool:
    """Look at a known application again; returns whether the current response is the one that counts."""
    if existing.response_key != current.key:
        active = (
            item for item in intake.cohort.list_matches("active") if existing.application_id in item.pair
        )
        match = next(active, None)
        if current.is_withdrawal and match:
            _ask_committee(intake, existing, current, match.match_id)
            return False
        _revise(intake, existing, current, faults, is_late=is_late)
    elif existing.state == "withdrawn" and existing.reason == _VANISHED:
        # Somebody had cut the row and put it back.
        _revise(intake, existing, current, faults, is_late=is_late)
    elif existing.state == "needs_attention" and list(faults) != [dict(fault) for fault in existing.faults]:
        # The same answers, judged by new rules; or only the row moved, which is no reason to write again.
        tell = _list_mends(faults) != _list_mends(existing.faults)
        _revise(intake, existing, current, faults, is_late=is_late, tell=tell)
    return True


def _list_mends(faults: Faults) -> list[tuple[str, str]]:
    return [(fault["question"], fault["mend"]) for fault in faults]


def _revise(
    intake: _Intake,
    existing: Application,
    current: Response,
    faults: Faults,
    *,
    is_late: bool,
    tell: bool = True,
) -> None:
    answers = current.answers
    if current.is_withdrawal:
        answers = {**existing.answers, "action": current.answers["action"]}
    intake.changes.append(
        ReviseApplication(
            existing.application_id,
            existing.state,
            intake.find_or_add_person(current),
            current.key,
            current.row,
            _format(current.submitted_at or intake.now),
            int(is_late),
            _dump(answers),
        )
    )
    outcome = "withdrawn" if current.is_withdrawal else "needs_attention" if faults else "accepted"
    tell = tell and (outcome == "needs_attention" or outcome != existing.state)
    period = str(existing.revision + 1)
    _settle(
        intake, existing.role, existing.application_id, period, current, faults, is_late=is_late, tell=tell
    )
    if tell:
        _cancel_pending(intake, existing)
    if current.is_withdrawal or faults:
        _free_partner(intake, existing)


def _ask_committee(intake: _Intake, existing: Application, current: Response, match_id: str) -> None:
    """Somebody with an active match takes the application back: the committee confirms, as any request."""
    if current.key in {request.response_key for request in intake.cohort.requests.values()}:
        return
    request_id = intake.next_id("request", len(intake.cohort.requests))
    received, own = _format(current.submitted_at or intake.now), existing.application_id
    intake.changes.append(
        AddRequest(request_id, current.key, received, own, match_id, "withdrawn", 0, "", "")
    )


def _settle(
    intake: _Intake,
    role: Role,
    application_id: str,
    period: str,
    current: Response,
    faults: Faults,
    *,
    is_late: bool,
    tell: bool = True,
) -> None:
    """Decide what becomes of a received application, and write to the applicant."""
    if current.is_withdrawal:
        state, reason, faults = "withdrawn", "The applicant took the application back.", ()
    elif faults:
        state, reason = "needs_attention", ""
    else:
        state, reason = "accepted", _describe_specialities(intake, role, current, is_late=is_late)
    intake.changes.append(SettleApplication(application_id, "received", state, _dump(list(faults)), reason))
    if state == "accepted" and role == "mentor":
        capacity = int(current.answers["capacity"])
        intake.changes.extend(AddSeat(application_id, seat) for seat in range(1, capacity + 1))
        intake.changes.append(RemoveSeats(application_id, capacity))
    person = intake.people.get(normalise_address(current.email) or "")
    if tell and person is None:
        intake.waiting.append(
            f"{application_id}: the address can't be used, so nobody can write to the applicant."
        )
    elif tell and person is not None:
        facts = (intake.cohort, state, application_id, role, current, faults)
        letter = write_to_applicant(
            *facts, person_id=person.person_id, period=period, is_late=is_late, now=intake.now
        )
        intake.drafts.append(letter)


def _describe_specialities(intake: _Intake, role: Role, response: Response, *, is_late: bool) -> str:
    other: Role = "mentee" if role == "mentor" else "mentor"
    notes = ["Came after the closing date."] if is_late else []
    if normalise_address(response.email) in intake.applied[other]:
        notes.append(f"Applied as {other} too.")
    return " ".join(notes)


def _withdraw_vanished(intake: _Intake, role: Role, unseen: Sequence[Application], *, has_rows: bool) -> None:
    """Responses gone from the sheet withdraw their applications, unless the whole sheet looks broken."""
    gone = [item for item in unseen if item.state in IN_FORCE]
    in_force = [
        item for item in intake.cohort.applications.values() if item.role == role and item.state in IN_FORCE
    ]
    if gone and (not has_rows or len(gone) > max(2, _MOST_VANISHED * len(in_force))):
        intake.waiting.append(
            f"Gone from the form's sheet: {len(gone)} of {len(in_force)} {role} applications. Nobody was "
            "withdrawn; put the rows back, or withdraw the applications one by one."
        )
        return
    for item in gone:
        if any(item.application_id in match.pair for match in intake.cohort.list_matches("active")):
            intake.waiting.append(
                f"{item.application_id}: the form response was deleted, but the match is active."
            )
            continue
        intake.changes.append(
            SettleApplication(item.application_id, item.state, "withdrawn", "[]", _VANISHED)
        )
        _cancel_pending(intake, item)
        _free_partner(intake, item)


def _free_partner(intake: _Intake, application: Application) -> None:
    """A proposal or approval with somebody who is no longer there ends; the partner is free again."""
    for match in intake.cohort.list_matches("proposed", "approved"):
        if application.application_id in match.pair:
            intake.changes.append(RejectMatch(match.match_id, match.state, "applicant_withdrew", None))


def _cancel_pending(intake: _Intake, application: Application) -> None:
    for message in intake.cohort.messages:
        if message.subject_id == application.application_id and message.state == "pending":
            reason = "The application changed before it went out."
            intake.changes.append(CancelMessage(message.message_id, reason))


def _format(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
