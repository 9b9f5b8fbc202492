"""A message's text and attachments as the database keeps them: frozen when it is queued, whole when it is sent.

Belongs here: a rendered message to rows and back, and the digest that shows a change in between. Does not belong here:
rendering (`mentoring.messages`) and sending (`tasks.sending`).
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import replace

from mentoring.messages import Attachment, RenderedMessage, hash_body
from tasks.database import Row, Transaction


def hash_message(rendered: RenderedMessage) -> str:
    """SHA-256 over the text and the attachments, 64 hexadecimal digits; without attachments that of the text."""
    body = hash_body(replace(rendered, attachments=()))
    if not rendered.attachments:
        return body
    files = [
        [item.name, item.media_type, hashlib.sha256(item.content).hexdigest()]
        for item in rendered.attachments
    ]
    return hashlib.sha256(json.dumps([body, *files]).encode()).hexdigest()


def add_attachments(transaction: Transaction, message_id: str, rendered: RenderedMessage) -> None:
    """Keep the attachments of a message that was just queued."""
    for place, item in enumerate(rendered.attachments):
        transaction.change_one(
            "add_attachment",
            message_id=message_id,
            place=place,
            file_name=item.name,
            media_type=item.media_type,
            content=b64encode(item.content).decode("ascii"),
        )


def read_message(transaction: Transaction, message_id: str) -> Row:
    """The row of a message that is in the outbox, with its recipient and, as `attachments`, its files."""
    row = transaction.fetch_one("find_message_to_send", message_id=message_id)
    assert row is not None, "it was just listed or claimed, and messages are never deleted"
    files = transaction.fetch_all("list_attachments", message_id=message_id)
    row["attachments"] = tuple(
        Attachment(item["file_name"], item["media_type"], b64decode(item["content"])) for item in files
    )
    return row


def is_unchanged(row: Row) -> bool:
    """Whether a row of `read_message` is what was queued."""
    whole = RenderedMessage(row["subject_line"], row["body_text"], row["body_html"], row["attachments"])
    return bool(hash_message(whole) == row["body_hash"])
