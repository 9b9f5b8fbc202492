"""A mail provider inside the test's own process, which does what the test says; and runs with few senders."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from tasks.mail import Delivery, OutgoingMessage
from tasks.runs import Run


@dataclass
class Provider:
    """A provider that accepts, unless `outcomes` says otherwise for a message; `before` sees each message first.

    `suppressed` is its list of addresses, `records` what its records say of a message.
    """

    outcomes: dict[str, Delivery | BaseException] = field(default_factory=dict)
    before: Callable[[OutgoingMessage], None] = lambda message: None
    sent: list[OutgoingMessage] = field(default_factory=list)
    suppressed: dict[str, str] = field(default_factory=dict)
    records: dict[str, Delivery | BaseException] = field(default_factory=dict)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def send(self, message: OutgoingMessage) -> Delivery:
        self.before(message)
        with self.guard:
            self.sent.append(message)
        outcome = self.outcomes.get(
            message.message_id, Delivery("accepted", provider_id=f"p-{message.message_id}")
        )
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def look_up(self, message_id: str, since: datetime) -> Delivery | None:
        self.asked.append((message_id, since))
        found = self.records.get(message_id)
        if isinstance(found, BaseException):
            raise found
        return found

    def list_suppressed(self) -> dict[str, str]:
        return self.suppressed

    def check(self) -> str:
        return "It accepts."

    @property
    def ids(self) -> list[str]:
        return [message.message_id for message in self.sent]


def with_delivery(run: Run, **settings: int) -> Run:
    """The run with other settings of `delivery` in its program."""
    program = run.settings.program
    delivery = program.delivery.model_copy(update=settings)
    changed = program.model_copy(update={"delivery": delivery})
    return replace(run, settings=replace(run.settings, program=changed))
