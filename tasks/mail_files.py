"""Mail into a folder: one `.eml` file per message, for rehearsals and for programs without a mail provider.

Belongs here: the file, its name, and reading it back. Does not belong here: the pages to browse it
(`tasks.mail_index`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string, policy
from email.header import Header, decode_header, make_header
from email.message import EmailMessage
from email.parser import HeaderParser
from email.utils import format_datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock

from filelock import FileLock

from mentoring.message_markdown import clean_line
from mentoring.messages import Attachment
from tasks.mail import AddressError, Delivery, MailError, OutgoingMessage, check_address, write_unsubscribe

_FILE_NAME = re.compile(
    r"(?P<minute>\d{4}-\d\d-\d\dT\d{4})-(?P<kind>[a-z][a-z0-9_]*)-(?P<id>[A-Za-z0-9_-]+)\.eml\Z"
)
_ENCODED_WORDS = re.compile(r"=\?utf-8\?[bq]\?[^?\s]*\?=(?:\s+=\?utf-8\?[bq]\?[^?\s]*\?=)*")
#: Keep every line of a header below the 998 characters of RFC 5322.
_NAME_LIMIT = 120
_LINE_LIMIT = 900
_turn = Lock()


@dataclass(frozen=True)
class FileMail:
    """A mail backend that writes into `folder` (made on first use, for its owner only)."""

    folder: Path

    def send(self, message: OutgoingMessage) -> Delivery:
        """Write the message's file; a message that is there already is accepted again and not doubled.

        The file's name begins with the date and time in UTC, so that names sort by time.
        """
        try:
            content = write_eml(message)
        except AddressError as error:
            return Delivery("refused", problem=str(error))
        try:
            with lock_folder(self.folder):
                name = find_message(self.folder, message.message_id)
                if name is None:
                    minute = f"{message.date.astimezone(UTC):%Y-%m-%dT%H%M}"
                    name = f"{minute}-{message.kind}-{message.message_id}.eml"
                    write_private(self.folder / name, content)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            return Delivery(
                "not_arrived", problem=f"The mail folder can't be written ({reason}); please make room there."
            )
        return Delivery("accepted", provider_id=name.removesuffix(".eml"))

    def look_up(self, message_id: str, since: datetime) -> Delivery:  # noqa: ARG002 – the folder forgets nothing
        """Whether the message's file is there. Raises `MailError` if the folder can't be read."""
        try:
            name = find_message(self.folder, message_id) if self.folder.exists() else None
        except OSError as error:
            raise MailError(_describe_folder(self.folder, "read", error)) from None
        if name is None:
            return Delivery("not_arrived", problem="The mail folder does not hold it.")
        return Delivery("accepted", provider_id=name.removesuffix(".eml"))

    def list_suppressed(self) -> Mapping[str, str]:
        """Nobody: a folder takes every address."""
        return {}

    def check(self) -> str:
        """Make the folder if need be and write into it. Raises `MailError`."""
        probe = self.folder / ".doctor"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(probe, b"")
            probe.unlink()
        except OSError as error:
            raise MailError(_describe_folder(self.folder, "written", error)) from None
        return f"written to files in {self.folder.name}/, nothing leaves this machine"


def _describe_folder(folder: Path, verb: str, error: OSError) -> str:
    reason = error.strerror or "unknown reason"
    return f"The folder {folder} can't be {verb} ({reason}); give yourself permission, or free some space."


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Be the only writer of the folder, which is made if need be, for its owner only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Whoever writes does so for some milliseconds: nobody should sleep longer than that. Several senders of one process
    # wait for each other first, which costs less than asking for the file's lock again and again.
    with _turn, FileLock(folder / ".lock", mode=0o600, poll_interval=0.002):
        yield


def list_messages(folder: Path) -> list[str]:
    """Names of the folder's messages, oldest first."""
    return sorted(name for name in os.listdir(folder) if _FILE_NAME.match(name))


def find_message(folder: Path, message_id: str) -> str | None:
    """The file name of the message with this id, or None."""
    for name in os.listdir(folder):
        found = name.endswith(f"-{message_id}.eml") and _FILE_NAME.match(name)
        if found and found["id"] == message_id:
            return name
    return None


def remove_messages(folder: Path, message_ids: Iterable[str]) -> int:
    """Delete the files of these messages and say how many there were. Raises OSError."""
    with lock_folder(folder):
        names = [name for message_id in message_ids if (name := find_message(folder, message_id))]
        for name in names:
            (folder / name).unlink()
    return len(names)


