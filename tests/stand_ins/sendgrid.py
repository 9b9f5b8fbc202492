"""A SendGrid on this machine: real HTTP, its own memory of what it took, and two dozen ways to fail.

    with SendGridStandIn() as sendgrid:
        sendgrid.script([None, Fault.TIMEOUT_AFTER])
        ...
        assert [message.message_id for message in sendgrid.accepted] == ["m-1", "m-2"]

It keeps the ground truth: `accepted` lists every message that it took, whatever its answer said or did not say. It judges
requests by SendGrid's public reference (`sendgrid_rules`), answers sandbox mode, Email Logs, suppression lists and
unsubscribe groups, and signs events as the Event Webhook does.

What it does not know of the real service: how soon and how completely the logs show a message; what else the real
validation refuses beyond the reference (content filters, account reviews); the real limits per second; whether 500 and
503 of the real service ever follow an acceptance (here both happen, since nothing says they can't); how long events take
and in which order they come; and it delivers nothing. Top-level custom_args are a string here, as in the published
description.

Run it by itself with `python -m tests.stand_ins.sendgrid --port 8025 --record accepted.jsonl`; `RemoteStandIn` speaks to
it there.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from .sendgrid_faults import TAKEN, UNREACHABLE, Fault
from .sendgrid_memory import LISTS, Accepted, Memory
from .sendgrid_server import KEY, SendGridServer

__all__ = ["KEY", "LISTS", "TAKEN", "UNREACHABLE", "Accepted", "Fault", "RemoteStandIn", "SendGridStandIn"]

SCOPES = (
    *("mail.send", "suppression.read", "email_activity.read", "asm.groups.read"),
    "recipients.erasejob.create",
)


class SendGridStandIn:
    """The stand-in as a context manager; `url` is its address, `key` the one key that it knows.

    `latency` (seconds) precedes every answer. Without `keeps_bodies` its own memory stays small, and there are no events.
    `record` is a file that gets a line of JSON for every message before it is answered. `scopes` are the key's
    permissions, `groups` the unsubscribe groups, `senders` the verified addresses (None: all). `log_delay` is how long a
    message is not in the logs yet. With `tls` it speaks HTTPS.
    """

    key = KEY

    def __init__(
        self,
        port: int = 0,
        latency: float = 0.0,
        record: Path | None = None,
        keeps_bodies: bool = True,
        scopes: Iterable[str] = SCOPES,
        groups: Iterable[int] = (7,),
        senders: Iterable[str] | None = None,
        log_delay: timedelta = timedelta(),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.memory = Memory(record, keeps_bodies, log_delay)
        self._make_server = partial(
            SendGridServer,
            memory=self.memory,
            latency=latency,
            scopes=scopes,
            groups=groups,
            senders=senders,
            tls=tls,
        )
        self._server = self._make_server(port)
        self._garbage: socket.socket | None = None

    @property
    def url(self) -> str:
        """Address of the API."""
        return self._server.url

    def __enter__(self) -> SendGridStandIn:
        self._start()
        return self

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Nobody listens at `url` while the block lasts, so that connections are refused; then it goes on as before."""
        port = self._server.server_port
        self._stop()
        try:
            yield
        finally:
            self._server = self._make_server(port)
            self._start()

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._garbage:
            self._garbage.close()
        with suppress(TimeoutError):
            # A sender that was stopped in the middle of its request may stay so.
            self.wait_until_quiet(2)
        self.memory.close()

    @property
    def accepted(self) -> list[Accepted]:
        """Every message that was taken, in order: the truth."""
        return self.memory.accepted

    @property
    def calls(self) -> Counter[str]:
        """How often each thing was asked, like “POST /v3/mail/send”."""
        return self.memory.calls.copy()

    def script(self, faults: Iterable[Fault | str | None]) -> None:
        """Faults of the next requests to send, one each; None is none. Sandbox requests don't use them up."""
        self.memory.add_faults(faults)

    def address_for(self, fault: Fault | str) -> str:
        """An address of the API at which the connection fails like this (one of `UNREACHABLE`)."""
        if fault == Fault.DNS:
            return "http://sendgrid.invalid"
        if fault == Fault.TLS:
            return f"https://127.0.0.1:{self._serve_garbage()}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{free.getsockname()[1]}"

    def suppress(self, email: str, name: str = "bounces", reason: str = "550 no such user") -> None:
        """Put an address on one of `LISTS`."""
        self.memory.suppress(email, name, reason)

    def set_time(self, moment: datetime | None) -> None:
        """Let its clock say `moment` now and go on from there; None is the machine's clock."""
        self.memory.set_time(moment)

    @property
    def public_key(self) -> str:
        """The webhook's verification key as SendGrid's page shows it."""
        return self.memory.public_key

    def release_late_events(self) -> None:
        """Let the events come that were held back."""
        self.memory.release_late_events()

    def post_events(self, address: str) -> list[int]:
        """Bring the due events to a webhook; the status of each answer."""
        return [_post(address, batch, self.memory.sign(batch)) for batch in self.memory.take_events()]

    def wait_until_quiet(self, seconds: float = 30) -> None:
        """Wait until no request is in its hands any more. Raises TimeoutError."""
        _wait_until_quiet(lambda: self._server.in_hand, seconds)

    def _serve_garbage(self) -> int:
        if self._garbage is None:
            self._garbage = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=_answer_garbage, args=(self._garbage,), daemon=True).start()
        return int(self._garbage.getsockname()[1])


