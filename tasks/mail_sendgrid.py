"""Mail through SendGrid: one request for one message to one recipient, tried once.

Belongs here: the request, and what an answer, or none, says about the message. Does not belong here: the call itself
(`tasks.sendgrid_calls`), SendGrid's logs and suppression lists (`tasks.sendgrid_records`), and its events
(`tasks.mail_webhook`).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from mentoring.message_markdown import clean_line
from tasks.mail import (
    MESSAGE_ARGUMENT,
    AddressError,
    Delivery,
    MailError,
    OutgoingMessage,
    check_own_addresses,
    is_loopback,
    write_ascii_address,
    write_unsubscribe,
)
from tasks.sendgrid_calls import (
    CATEGORY,
    Answer,
    NotConnectedError,
    SendGridCalls,
    UnclearCallError,
)
from tasks.sendgrid_records import (
    check_access,
    erase_recipients,
    find_in_logs,
    list_suppressed_addresses,
)
from tasks.settings import Settings

_NAME_LIMIT = 120
_LONGEST_PAUSE = timedelta(days=1)
_NOT_TRACKED = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}


@dataclass(frozen=True)
class SendGridMail:
    """A mail backend that sends through SendGrid.

    `unsubscribe_group` is the group that people may leave without losing the rest of the program's mail; it goes
    with reminders alone. `sender` and `committee` are the addresses that `check` tries.
    """

    calls: SendGridCalls
    sender: str
    committee: str
    unsubscribe_group: int | None = None
    _owners: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def send(self, message: OutgoingMessage) -> Delivery:
        """Ask SendGrid once to take the message. Raises `MailError` if it takes no message at all."""
        try:
            body = write_request(message, self.unsubscribe_group)
        except AddressError as error:
            return Delivery("refused", problem=str(error))
        try:
            answer = self.calls.ask(lambda account: account.send(body))
        except NotConnectedError as error:
            return Delivery("not_arrived", problem=f"SendGrid could not be reached ({error}).")
        except UnclearCallError as error:
            return Delivery(
                "unknown", problem=f"The connection to SendGrid broke while it was sent ({error})."
            )
        return read_answer(answer)

    def look_up(self, message_id: str, since: datetime) -> Delivery | None:
        """What SendGrid's logs say; None if they don't hold the message, for they are not said to be complete.

        Raises `MailError`.
        """
        return find_in_logs(self.calls, message_id, since, self._owners)

    def list_suppressed(self) -> Mapping[str, str]:
        """Everybody on the account's suppression lists. Raises `MailError`."""
        return list_suppressed_addresses(self.calls)

    def erase_recipients(self, addresses: Sequence[str]) -> None:
        """Have SendGrid erase what it keeps of people. Raises `AddressError` and `MailError`."""
        erase_recipients(self.calls, [write_ascii_address(address) for address in addresses])

    def check(self) -> str:
        """Let SendGrid judge a message that it does not send, and read what runs will read. Raises `MailError`."""
        body = {
            "personalizations": [{"to": [{"email": write_ascii_address(self.committee)}]}],
            "from": {"email": write_ascii_address(self.sender)},
            "subject": "Check-up",
            "content": [{"type": "text/plain", "value": "Nobody gets this message."}],
            "mail_settings": {"sandbox_mode": {"enable": True}},
        }
        return check_access(self.calls, body, self.unsubscribe_group)


