"""Mail as the flows see it, whatever carries it.

Belongs here: what a message is on its way out, what can become of it, what every backend promises, and what an address
must be for all of them. Does not belong here: how one backend works (`tasks.mail_files`, `tasks.mail_sendgrid`,
`tasks.mail_smtp`), what a message says (`mentoring.messages`), and when it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol
from urllib.parse import quote

from mentoring.errors import PlainError
from mentoring.message_markdown import clean_line
from mentoring.messages import Attachment
from mentoring.program import Program
from tasks.settings import Settings
from tasks.stage import find_stage

#: Where the files backend keeps mail, inside the program folder.
MAIL_FOLDER = "mail"

#: The name under which a message's own id goes with it to the provider, and comes back in its logs and events.
MESSAGE_ARGUMENT = "mentoring_message"

#: accepted: the backend has taken the message. refused: it never will, as it stands. not_arrived: it
#: certainly did not get there, and may be tried again. unknown: it may have been taken or not, and must not
#: be tried again by itself.
Outcome = Literal["accepted", "refused", "not_arrived", "unknown"]

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,60}\Z")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\Z")


@dataclass(frozen=True)
class OutgoingMessage:
    """One message to one recipient.

    `message_id` is opaque (letters, digits, - and _) and never used twice; `date` is an aware date-time, the
    moment of sending. Names, addresses and texts stay out of `repr`, so that no log or traceback shows them.
    Raises ValueError if `message_id`, `kind` or `date` can't be right.
    """

    message_id: str
    kind: str
    to_address: str = field(repr=False)
    to_name: str = field(repr=False)
    from_address: str = field(repr=False)
    from_name: str = field(repr=False)
    reply_to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    date: datetime
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse an id, kind or date that can't be right."""
        if not _MESSAGE_ID.match(self.message_id):
            raise ValueError("A message's id must be 1 to 80 letters, digits, - or _.")
        if not _KIND.match(self.kind):
            raise ValueError("A message's kind must be a name of small letters, digits and _.")
        if self.date.tzinfo is None:
            raise ValueError("A message's date must say its time zone.")


@dataclass(frozen=True)
class Delivery:
    """What became of one message: outcome, the backend's own id, a sentence without personal data.

    `retry_after` is the pause that the backend asked for with `not_arrived`.
    """

    outcome: Outcome
    provider_id: str = ""
    problem: str = ""
    retry_after: timedelta | None = None


class MailError(PlainError):
    """No mail can go out or be looked up at all; the text is one sentence with the mend, without personal data."""


class AddressError(ValueError):
    """An address can't be written to; the text does not repeat it."""


def check_address(address: str) -> str:
    """Return `address` if it is one address that can stand in a header. Raises `AddressError`."""
    if not _ADDRESS.match(address) or clean_line(address) != address:
        raise AddressError("An address of this message is not an e-mail address; please correct it.")
    return address


def write_ascii_address(address: str) -> str:
    """`address` as every mail server understands it: an international domain in its ASCII form.

    Raises `AddressError`, also if the part before the @ has other letters, which few servers take.
    """
    import idna

    name, _, domain = check_address(address).partition("@")
    try:
        written = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise AddressError(
            "The domain of an address of this message can't exist; please correct it."
        ) from None
    if not name.isascii():
        raise AddressError(
            "An address of this message has letters before the @ that mail providers don't take; "
            "please ask the person for another one."
        )
    return f"{name}@{written}"


def check_own_addresses(program: Program) -> None:
    """Raise `MailError` if the program's own addresses can't stand in a mail that a provider takes."""
    for key, address in (
        ("sender → address", program.sender.address),
        ("committee_address", program.committee_address),
    ):
        try:
            write_ascii_address(address)
        except AddressError:
            raise MailError(
                f"program.yaml, “{key}”, is not an address that mail providers take; correct it."
            ) from None


def write_unsubscribe(committee: str) -> str:
    """The header `List-Unsubscribe`: a mail to the committee, for leaving the program is more than leaving a list."""
    return f"<mailto:{quote(committee, safe='@')}?subject=unsubscribe>"


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, so that nobody can listen on the way."""
    return host == "localhost" or host == "::1" or bool(re.fullmatch(r"127(\.\d{1,3}){3}", host))


class MailBackend(Protocol):
    """What carries mail. Its methods may be called from several threads at once."""

    def send(self, message: OutgoingMessage) -> Delivery:
        """Send once. Trouble with a message is a `Delivery`, no exception; nothing is tried again.

        Raises `MailError` when no message can be sent (a key that is not accepted); this one certainly was not.
        """

    def look_up(self, message_id: str, since: datetime) -> Delivery | None:
        """What the backend's own records say of a message that was sent after `since`; None when they say nothing.

        `not_arrived` only where the records are complete. Raises `MailError`.
        """

    def list_suppressed(self) -> Mapping[str, str]:
        """Addresses, in small letters, that the backend would drop, with the reason in words. Raises `MailError`."""

    def check(self) -> str:
        """For the check-up: try what can be tried without sending, and say what was found. Raises `MailError`."""


def open_mail(settings: Settings) -> MailBackend:
    """The backend that the settings name; on a stage, the stage's. Raises `MailError` if it lacks a setting."""
    if stage := find_stage():
        return stage.mail
    if settings.mail == "sendgrid":
        from tasks.mail_sendgrid import open_sendgrid

        return open_sendgrid(settings)
    if settings.mail == "smtp":
        from tasks.mail_smtp import open_smtp

        return open_smtp(settings)
    from tasks.mail_files import FileMail

    return FileMail(settings.folder / MAIL_FOLDER)
