"""What the stand-in knows: the messages that it took, its logs, suppression lists and events.

Belongs here: the ground truth, and everything that SendGrid would derive from it. Does not belong here: requests and
answers (`stand_ins.sendgrid_server`).
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .sendgrid_faults import UNREACHABLE, Fault

LISTS = ("bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes")
ARGUMENT = "mentoring_message"


@dataclass(frozen=True)
class Accepted:
    """A message that was taken; `at` in ISO form, `dropped` if SendGrid does not send it on."""

    message_id: str
    provider_id: str
    to: str
    subject: str
    at: str
    dropped: bool
    categories: list[str]
    body: dict[str, Any] = field(repr=False)


class Memory:
    """All that the stand-in knows; safe for many threads.

    `record` is a file that gets a line of JSON for every message. Without `keeps_bodies` there are no bodies and no
    events. `log_delay` is how long a message is not in the logs yet.
    """

    def __init__(self, record: Path | None, keeps_bodies: bool, log_delay: timedelta) -> None:
        self.keeps_bodies, self.log_delay = keeps_bodies, log_delay
        self.calls: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._accepted: list[Accepted] = []
        self._faults: deque[Fault | None] = deque()
        self._suppressed: dict[str, dict[str, str]] = {name: {} for name in LISTS}
        self._events: list[bytes] = []
        self._late_events: list[bytes] = []
        self._clock = timedelta()
        self._record: TextIO | None = record.open("a", encoding="utf-8") if record else None
        self._webhook_key = ec.generate_private_key(ec.SECP256R1())

    def forget(self, addresses: set[str]) -> None:
        """Erase recipients from logs and what was taken, as SendGrid does at their sender's request."""
        with self._lock:
            self._accepted = [each for each in self._accepted if each.to.lower() not in addresses]

    def close(self) -> None:
        """Close the record."""
        if self._record:
            self._record.close()

    @property
    def now(self) -> datetime:
        """Its clock."""
        return datetime.now(UTC) + self._clock

    def set_time(self, moment: datetime | None) -> None:
        """Let the clock say `moment` now and go on from there; None is the machine's clock."""
        self._clock = timedelta() if moment is None else moment - datetime.now(UTC)

    @property
    def accepted(self) -> list[Accepted]:
        """Every message that was taken, in order: the truth."""
        with self._lock:
            return list(self._accepted)

    def count_call(self, name: str) -> None:
        """Note that `name` was asked."""
        with self._lock:
            self.calls[name] += 1

    def add_faults(self, faults: Iterable[Fault | str | None]) -> None:
        """Faults of the next requests to send."""
        wanted = [Fault(fault) if fault else None for fault in faults]
        if UNREACHABLE & {fault for fault in wanted if fault}:
            raise ValueError(
                "A connection that does not come about needs another address: address_for(fault)."
            )
        with self._lock:
            self._faults.extend(wanted)

    def take_fault(self) -> Fault | None:
        """The next request's fault."""
        with self._lock:
            return self._faults.popleft() if self._faults else None

    def suppress(self, email: str, name: str, reason: str) -> None:
        """Put an address on one of `LISTS`."""
        with self._lock:
            self._suppressed[name][email] = reason

    def list_suppressed(self, name: str, limit: int, offset: int) -> list[dict[str, Any]]:
        """A page of a suppression list."""
        with self._lock:
            page = list(self._suppressed[name].items())[offset : offset + limit]
        return [{"created": 1, "email": email, "reason": reason} for email, reason in page]

    def accept(self, body: dict[str, Any], fault: Fault | None) -> str:
        """Take a message, for good; returns SendGrid's number of it."""
        part = body["personalizations"][0]
        to = part["to"][0]["email"]
        with self._lock:
            accepted = Accepted(
                message_id=str(part.get("custom_args", {}).get(ARGUMENT, "")),
                provider_id=uuid4().hex[:22],
                to=to,
                subject=part.get("subject") or body["subject"],
                at=self.now.isoformat(timespec="seconds"),
                dropped=fault is Fault.SUPPRESSED or self._is_dropped(to),
                categories=body.get("categories", []),
                body=body if self.keeps_bodies else {},
            )
            self._accepted.append(accepted)
            self._add_events(accepted, fault)
            if self._record:
                line = {key: value for key, value in asdict(accepted).items() if key != "body"}
                self._record.write(json.dumps(line) + "\n")
                self._record.flush()
        return accepted.provider_id

    def _is_dropped(self, address: str) -> bool:
        # SendGrid goes on sending to addresses on the list of blocks.
        lists = (entries for name, entries in self._suppressed.items() if name != "blocks")
        return any(address.lower() == known.lower() for entries in lists for known in entries)

    def _add_events(self, accepted: Accepted, fault: Fault | None) -> None:
        if not self.keeps_bodies:
            return
        names = ("dropped",) if accepted.dropped else ("processed", "delivered")
        batch = json.dumps([self._write_event(accepted, name) for name in names]).encode()
        if fault is Fault.LATE_EVENT:
            self._late_events.append(batch)
        else:
            self._events += [batch] * (2 if fault is Fault.DUPLICATE_EVENT else 1)

    def _write_event(self, accepted: Accepted, name: str) -> dict[str, Any]:
        return {
            "email": accepted.to,
            "timestamp": int(self.now.timestamp()),
            "smtp-id": f"<{accepted.provider_id}@stand-in>",
            "event": name,
            "category": accepted.categories,
            "sg_event_id": uuid4().hex,
            "sg_message_id": _name_in_logs(accepted),
            **accepted.body["personalizations"][0].get("custom_args", {}),
        }

    def take_events(self) -> list[bytes]:
        """The batches of events that are due, as bodies of requests, each once."""
        with self._lock:
            due, self._events = self._events, []
            return due

    def release_late_events(self) -> None:
        """Let the events come that were held back."""
        with self._lock:
            self._events += self._late_events
            self._late_events = []

    @property
    def public_key(self) -> str:
        """The webhook's verification key as SendGrid's page shows it: base64 of DER, without PEM lines."""
        shown = self._webhook_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(shown).decode()

    def sign(self, body: bytes, at: datetime | None = None) -> dict[str, str]:
        """The headers that go with a batch of events."""
        stamp = str(int((at or self.now).timestamp()))
        signature = self._webhook_key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }

    def list_log(self, number: str | None = None) -> list[dict[str, Any]]:
        """The logs' entries, newest first; of one message alone if `number` names it."""
        with self._lock:
            shown_until = self.now - self.log_delay
            return [
                _write_entry(message)
                for message in reversed(self._accepted)
                if number in (None, _name_in_logs(message))
                if datetime.fromisoformat(message.at) <= shown_until
            ]


def _name_in_logs(message: Accepted) -> str:
    return f"{message.provider_id}.recvd-stand-in-0"


def _write_entry(message: Accepted) -> dict[str, Any]:
    return {
        "from_email": message.body.get("from", {}).get("email", ""),
        "sg_message_id": _name_in_logs(message),
        "subject": message.subject,
        "to_email": message.to,
        "status": "dropped" if message.dropped else "delivered",
        "sg_message_id_created_at": message.at,
        "categories": message.categories,
        "custom_args": {ARGUMENT: message.message_id} if message.message_id else {},
    }
