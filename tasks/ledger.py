"""The cohort in the database: read as one value, changed by one plan in one transaction.

Belongs here: rows to values, plans to rows. Does not belong here: SQL (`sql/`), decisions (`mentoring`), and the path
of a message once it is queued (`tasks.outbox`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from mentoring.calendar import local_day
from mentoring.changes import Change, Plan, as_parameters
from mentoring.cohort import (
    Application,
    CheckIn,
    Cohort,
    Confirmation,
    Draft,
    Evaluation,
    Match,
    Pause,
    Person,
    QueuedMessage,
    Request,
)
from mentoring.messages import RenderedMessage, render_message
from mentoring.steering import Steering
from tasks.collector import collector_at_rest
from tasks.database import Row, Transaction, format_time, parse_time
from tasks.frozen_messages import add_attachments, hash_message
from tasks.runs import Run


def read_cohort(run: Run, transaction: Transaction, steering: Steering) -> Cohort:
    """The cohort as it stands inside this transaction."""
    mine = {"cohort_id": run.cohort_id}
    head = transaction.fetch_one("find_cohort", **mine)
    assert head is not None, "open_run made sure of it"
    people = [_read_person(row) for row in transaction.fetch_all("list_people")]
    applications = [_read_application(row) for row in transaction.fetch_all("list_applications", **mine)]
    matches = [_read_match(row) for row in transaction.fetch_all("list_matches", **mine)]
    requests = [_read_request(row) for row in transaction.fetch_all("list_requests", **mine)]
    zone = run.settings.program.zone
    return Cohort(
        cohort_id=run.cohort_id,
        program=steering.program,
        settings=steering.settings,
        policy=steering.policy,
        token_key=head["token_key"],
        is_anonymised=head["anonymised_at"] is not None,
        people={person.person_id: person for person in people},
        applications={item.application_id: item for item in applications},
        matches={match.match_id: match for match in matches},
        requests={request.request_id: request for request in requests},
        pauses=[_read_pause(row) for row in transaction.fetch_all("list_pauses", **mine)],
        confirmations=[
            _read_confirmation(row) for row in transaction.fetch_all("list_confirmations", **mine)
        ],
        check_ins=[_read_check_in(row) for row in transaction.fetch_all("list_check_ins", **mine)],
        evaluations=[_read_evaluation(row) for row in transaction.fetch_all("list_evaluations", **mine)],
        messages=[_read_message(row) for row in transaction.fetch_all("list_messages", **mine)],
        unplaced={
            row["response_key"]: row["problem"]
            for row in transaction.fetch_all("list_unplaced_responses", **mine)
        },
        forgotten=frozenset(row["response_key"] for row in transaction.fetch_all("list_forgotten_responses")),
        earlier_pairs=frozenset(
            (row["mentor_person_id"], row["mentee_person_id"])
            for row in transaction.fetch_all("list_earlier_pairs", **mine)
        ),
        waited_since={
            row["person_id"]: local_day(parse_time(row["received_at"]), zone)
            for row in transaction.fetch_all("list_waiting_before", **mine)
        },
    )


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _read_person(row: Row) -> Person:
    return Person(row["person_id"], row["email_key"] or "", row["email"] or "", row["full_name"] or "")


def _read_application(row: Row) -> Application:
    return Application(
        application_id=row["application_id"],
        role=row["applicant_role"],
        person_id=row["person_id"],
        name=row["full_name"] or "",
        email=row["email"] or "",
        response_key=row["response_key"],
        sheet_row=row["sheet_row"],
        received_at=parse_time(row["received_at"]),
        is_late=bool(row["is_late"]),
        answers=json.loads(row["answers"]),
        faults=json.loads(row["faults"]),
        reason=row["reason"],
        revision=row["revision"],
        state=row["state"],
    )


def _read_match(row: Row) -> Match:
    return Match(
        match_id=row["match_id"],
        mentor_application_id=row["mentor_application_id"],
        seat=row["seat"],
        mentee_application_id=row["mentee_application_id"],
        points=row["points"],
        explanation=json.loads(row["explanation"]),
        is_rematch=bool(row["is_rematch"]),
        is_held=bool(row["is_held"]),
        state=row["state"],
        proposed_at=parse_time(row["proposed_at"]),
        decided_by=row["decided_by"],
        introduced_at=_time(row["introduced_at"]),
        ended_at=_time(row["ended_at"]),
        reason=row["reason"],
    )


def _read_request(row: Row) -> Request:
    wished = date.fromisoformat(row["paused_until"]) if row["paused_until"] else None
    moments = {"received_at": parse_time(row["received_at"]), "wants_rematch": bool(row["wants_rematch"])}
    return Request(**{**row, **moments, "paused_until": wished})


def _read_pause(row: Row) -> Pause:
    moments = {"began_at": parse_time(row["began_at"]), "ended_at": _time(row["ended_at"])}
    return Pause(**{**row, **moments, "paused_until": date.fromisoformat(row["paused_until"])})


def _read_confirmation(row: Row) -> Confirmation:
    return Confirmation(**{**row, "is_revoked": bool(row["is_revoked"])})


def _read_check_in(row: Row) -> CheckIn:
    return CheckIn(**{**row, "answered_at": parse_time(row["answered_at"])})


def _read_evaluation(row: Row) -> Evaluation:
    moments = {"answered_at": parse_time(row["answered_at"]), "answers": json.loads(row["answers"])}
    return Evaluation(**{**row, **moments})


def _read_message(row: Row) -> QueuedMessage:
    moments = {"queued_at": parse_time(row["queued_at"]), "settled_at": _time(row["settled_at"])}
    return QueuedMessage(**{**row, **moments})


def apply_changes(transaction: Transaction, cohort_id: str, changes: Sequence[Change]) -> None:
    """Make every change, each with its audit row. Raises `ChangedMeanwhileError` if one finds its row changed."""
    shared = {"cohort_id": cohort_id, "at": transaction.at}
    # Thousands of applications come in at once: neighbours of one kind go to the database together.
    for _, neighbours in groupby(changes, type):
        batch = list(neighbours)
        query = batch[0].query
        if batch[0].optional:
            batch = [
                change for change in batch if transaction.execute(query, **as_parameters(change), **shared)
            ]
        else:
            values = (as_parameters(change) | shared for change in batch)
            transaction.change_each(query, values, len(batch))
        transaction.note_all([(*change.entity, query, change.detail) for change in batch])


@collector_at_rest()
def apply_plan(run: Run, cohort: Cohort, plan: Plan) -> None:
    """Apply a plan's changes and queue its messages, all in one transaction or not at all."""
    if not plan.changes and not plan.messages:
        return
    overrides = read_overrides(run)
    with run.database.transaction(run.flow, run.now) as transaction:
        apply_changes(transaction, run.cohort_id, plan.changes)
        if plan.messages:
            # Read after the changes: a new applicant exists only from here on.
            people = {row["person_id"]: _read_person(row) for row in transaction.fetch_all("list_people")}
            for draft in plan.messages:
                queue_message(transaction, cohort, draft, people[draft.recipient_id].name, overrides)


