"""What SendGrid reports by itself: its Event Webhook, checked before a word of it is believed.

Belongs here: the signature, what an event says, and the small application that takes them in. Does not belong here:
what an event means for a message (`tasks.doubts`), and serving the application (`deployments`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mentoring.errors import PlainError
from tasks.mail import MESSAGE_ARGUMENT

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from starlette.applications import Starlette

#: Where the application takes events in.
WEBHOOK_PATH = "/sendgrid/events"
SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
#: How old, or how early, a signed batch may be: somebody who recorded one can't bring it again later.
REPLAY_WINDOW = timedelta(minutes=10)
#: SendGrid sends batches of some hundred kilobytes.
SIZE_LIMIT = 4 * 1024 * 1024
_LONGEST_NAME = 200


class WebhookError(PlainError):
    """A batch that is not believed; the text is one sentence without personal data."""


class WebhookKeyError(PlainError):
    """The verification key can't be used; the text is one sentence with the mend."""


@dataclass(frozen=True)
class ProviderEvent:
    """One event of one of our messages.

    `event_id` is SendGrid's, the same when it brings the event again; `message_id` is ours; `event` is SendGrid's word
    (`processed`, `delivered`, `bounce`, …), but `blocked` for a bounce of that type; `at` is when it happened.
    `provider_id` is SendGrid's id of the message, as the call that sent it got; "" if the event does not say it.
    """

    event_id: str
    message_id: str
    event: str
    at: datetime
    provider_id: str = ""


def read_events(
    raw_body: bytes, signature: str, timestamp: str, public_key: str, now: datetime
) -> list[ProviderEvent]:
    """The events of our messages in a batch that SendGrid signed.

    `signature` and `timestamp` are the two headers, `public_key` is the verification key as SendGrid shows it, `now` an
    aware date-time. Events of the account's other mail are left out; so are those without an id, which could not be
    told from their repetition. Raises `WebhookError` if the batch is too large, too old, not signed with this key or
    no list, `WebhookKeyError` if the key is none.
    """
    if len(raw_body) > SIZE_LIMIT:
        raise WebhookError("The batch of events is too large.")
    _check_age(timestamp, now)
    # Over the exact bytes: the same JSON written otherwise has another signature.
    _check_signature(timestamp.encode() + raw_body, signature, read_public_key(public_key))
    try:
        content = json.loads(raw_body)
    except ValueError:
        content = None
    if not isinstance(content, list):
        raise WebhookError("The batch of events is no list.")
    return [event for entry in content if (event := _read_event(entry)) is not None]


def _check_age(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        raise WebhookError("The batch of events does not say when it was signed.")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > REPLAY_WINDOW:
        raise WebhookError(
            "The batch of events was not signed just now; if it was, this machine's clock is wrong."
        )


def _check_signature(signed: bytes, signature: str, key: EllipticCurvePublicKey) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(base64.b64decode(signature, validate=True), signed, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        raise WebhookError(
            "The batch of events is not signed with the key in MENTORING_SENDGRID_WEBHOOK_KEY."
        ) from None


def read_public_key(text: str) -> EllipticCurvePublicKey:
    """The verification key as SendGrid shows it, or the same as PEM. Raises `WebhookKeyError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    shown = "".join(line.strip() for line in text.splitlines() if not line.startswith("-----"))
    try:
        key = load_der_public_key(base64.b64decode(shown, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise WebhookKeyError(
            "MENTORING_SENDGRID_WEBHOOK_KEY is no verification key; copy it from SendGrid's page of the event webhook."
        )
    return key


def _read_event(entry: Any) -> ProviderEvent | None:
    if not isinstance(entry, dict):
        return None
    # SendGrid writes the arguments beside the other keys; its reference also lists them under a name of their own.
    arguments = entry.get("unique_args")
    argument = entry.get(MESSAGE_ARGUMENT) or (
        isinstance(arguments, dict) and arguments.get(MESSAGE_ARGUMENT)
    )
    names = [entry.get("sg_event_id"), argument, entry.get("event")]
    at = entry.get("timestamp")
    if not all(isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME for name in names):
        return None
    if not isinstance(at, int) or not 0 <= at < 10**11:
        return None
    event_id, message_id, event = map(str, names)
    if event == "bounce" and entry.get("type") == "blocked":
        event = "blocked"
    # The rest, after the first dot, says on which of SendGrid's machines it was.
    provider_id = str(entry.get("sg_message_id") or "")[:_LONGEST_NAME].partition(".")[0]
    return ProviderEvent(event_id, message_id, event, datetime.fromtimestamp(at, UTC), provider_id)


def make_webhook_app(record: Callable[[ProviderEvent], None], public_key: str) -> Starlette:
    """An application that takes batches of events at `WEBHOOK_PATH` and hands each event to `record`.

    `record` may get an event again, and runs in a thread of its own. If it raises, SendGrid is told to bring the batch
    once more. Raises `WebhookKeyError`.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    read_public_key(public_key)

    def take_in(raw_body: bytes, signature: str, timestamp: str) -> None:
        for event in read_events(raw_body, signature, timestamp, public_key, datetime.now(UTC)):
            record(event)

    async def receive(request: Request) -> Response:
        raw_body = b""
        async for chunk in request.stream():
            raw_body += chunk
            if len(raw_body) > SIZE_LIMIT:
                return PlainTextResponse("The batch of events is too large.", 413)
        headers = (request.headers.get(name, "") for name in (SIGNATURE_HEADER, TIMESTAMP_HEADER))
        try:
            await run_in_threadpool(take_in, raw_body, *headers)
        except WebhookError as error:
            return PlainTextResponse(str(error), 403)
        return Response(status_code=204)

    return Starlette(routes=[Route(WEBHOOK_PATH, receive, methods=["POST"])])
