"""Intake: what each form response means for the applications of a cohort.

One application per person and role; a later response of the same address replaces an earlier one, an edited
response is looked at anew, a response that asks for it or has disappeared withdraws the application. Belongs
here: which response counts for whom. Does not belong here: whether an answer is acceptable (`tasks.validation`),
what becomes of the application (`mentoring.application_changes`) and what the applicant hears
(`mentoring.acknowledgements`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from mentoring.answers import FormAnswers
from mentoring.applicants import (
    IN_FORCE,
    KnownApplications,
    came_late,
    count_early,
    group_by_person,
    index_applications,
    list_own,
)
from mentoring.application_changes import (
    VANISHED,
    Intake,
    add_application,
    cancel_pending,
    confirm_by_sign_in,
    free_partner,
    reconsider,
    set_aside,
    settle,
)
from mentoring.calendar import name_day
from mentoring.changes import (
    AddApplication,
    AddConfirmation,
    AddPerson,
    AddSeat,
    Change,
    Plan,
    ReviseApplication,
    SettleApplication,
)
from mentoring.cohort import Application, Cohort, Role
from mentoring.confirmations import ask_the_unasked, take_confirmations
from mentoring.responses import Response

#: A sheet that lost more than this share of its responses was probably broken, not tidied.
_MOST_VANISHED = 0.5


def plan_intake(cohort: Cohort, forms: Sequence[FormAnswers], now: datetime) -> Plan:
    """Decide about every response of the forms of applications and of their confirmations. `now` is aware."""
    people = {person.email_key: person for person in cohort.people.values() if person.email_key}
    applications = [form for form in forms if form.form != "confirmation"]
    intake = Intake(cohort, now, _list_applied(cohort, applications), people=people)
    # First: a code is about the application as it stood when its mail was read.
    for form in forms:
        if form.form == "confirmation":
            take_confirmations(intake, form)
    for form in applications:
        intake.waiting.extend(form.problems)
        if not form.problems:
            _take_in_form(intake, _role_of(form), form)
    if cohort.program.confirmation == "link":
        ask_the_unasked(intake)
    changes = _put_newcomers_first(intake)
    counts = _count(changes)
    if cohort.program.confirmation:
        counts["confirmed"] = sum(isinstance(change, AddConfirmation) for change in changes)
    return Plan(changes, tuple(intake.drafts), counts=counts, waiting=tuple(intake.waiting))


def _put_newcomers_first(intake: Intake) -> tuple[Change, ...]:
    """The changes with those of newcomers in front, kind by kind, so that the database takes each kind in one go.

    Nothing else can be in their way: nobody knew their applications before. All other changes keep their order.
    """
    of_newcomers: dict[type[Change], list[Change]] = {
        kind: [] for kind in (AddPerson, AddApplication, SettleApplication, AddSeat)
    }
    others: list[Change] = []
    for change in intake.changes:
        kind = of_newcomers.get(type(change), others)
        is_new = isinstance(change, AddPerson) or getattr(change, "application_id", "") in intake.newcomers
        (kind if is_new else others).append(change)
    # Both sides of a pair may leave in one run.
    return (*chain.from_iterable(of_newcomers.values()), *dict.fromkeys(others))


def _role_of(form: FormAnswers) -> Role:
    return "mentor" if form.form == "mentor" else "mentee"


def _list_applied(cohort: Cohort, forms: Sequence[FormAnswers]) -> dict[Role, frozenset[str]]:
    applied: dict[Role, set[str | None]] = {"mentor": set(), "mentee": set()}
    for item in cohort.applications.values():
        if item.state in IN_FORCE and item.person_id:
            applied[item.role].add(cohort.people[item.person_id].email_key)
    for form in forms:
        mine = (item for item in list_own(cohort, form.responses) if not item.is_withdrawal)
        applied[_role_of(form)].update(response.address for response in mine)
    return {role: frozenset(key for key in keys if key) for role, keys in applied.items()}


def _count(changes: Sequence[Change]) -> dict[str, int]:
    kinds = Counter(map(type, changes))
    settled = Counter(change.state for change in changes if isinstance(change, SettleApplication))
    return {
        "new applications": kinds[AddApplication],
        "changed applications": kinds[ReviseApplication],
        **{
            state.replace("_", " "): settled[state]
            for state in ("accepted", "needs_attention", "duplicate", "withdrawn")
        },
    }


def _take_in_form(intake: Intake, role: Role, form: FormAnswers) -> None:
    cohort = intake.cohort
    known = index_applications(cohort, role)
    remembered = [response for response in form.responses if response.key not in cohort.forgotten]
    responses = list_own(cohort, remembered)
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


def _note_early(intake: Intake, role: Role, responses: Sequence[Response]) -> None:
    early = count_early(intake.cohort, responses)
    if early:
        opens_on = name_day(intake.cohort.settings.applications_open)
        intake.waiting.append(
            f"The {role} form has responses from before applications opened on {opens_on} ({early}); if they "
            "should count, move the day on the Program tab."
        )


def _take_in_person(
    intake: Intake,
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
        intake.newcomers.add(application_id)
        intake.changes.append(
            add_application(intake, application_id, role, current, person_id, is_late=is_late)
        )
        settle(intake, role, application_id, "first", current, faults, is_late=is_late)
    else:
        person_id = existing.person_id
        is_another = any(response.key == existing.response_key for response in responses)
        if not reconsider(intake, existing, current, faults, is_late=is_late, is_another=is_another):
            counting = existing.response_key
        elif current.key == existing.response_key and existing.state in IN_FORCE:
            # The program may have begun to ask only after it came.
            confirm_by_sign_in(intake, existing.application_id, current)
    for older in {response.key: response for response in fresh if response.key != counting}.values():
        if older is not current:
            set_aside(intake, role, known, older, person_id)


def _withdraw_vanished(intake: Intake, role: Role, unseen: Sequence[Application], *, has_rows: bool) -> None:
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
        intake.changes.append(SettleApplication(item.application_id, item.state, "withdrawn", "[]", VANISHED))
        cancel_pending(intake, item)
        free_partner(intake, item)
