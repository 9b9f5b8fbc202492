"""Messages in doubt: what the journal, the provider's reports and its records say of them.

Nothing here sends anything. Belongs here: settling what an earlier run left, and resolving what is unknown. Does not
belong here: a restored database (`tasks.restored`), the committee's decisions (`mentoring.outbox`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from tasks.database import Database, Row, Session, Transaction, format_time, parse_time
from tasks.delivery_journal import Witness
from tasks.delivery_marks import ATTEMPT_LIMIT, Tally, mark_delivery, read_entry
from tasks.mail import Delivery, MailBackend, MailError
from tasks.restored import settle_witnessed
from tasks.runs import Run
from tasks.sending import locate_error

if TYPE_CHECKING:
    from tasks.mail_webhook import ProviderEvent

#: Messages that a run asks the provider's records about; the others have their turn in the next runs.
_QUESTIONS = 50
#: Provider and program may have different clocks, and a rehearsal has any clock it likes.
_CLOCK_MARGIN = timedelta(days=2)
#: Reports after which nobody will get the message.
_SENT_BACK: Mapping[str, str] = {
    "bounce": "The provider reports that the recipient's mail server sent it back.",
    "blocked": "The provider reports that the recipient's mail server did not take it.",
    "dropped": "The provider reports that it dropped the message and did not deliver it.",
}
_NEVER_ARRIVED = "The provider's records show that it never arrived there."


def settle_leftovers(run: Run, session: Session, witness: Witness, tally: Tally) -> None:
    """Settle what earlier runs left behind. We hold the lock, so a message that is being sent is in nobody's hands."""
    mine = {"cohort_id": run.cohort_id, "at": format_time(run.now)}
    with session.transaction(run.flow, run.now) as transaction:
        tally.counts.update(settle_witnessed(run, transaction))
        for row in transaction.fetch_all("list_abandoned_messages", cohort_id=run.cohort_id):
            _finish(run, transaction, row, witness, tally)
        tally.counts["unknown"] += transaction.execute("doubt_abandoned_messages", **mine)
        _believe_journal(transaction, witness, tally)
        _believe_reports(transaction, tally)
        tally.counts["expired"] += transaction.execute("expire_messages", **mine)
        tally.counts["failed"] += transaction.execute("park_messages", **mine, attempt_limit=ATTEMPT_LIMIT)


def _finish(run: Run, transaction: Transaction, row: Row, witness: Witness, tally: Tally) -> None:
    """Mark an abandoned message as the run that sent it would have, if it came to write into the journal."""
    entry = witness.entries.get(row["message_id"])
    if entry is None or entry.attempt != row["attempts"]:
        return
    is_known, delivery = read_entry(entry)
    if is_known:
        mark_delivery(transaction, run, row, delivery)
        tally.add(row, delivery)


def _believe_journal(transaction: Transaction, witness: Witness, tally: Tally) -> None:
    for row in transaction.fetch_all("list_unknown_messages"):
        entry = witness.entries.get(row["message_id"])
        is_known, delivery = read_entry(entry) if entry else (False, None)
        if is_known and delivery and delivery.outcome in ("accepted", "refused"):
            _resolve(transaction, row["message_id"], delivery, tally)


def _resolve(transaction: Transaction, message_id: str, delivery: Delivery, tally: Tally) -> None:
    """Move an unknown message to what was found out; one that was resolved meanwhile stays as it is."""
    values = {"message_id": message_id, "at": transaction.at}
    if delivery.outcome == "accepted":
        provider_id = delivery.provider_id or message_id
        changed = transaction.execute("confirm_message", **values, provider_id=provider_id)
    else:
        problem = (
            _NEVER_ARRIVED if delivery.outcome == "not_arrived" else delivery.problem or _SENT_BACK["dropped"]
        )
        changed = transaction.execute("refute_message", **values, problem=problem)
    if changed:
        transaction.note("message", message_id, f"resolved: {delivery.outcome}")
        found = "found out: sent" if delivery.outcome == "accepted" else "found out: not delivered"
        tally.counts[found] += 1


def _believe_reports(transaction: Transaction, tally: Tally) -> None:
    """Take in what the provider reported by itself."""
    rows = transaction.fetch_all("list_reported_messages")
    for message_id, group in groupby(rows, lambda row: str(row["message_id"])):
        reports = list(group)
        problem = _find_problem(row["event"] for row in reports)
        if reports[0]["state"] == "unknown":
            first = next((str(row["provider_id"]) for row in reports if row["provider_id"]), "")
            delivery = Delivery("refused", problem=problem) if problem else Delivery("accepted", first)
            _resolve(transaction, message_id, delivery, tally)
        elif transaction.execute("note_return", message_id=message_id, problem=problem):
            transaction.note("message", message_id, "sent back")
            tally.counts["sent back"] += 1


def _find_problem(events: Iterable[str]) -> str:
    return next((_SENT_BACK[event] for event in events if event in _SENT_BACK), "")


def record_event(database: Database, event: ProviderEvent) -> None:
    """Keep what the provider reported, once, and take it in where the message is known. Raises `DatabaseError`."""
    with database.transaction("webhook", datetime.now(UTC)) as transaction:
        is_new = transaction.execute(
            "add_provider_event",
            event_id=event.event_id,
            message_id=event.message_id,
            event=event.event,
            provider_id=event.provider_id,
            happened_at=format_time(event.at),
            at=transaction.at,
        )
        if is_new:
            _believe_reports(transaction, Tally())


def ask_records(run: Run, session: Session, backend: MailBackend, tally: Tally) -> None:
    """Ask the provider's records about messages that have been in doubt for the grace period.

    Records that can't be asked stop nothing: the operator is told, and the committee can decide.
    """
    before = format_time(run.now - timedelta(minutes=run.settings.program.delivery.grace_minutes))
    with session.transaction(run.flow, run.now) as transaction:
        rows = transaction.fetch_all(
            "list_messages_in_doubt", cohort_id=run.cohort_id, before=before, how_many=_QUESTIONS
        )
    for row in rows:
        since = min(parse_time(row["claimed_at"]), datetime.now(UTC)) - _CLOCK_MARGIN
        try:
            found = backend.look_up(row["message_id"], since)
        except MailError as error:
            tally.sentences.append(f"Messages in doubt could not be looked up: {error}")
            return
        except Exception as error:  # noqa: BLE001 – its text may repeat an address; the run fails with the place
            tally.breaks.append(locate_error(error))
            return
        with session.transaction(run.flow, run.now) as transaction:
            transaction.execute("note_look_up", message_id=row["message_id"], at=transaction.at)
            if found is not None and found.outcome != "unknown":
                _resolve(transaction, row["message_id"], found, tally)
