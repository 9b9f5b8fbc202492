"""Delivery: from the outbox to the mail backend, with the promise that nothing is sent twice and no doubt is hidden.

`sending` is committed before the call. Only the backend's acceptance makes it `sent`, a definite refusal `failed`, a
definite non-arrival `pending` again; everything else, a crash included, is `unknown` and waits for a person. Belongs
here: claiming, sending, marking. Does not belong here: queueing (`tasks.ledger`), one backend's ways (`tasks.mail_files`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from filelock import FileLock, Timeout

from mentoring.messages import RenderedMessage, hash_body
from tasks.database import Row, format_time
from tasks.mail import Delivery, MailBackend, OutgoingMessage, open_mail
from tasks.runs import Run

ATTEMPT_LIMIT = 5
_FIRST_PAUSE = timedelta(minutes=15)


def deliver_due_messages(run: Run) -> dict[str, int]:
    """Send what is due now; returns how many were sent, returned, failed, unknown, expired.

    Only one process of the program delivers at a time; another one leaves at once and counts `busy`.
    """
    with _hold_sender_lock(run) as is_ours:
        if not is_ours:
            return {"busy": 1}
        backend = open_mail(run.settings)
        results: Counter[str] = Counter(_settle_leftovers(run))
        for row in list_due(run):
            results[_deliver(run, backend, row)] += 1
        return dict(results)


@contextmanager
def _hold_sender_lock(run: Run) -> Iterator[bool]:
    lock = FileLock(run.settings.folder / ".outbox.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        with run.database.hold_sender_lock() as is_ours:
            yield is_ours
    finally:
        lock.release()


def _settle_leftovers(run: Run) -> Mapping[str, int]:
    mine = {"cohort_id": run.cohort_id, "at": format_time(run.now)}
    with run.database.transaction(run.flow, run.now) as transaction:
        # We hold the lock, so a message that is being sent is in nobody's hands.
        return {
            "unknown": transaction.execute("doubt_abandoned_messages", **mine),
            "expired": transaction.execute("expire_messages", **mine),
            "failed": transaction.execute("park_messages", **mine, attempt_limit=ATTEMPT_LIMIT),
        }


def list_due(run: Run) -> list[Row]:
    """Messages that a run at this moment would send."""
    with run.database.transaction(run.flow, run.now) as transaction:
        return transaction.fetch_all(
            "list_due_messages", cohort_id=run.cohort_id, at=transaction.at, attempt_limit=ATTEMPT_LIMIT
        )


def _deliver(run: Run, backend: MailBackend, row: Row) -> str:
    """Claim, send, mark; returns the outcome for the count."""
    message_id = row["message_id"]
    with run.database.transaction(run.flow, run.now) as transaction:
        claimed = transaction.execute(
            "claim_message", message_id=message_id, at=transaction.at, attempt_limit=ATTEMPT_LIMIT
        )
    if not claimed:
        return "taken"
    delivery = _send(run, backend, row)
    with run.database.transaction(run.flow, run.now) as transaction:
        values = {"message_id": message_id, "at": transaction.at, "problem": delivery.problem}
        if delivery.outcome == "accepted":
            transaction.change_one("mark_sent", **values, provider_id=delivery.provider_id)
        elif delivery.outcome == "refused":
            transaction.change_one("mark_failed", **values)
        elif delivery.outcome == "not_arrived":
            pause = _FIRST_PAUSE * 2 ** row["attempts"]
            transaction.change_one("return_message", **values, not_before=format_time(run.now + pause))
        else:
            transaction.change_one("mark_unknown", **values)
        transaction.note("message", message_id, f"delivery {delivery.outcome}")
    return {"accepted": "sent", "refused": "failed", "not_arrived": "returned"}.get(delivery.outcome, "unknown")


def _send(run: Run, backend: MailBackend, row: Row) -> Delivery:
    body = RenderedMessage(row["subject_line"], row["body_text"], row["body_html"])
    if hash_body(body) != row["body_hash"]:
        return Delivery("refused", problem="Its text is no longer the one that was queued.")
    return backend.send(make_outgoing(run, row, run.now))


def make_outgoing(run: Run, row: Mapping[str, str], moment: datetime) -> OutgoingMessage:
    """A row of the outbox as mail, dated `moment` in the committee's time zone."""
    program = run.settings.program
    return OutgoingMessage(
        message_id=row["message_id"],
        kind=row["kind"],
        to_address=row["email"],
        to_name=row["full_name"] or "",
        from_address=program.sender.address,
        from_name=program.sender.name,
        reply_to=program.committee_address,
        subject=row["subject_line"],
        text=row["body_text"],
        html=row["body_html"],
        date=moment.astimezone(program.zone),
    )
