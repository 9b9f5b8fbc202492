"""The stand-in's answers over HTTP: routes, checks of the key, and the faults carried out.

Belongs here: requests and answers. Does not belong here: what was taken (`stand_ins.sendgrid_memory`), what is refused
(`stand_ins.sendgrid_rules`).
"""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .sendgrid_faults import Fault
from .sendgrid_memory import LISTS, Memory
from .sendgrid_rules import SIZE_LIMIT, RefusedError, judge_mail, read_query

KEY = "SG.stand-in"


class SendGridServer(ThreadingHTTPServer):
    """Serves one `memory` on loopback; `latency` in seconds precedes every answer."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        memory: Memory,
        latency: float,
        scopes: Iterable[str],
        groups: Iterable[int],
        senders: Iterable[str] | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.memory, self.latency = memory, latency
        self.scopes, self.groups = frozenset(scopes), frozenset(groups)
        self.senders = None if senders is None else {sender.lower() for sender in senders}
        self.closing = threading.Event()
        self.in_hand = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Count what is being answered."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self.in_hand -= 1

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count what is being answered, from the moment it is let in."""
        with self._lock:
            self.in_hand += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed or gave up is no trouble of ours; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: SendGridServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        place = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(size)
        if len(content) < size:
            # The sender died in the middle of its request: nothing was asked.
            return None
        self.server.memory.count_call(f"{method} {place.path}")
        try:
            if place.path.startswith("/stand-in/"):
                return self._control(place.path.removeprefix("/stand-in/"), content)
            if place.path == "/elsewhere":
                return self._answer(202, headers={"X-Message-Id": "from-elsewhere"})
            time.sleep(self.server.latency)
            self._route(method, place.path, parse_qs(place.query), content)
        except RefusedError as refusal:
            self._answer(refusal.status, _write_errors(refusal.message, refusal.field))

    def _route(self, method: str, path: str, query: dict[str, list[str]], content: bytes) -> None:
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            raise RefusedError(401, "authorization required")
        if path == "/v3/mail/send":
            self._require("mail.send")
            return self._send_mail(method, content)
        if path == "/v3/logs":
            self._require("email_activity.read")
            return self._search_logs(method, content)
        if path.startswith("/v3/logs/"):
            self._require("email_activity.read")
            return self._show_log(path.removeprefix("/v3/logs/"))
        if path.startswith("/v3/suppression/") and path.split("/")[-1] in LISTS:
            self._require("suppression.read")
            return self._list_suppressions(path.split("/")[-1], query)
        if re.fullmatch(r"/v3/asm/groups/\d+", path):
            self._require("asm.groups.read")
            if int(path.split("/")[-1]) not in self.server.groups:
                raise RefusedError(404, "resource not found")
            return self._answer(200, {"id": int(path.split("/")[-1]), "name": "Reminders", "unsubscribes": 0})
        if path == "/v3/recipients/erasejob":
            self._require("recipients.erasejob.create")
            return self._erase(method, content)
        raise RefusedError(404, "not found")

    def _erase(self, method: str, content: bytes) -> None:
        body = self._read_body(method, content)
        addresses = body.get("email_addresses") if isinstance(body, dict) else None
        if not isinstance(addresses, list) or not 1 <= len(addresses) <= 5000 or len(body) > 1:
            raise RefusedError(400, "invalid request", "email_addresses")
        self.server.memory.forget({str(address).lower() for address in addresses})
        return self._answer(202, {"job_id": "job-1"})

    def _require(self, scope: str) -> None:
        if scope not in self.server.scopes:
            raise RefusedError(403, "access forbidden")

    def _send_mail(self, method: str, content: bytes) -> None:
        server = self.server
        body = self._read_body(method, content)
        judge_mail(body, server.groups)
        if server.senders is not None and body["from"]["email"].lower() not in server.senders:
            raise RefusedError(403, "The from address does not match a verified Sender Identity.", "from")
        if body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return self._answer(200)
        fault = server.memory.take_fault()
        if fault in _BEFORE:
            return _BEFORE[fault](self)
        number = server.memory.accept(body, fault)
        if fault in _AFTER:
            return _AFTER[fault](self, number)
        return self._answer(202, headers={"X-Message-Id": number})

    def _read_body(self, method: str, content: bytes) -> Any:
        if method != "POST":
            raise RefusedError(405, "method not allowed")
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(415, "Content-Type should be application/json.")
        if len(content) > SIZE_LIMIT:
            raise RefusedError(413, "content too large")
        try:
            return json.loads(content)
        except ValueError:
            raise RefusedError(400, "Bad Request") from None

    def _search_logs(self, method: str, content: bytes) -> None:
        body = self._read_body(method, content)
        limit = body.get("limit", 10) if isinstance(body, dict) else None
        if (
            not isinstance(limit, int)
            or not 1 <= limit <= 1000
            or body.keys() - {"query", "limit", "subusers"}
        ):
            raise RefusedError(400, "invalid request", "limit")
        wanted = read_query(str(body.get("query", "")))
        found = [entry for entry in self.server.memory.list_log() if wanted(entry)][:limit]
        shown = [
            {key: entry[key] for key in entry if key not in ("categories", "custom_args")} for entry in found
        ]
        self._answer(200, {"messages": shown})

    def _show_log(self, number: str) -> None:
        for entry in self.server.memory.list_log(number):
            if entry["sg_message_id"] == number:
                more = {
                    "api_key_id": "stand-in",
                    "client_ip": "127.0.0.1",
                    "events": [{"event": entry["status"]}],
                }
                return self._answer(200, {**entry, **more, "category": entry["categories"]})
        raise RefusedError(404, "message not found")

    def _list_suppressions(self, name: str, query: dict[str, list[str]]) -> None:
        limit, offset = int(query.get("limit", ["500"])[0]), int(query.get("offset", ["0"])[0])
        if not 1 <= limit <= 500 or offset < 0:
            raise RefusedError(400, "limit must be between 1 and 500", "limit")
        self._answer(200, self.server.memory.list_suppressed(name, limit, offset))

    def _answer(
        self,
        status: int,
        body: Any = None,
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            **(headers or {}),
            "Content-Type": kind,
            "Content-Length": str(len(content)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _control(self, name: str, content: bytes) -> None:
        """What `RemoteStandIn` asks for."""
        memory, body = self.server.memory, json.loads(content or b"{}")
        commands: dict[str, Callable[[], Any]] = {
            "accepted": lambda: [asdict(message) for message in memory.accepted],
            "calls": lambda: memory.calls,
            "public-key": lambda: memory.public_key,
            "script": lambda: memory.add_faults(body["faults"]),
            "suppress": lambda: memory.suppress(**body),
            "time": lambda: memory.set_time(datetime.fromisoformat(body["at"]) if body["at"] else None),
            "latency": lambda: setattr(self.server, "latency", float(body["seconds"])),
            "in-hand": lambda: self.server.in_hand - 1,
            "release-late-events": memory.release_late_events,
            "take-events": lambda: [[batch.decode(), memory.sign(batch)] for batch in memory.take_events()],
        }
        if name not in commands:
            raise RefusedError(404, "not found")
        self._answer(200, json.dumps(commands[name]()).encode())

    def wait_for_the_end(self) -> None:
        """Say nothing until the client has gone or the stand-in ends."""
        self.connection.settimeout(0.05)
        while not self.server.closing.is_set():
            try:
                if self.connection.recv(1024) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def redirect(self) -> None:
        """Point to a page whose answer looks like an acceptance."""
        elsewhere = f"{self.server.url}/elsewhere"
        self._answer(302, headers={"Location": elsewhere, "X-Message-Id": "from-a-redirect"})

    def too_many(self, with_headers: bool) -> None:
        """429, with the documented header and a usual one, or without."""
        reset = str(int(self.server.memory.now.timestamp()) + 90)
        limits = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        self._answer(429, _write_errors("too many requests"), limits if with_headers else None)

    def fail(self, status: int, message: str) -> None:
        """An error as SendGrid writes it."""
        self._answer(status, _write_errors(message))

    def truncate(self, number: str) -> None:
        """The right headers, and less body than they announce."""
        self.send_response(202)
        self.send_header("X-Message-Id", number)
        self.send_header("Content-Length", "50")
        self.end_headers()
        self.wfile.write(b"so far and ")

    def drip(self, number: str) -> None:
        """An answer that never stalls for long and never ends."""
        start = f"HTTP/1.1 202 Accepted\r\nX-Message-Id: {number}\r\nX-Wait: ".encode()
        position = 0
        while not self.server.closing.is_set():
            self.wfile.write(start[position : position + 1] or b".")
            position += 1
            time.sleep(0.02)


def _write_errors(message: str, field: str | None = None) -> dict[str, Any]:
    return {"errors": [{"message": message, "field": field, "help": None}]}


_BEFORE: dict[Fault | None, Any] = {
    Fault.TIMEOUT_BEFORE: lambda handler: handler.wait_for_the_end(),
    Fault.RESET_BEFORE: lambda handler: handler.reset(),
    Fault.REDIRECT: lambda handler: handler.redirect(),
    Fault.BAD_REQUEST: lambda handler: handler._answer(
        400, _write_errors("Does not contain a valid address.", "personalizations.0.to.0.email")
    ),
    Fault.UNAUTHORIZED: lambda handler: handler.fail(401, "authorization required"),
    Fault.FORBIDDEN: lambda handler: handler.fail(403, "access forbidden"),
    Fault.TOO_LARGE: lambda handler: handler.fail(413, "content too large"),
    Fault.TOO_MANY: lambda handler: handler.too_many(True),
    Fault.TOO_MANY_BARE: lambda handler: handler.too_many(False),
    Fault.UNAVAILABLE_BEFORE: lambda handler: handler.fail(503, "service not available"),
}
_AFTER: dict[Fault | None, Any] = {
    Fault.TIMEOUT_AFTER: lambda handler, number: handler.wait_for_the_end(),
    Fault.RESET_AFTER: lambda handler, number: handler.reset(),
    Fault.TRUNCATED: lambda handler, number: handler.truncate(number),
    Fault.SLOW_DRIP: lambda handler, number: handler.drip(number),
    Fault.SERVER_ERROR: lambda handler, number: handler.fail(500, "internal server error"),
    Fault.BAD_GATEWAY: lambda handler, number: handler._answer(
        502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", kind="text/html"
    ),
    Fault.UNAVAILABLE_AFTER: lambda handler, number: handler.fail(503, "service not available"),
    Fault.WITHOUT_ID: lambda handler, number: handler._answer(202),
    Fault.DUPLICATE_EVENT: lambda handler, number: handler.fail(503, "service not available"),
    Fault.LATE_EVENT: lambda handler, number: handler.fail(503, "service not available"),
}
