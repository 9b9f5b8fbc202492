"""Delivery: from the outbox to the mail backend; nothing is sent twice, and no doubt is hidden.

`sending` is committed before the call. Only the backend's acceptance makes it `sent`, a definite refusal `failed`,
a definite non-arrival `pending` again; everything else, a crash included, is `unknown` and waits for a person.
Belongs here: claiming, sending, marking. Does not belong here: queueing (`tasks.ledger`), one backend's ways
(`tasks.mail_files`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from mentoring.messages import RenderedMessage, hash_body
from tasks.database import Row, Session, Transaction, format_time
from tasks.mail import Delivery, MailBackend, OutgoingMessage, open_mail
from tasks.runs import Run

ATTEMPT_LIMIT = 5
_FIRST_PAUSE = timedelta(minutes=15)
_COUNTED = {"accepted": "sent", "refused": "failed", "not_arrived": "returned", "unknown": "unknown"}


class DeliveryError(Exception):
    """The mail backend broke its promise and raised; the text is one sentence without personal data."""


def deliver_due_messages(run: Run, backend: MailBackend | None = None) -> dict[str, int]:
    """Send what is due now; returns how many were sent, returned, failed, unknown, expired.

    Only one process of the program delivers at a time; another one leaves at once and counts `busy`. `backend` is the
    one that the settings name. If it raises, that message is marked unknown and the others still go; then
    `DeliveryError` makes the run fail visibly. Raises `DatabaseError`.
    """
    with run.database.open_session() as session, session.hold_sender_lock() as is_ours:
        if not is_ours:
            return {"busy": 1}
        breaks: list[str] = []
        results: Counter[str] = Counter(_settle_leftovers(run, session))
        results.update(_deliver_all(run, session, backend or open_mail(run.settings), breaks))
    if breaks:
        raise DeliveryError(
            f"The mail backend failed on {len(breaks)} messages ({', '.join(sorted(set(breaks)))}); they may have gone "
            "out or not, are marked unknown, and the next run shows them on the Messages tab."
        )
    return dict(results)


def _settle_leftovers(run: Run, session: Session) -> Mapping[str, int]:
    mine = {"cohort_id": run.cohort_id, "at": format_time(run.now)}
    with session.transaction(run.flow, run.now) as transaction:
        # We hold the lock, so a message that is being sent is in nobody's hands.
        return {
            "unknown": transaction.execute("doubt_abandoned_messages", **mine),
            "expired": transaction.execute("expire_messages", **mine),
            "failed": transaction.execute("park_messages", **mine, attempt_limit=ATTEMPT_LIMIT),
        }


def list_due(run: Run) -> list[Row]:
    """Messages that a run at this moment would send."""
    with run.database.transaction(run.flow, run.now) as transaction:
        return _list_due(run, transaction)


def _list_due(run: Run, transaction: Transaction) -> list[Row]:
    return transaction.fetch_all(
        "list_due_messages", cohort_id=run.cohort_id, at=transaction.at, attempt_limit=ATTEMPT_LIMIT
    )


def _deliver_all(run: Run, session: Session, backend: MailBackend, breaks: list[str]) -> Iterator[str]:
    """Send every due message, and yield what became of each.

    One commit a message holds the promise: it marks the message that was just sent, and claims the next before that
    is sent.
    """
    with session.transaction(run.flow, run.now) as transaction:
        waiting = iter(_list_due(run, transaction))
        row = _claim_next(transaction, waiting)
    while row is not None:
        delivery = _send(run, backend, row, breaks)
        with session.transaction(run.flow, run.now) as transaction:
            _mark(transaction, run, row, delivery)
            row = _claim_next(transaction, waiting)
        yield _COUNTED[delivery.outcome]


def _claim_next(transaction: Transaction, waiting: Iterator[Row]) -> Row | None:
    """Claim the first message that is still there to be sent; the others were cancelled meanwhile."""
    for row in waiting:
        values = {"message_id": row["message_id"], "at": transaction.at}
        if transaction.execute("claim_message", **values, attempt_limit=ATTEMPT_LIMIT):
            return row
    return None


def _mark(transaction: Transaction, run: Run, row: Row, delivery: Delivery) -> None:
    values = {"message_id": row["message_id"], "at": transaction.at, "problem": delivery.problem}
    if delivery.outcome == "accepted":
        transaction.change_one("mark_sent", **values, provider_id=delivery.provider_id)
    elif delivery.outcome == "refused":
        transaction.change_one("mark_failed", **values)
    elif delivery.outcome == "not_arrived":
        pause = _FIRST_PAUSE * 2 ** row["attempts"]
        transaction.change_one("return_message", **values, not_before=format_time(run.now + pause))
    else:
        transaction.change_one("mark_unknown", **values)
    transaction.note("message", row["message_id"], f"delivery {delivery.outcome}")


def _send(run: Run, backend: MailBackend, row: Row, breaks: list[str]) -> Delivery:
    body = RenderedMessage(row["subject_line"], row["body_text"], row["body_html"])
    if hash_body(body) != row["body_hash"]:
        return Delivery("refused", problem="Its text is no longer the one that was queued.")
    try:
        return backend.send(make_outgoing(run, row, run.now))
    except Exception as error:  # noqa: BLE001 – whatever it was, the message may have gone out
        breaks.append(_locate(error))
        return Delivery(
            "unknown", problem=f"The mail backend failed while sending it ({type(error).__name__})."
        )


def _locate(error: Exception) -> str:
    """What was raised and where. Its text stays out, since it may repeat an address."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f" in {Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}" if place else ""
    return f"{type(error).__name__}{where}"


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