def write_private(path: Path, content: bytes) -> None:
    """Write a whole file or nothing, readable by its owner only. Raises OSError."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        try:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
            os.replace(part.name, path)
        except OSError:
            os.unlink(part.name)
            raise


def write_eml(message: OutgoingMessage) -> bytes:
    """The message as RFC 5322 text. Raises `AddressError` if an address can't stand in a header."""
    head = {
        "Date": format_datetime(message.date),
        "From": _write_person(message.from_name, message.from_address),
        "To": _write_person(message.to_name, message.to_address),
        "Reply-To": _write_person("", message.reply_to),
        "Subject": _encode_words(clean_line(message.subject)),
        "Message-ID": name_message(message),
        "X-Mentoring-Kind": message.kind,
        "X-Mentoring-Message": message.message_id,
        "List-Unsubscribe": write_unsubscribe(message.reply_to),
        # Asks answering machines not to answer (RFC 3834).
        "Auto-Submitted": "auto-generated",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return lines.encode() + _write_body(message).as_bytes()


def name_message(message: OutgoingMessage) -> str:
    """Its `Message-ID`: the same however often it is written, so that a program that gets it twice can tell."""
    return f"<{message.message_id}@{message.from_address.rpartition('@')[2]}>"


def _write_body(message: OutgoingMessage) -> EmailMessage:
    body = EmailMessage(policy=policy.SMTP.clone(max_line_length=76))
    body.set_content(message.text, cte="quoted-printable")
    body.add_alternative(message.html, subtype="html", cte="quoted-printable")
    # Neither quoted-printable nor base64 ever holds "=_" or "=.", so these can't occur in a part, and the same
    # message gives the same bytes.
    body.set_boundary(f"=_{message.message_id[:60]}")
    if message.attachments:
        _attach(body, message.attachments)
        body.set_boundary(f"=.{message.message_id[:60]}")
    return body


def _attach(body: EmailMessage, attachments: Iterable[Attachment]) -> None:
    for attachment in attachments:
        kind, _, parameters = attachment.media_type.partition(";")
        main, _, sub = kind.strip().partition("/")
        body.add_attachment(
            attachment.content, maintype=main, subtype=sub, filename=clean_line(attachment.name), cte="base64"
        )
        part = list(body.iter_attachments())[-1]
        for pair in filter(None, (text.strip() for text in parameters.split(";"))):
            name, _, value = pair.partition("=")
            part.set_param(name, value.strip('"'))


def _write_person(name: str, address: str) -> str:
    """“Name <address>” for a header, the name quoted or encoded as it needs.

    The standard library's own folding drops the quotes of a long name in Python 3.11, which turns a comma in
    it into a second recipient; so names are written here and not folded.
    """
    check_address(address)
    shown = clean_line(name)[:_NAME_LIMIT]
    if not shown:
        return address
    encoded = _encode_words(shown)
    phrase = encoded if encoded != shown else '"' + re.sub(r'(["\\])', r"\\\1", shown) + '"'
    between = " " if len(phrase) + len(address) < 64 else "\r\n "
    return f"{phrase}{between}<{address}>"


def _encode_words(text: str) -> str:
    """`text` itself if one line of a header may hold it, else encoded words (RFC 2047) of at most 75 characters."""
    if text.isascii() and "=?" not in text and len(text) <= _LINE_LIMIT:
        return text
    return Header(text, "utf-8", maxlinelen=75, header_name="X-Mentoring-Kind").encode(linesep="\r\n")


def read_eml(path: Path) -> EmailMessage:
    """Read a message back, for its bodies; `read_head` reads its headers better. Raises OSError."""
    mail = message_from_string(path.read_text(encoding="utf-8"), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def read_head(path: Path) -> dict[str, str]:
    """Headers of a message by name, decoded. Raises OSError.

    Not by the modern policy: in Python 3.11 it puts a space between two encoded words of a name.
    """
    with path.open(encoding="utf-8") as lines:
        head = HeaderParser(policy=policy.compat32).parse(lines, headersonly=True)
    return {name: _decode_words(value) for name, value in head.items()}


def _decode_words(value: str) -> str:
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    return _ENCODED_WORDS.sub(lambda found: str(make_header(decode_header(found[0]))), unfolded)
