"""A database that was restored from a backup: noticed before anything is sent, and reconciled with the journal.

What such a database has forgotten would go out a second time. So a run compares it with the journal first, and sends
nothing until somebody has reconciled the two: then every message that the journal saw on its way is settled with what
the journal knows, those included that the program will plan again, since the same message has the same id. Does not
belong here: the journal's file (`tasks.delivery_journal`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from tasks.database import DatabaseError, Transaction
from tasks.delivery_journal import HARMLESS, JOURNAL_NAME, DeliveryJournal, Entry, JournalError, Witness
from tasks.delivery_marks import mark_delivery
from tasks.mail import Delivery
from tasks.runs import Run, WrongUseError

_SHOWN = 3
_DOUBT = "It was being sent before the database was restored from a backup; nobody knows whether it came."
_REFUSED = "The provider refused it before the database was restored from a backup."


class RestoredDatabaseError(DatabaseError):
    """The database has forgotten mail that went out; the text is one sentence with the mend."""


def open_journal(run: Run) -> DeliveryJournal:
    """The journal of the run's program folder."""
    return DeliveryJournal(run.settings.folder / JOURNAL_NAME)


def check_memory(run: Run, transaction: Transaction, witness: Witness) -> None:
    """Raise `RestoredDatabaseError` if the journal saw messages on their way that the database would send (again)."""
    _check_key(run, transaction, witness)
    forgotten = list_forgotten(transaction, witness)
    if forgotten:
        first = ", ".join(forgotten[:_SHOWN])
        raise RestoredDatabaseError(
            f"The database does not know of mail that has gone out already ({len(forgotten)}: {first}"
            f"{', …' if len(forgotten) > _SHOWN else ''}), so it was probably restored from a backup, and nothing is "
            "sent until you have run “mentoring reconcile”."
        )


def find_block(run: Run) -> tuple[str, ...]:
    """Why nothing is sent at present, for whoever asks; nothing if all is well. Raises `DatabaseError`."""
    try:
        with run.database.transaction(run.flow, run.now) as transaction:
            check_memory(run, transaction, open_journal(run).read())
    except (RestoredDatabaseError, JournalError) as error:
        return (str(error),)
    return ()


def list_forgotten(transaction: Transaction, witness: Witness) -> list[str]:
    """Ids of messages that were handed over, but are unknown to the database or wait in it to be sent."""
    seen = {key: item for key, item in witness.entries.items() if item.event not in HARMLESS}
    if not seen:
        return []
    states = {row["message_id"]: row["state"] for row in transaction.fetch_all("list_message_states")}
    reconciled = {row["message_id"] for row in transaction.fetch_all("list_witnessed_messages")}
    return sorted(key for key in seen if key not in reconciled and states.get(key, "pending") == "pending")


def make_fingerprint(token_key: str) -> str:
    """What the journal keeps of a cohort's key: enough to see that it is another one."""
    return hashlib.sha256(token_key.encode()).hexdigest()[:16]


def read_fingerprint(run: Run, transaction: Transaction) -> str:
    """The fingerprint of the cohort's key in this database."""
    head = transaction.fetch_one("find_cohort", cohort_id=run.cohort_id)
    assert head is not None, "open_run made sure of it"
    return make_fingerprint(head["token_key"])


def _check_key(run: Run, transaction: Transaction, witness: Witness) -> None:
    if witness.keys.get(run.cohort_id, "") in ("", read_fingerprint(run, transaction)):
        return
    raise RestoredDatabaseError(
        f"This database was made anew after mail of cohort {run.cohort_id} had gone out, so it can't tell what was "
        f"sent, and nothing is sent; restore a backup of the old one, or, if all mail may go out again, move "
        f"{JOURNAL_NAME} out of the program folder."
    )


def reconcile(run: Run) -> dict[str, int]:
    """Settle what the journal saw on its way and the database has forgotten; returns how many by what was known.

    `not known yet` are ids that the database will know when the program plans these messages again; they are settled
    then. Doing it twice changes nothing. Raises `RestoredDatabaseError` if the database can't be reconciled,
    `WrongUseError` while another run is sending, `JournalError` or `DatabaseError`.
    """
    with run.database.open_session() as session, session.hold_sender_lock() as still_ours:
        if still_ours is None:
            raise WrongUseError(
                "Another run is sending just now; wait until it is done, then reconcile again."
            )
        witness = open_journal(run).read()
        with session.transaction(run.flow, run.now) as transaction:
            _check_key(run, transaction, witness)
            forgotten = list_forgotten(transaction, witness)
            for message_id in forgotten:
                outcome, provider_id = _read_witness(witness.entries[message_id])
                values = {"message_id": message_id, "outcome": outcome, "provider_id": provider_id}
                transaction.change_one("add_witnessed_message", **values, at=transaction.at)
                transaction.note("message", message_id, "witnessed before a restore", outcome)
            counts = settle_witnessed(run, transaction)
    waiting = len(forgotten) - sum(counts.values())
    return {**counts, "not known yet": waiting}


def _read_witness(entry: Entry) -> tuple[str, str]:
    if entry.event == "accepted" and entry.provider_id:
        return "accepted", entry.provider_id
    return ("refused" if entry.event == "refused" else "unknown"), ""


def settle_witnessed(run: Run, transaction: Transaction) -> Mapping[str, int]:
    """Settle messages that wait although they went out before a restore; nothing is sent."""
    counts: Counter[str] = Counter()
    problems = {"refused": _REFUSED, "unknown": _DOUBT}
    for row in transaction.fetch_all("list_witnessed_pending"):
        transaction.change_one("reclaim_witnessed_message", message_id=row["message_id"], at=transaction.at)
        delivery = Delivery(row["outcome"], row["provider_id"], problems.get(row["outcome"], ""))
        mark_delivery(transaction, run, row, delivery)
        counts[{"accepted": "sent", "refused": "failed"}.get(row["outcome"], "unknown")] += 1
    return counts
