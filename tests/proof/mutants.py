"""Wrong designs, patched in one at a time: a machine that can't catch them proves nothing.

Each is a design that somebody might take for good, with the defence removed that would hide its fault (the journal for
those that come from before it). Belongs here: the designs, and in which situation each shows. Does not belong here: the
checks that catch them (`truth`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from mentoring.changes import Plan
from tasks import ledger, mail_sendgrid, outbox, sending
from tasks.database_sessions import Session, Transaction
from tasks.delivery_journal import DeliveryJournal, Witness
from tasks.mail import Delivery
from tasks.mail_sendgrid import SendGridMail
from tests.proof.crash_points import Point, Reference, try_point
from tests.proof.situations import (
    SENDING,
    try_fault,
    try_paused_worker,
    try_restore,
    try_two_workers,
)
from tests.proof.truth import Ledger
from tests.proof.worlds import World

Patches = Iterator[AbstractContextManager[Any]]


def _without_journal() -> Patches:
    yield patch.object(DeliveryJournal, "read", lambda self: Witness())


def _change_query(name: str, statement: str) -> Patches:
    """Another statement under the name of one of the program's changes."""
    execute = Transaction.execute

    def run(self: Transaction, query: str, **values: Any) -> int:
        if query != name:
            return execute(self, query, **values)
        return int(self.connection.execute(statement, values).rowcount)

    yield patch.object(Transaction, "execute", run)


def lease_back_to_pending() -> Patches:
    """A claim that nobody holds any more is sent again."""
    yield from _without_journal()
    yield from _change_query(
        "doubt_abandoned_messages",
        "UPDATE messages SET previous_state = state, state = 'pending' WHERE cohort_id = :cohort_id AND state = 'sending'",
    )


def mark_before_send() -> Patches:
    """A message is sent as soon as it is about to be."""
    claim = sending._claim

    def claim_as_sent(transaction: Transaction, waiting: Any, room: int) -> list[Any]:
        rows = claim(transaction, waiting, room)
        for row in rows:
            transaction.change_one(
                "mark_sent", message_id=row["message_id"], at=transaction.at, provider_id="soon"
            )
        return rows

    def fill_in(transaction: Transaction, run: Any, row: Any, delivery: Delivery | None) -> None:
        if delivery and delivery.outcome == "accepted":
            statement = "UPDATE messages SET provider_id = :id WHERE message_id = :key"
            transaction.connection.execute(statement, {"id": delivery.provider_id, "key": row["message_id"]})

    yield patch.object(sending, "_claim", claim_as_sent)
    yield patch.object(sending, "mark_delivery", fill_in)


def send_before_mark() -> Patches:
    """Nothing is committed before the call."""
    mark = sending.mark_delivery

    def read_only(transaction: Transaction, waiting: Any, room: int) -> list[Any]:
        keys = [key for _, key in zip(range(room), waiting, strict=False)]
        return [sending.read_message(transaction, key) for key in keys]

    def claim_and_mark(transaction: Transaction, run: Any, row: Any, delivery: Delivery | None) -> None:
        values = {"message_id": row["message_id"], "at": transaction.at}
        transaction.change_one("claim_message", **values, attempt_limit=sending.ATTEMPT_LIMIT)
        mark(transaction, run, row, delivery)

    yield from _without_journal()
    yield patch.object(sending, "_claim", read_only)
    yield patch.object(sending, "mark_delivery", claim_and_mark)


def retry_on_timeout() -> Patches:
    """Whatever brought no clear answer is tried once more."""
    send = SendGridMail.send

    def send_twice(self: SendGridMail, message: Any) -> Delivery:
        delivery = send(self, message)
        return send(self, message) if delivery.outcome == "unknown" else delivery

    yield patch.object(SendGridMail, "send", send_twice)


def no_unique_key() -> Patches:
    """A message is whatever a run wants to say, without a name by which it is known again."""
    queue = ledger.queue_message

    def queue_anew(transaction: Any, cohort: Any, draft: Any, *more: Any) -> None:
        queue(transaction, cohort, replace(draft, reissue=uuid4().int % 10**9), *more)

    yield patch.object(ledger, "queue_message", queue_anew)
    yield patch.object(Plan, "drop_known", lambda self, known: self)


def two_transactions() -> Patches:
    """First the change of state, then its messages."""
    apply = ledger.apply_plan

    def apply_in_two(run: Any, cohort: Any, plan: Plan) -> None:
        apply(run, cohort, replace(plan, messages=()))
        apply(run, cohort, replace(plan, changes=()))

    from tasks import steps

    yield patch.object(steps, "apply_plan", apply_in_two)


def _read_answer(change: Callable[[Any], Delivery | None]) -> Patches:
    read = mail_sendgrid.read_answer
    yield patch.object(mail_sendgrid, "read_answer", lambda answer: change(answer) or read(answer))


def redirect_is_success() -> Patches:
    """302 leads to a page that answers 200."""
    yield from _read_answer(lambda answer: Delivery("accepted", "moved") if answer.status == 302 else None)


def server_error_did_not_arrive() -> Patches:
    """5xx is taken for a message that did not get there."""
    yield from _read_answer(lambda answer: Delivery("not_arrived") if answer.status >= 500 else None)


