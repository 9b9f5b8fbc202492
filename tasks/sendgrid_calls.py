"""One call of the SendGrid API through its own library, so that its end is known as exactly as it can be.

The library leaves three things to its caller. It has no timeout, it follows a redirect as a GET and takes the page
there for the answer, and it does not tell a connection that never came about from one that broke after the request.
Belongs here: the call, its timeouts, what its failure proves, and what an answer says of the account and its key. Does
not belong here: what is asked, and what an answer means for a message (`tasks.mail_sendgrid`,
`tasks.sendgrid_records`).
"""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import socket
from time import monotonic
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import (
    BaseHandler,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    build_opener,
)

from pydantic import SecretStr
from python_http_client import Client  # type: ignore[import-untyped]
from python_http_client.exceptions import HTTPError  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]

from tasks.deadlines import read_until
from tasks.mail import is_loopback

#: In every message's categories, so that the logs can be asked for ours among the account's other mail.
CATEGORY = "mentoring"
_FIELD = re.compile(r"[a-z_0-9.\[\]-]{1,80}\Z")


class NotConnectedError(OSError):
    """The connection never came about, so that certainly nothing of the request was sent."""


class UnclearCallError(Exception):
    """The call broke after the connection stood: the request may have been carried out or not."""


@dataclass(frozen=True)
class Answer:
    """What SendGrid answered; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def read_json(self) -> Any:
        """The body as JSON, None if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def describe_key_trouble(self, permission: str) -> str | None:
        """What to mend if the account or its key is refused as a whole, None if it is not."""
        if self.status == 401:
            if b"credit" in self.body.lower():
                return "The SendGrid account has used up its messages; take a larger plan, or wait until it renews."
            return "SendGrid does not know the key in MENTORING_SENDGRID_API_KEY; make a new one there, and put it in."
        if self.status == 403:
            return (
                f"SendGrid forbids it (403); give the key the permission “{permission}”, and verify the sender's "
                "address or its domain there."
            )
        if self.status in (404, 405, 407):
            return f"Something else than SendGrid answers ({self.status}); correct MENTORING_SENDGRID_URL or the proxy."
        return None

    def name_field(self) -> str:
        """The field of the request that SendGrid complains of; its own text may repeat an address and is left out."""
        content = self.read_json()
        errors = content.get("errors") if isinstance(content, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        name = first.get("field") if isinstance(first, dict) else None
        return name if isinstance(name, str) and _FIELD.match(name) else ""


@dataclass(frozen=True)
class SendGridCalls:
    """Calls of one account at `url`.

    `connect_seconds` bound the connection's coming about (TCP and TLS each), `answer_seconds` everything after it up
    to the last byte of the answer.
    """

    url: str
    api_key: SecretStr
    connect_seconds: float = 10.0
    answer_seconds: float = 30.0

    def ask(self, request: Callable[[Any], Any]) -> Answer:
        """Let `request` make one call with a client of its own, and return the answer whatever its status.

        A client is never shared: the library's headers stick to it and leak between threads. Raises
        `NotConnectedError`, `UnclearCallError`.
        """
        try:
            reply = request(self._open_client())
        except HTTPError as error:
            return Answer(error.status_code, _lower(error.headers), error.body or b"")
        except URLError as error:
            if isinstance(error.reason, NotConnectedError):
                raise error.reason from None
            raise UnclearCallError(type(error.reason).__name__) from None
        except (OSError, HTTPException) as error:
            raise UnclearCallError(type(error).__name__) from None
        return Answer(reply.status_code, _lower(reply.headers), reply.body)

    def _open_client(self) -> Any:
        # At the level DEBUG it prints the key and whole messages, whatever the level above it.
        for name in ("python_http_client", "python_http_client.client"):
            logging.getLogger(name).setLevel(logging.WARNING)
        account = SendGridAPIClient(self.api_key.get_secret_value(), host=self.url)
        account.client = _Client(
            self._opener,
            host=self.url,
            version=3,
            request_headers=account.client.request_headers,
            timeout=self.connect_seconds,
        )
        return account

    @cached_property
    def _opener(self) -> OpenerDirector:
        # Reading the authorities' certificates takes tens of milliseconds; a context may serve many threads.
        context = ssl.create_default_context() if self.url.startswith("https:") else None
        handlers: list[BaseHandler] = [
            _NoRedirect(),
            _Http(self.answer_seconds),
            _Https(self.answer_seconds, context),
        ]
        if is_loopback(urlsplit(self.url).hostname or ""):
            # A proxy for the world outside would look for a stand-in on its own machine.
            handlers.append(ProxyHandler({}))
        return build_opener(*handlers)


def _lower(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in (headers or {}).items()}


class _Client(Client):  # type: ignore[misc]
    """The library's client with an opener of ours in the place of its own."""

    def __init__(self, opener: OpenerDirector, **settings: Any) -> None:
        super().__init__(**settings)
        self._own_opener = opener

    def _build_client(self, name: str | None = None) -> _Client:
        return _Client(
            self._own_opener,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            timeout=self.timeout,
        )

    def _make_request(self, opener: Any, request: Any, timeout: float | None = None) -> Any:  # noqa: ARG002
        return super()._make_request(self._own_opener, request, timeout=timeout)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: a message that was sent elsewhere as a GET is not sent."""


class _Http(HTTPHandler):
    def __init__(self, answer_seconds: float) -> None:
        super().__init__()
        self._connection = partial(_Connection, answer_seconds)

    def http_open(self, req: Any) -> Any:
        return self.do_open(self._connection, req)


class _Https(HTTPSHandler):
    def __init__(self, answer_seconds: float, context: ssl.SSLContext | None) -> None:
        super().__init__(context=context)
        self._connection = partial(_TlsConnection, answer_seconds, context=context)

    def https_open(self, req: Any) -> Any:
        return self.do_open(self._connection, req)


class _Connection(HTTPConnection):
    """A connection that says whether it came about, and reads its answer within a time."""

    def __init__(self, answer_seconds: float, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._answer_seconds = answer_seconds

    def connect(self) -> None:
        # A proxy's tunnel and the TLS handshake are part of it. The request follows only when it has returned.
        try:
            super().connect()
        except (OSError, HTTPException, UnicodeError) as error:
            raise NotConnectedError(_name_cause(error)) from None
        self.sock.settimeout(self._answer_seconds)
        deadline = monotonic() + self._answer_seconds
        self.response_class = partial(_Response, deadline)  # type: ignore[assignment]


class _TlsConnection(_Connection, HTTPSConnection):
    pass


def _name_cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, ssl.SSLError):
        return "no secure connection came about"
    return getattr(error, "strerror", None) or type(error).__name__


class _Response(HTTPResponse):
    """A response whose every byte must have come by `deadline`, however slowly they drip."""

    def __init__(self, deadline: float, sock: socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self.fp.close()
        self.fp = read_until(deadline, sock)
