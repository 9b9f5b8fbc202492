"""A mail server on this machine: real SMTP, its own memory of what it took, and a dozen ways to fail.

It keeps the ground truth: `accepted` lists every message whose final dot it took, whatever its answer said or did not
say. It speaks EHLO, STARTTLS, AUTH PLAIN and LOGIN, MAIL, RCPT, DATA, RSET, NOOP and QUIT, and insists on their order.

What it does not know of real servers: their filters, limits and delays, pipelining, how long they take after the dot,
and the many words in which they say no; and it delivers nothing.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import struct
import threading
from base64 import b64decode
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

USER, PASSWORD = "mentoring@example.org", "pass word/1"


class SmtpFault(StrEnum):
    """What may go wrong in one session."""

    # The message is not taken.
    BUSY_AT_START = "busy_at_start"
    SILENT_AT_START = "silent_at_start"
    GONE_AT_START = "gone_at_start"
    LOGIN_REFUSED = "login_refused"
    LOGIN_LATER = "login_later"
    LOGIN_WANTED = "login_wanted"
    SENDER_REFUSED = "sender_refused"
    RECIPIENT_REFUSED = "recipient_refused"
    RECIPIENT_LATER = "recipient_later"
    DATA_REFUSED = "data_refused"
    GONE_AT_DATA = "gone_at_data"
    MESSAGE_REFUSED = "message_refused"
    MESSAGE_LATER = "message_later"
    RESET_BEFORE = "reset_before"
    SILENT_BEFORE = "silent_before"
    CLOSING_BEFORE = "closing_before"
    # It is taken, and the sender does not learn of it.
    RESET_AFTER = "reset_after"
    SILENT_AFTER = "silent_after"
    DRIP_AFTER = "drip_after"
    NONSENSE_AFTER = "nonsense_after"
    CLOSING_AFTER = "closing_after"


#: The message is taken, though the answer does not say so.
SMTP_TAKEN = frozenset(fault for fault in SmtpFault if fault.endswith("_after"))


@dataclass(frozen=True)
class AcceptedMail:
    """A message that was taken: the envelope, and the content without the dots of the transport."""

    sender: str
    recipients: list[str]
    content: bytes = field(repr=False)
    user: str
    is_encrypted: bool


class SmtpStandIn:
    """The server as a context manager.

    `tls` offers STARTTLS, or with `is_tls` makes every connection TLS from its first byte. With `wants_login` nothing is
    taken without name and password.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, is_tls: bool = False, wants_login: bool = False
    ) -> None:
        self.tls, self.is_tls, self.wants_login = tls, is_tls, wants_login
        self.accepted: list[AcceptedMail] = []
        self.faults: deque[SmtpFault | None] = deque()
        self.sessions = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def script(self, faults: Iterable[SmtpFault | None]) -> None:
        """Faults of the next sessions, one each; None is none."""
        self.faults.extend(faults)

    def __enter__(self) -> SmtpStandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    stand_in: SmtpStandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is no trouble of ours."""


class _Session(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        stand_in = self.server.stand_in
        with stand_in.lock:
            stand_in.sessions += 1
            self.fault = stand_in.faults.popleft() if stand_in.faults else None
        self.user, self.sender, self.recipients = "", "", list[str]()
        self.is_encrypted = False
        if stand_in.is_tls:
            self._encrypt()
        if self.fault is SmtpFault.SILENT_AT_START:
            return self._wait()
        if self.fault is SmtpFault.GONE_AT_START:
            return None
        self._say("421 too busy" if self.fault is SmtpFault.BUSY_AT_START else "220 stand-in")
        while line := self.rfile.readline(2000):
            word, _, rest = line.decode("ascii").strip().partition(" ")
            if self._obey(word.upper(), rest) is False:
                break
        return self.connection.close()

    def _obey(self, word: str, rest: str) -> bool | None:
        """Answer one command; False ends the session."""
        if word == "QUIT":
            self._say("221 goodbye")
            return False
        if word == "DATA":
            return self._take_data()
        answers = {
            "EHLO": self._greet,
            "STARTTLS": self._start_tls,
            "AUTH": lambda: self._let_in(rest),
            "MAIL": lambda: self._name_sender(rest),
            "RCPT": lambda: self._name_recipient(rest),
            "RSET": lambda: self._forget(),
            "NOOP": lambda: self._say("250 fine"),
        }
        answers.get(word, lambda: self._say("502 unknown command"))()
        return None

    def _greet(self) -> None:
        offers = ["stand-in", "SIZE 30000000"]
        if self.server.stand_in.tls and not self.is_encrypted:
            offers.append("STARTTLS")
        offers.append("AUTH PLAIN LOGIN")
        for number, offer in enumerate(offers):
            self._say(f"250{' ' if number == len(offers) - 1 else '-'}{offer}")

    def _start_tls(self) -> None:
        if self.server.stand_in.tls is None or self.is_encrypted:
            return self._say("502 no encryption here")
        self._say("220 go on")
        return self._encrypt()

    def _encrypt(self) -> None:
        assert self.server.stand_in.tls is not None
        self.connection = self.server.stand_in.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.is_encrypted = True

    def _let_in(self, rest: str) -> None:
        if self.fault is SmtpFault.LOGIN_LATER:
            return self._say("454 later please")
        way, _, first = rest.partition(" ")
        if way == "PLAIN":
            _, user, password = b64decode(first).decode().split("\0")
        else:
            user, password = (
                b64decode(text).decode()
                for text in (first or self._ask_for("VXNlcm5hbWU6"), self._ask_for("UGFzc3dvcmQ6"))
            )
        if self.fault is SmtpFault.LOGIN_REFUSED or (user, password) != (USER, PASSWORD):
            return self._say("535 5.7.8 wrong name or password for mentoring@example.org")
        self.user = user
        return self._say("235 welcome")

    def _ask_for(self, words: str) -> str:
        self._say(f"334 {words}")
        return self.rfile.readline(2000).decode("ascii").strip()

    def _name_sender(self, rest: str) -> None:
        found = re.match(r"FROM:<([^>]+)>", rest, re.I)
        if self.fault is SmtpFault.LOGIN_WANTED or (self.server.stand_in.wants_login and not self.user):
            return self._say("530 5.7.0 authentication required")
        if not found or self.fault is SmtpFault.SENDER_REFUSED:
            return self._say("553 5.1.8 sender not allowed")
        self.sender, self.recipients = found[1], []
        return self._say("250 fine")

    def _name_recipient(self, rest: str) -> None:
        found = re.match(r"TO:<([^>]+)>", rest, re.I)
        if not self.sender:
            return self._say("503 first the sender")
        if self.fault is SmtpFault.RECIPIENT_LATER:
            return self._say("450 4.2.0 <ana.ortiz@example.org> greylisted")
        if not found or self.fault is SmtpFault.RECIPIENT_REFUSED:
            return self._say("550 5.1.1 <ana.ortiz@example.org> unknown here")
        self.recipients.append(found[1])
        return self._say("250 fine")

    def _forget(self) -> None:
        self.sender, self.recipients = "", []
        self._say("250 forgotten")

    def _take_data(self) -> bool | None:
        if not self.recipients:
            self._say("503 first a recipient")
            return None
        if self.fault is SmtpFault.GONE_AT_DATA:
            return False
        if self.fault is SmtpFault.DATA_REFUSED:
            self._say("554 no")
            return None
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                # The sender died before the dot: nothing was handed over.
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        return self._settle(b"".join(lines))

    def _settle(self, content: bytes) -> bool | None:
        """What follows the dot."""
        before = {
            SmtpFault.MESSAGE_REFUSED: lambda: self._say("554 5.7.1 ana.ortiz@example.org: looks like spam"),
            SmtpFault.MESSAGE_LATER: lambda: self._say("451 4.3.0 no room just now"),
            SmtpFault.RESET_BEFORE: self._reset,
            SmtpFault.SILENT_BEFORE: self._wait,
            SmtpFault.CLOSING_BEFORE: lambda: self._say("421 going away"),
        }
        after = {
            SmtpFault.RESET_AFTER: self._reset,
            SmtpFault.SILENT_AFTER: self._wait,
            SmtpFault.DRIP_AFTER: self._drip,
            SmtpFault.NONSENSE_AFTER: lambda: self._say("HELLO there"),
            SmtpFault.CLOSING_AFTER: lambda: self._say("421 going away"),
        }
        if self.fault in before:
            before[self.fault]()
            return False
        with self.server.stand_in.lock:
            self.server.stand_in.accepted.append(
                AcceptedMail(self.sender, self.recipients, content, self.user, self.is_encrypted)
            )
        if self.fault in after:
            after[self.fault]()
            return False
        self._say("250 2.0.0 queued as 4ABC")
        return None

    def _say(self, text: str) -> None:
        self.connection.sendall(f"{text}\r\n".encode())

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _wait(self) -> None:
        self.connection.settimeout(0.05)
        while not self.server.stand_in.closing.is_set():
            try:
                if self.connection.recv(1024) == b"":
                    return
            except TimeoutError:
                continue

    def _drip(self) -> None:
        while not self.server.stand_in.closing.wait(0.02):
            self.connection.sendall(b"2")