class RemoteStandIn:
    """The same, in another process at `url`."""

    key = KEY

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def accepted(self) -> list[Accepted]:
        """Every message that was taken, in order: the truth."""
        return [Accepted(**entry) for entry in self._ask("accepted")]

    @property
    def calls(self) -> Counter[str]:
        """How often each thing was asked."""
        return Counter(self._ask("calls"))

    @property
    def public_key(self) -> str:
        """The webhook's verification key as SendGrid's page shows it."""
        return str(self._ask("public-key"))

    def script(self, faults: Iterable[Fault | str | None]) -> None:
        """Faults of the next requests to send, one each."""
        self._ask("script", faults=list(faults))

    def suppress(self, email: str, name: str = "bounces", reason: str = "550 no such user") -> None:
        """Put an address on one of `LISTS`."""
        self._ask("suppress", email=email, name=name, reason=reason)

    def set_time(self, moment: datetime | None) -> None:
        """Let its clock say `moment` now; None is the machine's clock."""
        self._ask("time", at=moment and moment.isoformat())

    def set_latency(self, seconds: float) -> None:
        """Seconds before every answer from now on."""
        self._ask("latency", seconds=seconds)

    def release_late_events(self) -> None:
        """Let the events come that were held back."""
        self._ask("release-late-events")

    def post_events(self, address: str) -> list[int]:
        """Bring the due events to a webhook; the status of each answer."""
        return [_post(address, batch.encode(), headers) for batch, headers in self._ask("take-events")]

    def wait_until_quiet(self, seconds: float = 30) -> None:
        """Wait until no request is in its hands any more. Raises TimeoutError."""
        _wait_until_quiet(lambda: int(self._ask("in-hand")), seconds)

    def _ask(self, command: str, /, **body: Any) -> Any:
        with urlopen(
            Request(f"{self.url}/stand-in/{command}", json.dumps(body).encode()), timeout=30
        ) as answer:
            return json.load(answer)


def _wait_until_quiet(count: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    # Twice, since a connection may be waiting to be let in.
    while count() or (time.sleep(0.01), count())[1]:
        if time.monotonic() > end:
            raise TimeoutError("The stand-in still has requests in hand.")
        time.sleep(0.005)


def _answer_garbage(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(2)
            try:
                connection.recv(4096)
                connection.sendall(b"220 this is no TLS\r\n")
            except OSError:
                continue


def _post(address: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        with urlopen(Request(address, body, headers), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def main() -> None:
    """Print the address, then serve until the input ends: whoever started it holds it."""
    options = argparse.ArgumentParser(description="A SendGrid on this machine, for tests.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--record", type=Path, help="file that gets a line for every message that was taken")
    options.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    options.add_argument("--no-bodies", action="store_true", help="keep no bodies (for long measurements)")
    chosen = options.parse_args()
    with SendGridStandIn(chosen.port, chosen.latency, chosen.record, not chosen.no_bodies) as stand_in:
        print(stand_in.url, flush=True)
        for _ in sys.stdin:
            continue


if __name__ == "__main__":
    main()
