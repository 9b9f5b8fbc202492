"""What becomes of an application: received, revised, settled, set aside, and everything that follows from it.

Belongs here: the changes and letters for one application, collected over a run. Does not belong here: which response
counts (`mentoring.intake`), and the words of a letter (`mentoring.acknowledgements`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import orjson

from mentoring.acknowledgements import write_to_applicant
from mentoring.applicants import KnownApplications, is_after_closing
from mentoring.changes import (
    AddApplication,
    AddConfirmation,
    AddPerson,
    AddRequest,
    AddSeat,
    CancelMessage,
    Change,
    RejectMatch,
    RemoveSeats,
    RenamePerson,
    ReviseApplication,
    RevokeConfirmation,
    SettleApplication,
)
from mentoring.cohort import Application, Cohort, Draft, Person, Role
from mentoring.responses import Response

VANISHED = "The response was deleted from the form's sheet."

Faults = Sequence[Mapping[str, str]]


@dataclass
class Intake:
    """Collects the outcome of one run, and knows the ids that were given out during it.

    `newcomers` are the ids of applications by people who had none in their role.
    """

    cohort: Cohort
    now: datetime
    #: Address keys of everybody who applied, before or in this run.
    applied: Mapping[Role, frozenset[str]]
    changes: list[Change] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    newcomers: set[str] = field(default_factory=set)
    #: Confirmed applications → the person who did, before or in this run.
    confirmed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.confirmed |= self.cohort.confirmed

    @cached_property
    def pending(self) -> Mapping[str, Sequence[str]]:
        """Ids of the messages that have not gone out, by what they are about."""
        messages: dict[str, list[str]] = defaultdict(list)
        for message in self.cohort.messages:
            if message.state == "pending":
                messages[message.subject_id].append(message.message_id)
        return messages

    def next_number(self, series: str, existing: int) -> int:
        """The next number of a series of which `existing` were there before this run."""
        self.taken[series] = self.taken.get(series, existing) + 1
        return self.taken[series]

    def next_id(self, series: str, existing: int) -> str:
        """The next id of a series, like 2027-mentor-001."""
        return f"{self.cohort.cohort_id}-{series}-{self.next_number(series, existing):03d}"

    def must_confirm(self, application_id: str, person_id: str) -> bool:
        """Whether the application can't be matched before this person has confirmed it."""
        return (
            self.cohort.program.confirmation is not None and self.confirmed.get(application_id) != person_id
        )

    def find_or_add_person(self, response: Response) -> str | None:
        """The sender as known from the address; the name and spelling of this response count from now on."""
        key = response.address
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


def set_aside(
    intake: Intake, role: Role, known: KnownApplications, older: Response, person_id: str | None
) -> None:
    """Keep a response that a later one of the same person replaces."""
    application_id = intake.next_id(role, len(known.applications))
    is_late = is_after_closing(intake.cohort, older)
    intake.changes.append(add_application(intake, application_id, role, older, person_id, is_late=is_late))
    reason = "A later application of the same person counts."
    intake.changes.append(SettleApplication(application_id, "received", "duplicate", "[]", reason))


def add_application(
    intake: Intake,
    application_id: str,
    role: Role,
    response: Response,
    person_id: str | None,
    *,
    is_late: bool,
) -> AddApplication:
    """A new application as it was received."""
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