def no_id_did_not_arrive() -> Patches:
    """202 without an id is taken for a message that did not get there."""
    yield from _read_answer(
        lambda answer: (
            Delivery("not_arrived") if answer.status == 202 and "x-message-id" not in answer.headers else None
        )
    )


def broken_connection_did_not_arrive() -> Patches:
    """A connection that broke is taken for one that never stood."""
    yield patch.object(mail_sendgrid, "UnclearCallError", ZeroDivisionError)
    yield patch.object(mail_sendgrid, "NotConnectedError", Exception)


def unknown_is_sent_again() -> Patches:
    """What nobody knows of is issued anew by itself."""
    settle = outbox.settle_leftovers

    def settle_and_resend(run: Any, session: Session, *more: Any) -> None:
        settle(run, session, *more)
        with session.transaction(run.flow, run.now) as transaction:
            statement = "SELECT * FROM messages WHERE state = 'unknown' AND resolution IS NULL"
            for row in list(transaction.connection.execute(statement)):
                values = {key: row[key] for key in ("message_id", "not_before", "expires_at")}
                issue = {"reissued_as": uuid4().hex, "reissue": row["reissue"] + 1, "at": transaction.at}
                transaction.execute("reissue_message", **values, **issue)
                transaction.execute("resolve_message", message_id=row["message_id"], resolution="resent")

    yield patch.object(outbox, "settle_leftovers", settle_and_resend)


@contextmanager
def _take_no_lock(self: Session) -> Iterator[Callable[[], bool]]:
    yield lambda: True


def no_process_lock() -> Patches:
    """Every process may send, since every message is claimed first."""
    yield patch.object(Session, "hold_sender_lock", _take_no_lock)


def claim_without_state() -> Patches:
    """A claim does not look at what the message has become meanwhile, and several processes send."""
    yield from no_process_lock()
    yield from _without_journal()
    yield from _change_query(
        "claim_message",
        "UPDATE messages SET previous_state = 'pending', state = 'sending', attempts = attempts + 1, claimed_at = :at "
        "WHERE message_id = :message_id",
    )
    yield patch.object(outbox, "settle_leftovers", lambda *_: None)


def suppressed_is_ignored() -> Patches:
    """The provider's lists are not asked for."""
    yield patch.object(SendGridMail, "list_suppressed", lambda self: {})


def no_journal() -> Patches:
    """Nothing outside the database remembers what was sent."""
    yield from _without_journal()


@dataclass(frozen=True)
class Mutant:
    """A wrong design, and the situations in which it must show."""

    design: Callable[[], Patches]
    situation: str
    tries: int = 8

    @property
    def name(self) -> str:
        return self.design.__name__

    @contextmanager
    def patch_in(self) -> Iterator[None]:
        with ExitStack() as stack:
            for change in self.design():
                stack.enter_context(change)
            yield


MUTANTS = (
    Mutant(lease_back_to_pending, "kill reply 202"),
    Mutant(mark_before_send, "kill before POST"),
    Mutant(send_before_mark, "kill reply 202"),
    Mutant(two_transactions, "kill after the commit in ledger.apply_plan"),
    Mutant(no_unique_key, "kill reply 202"),
    Mutant(unknown_is_sent_again, "kill reply 202"),
    Mutant(suppressed_is_ignored, "kill before POST", 1),
    Mutant(retry_on_timeout, "fault reset_after"),
    Mutant(broken_connection_did_not_arrive, "fault reset_after"),
    Mutant(redirect_is_success, "fault redirect"),
    Mutant(server_error_did_not_arrive, "fault server_error"),
    Mutant(no_id_did_not_arrive, "fault without_id"),
    Mutant(no_process_lock, "a paused worker"),
    Mutant(claim_without_state, "two workers"),
    Mutant(no_journal, "a restored database"),
)


def hunt(world: World, reference: Reference, mutant: Mutant, seed: int = 1) -> str:
    """The check that caught the mutant first, with the number of tries it took; empty if none did."""
    world.mutation = mutant.patch_in
    try:
        for number, ledger in enumerate(_try(world, reference, mutant, seed), 1):
            if ledger.violations:
                checks = list(dict.fromkeys(violation.check for _, violation in ledger.violations))
                return f"{checks[0]} (try {number})"
        return ""
    finally:
        world.mutation = World.mutation


def _try(world: World, reference: Reference, mutant: Mutant, seed: int) -> Iterator[Ledger]:
    draw = random.Random(seed)
    if mutant.situation.startswith("kill "):
        points = _pick_points(reference, draw, mutant.situation.removeprefix("kill "), mutant.tries)
        yield from (try_point(world, reference, point) for point in points)
    elif mutant.situation.startswith("fault"):
        yield try_fault(world, reference, mutant.situation.split()[1], draw.randrange(3))
    else:
        situation = {
            "two workers": try_two_workers,
            "a paused worker": try_paused_worker,
            "a restored database": try_restore,
        }[mutant.situation]
        yield from (situation(world, reference, draw.randrange(10**6)) for _ in range(mutant.tries))


def _pick_points(reference: Reference, draw: random.Random, place: str, count: int) -> list[Point]:
    """Moments of one kind in the runs that send something, drawn."""
    stages = list(reference.places.values())
    found = [
        Point(number, (moment,), 1)
        for number, moment in reference.list_points()
        if place in stages[number][moment - 1] and SENDING in stages[number]
    ]
    return draw.sample(found, min(count, len(found)))
