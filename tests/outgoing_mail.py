"""A message on its way out, and the backend that takes it to SendGrid's stand-in; made-up people only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from pydantic import SecretStr

from tasks.mail import OutgoingMessage
from tasks.mail_sendgrid import SendGridMail
from tasks.sendgrid_calls import SendGridCalls
from tests.stand_ins.sendgrid import KEY

MESSAGE = OutgoingMessage(
    message_id="m-1",
    kind="introduction_mentor",
    to_address="ana.ortiz@example.org",
    to_name="Ana María Ortiz",
    from_address="noreply@example.com",
    from_name="Serials Mentoring Program",
    reply_to="mentoring@example.net",
    subject="Meet your mentee, 田中 花子",
    text="Dear Ana María,\n",
    html="<p>Dear Ana María</p>",
    date=datetime(2027, 3, 1, 8, 5, tzinfo=timezone(timedelta(hours=-5))),
)


def change(**fields: Any) -> OutgoingMessage:
    """The message with other fields."""
    return replace(MESSAGE, **fields)


def connect(url: str, group: int | None = None, key: str = KEY, seconds: float = 20) -> SendGridMail:
    """A backend that waits `seconds` for the answer: more than a busy machine needs, or little to see it give up."""
    calls = SendGridCalls(url, SecretStr(key), connect_seconds=10, answer_seconds=seconds)
    return SendGridMail(calls, "noreply@example.com", "mentoring@example.net", group)