def open_sendgrid(settings: Settings) -> SendGridMail:
    """The backend that the settings describe. Raises `MailError` if the key is missing or an address is wrong."""
    key, program = settings.sendgrid_api_key, settings.program
    if key is None:
        raise MailError(
            "MENTORING_SENDGRID_API_KEY is missing; make a key at SendGrid and put it into .env in the program folder."
        )
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise MailError(
            "MENTORING_SENDGRID_API_KEY has spaces or other signs that no key has; copy it once more, whole."
        )
    check_own_addresses(program)
    place = urlsplit(settings.sendgrid_url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise MailError(
            "MENTORING_SENDGRID_URL is no web address; remove it, or write one like https://api.sendgrid.com."
        )
    if place.scheme == "http" and not is_loopback(place.hostname):
        raise MailError(
            "MENTORING_SENDGRID_URL must begin with https://; or others could read the key and every mail."
        )
    return SendGridMail(
        calls=SendGridCalls(settings.sendgrid_url, key),
        sender=program.sender.address,
        committee=program.committee_address,
        unsubscribe_group=program.delivery.unsubscribe_group,
    )


def write_request(message: OutgoingMessage, unsubscribe_group: int | None = None) -> dict[str, Any]:
    """The request's JSON: one recipient, and nothing personal where SendGrid keeps it for long.

    Its id goes into the recipient's custom_args, for those at the top level are a string in SendGrid's own description.
    Raises `AddressError`.
    """
    committee = write_ascii_address(message.reply_to)
    body: dict[str, Any] = {
        "personalizations": [
            {
                "to": [_write_person(message.to_name, message.to_address)],
                "custom_args": {MESSAGE_ARGUMENT: message.message_id},
            }
        ],
        "from": _write_person(message.from_name, message.from_address),
        "reply_to": {"email": committee},
        "subject": clean_line(message.subject),
        "content": [
            {"type": "text/plain", "value": message.text},
            {"type": "text/html", "value": message.html},
        ],
        "headers": {
            "List-Unsubscribe": write_unsubscribe(committee),
            "Auto-Submitted": "auto-generated",
            "X-Mentoring-Message": message.message_id,
        },
        "categories": [CATEGORY, message.kind],
        "tracking_settings": _NOT_TRACKED,
    }
    if message.attachments:
        body["attachments"] = [
            {
                "content": b64encode(attachment.content).decode(),
                # SendGrid refuses parameters, and these signs in a name.
                "type": attachment.media_type.partition(";")[0].strip(),
                "filename": re.sub("[;,]", " ", clean_line(attachment.name)),
                "disposition": "attachment",
            }
            for attachment in message.attachments
        ]
    if unsubscribe_group is not None and message.kind.endswith("reminder"):
        body["asm"] = {"group_id": unsubscribe_group}
        # With a group SendGrid writes this header itself, and there may be only one.
        del body["headers"]["List-Unsubscribe"]
    return body


def _write_person(name: str, address: str) -> dict[str, str]:
    shown = clean_line(name)[:_NAME_LIMIT].strip()
    written = {"email": write_ascii_address(address)}
    return {**written, "name": shown} if shown else written


def read_answer(answer: Answer) -> Delivery:
    """What SendGrid's answer to a request makes of the message. Raises `MailError` if it takes none at all."""
    trouble = answer.describe_key_trouble("Mail Send")
    if trouble:
        raise MailError(trouble)
    if answer.status == 202:
        provider_id = clean_line(answer.headers.get("x-message-id", ""))
        if provider_id:
            return Delivery("accepted", provider_id=provider_id)
        return Delivery("unknown", problem="SendGrid took it without giving it a number.")
    if answer.status == 429:
        return Delivery("not_arrived", problem="SendGrid asks to wait (429).", retry_after=read_pause(answer))
    # 408 and 425 come from machines in between, which do not know what became of it.
    if 400 <= answer.status < 500 and answer.status not in (408, 425):
        name = answer.name_field()
        about = f", because of “{name}”" if name else ""
        return Delivery("refused", problem=f"SendGrid refused it ({answer.status}){about}.")
    return Delivery(
        "unknown", problem=f"SendGrid answered {answer.status}, which says nothing about the message."
    )


def read_pause(answer: Answer) -> timedelta | None:
    """The pause that an answer asks for, at most a day; None if it names none that can be read.

    `Retry-After` is seconds or a date, `X-RateLimit-Reset` seconds since 1970.
    """
    wanted, reset = (answer.headers.get(name, "").strip() for name in ("retry-after", "x-ratelimit-reset"))
    now = _read_date(answer.headers.get("date", "")) or datetime.now(UTC)
    pause: timedelta | None = None
    if re.fullmatch(r"[0-9]{1,9}", wanted):
        pause = timedelta(seconds=int(wanted))
    elif until := _read_date(wanted):
        pause = until - now
    elif re.fullmatch(r"[0-9]{1,11}", reset):
        pause = datetime.fromtimestamp(int(reset), UTC) - now
    return None if pause is None else max(timedelta(), min(pause, _LONGEST_PAUSE))


def _read_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
