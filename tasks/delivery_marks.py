"""What a delivery leaves in the database and tells the operator: marks on messages, figures, sentences.

Belongs here: one message's way from `sending` to its next state, and the tally of a run. Does not belong here: sending
(`tasks.sending`), and what is decided long after it (`tasks.doubts`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from mentoring.cohort import refer_to_message
from tasks.database import Row, Transaction, format_time
from tasks.delivery_journal import Entry
from tasks.mail import Delivery
from tasks.runs import Run

#: Times that a message is handed over before it is parked as failed.
ATTEMPT_LIMIT = 5
FIRST_PAUSE = timedelta(minutes=15)
_LONGEST_PAUSE = timedelta(days=1)
_SHOWN = 5
_COUNTED = {"accepted": "sent", "refused": "failed", "not_arrived": "returned", "unknown": "unknown"}
_JOURNALED = {"accepted": "accepted", "refused": "refused", "not_arrived": "returned", "unknown": "unknown"}
_READ_BACK = {"accepted": "accepted", "refused": "refused", "returned": "not_arrived"}


class DeliveryCounts(dict[str, int]):
    """Figures of a delivery by name; `waiting` are sentences on what waits for a person, with references only."""

    waiting: tuple[str, ...] = ()


@dataclass
class Tally:
    """What a delivery has done so far. `breaks` are places where the backend raised what it must not raise."""

    counts: Counter[str] = field(default_factory=Counter)
    references: set[str] = field(default_factory=set)
    breaks: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def add(self, row: Row, delivery: Delivery | None) -> None:
        """Count what became of a message; None: it was not handed over."""
        self.put(row, _COUNTED[delivery.outcome] if delivery else "left for the next run")

    def put(self, row: Row, name: str) -> None:
        """Count a message, with its message_id and subject_id, under a name."""
        self.counts[name] += 1
        if name in ("failed", "unknown", "suppressed"):
            self.references.add(refer_to_message(row["subject_id"], row["message_id"]))

    def finish(self) -> DeliveryCounts:
        """The figures, and who waits for the committee: how many, and the first references."""
        shown = ("unknown", "expired", "failed")
        counts = DeliveryCounts({name: self.counts[name] for name in shown} | dict(+self.counts))
        waiting = list(self.sentences)
        if self.references:
            first = ", ".join(sorted(self.references)[:_SHOWN])
            more = ", …" if len(self.references) > _SHOWN else ""
            waiting.append(
                "Messages that did not get through and wait for a decision on the Messages tab: "
                f"{len(self.references)} ({first}{more})."
            )
        counts.waiting = tuple(waiting)
        return counts


def mark_delivery(transaction: Transaction, run: Run, row: Row, delivery: Delivery | None) -> None:
    """Mark a claimed message with what became of it; None: it was never handed over.

    `row` has its message_id and, the claim included, its attempts. Raises `ChangedMeanwhileError` if it is not claimed.
    """
    values = {"message_id": row["message_id"], "at": transaction.at}
    if delivery is None:
        transaction.change_one("release_message", message_id=row["message_id"])
    elif delivery.outcome == "accepted":
        transaction.change_one("mark_sent", **values, provider_id=delivery.provider_id)
    elif delivery.outcome == "refused":
        transaction.change_one(
            "mark_failed", **values, problem=delivery.problem or "The provider refused it."
        )
    elif delivery.outcome == "not_arrived":
        pause = delivery.retry_after or FIRST_PAUSE * 2 ** (row["attempts"] - 1)
        not_before = format_time(run.now + min(pause, _LONGEST_PAUSE))
        transaction.change_one(
            "return_message",
            message_id=row["message_id"],
            problem=delivery.problem,
            not_before=not_before,
        )
    else:
        transaction.change_one(
            "mark_unknown", **values, problem=delivery.problem or "Nobody knows whether it came."
        )
    happening = f"delivery {delivery.outcome}" if delivery else "delivery put off"
    transaction.note("message", row["message_id"], happening)


def write_entry(row: Row, delivery: Delivery | None) -> Entry:
    """What the journal keeps of a delivery."""
    if delivery is None:
        return Entry("released", row["attempts"])
    return Entry(_JOURNALED[delivery.outcome], row["attempts"], delivery.provider_id)


def read_entry(entry: Entry) -> tuple[bool, Delivery | None]:
    """Whether the journal knows what became of a message, and what (None: it was never handed over)."""
    if entry.event == "released":
        return True, None
    outcome = _READ_BACK.get(entry.event)
    if outcome is None or (outcome == "accepted" and not entry.provider_id):
        return False, None
    problem = (
        "" if outcome == "accepted" else "The software stopped before it could note what the provider said."
    )
    return True, Delivery(outcome, entry.provider_id, problem)  # type: ignore[arg-type]
