"""Mail through a mail server of one's own (SMTP), with the promise that SendGrid gets: tried once, and no doubt hidden.

A server takes a message with its answer to the dot that ends it (RFC 5321, section 4.1.1.4). Before that dot nothing
can have been taken; between the dot and the answer nobody knows. Belongs here: one session for one message. Does not
belong here: the message's text (`tasks.mail_files`).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from tasks.deadlines import read_until
from tasks.mail import (
    AddressError,
    Delivery,
    MailError,
    OutgoingMessage,
    check_own_addresses,
    is_loopback,
    write_ascii_address,
)
from tasks.mail_files import name_message, write_eml
from tasks.settings import Settings

_SUBMISSION, _TLS_SUBMISSION = 587, 465
#: Replies that ask for another login, whatever the message.
_LOGIN_CODES = frozenset({530, 534, 535, 538})
_WANTS_LOGIN = "The mail server wants another name or password; correct MENTORING_SMTP_URL."
_UNTRUSTED = (
    "The mail server's certificate is not one for its name that this machine trusts; correct the name in "
    "MENTORING_SMTP_URL, or have the server's certificate renewed."
)


@dataclass(frozen=True)
class SmtpServer:
    """A mail server and how to sign in.

    Without `is_tls` (`smtps://`) the connection must turn to TLS by STARTTLS, except on this machine.
    """

    host: str
    port: int
    is_tls: bool
    user: str = ""
    password: SecretStr = field(default=SecretStr(""))


@dataclass(frozen=True)
class SmtpMail:
    """A mail backend that hands messages to `server`.

    `sender` is the address that `check` tries. `connect_seconds` bound the coming about of the connection,
    `answer_seconds` all that the server says during one message.
    """

    server: SmtpServer
    sender: str
    connect_seconds: float = 10.0
    answer_seconds: float = 120.0

    def send(self, message: OutgoingMessage) -> Delivery:
        """Hand the message over once. Raises `MailError` if the server lets nobody of ours in."""
        try:
            written = replace(
                message,
                to_address=write_ascii_address(message.to_address),
                from_address=write_ascii_address(message.from_address),
                reply_to=write_ascii_address(message.reply_to),
            )
        except AddressError as error:
            return Delivery("refused", problem=str(error))
        session: smtplib.SMTP | None = None
        try:
            session = self._open()
            refusal = _ask_to_take(session, written.from_address, written.to_address)
        except ssl.SSLCertVerificationError:
            raise MailError(_UNTRUSTED) from None
        except (OSError, smtplib.SMTPException) as error:
            _close(session)
            return Delivery("not_arrived", problem=f"The mail server could not be reached ({_name(error)}).")
        except MailError:
            _close(session)
            raise
        delivery = refusal or _hand_over(session, written)
        _close(session)
        return delivery

    def look_up(self, message_id: str, since: datetime) -> Delivery | None:  # noqa: ARG002 – there is nobody to ask
        """Nothing: a mail server keeps no records that can be asked."""
        return None

    def list_suppressed(self) -> Mapping[str, str]:
        """Nobody: a mail server keeps no such list."""
        return {}

    def check(self) -> str:
        """Sign in and name the sender, without a message. Raises `MailError`."""
        session: smtplib.SMTP | None = None
        place = f"{self.server.host}:{self.server.port}"
        try:
            session = self._open()
            code, _ = session.mail(write_ascii_address(self.sender))
        except ssl.SSLCertVerificationError:
            raise MailError(_UNTRUSTED) from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(
                f"The mail server {place} could not be reached ({_name(error)}); correct MENTORING_SMTP_URL, or wait."
            ) from None
        finally:
            _close(session)
        if code in _LOGIN_CODES:
            raise MailError(_WANTS_LOGIN)
        if code != 250:
            raise MailError(
                f"The mail server {place} does not take the sender's address ({code}); "
                "correct sender → address in program.yaml, or allow it there."
            )
        way = "encrypted" if self.server.is_tls or not is_loopback(self.server.host) else "on this machine"
        return f"the mail server {place} ({way}) takes mail from the sender's address"

    def _open(self) -> smtplib.SMTP:
        # Naming the sender's domain, since asking for this machine's own name can take longer than all the rest.
        name = write_ascii_address(self.sender).rpartition("@")[2]
        end = monotonic() + self.connect_seconds + self.answer_seconds
        settings: dict[str, Any] = {"local_hostname": name, "timeout": self.connect_seconds}
        if self.server.is_tls:
            settings["context"] = ssl.create_default_context()
        session = (_TlsSession if self.server.is_tls else _Session)(end, self.server, **settings)
        try:
            _secure(session, self.server)
            _sign_in(session, self.server)
        except BaseException:
            session.close()
            raise
        return session


class _Session(smtplib.SMTP):
    """A session in which the server must have said all by `end` (of `time.monotonic`)."""

    def __init__(self, end: float, server: SmtpServer, **settings: Any) -> None:
        self._end = end
        super().__init__(server.host, server.port, **settings)

    def getreply(self) -> tuple[int, bytes]:
        # Opened anew after STARTTLS.
        if self.file is None and self.sock is not None:
            self.file = read_until(self._end, self.sock)
        return super().getreply()


class _TlsSession(_Session, smtplib.SMTP_SSL):
    pass


def _secure(session: smtplib.SMTP, server: SmtpServer) -> None:
    if server.is_tls or is_loopback(server.host):
        return
    session.ehlo_or_helo_if_needed()
    if session.has_extn("starttls"):
        session.starttls(context=ssl.create_default_context())
    else:
        raise MailError(
            "The mail server offers no encryption (STARTTLS), so others could read every mail; use one that does."
        )


def _sign_in(session: smtplib.SMTP, server: SmtpServer) -> None:
    if not server.user:
        return
    try:
        session.login(server.user, server.password.get_secret_value())
    except smtplib.SMTPAuthenticationError as error:
        if 400 <= error.smtp_code < 500:
            raise
        raise MailError(_WANTS_LOGIN) from None
    except smtplib.SMTPNotSupportedError:
        raise MailError(
            "The mail server takes no name and password; leave them out of MENTORING_SMTP_URL, or correct its port."
        ) from None


def _ask_to_take(session: smtplib.SMTP, sender: str, recipient: str) -> Delivery | None:
    """Name sender and recipient and announce the message; what it says instead of “go on”, None if it says that."""
    steps: tuple[tuple[str, tuple[int, ...], Callable[[], tuple[int, bytes]]], ...] = (
        ("the sender's address", (250,), lambda: session.mail(sender)),
        ("the recipient's address", (250, 251), lambda: session.rcpt(recipient)),
        ("a message", (354,), lambda: session.docmd("DATA")),
    )
    for subject, wanted, ask in steps:
        code, _ = ask()
        if code in _LOGIN_CODES:
            raise MailError(_WANTS_LOGIN)
        if code not in wanted:
            return _read_refusal(code, subject)
    return None


def _hand_over(session: smtplib.SMTP, message: OutgoingMessage) -> Delivery:
    content = write_eml(message)
    # A line that is a dot alone would end the message.
    stuffed = re.sub(rb"(?m)^\.", b"..", content)
    try:
        session.send(stuffed.removesuffix(b"\r\n") + b"\r\n.\r\n")
        code, _ = session.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return Delivery(
            "unknown", problem=f"The connection to the mail server broke while it was sent ({_name(error)})."
        )
    if 200 <= code < 300:
        return Delivery("accepted", provider_id=name_message(message))
    # 421 is also what a server says that goes away, whatever it has done before.
    if code == 421 or not 400 <= code < 600:
        return Delivery(
            "unknown", problem=f"The mail server answered {code} to the message, which says nothing of it."
        )
    return _read_refusal(code, "the message")


def _read_refusal(code: int, subject: str) -> Delivery:
    if 500 <= code < 600:
        return Delivery("refused", problem=f"The mail server refused {subject} ({code}).")
    return Delivery("not_arrived", problem=f"The mail server did not take {subject} just now ({code}).")


def _close(session: smtplib.SMTP | None) -> None:
    """Say goodbye without waiting for the answer: nothing depends on it any more."""
    if session is not None:
        with suppress(OSError, smtplib.SMTPException):
            session.putcmd("quit")
        session.close()


def _name(error: Exception) -> str:
    # The text of an SMTP error repeats what the server said, and that may repeat an address.
    return type(error).__name__


def open_smtp(settings: Settings) -> SmtpMail:
    """The backend that the settings describe. Raises `MailError` if the server's address is missing or wrong."""
    if settings.smtp_url is None:
        raise MailError(
            "MENTORING_SMTP_URL is missing; put smtps://name:password@mail.example.org into .env in the program folder."
        )
    check_own_addresses(settings.program)
    return SmtpMail(read_server(settings.smtp_url), settings.program.sender.address)


def read_server(url: SecretStr) -> SmtpServer:
    """The mail server of `smtp://name:password@host:port` or `smtps://…`, name and password percent-encoded.

    Raises `MailError`, which does not repeat the address, for it may hold a password.
    """
    try:
        place = urlsplit(url.get_secret_value())
        port = place.port
    except ValueError:
        place, port = urlsplit(""), None
    if place.scheme not in ("smtp", "smtps") or not place.hostname or place.path not in ("", "/"):
        raise MailError(
            "MENTORING_SMTP_URL is no mail server's address; write it like smtps://name:password@mail.example.org, "
            "with %40 for an @ in name or password."
        )
    user, password = unquote(place.username or ""), unquote(place.password or "")
    if not (user + password).isascii():
        raise MailError(
            "Name or password in MENTORING_SMTP_URL has letters that can't be sent to a mail server (like ä); have "
            "another password made there."
        )
    is_tls = place.scheme == "smtps"
    return SmtpServer(
        host=place.hostname,
        port=port or (_TLS_SUBMISSION if is_tls else _SUBMISSION),
        is_tls=is_tls,
        user=user,
        password=SecretStr(password),
    )
