"""Mail as the flows see it, whatever carries it.

Belongs here: what a message is on its way out, what can become of it, and what every backend promises. Does
not belong here: how one backend works (`tasks.mail_files`), what a message says (`mentoring.messages`), and
when it is sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from tasks.settings import Settings

#: Where the files backend keeps mail, inside the program folder.
MAIL_FOLDER = "mail"

#: accepted: the backend has taken the message. refused: it never will, as it stands. not_arrived: it
#: certainly did not get there, and may be tried again. unknown: it may have been taken or not, and must not
#: be tried again by itself.
Outcome = Literal["accepted", "refused", "not_arrived", "unknown"]

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,60}\Z")


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
    """What became of one message: outcome, the backend's own id, a sentence without personal data."""

    outcome: Outcome
    provider_id: str = ""
    problem: str = ""


class MailBackend(Protocol):
    """What carries mail."""

    def send(self, message: OutgoingMessage) -> Delivery:
        """Send once. Trouble with a message is a `Delivery`, no exception; nothing is tried again."""


def open_mail(settings: Settings) -> MailBackend:
    """The backend that the settings name."""
    from tasks.mail_files import FileMail

    return FileMail(settings.folder / MAIL_FOLDER)
