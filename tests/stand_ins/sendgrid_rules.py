"""What SendGrid refuses, and how its logs are asked, after its public reference.

Belongs here: judging a request to `POST /v3/mail/send`, and reading a query of `POST /v3/logs`. Does not belong here: the
server (`stand_ins.sendgrid`).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SIZE_LIMIT = 30 * 1024 * 1024
CUSTOM_ARGS_LIMIT = 10_000
RECIPIENT_LIMIT = 1000
RESERVED_HEADERS = frozenset(
    {
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    }
)
_VALIDATOR = Draft202012Validator(json.loads(Path(__file__).with_name("sendgrid_mail_send.json").read_text()))


class RefusedError(Exception):
    """A request that SendGrid answers with an error."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


def judge_mail(body: Any, groups: frozenset[int]) -> None:
    """Raise `RefusedError` with 400 if SendGrid would not take this request; `groups` are the account's unsubscribe groups."""
    if not _VALIDATOR.is_valid(body):
        error = best_match(_VALIDATOR.iter_errors(body))
        raise RefusedError(400, error.message, ".".join(str(part) for part in error.absolute_path) or None)
    _judge_personalizations(body)
    kinds = [part["type"] for part in body["content"]]
    order = {"text/plain": 0, "text/html": 1}
    if [order.get(kind, 2) for kind in kinds] != sorted(order.get(kind, 2) for kind in kinds):
        raise RefusedError(
            400,
            "text/plain needs to be first, followed by text/html, followed by any other content",
            "content",
        )
    for index, attachment in enumerate(body.get("attachments", [])):
        try:
            base64.b64decode(attachment["content"], validate=True)
        except binascii.Error:
            raise RefusedError(400, "must be base64 encoded", f"attachments.{index}.content") from None
    if "asm" in body and body["asm"]["group_id"] not in groups:
        raise RefusedError(400, "must be a valid group id on your account", "asm.group_id")


def _judge_personalizations(body: dict[str, Any]) -> None:
    total = 0
    for index, part in enumerate(body["personalizations"]):
        field = f"personalizations.{index}"
        people = [person["email"].lower() for key in ("to", "cc", "bcc") for person in part.get(key, [])]
        total += len(people)
        if len(set(people)) < len(people):
            raise RefusedError(400, "each email address should be unique between to, cc, and bcc", field)
        if len(json.dumps(part.get("custom_args", {})).encode()) > CUSTOM_ARGS_LIMIT:
            raise RefusedError(400, "custom arguments may not exceed 10,000 bytes", f"{field}.custom_args")
        for name in [*part.get("headers", {}), *body.get("headers", {})]:
            if name.lower() in RESERVED_HEADERS:
                raise RefusedError(400, "header cannot be one of the reserved keys", "headers")
    if total > RECIPIENT_LIMIT:
        raise RefusedError(400, "there is a limit of 1000 total recipients per request", "personalizations")


Entry = dict[str, Any]
_CONDITION = re.compile(
    r"(?P<field>\w+) *(?P<sign>=|>=|<=|>|<|IN) *"
    r"(?:TIMESTAMP \"(?P<moment>[^\"]+)\"|\((?P<listed>[^)]*)\)|['\"](?P<text>[^'\"]*)['\"])\Z"
)
_SIGNS = {
    "sg_message_id": {"="},
    "subject": {"="},
    "to_email": {"="},
    "reason": {"="},
    "status": {"IN"},
    "categories": {"IN"},
    "sg_message_id_created_at": {">", "<", ">=", "<="},
}


def read_query(query: str) -> Callable[[Entry], bool]:
    """A query of the Email Logs as a test of an entry. Raises `RefusedError` if the reference does not allow it."""
    tests = [_read_condition(part.strip()) for part in query.split(" AND ") if part.strip()]
    return lambda entry: all(test(entry) for test in tests)


def _read_condition(text: str) -> Callable[[Entry], bool]:
    found = _CONDITION.match(text)
    if not found or found["sign"] not in _SIGNS.get(found["field"], set()):
        raise RefusedError(400, "invalid query", "query")
    field, sign = found["field"], found["sign"]
    if found["moment"]:
        moment = datetime.fromisoformat(found["moment"])
        compare = {">": "__gt__", "<": "__lt__", ">=": "__ge__", "<=": "__le__"}[sign]
        return lambda entry: (
            getattr(datetime.fromisoformat(entry[field]), compare)(moment.astimezone(UTC)) is True
        )
    if sign == "IN":
        wanted = set(re.findall(r"'([^']*)'", found["listed"] or ""))
        return lambda entry: bool(wanted & {*([entry[field]] if field == "status" else entry[field])})
    return lambda entry: entry.get(field) == found["text"]
