"""What a run tells beyond its page: events for automations, and a mail to the operator when it has failed.

Belongs here: names of events, and the operator's mail. Does not belong here: mail to people of the program
(`tasks.outbox`), the run's page (`tasks.steps`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mentoring import changes
from mentoring.changes import Change, Plan
from tasks.mail import OutgoingMessage, open_mail
from tasks.runs import Run
from tasks.settings import Settings, load_settings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

#: The event that tells of a change: its name, and what its payload's `count` counts.
CHANGE_EVENTS: Mapping[type[Change], str] = {
    changes.AddApplication: "mentoring.applications.received",
    changes.ProposeMatch: "mentoring.matches.proposed",
    changes.ApproveMatch: "mentoring.matches.approved",
    changes.ActivateMatch: "mentoring.matches.introduced",
    changes.EndMatch: "mentoring.matches.ended",
    changes.PauseMatch: "mentoring.matches.paused",
    changes.ResumeMatch: "mentoring.matches.resumed",
    changes.AddRequest: "mentoring.requests.received",
    changes.AddCheckIn: "mentoring.check-ins.answered",
    changes.PutEvaluation: "mentoring.evaluations.received",
}
#: The same for messages that are queued when their time has come.
QUEUE_EVENTS: Mapping[str, str] = {
    "monthly_topic": "mentoring.topics.queued",
    "check_in": "mentoring.check-ins.queued",
    "evaluation_invitation": "mentoring.evaluations.queued",
}
#: The same for what became of messages.
MESSAGE_EVENTS: Mapping[str, str] = {
    "sent": "mentoring.messages.sent",
    "failed": "mentoring.messages.failed",
    "unknown": "mentoring.messages.in-doubt",
    "suppressed": "mentoring.messages.suppressed",
    "expired": "mentoring.messages.expired",
}
#: Counts the people of a closed cohort who were made anonymous.
PURGE_EVENT = "mentoring.personal-data.removed"
#: Where it is noted that the operator was told, so that a failure every quarter of an hour is one mail a day.
_NOTES = ".notices"


def count_changes(plan: Plan) -> dict[str, int]:
    """Events of a plan that was carried out, by name, with their counts; what did not happen is no event."""
    done = Counter(CHANGE_EVENTS[type(item)] for item in plan.changes if type(item) in CHANGE_EVENTS)
    queued = Counter(QUEUE_EVENTS[draft.kind] for draft in plan.messages if draft.kind in QUEUE_EVENTS)
    return dict(done + queued)


def count_messages(sent: Mapping[str, int]) -> dict[str, int]:
    """Events of a delivery, by name, with their counts."""
    return {name: sent[outcome] for outcome, name in MESSAGE_EVENTS.items() if sent.get(outcome)}


def emit_events(run: Run, counts: Mapping[str, int]) -> None:
    """Emit events of a run to Prefect, by name: the cohort and a count, nothing else."""
    from prefect.events import emit_event

    resource = {
        "prefect.resource.id": f"mentoring.cohort.{run.cohort_id}",
        "prefect.resource.name": run.cohort_id,
    }
    for name, count in counts.items():
        emit_event(event=name, resource=resource, payload={"count": count, "flow": run.flow})


def tell_operator(flow: Any, flow_run: Any, state: State) -> None:
    """Hook of every flow: write to `operator_address` of program.yaml that a run failed, once a day for each flow.

    Raises `SettingsError` or `MailError`, which Prefect shows in the run's log.
    """
    from prefect.utilities.urls import url_for

    settings = load_settings()
    now = datetime.now(UTC)
    if settings.program.operator_address is None or not _is_first(
        settings.folder, f"{flow.name}-{now:%Y-%m-%d}"
    ):
        return
    paragraphs = (
        f"The run “{flow_run.name}” ended as {state.name}.",
        state.message or "Prefect gave no reason.",
        "Retry, on the run's page, is always safe: what was done is not done again, and nothing is sent twice. The "
        "next scheduled run finishes the work by itself, too. The operator's guide says what each failure means.",
        url_for(flow_run) or "",
        "You get one such mail a day for each flow.",
    )
    open_mail(settings).send(_write(settings, flow.name, [part for part in paragraphs if part], now))


def _is_first(folder: Path, name: str) -> bool:
    notes = folder / _NOTES
    notes.mkdir(mode=0o700, exist_ok=True)
    try:
        (notes / name).touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    for old in sorted(notes.iterdir())[:-50]:
        old.unlink(missing_ok=True)
    return True


def _write(settings: Settings, flow: str, paragraphs: Sequence[str], now: datetime) -> OutgoingMessage:
    program = settings.program
    assert program.operator_address
    subject = f"{program.name}: {flow} failed"
    body = "".join(f"<p>{escape(part)}</p>" for part in paragraphs)
    return OutgoingMessage(
        message_id=f"failure-{flow}-{now:%Y%m%dT%H%M%S}",
        kind="operator_notice",
        to_address=program.operator_address,
        to_name="",
        from_address=program.sender.address,
        from_name=program.sender.name,
        reply_to=program.committee_address,
        subject=subject,
        text="\n\n".join(paragraphs) + "\n",
        html=f'<!doctype html><html lang="en"><head><title>{escape(subject)}</title></head><body>{body}</body></html>',
        date=now.astimezone(program.zone),
    )
