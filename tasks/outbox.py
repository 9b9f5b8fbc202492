"""Delivery: from the outbox to the mail backend; nothing is sent twice, and no doubt is hidden.

`sending` is committed before the call. Only the backend's acceptance makes it `sent`, a definite refusal `failed`,
a definite non-arrival `pending` again; everything else, a crash included, is `unknown`: never sent again by itself.
Belongs here: the course of one delivery, and what is due. Does not belong here: queueing (`tasks.ledger`), the order of
claims, calls and marks (`tasks.sending`), doubts (`tasks.doubts`), one backend's ways (`tasks.mail_files`, …).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import timedelta
from zoneinfo import ZoneInfo

from mentoring.calendar import next_daytime
from mentoring.errors import PlainError
from mentoring.program import check_time_zone
from tasks.database import Row, Session, StillOurs, Transaction, format_time
from tasks.delivery_journal import DeliveryJournal, Witness
from tasks.delivery_marks import ATTEMPT_LIMIT, DeliveryCounts, Tally
from tasks.doubts import ask_records, settle_leftovers
from tasks.frozen_messages import read_message
from tasks.mail import AddressError, MailBackend, open_mail, write_ascii_address
from tasks.restored import RestoredDatabaseError, check_memory, open_journal, read_fingerprint
from tasks.runs import Run
from tasks.sending import Senders, Watch, find_address, make_outgoing, tell_nobody

__all__ = [
    "ATTEMPT_LIMIT",
    "DeliveryCounts",
    "DeliveryError",
    "RestoredDatabaseError",
    "deliver_due_messages",
    "list_due",
    "make_outgoing",
]

_CAP_SPAN = timedelta(hours=24)


class DeliveryError(PlainError):
    """The mail backend broke its promise and raised; the text is one sentence without personal data."""


def deliver_due_messages(
    run: Run, backend: MailBackend | None = None, watch: Watch = tell_nobody
) -> DeliveryCounts:
    """Send what is due now; returns how many were sent, returned, failed, unknown, suppressed, expired.

    Only one process of the program delivers at a time; another one leaves at once and counts `busy`. `backend` is the
    one that the settings name. `watch` is told how many messages are done, and of how many. Raises `MailError` if it
    can't send at all, `DeliveryError` if it raised anything else (that message is marked unknown and the others still
    go), `RestoredDatabaseError` if the database has forgotten mail that went out, `JournalError`, `LostLockError` or
    `DatabaseError`.
    """
    with run.database.open_session() as session, session.hold_sender_lock() as still_ours:
        if still_ours is None:
            return DeliveryCounts(busy=1)
        with closing(open_journal(run)) as journal:
            return _deliver(run, session, still_ours, journal, backend, watch)


def _deliver(
    run: Run,
    session: Session,
    still_ours: StillOurs,
    journal: DeliveryJournal,
    backend: MailBackend | None,
    watch: Watch,
) -> DeliveryCounts:
    tally = Tally()
    witness = _compare(run, session, journal)
    settle_leftovers(run, session, witness, tally)
    backend = backend or open_mail(run.settings)
    senders = Senders(run, session, backend, journal, still_ours, tally)
    senders.send_all(_choose_messages(run, session, backend, tally), watch)
    if senders.trouble:
        raise senders.trouble
    ask_records(run, session, backend, tally)
    if tally.breaks:
        raise DeliveryError(
            f"The mail backend failed on {len(tally.breaks)} messages ({', '.join(sorted(set(tally.breaks)))}); they "
            "may have gone out or not, are marked unknown, and the next run shows them on the Messages tab."
        )
    return tally.finish()


def _compare(run: Run, session: Session, journal: DeliveryJournal) -> Witness:
    """Make sure that the database has forgotten nothing; returns what the journal says."""
    witness = journal.read()
    with session.transaction(run.flow, run.now) as transaction:
        check_memory(run, transaction, witness)
        fingerprint = read_fingerprint(run, transaction)
    journal.compact(witness)
    if run.cohort_id not in witness.keys:
        journal.note_key(run.cohort_id, fingerprint)
    return witness


def list_due(run: Run) -> list[Row]:
    """Messages that a run at this moment would send, whole."""
    with run.database.transaction(run.flow, run.now) as transaction:
        due = _list_due(run, transaction)
        asleep = _find_sleepers(run, transaction, due)
        return [
            read_message(transaction, row["message_id"]) for row in due if row["recipient_id"] not in asleep
        ]


def _list_due(run: Run, transaction: Transaction) -> list[Row]:
    return transaction.fetch_all(
        "list_due_messages", cohort_id=run.cohort_id, at=transaction.at, attempt_limit=ATTEMPT_LIMIT
    )


def _choose_messages(run: Run, session: Session, backend: MailBackend, tally: Tally) -> list[str]:
    """Ids of what is due and may go out now.

    Not at night (a message was returned, or no run came in the daytime), not to addresses that the provider drops, not
    over the day's cap.
    """
    with session.transaction(run.flow, run.now) as transaction:
        due = _list_due(run, transaction)
        asleep = _find_sleepers(run, transaction, due)
        room = run.settings.program.delivery.daily_cap - _count_mail(run, transaction)
    awake = [row for row in due if row["recipient_id"] not in asleep]
    tally.counts["waiting for the morning"] += len(due) - len(awake)
    # The provider is asked only when there is something to send.
    suppressed = backend.list_suppressed() if awake else {}
    reasons = {row["message_id"]: _find_reason(find_address(run, row), suppressed) for row in awake}
    with session.transaction(run.flow, run.now) as transaction:
        for row in awake:
            if (reason := reasons[row["message_id"]]) is not None:
                _suppress(transaction, row, reason, tally)
    free = [message_id for message_id, reason in reasons.items() if reason is None]
    tally.counts["over the day's cap"] += len(free) - len(free[: max(room, 0)])
    return free[: max(room, 0)]


def _find_sleepers(run: Run, transaction: Transaction, due: list[Row]) -> set[str]:
    """Ids of recipients for whom it is not daytime now, by the zone of their first application."""
    if not due:
        return set()
    program = run.settings.program
    zones: dict[str, str] = {}
    for row in transaction.fetch_all("list_due_answers", cohort_id=run.cohort_id, at=transaction.at):
        zones.setdefault(row["person_id"], json.loads(row["answers"]).get("time_zone", ""))
    is_night = {
        name: next_daytime(run.now, _find_zone(name, program.zone), program.sending_hours) != run.now
        for name in {"", *zones.values()}
    }
    return {row["recipient_id"] for row in due if is_night[zones.get(row["recipient_id"], "")]}


def _find_zone(name: str, otherwise: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(check_time_zone(name)) if name else otherwise
    except ValueError:
        return otherwise


def _count_mail(run: Run, transaction: Transaction) -> int:
    span = {"since": format_time(run.now - _CAP_SPAN), "until": format_time(run.now + _CAP_SPAN)}
    row = transaction.fetch_one("count_mail_since", **span)
    return int(row["how_many"]) if row else 0


def _find_reason(address: str, suppressed: Mapping[str, str]) -> str | None:
    """Why the provider would drop mail to this address; None if it would not."""
    if not suppressed:
        return None
    spellings = [address.lower()]
    with suppress(AddressError):
        spellings.append(write_ascii_address(address).lower())
    found = next((suppressed[spelling] for spelling in spellings if spelling in suppressed), None)
    # A mail server's words may repeat the address.
    return None if found is None else re.sub(r"\S*@\S*", "…", found)


def _suppress(transaction: Transaction, row: Row, reason: str, tally: Tally) -> None:
    words = reason.rstrip(". ") or "it is on the provider's list"
    problem = f"The mail provider does not deliver to this address: {words}."
    message_id = row["message_id"]
    if transaction.execute("suppress_message", message_id=message_id, at=transaction.at, problem=problem):
        transaction.note("message", message_id, "suppress_message")
        tally.put(row, "suppressed")