def queue_message(
    transaction: Transaction, cohort: Cohort, draft: Draft, recipient_name: str, overrides: Mapping[str, str]
) -> None:
    """Render a message and put it into the outbox; a key that is there already stays as it is."""
    rendered = render_draft(cohort, draft, recipient_name, overrides)
    message_id = cohort.make_message_id(draft)
    queued = transaction.execute(
        "queue_message",
        message_id=message_id,
        cohort_id=cohort.cohort_id,
        subject_id=draft.subject_id,
        kind=draft.kind,
        period=draft.period,
        recipient_id=draft.recipient_id,
        reissue=draft.reissue,
        subject_line=rendered.subject,
        body_text=rendered.text,
        body_html=rendered.html,
        body_hash=hash_message(rendered),
        at=transaction.at,
        not_before=format_time(draft.not_before),
        expires_at=format_time(draft.expires_at),
    )
    if queued:
        add_attachments(transaction, message_id, rendered)
        transaction.note("message", message_id, "queue_message", draft.kind)


def render_draft(
    cohort: Cohort, draft: Draft, recipient_name: str, overrides: Mapping[str, str]
) -> RenderedMessage:
    """The text of a message and its files, exactly as they will be sent."""
    from tasks.attachments import make_attachments

    program = cohort.program
    token = cohort.make_message_id(draft)
    shared: dict[str, Any] = {
        "program": {
            "name": program.name,
            "association": program.association,
            "committee_address": program.committee_address,
            "links": program.links.model_dump(),
        },
        "recipient": {"name": recipient_name},
    }
    context = {
        key: value.replace("{token}", token) if key == "link" else value
        for key, value in draft.context.items()
    }
    rendered = render_message(draft.kind, shared | context, overrides)
    return replace(rendered, attachments=make_attachments(cohort, draft, rendered))


def read_overrides(run: Run) -> dict[str, str]:
    """The program's own templates, by file name, from its folder `templates`."""
    folder = run.settings.folder / "templates"
    return {
        path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*")) if path.is_file()
    }
