"""Sending: claimed messages go to the backend, several at once, and each is marked with what became of it.

One thread turns over: it marks what is done, claims what is next, and commits both at once. The others hand over, each
one message at a time; nothing is claimed before a sender is free for it. So whenever the process dies, no more messages
are in doubt than there are senders, and those are never sent again by themselves. Belongs here: the order of claim,
journal, call and mark. Does not belong here: what is due (`tasks.outbox`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any

from mentoring.digest import COMMITTEE_ID
from mentoring.errors import PlainError
from tasks.database import Row, Session, StillOurs, Transaction
from tasks.delivery_journal import DeliveryJournal
from tasks.delivery_marks import ATTEMPT_LIMIT, Tally, mark_delivery, write_entry
from tasks.frozen_messages import is_unchanged, read_message
from tasks.mail import Delivery, MailBackend, MailError, OutgoingMessage
from tasks.runs import Run

#: Gets how many messages are done, and of how many.
Watch = Callable[[int, int], None]


def tell_nobody(done: int, whole: int) -> None:
    """The watch of whoever does not look."""


class LostLockError(PlainError):
    """Another process may be sending now; the text is one sentence with the mend."""


class Senders:
    """The senders of one run. `trouble` is why no mail can go out at all, if that is so."""

    def __init__(
        self,
        run: Run,
        session: Session,
        backend: MailBackend,
        journal: DeliveryJournal,
        still_ours: StillOurs,
        tally: Tally,
    ) -> None:
        self.run, self.session, self.backend, self.journal = run, session, backend, journal
        self.still_ours, self.tally = still_ours, tally
        self.trouble: MailError | None = None
        self._stop, self._lost = threading.Event(), threading.Event()
        self._failures_in_a_row = 0

    def send_all(self, message_ids: Sequence[str], watch: Watch = tell_nobody) -> None:
        """Send these messages, each once, in about this order, as long as the backend takes most of them.

        `watch` is told how many are done, and of how many, with nothing of the database held meanwhile.

        Raises `LostLockError`, `DatabaseError` or `JournalError`; what had been handed over by then is in the journal.
        """
        waiting = iter(message_ids)
        senders = self.run.settings.program.delivery.senders
        flying: dict[Future[Delivery | None], Row] = {}
        count = 0
        with ThreadPoolExecutor(senders, thread_name_prefix="sender") as pool:
            try:
                done: set[Future[Delivery | None]] = set()
                while True:
                    finished = [(flying[future], future.result()) for future in done]
                    room = senders - len(flying) + len(done)
                    claimed = self._turn_over(finished, waiting, room)
                    for future in done:
                        del flying[future]
                    count += len(finished)
                    flying |= {pool.submit(self._hand_over, row): row for row in claimed}
                    watch(count, len(message_ids))
                    if not flying:
                        break
                    done = wait(flying, return_when=FIRST_COMPLETED).done
            except BaseException:
                self._rescue(flying)
                raise
        left = sum(1 for _ in waiting)
        self.tally.counts["left for the next run"] += left

    def _turn_over(
        self, finished: list[tuple[Row, Delivery | None]], waiting: Iterator[str], room: int
    ) -> list[Row]:
        """Mark what is done and claim what is next, in one commit; returns the messages that may be handed over."""
        self.journal.settle({row["message_id"]: write_entry(row, delivery) for row, delivery in finished})
        if self._lost.is_set():
            raise LostLockError(
                "The connection that reserves the sending for this run was lost, so it stopped; what was on its way "
                "is settled by the next run."
            )
        self._watch_failures(finished)
        with self.session.transaction(self.run.flow, self.run.now) as transaction:
            for row, delivery in finished:
                mark_delivery(transaction, self.run, row, delivery)
            claimed = [] if self._stop.is_set() else _claim(transaction, waiting, room)
        for row, delivery in finished:
            self.tally.add(row, delivery)
        if claimed:
            self.journal.begin((row["message_id"], row["attempts"]) for row in claimed)
        return claimed

    def _watch_failures(self, finished: list[tuple[Row, Delivery | None]]) -> None:
        """Stop when too many in a row did not go out: something is wrong with more than one message."""
        limit = self.run.settings.program.delivery.pause_after_refusals
        for _, delivery in finished:
            if delivery is None:
                continue
            self._failures_in_a_row = 0 if delivery.outcome == "accepted" else self._failures_in_a_row + 1
            if self._failures_in_a_row == limit and not self._stop.is_set():
                self._stop.set()
                self.tally.sentences.append(
                    f"Sending stopped after {limit} messages in a row that did not go out; the rest waits for the next "
                    "run, so first see on the Messages tab what happened to them."
                )

    def _hand_over(self, row: Row) -> Delivery | None:
        """In a sender's thread: send one message, unless the run has to stop; None if it was not handed over."""
        if self._stop.is_set():
            return None
        if not is_unchanged(row):
            return Delivery("refused", problem="Its text is no longer the one that was queued.")
        if not self.still_ours():
            self._lost.set()
            self._stop.set()
            return None
        try:
            return _require_id(self.backend.send(make_outgoing(self.run, row, self.run.now)))
        except MailError as error:
            self.trouble = error
            self._stop.set()
            return None
        except Exception as error:  # noqa: BLE001 – whatever it was, the message may have gone out
            self.tally.breaks.append(locate_error(error))
            return Delivery(
                "unknown", problem=f"The mail backend failed while sending it ({type(error).__name__})."
            )

    def _rescue(self, flying: Mapping[Future[Delivery | None], Row]) -> None:
        """The run is being interrupted: let finish what is on its way, and write into the journal what became of it."""
        self._stop.set()
        wait(flying)
        known = {future: row for future, row in flying.items() if future.exception() is None}
        self.journal.settle(
            {row["message_id"]: write_entry(row, future.result()) for future, row in known.items()}
        )


def _claim(transaction: Transaction, waiting: Iterator[str], room: int) -> list[Row]:
    """Claim the next that are still there to be sent; others were cancelled, or their people erased, meanwhile."""
    claimed: list[Row] = []
    while len(claimed) < room and (message_id := next(waiting, None)) is not None:
        values = {"message_id": message_id, "at": transaction.at}
        if transaction.execute("claim_message", **values, attempt_limit=ATTEMPT_LIMIT):
            claimed.append(read_message(transaction, message_id))
    return claimed


def _require_id(delivery: Delivery) -> Delivery:
    if delivery.outcome == "accepted" and not delivery.provider_id.strip():
        return Delivery("unknown", problem="The provider took it, but gave no reference to it.")
    return delivery


def locate_error(error: Exception) -> str:
    """What was raised and where. Its text stays out, since it may repeat an address."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f" in {Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}" if place else ""
    return f"{type(error).__name__}{where}"


def find_address(run: Run, row: Mapping[str, Any]) -> str:
    """Where a message goes; what is for the committee goes to the address in force."""
    is_committee = row.get("recipient_id") == COMMITTEE_ID
    return run.settings.program.committee_address if is_committee else str(row["email"])


def make_outgoing(run: Run, row: Mapping[str, Any], moment: datetime) -> OutgoingMessage:
    """A row of the outbox as mail, dated `moment` in the committee's time zone."""
    program = run.settings.program
    return OutgoingMessage(
        message_id=row["message_id"],
        kind=row["kind"],
        to_address=find_address(run, row),
        to_name=row["full_name"] or "",
        from_address=program.sender.address,
        from_name=program.sender.name,
        reply_to=program.committee_address,
        subject=row["subject_line"],
        text=row["body_text"],
        html=row["body_html"],
        date=moment.astimezone(program.zone),
        attachments=row.get("attachments", ()),
    )