def reconsider(
    intake: Intake,
    existing: Application,
    current: Response,
    faults: Faults,
    *,
    is_late: bool,
    is_another: bool,
) -> bool:
    """Look at a known application again; returns whether the current response is the one that counts.

    `is_another` tells a further response from one that its sender edited.
    """
    if existing.response_key != current.key:
        active = (
            item for item in intake.cohort.list_matches("active") if existing.application_id in item.pair
        )
        match = next(active, None)
        if current.is_withdrawal and match:
            _ask_committee(intake, existing, current, match.match_id)
            return False
        if is_another and not current.is_withdrawal and existing.application_id in intake.confirmed:
            del intake.confirmed[existing.application_id]
            # Anybody can send a form once more with somebody's address; only the sender can edit a response.
            intake.changes.append(RevokeConfirmation(existing.application_id))
        _revise(intake, existing, current, faults, is_late=is_late, is_another=is_another)
    elif existing.state == "withdrawn" and existing.reason == VANISHED:
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
    intake: Intake,
    existing: Application,
    current: Response,
    faults: Faults,
    *,
    is_late: bool,
    is_another: bool = False,
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
    confirm_by_sign_in(intake, existing.application_id, current)
    is_unproven = is_another and intake.must_confirm(existing.application_id, existing.person_id or "")
    tell = tell and (outcome == "needs_attention" or outcome != existing.state or is_unproven)
    period = str(existing.revision + 1)
    settle(
        intake, existing.role, existing.application_id, period, current, faults, is_late=is_late, tell=tell
    )
    if tell:
        cancel_pending(intake, existing)
    if current.is_withdrawal or faults:
        free_partner(intake, existing)


def _ask_committee(intake: Intake, existing: Application, current: Response, match_id: str) -> None:
    """Somebody with an active match takes the application back: the committee confirms, as any request."""
    if current.key in {request.response_key for request in intake.cohort.requests.values()}:
        return
    request_id = intake.next_id("request", len(intake.cohort.requests))
    received, own = _format(current.submitted_at or intake.now), existing.application_id
    intake.changes.append(
        AddRequest(request_id, current.key, received, own, match_id, "withdrawn", 0, "", "")
    )


def settle(
    intake: Intake,
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
        if application_id not in intake.newcomers:
            intake.changes.append(RemoveSeats(application_id, capacity))
    confirm_by_sign_in(intake, application_id, current)
    person = intake.people.get(current.address or "")
    if tell and person is None:
        intake.waiting.append(
            f"{application_id}: the address can't be used, so nobody can write to the applicant."
        )
    elif tell and person is not None:
        facts = (intake.cohort, state, application_id, role, current.answers.get("time_zone", ""), faults)
        letter = write_to_applicant(
            *facts,
            person_id=person.person_id,
            period=period,
            is_late=is_late,
            now=intake.now,
            asks_to_confirm=intake.must_confirm(application_id, person.person_id),
        )
        intake.drafts.append(letter)


def confirm_by_sign_in(intake: Intake, application_id: str, current: Response) -> None:
    """Where the form collects verified addresses, the right one confirms the application on arrival."""
    person = intake.people.get(current.address or "")
    if intake.cohort.program.confirmation != "verified_address" or person is None or not current.is_verified:
        return
    if intake.must_confirm(application_id, person.person_id):
        intake.confirmed[application_id] = person.person_id
        intake.changes.append(
            AddConfirmation(application_id, person.person_id, current.key, "verified_address", None)
        )


def _describe_specialities(intake: Intake, role: Role, response: Response, *, is_late: bool) -> str:
    other: Role = "mentee" if role == "mentor" else "mentor"
    notes = ["Came after the closing date."] if is_late else []
    if response.address in intake.applied[other]:
        notes.append(f"Applied as {other} too.")
    return " ".join(notes)


def free_partner(intake: Intake, application: Application) -> None:
    """A proposal or approval with somebody who is no longer there ends; the partner is free again."""
    for match in intake.cohort.list_matches("proposed", "approved"):
        if application.application_id in match.pair:
            intake.changes.append(RejectMatch(match.match_id, match.state, "applicant_withdrew", None))


def cancel_pending(intake: Intake, application: Application) -> None:
    """Take back the letters about an application that have not gone out."""
    reason = "The application changed before it went out."
    for message_id in intake.pending[application.application_id]:
        intake.changes.append(CancelMessage(message_id, reason))


def _format(moment: datetime) -> str:
    # To the second; `strftime` takes twice as long.
    return moment.astimezone(UTC).isoformat()[:19] + "Z"


def _dump(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
