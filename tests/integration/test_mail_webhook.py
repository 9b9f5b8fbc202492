"""SendGrid's events: believed only when signed, recent and about our messages; over real HTTP from the stand-in."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid.helpers.eventwebhook import EventWebhook

from tasks.mail_sendgrid import write_request
from tasks.mail_webhook import (
    REPLAY_WINDOW,
    SIGNATURE_HEADER,
    SIZE_LIMIT,
    TIMESTAMP_HEADER,
    WEBHOOK_PATH,
    ProviderEvent,
    WebhookError,
    WebhookKeyError,
    make_webhook_app,
    read_events,
    read_public_key,
)
from tests.outgoing_mail import MESSAGE, change, connect
from tests.stand_ins.sendgrid import Fault, SendGridStandIn
from tests.stand_ins.sendgrid_memory import Memory

NOW = datetime(2027, 3, 1, 13, 5, tzinfo=UTC)
STAMP = int(NOW.timestamp())
EVENT = {
    "sg_event_id": "e-1",
    "mentoring_message": "m-1",
    "event": "delivered",
    "timestamp": STAMP - 30,
    "email": "ana.ortiz@example.org",
    "sg_message_id": "abc.recvd-0",
}
MEMORY = Memory(None, True, timedelta())


def read(
    content: Any, now: datetime = NOW, at: datetime = NOW, body: bytes | None = None
) -> list[ProviderEvent]:
    """Sign `content` at `at`, and read it (or `body` in its place) at `now`."""
    signed = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = MEMORY.sign(signed, at)
    return read_events(
        signed if body is None else body,
        headers[SIGNATURE_HEADER],
        headers[TIMESTAMP_HEADER],
        MEMORY.public_key,
        now,
    )


def test_a_signed_event_is_read() -> None:
    assert read([EVENT]) == [ProviderEvent("e-1", "m-1", "delivered", NOW - timedelta(seconds=30), "abc")]


def test_the_stand_in_signs_as_sendgrids_own_library_verifies() -> None:
    body = json.dumps([EVENT])
    headers = MEMORY.sign(body.encode(), NOW)
    verifier = EventWebhook(MEMORY.public_key)
    assert verifier.verify_signature(body, headers[SIGNATURE_HEADER], headers[TIMESTAMP_HEADER])


def test_the_exact_bytes_are_signed() -> None:
    with pytest.raises(WebhookError, match="not signed with the key"):
        read([EVENT], body=json.dumps([EVENT], indent=1).encode())


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64", "é"])
def test_another_signature_is_not_believed(signature: str) -> None:
    with pytest.raises(WebhookError, match="not signed with the key in MENTORING_SENDGRID_WEBHOOK_KEY"):
        read_events(b"[]", signature, str(STAMP), MEMORY.public_key, NOW)


def test_another_key_is_not_believed() -> None:
    other = Memory(None, True, timedelta())
    headers = other.sign(b"[]", NOW)
    with pytest.raises(WebhookError, match="not signed with the key"):
        read_events(b"[]", headers[SIGNATURE_HEADER], headers[TIMESTAMP_HEADER], MEMORY.public_key, NOW)


def test_a_batch_cannot_be_given_a_new_time() -> None:
    headers = MEMORY.sign(b"[]", NOW)
    with pytest.raises(WebhookError, match="not signed with the key"):
        read_events(b"[]", headers[SIGNATURE_HEADER], str(STAMP + 1), MEMORY.public_key, NOW)


@pytest.mark.parametrize("seconds", [-601, 601, 86400])
def test_a_batch_of_another_time_is_not_believed(seconds: int) -> None:
    with pytest.raises(WebhookError, match="this machine's clock"):
        read([EVENT], now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-600, -1, 0, 600])
def test_clocks_may_differ_by_ten_minutes(seconds: int) -> None:
    assert timedelta(minutes=10) == REPLAY_WINDOW
    assert len(read([EVENT], now=NOW + timedelta(seconds=seconds))) == 1


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e9", "٣", "9" * 12])
def test_a_time_that_is_none_is_not_believed(timestamp: str) -> None:
    with pytest.raises(WebhookError, match="does not say when"):
        read_events(b"[]", "", timestamp, MEMORY.public_key, NOW)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'"x"', b"\xff", {"events": [EVENT]}])
def test_what_is_no_list_is_an_error(content: Any) -> None:
    with pytest.raises(WebhookError, match="no list"):
        read(content)


def test_a_batch_that_is_too_large_is_not_even_verified() -> None:
    with pytest.raises(WebhookError, match="too large"):
        read_events(b" " * (SIZE_LIMIT + 1), "", "", MEMORY.public_key, NOW)


def test_only_our_messages_are_reported() -> None:
    others = [
        {**EVENT, "mentoring_message": None},
        {key: value for key, value in EVENT.items() if key != "mentoring_message"},
        {key: value for key, value in EVENT.items() if key != "sg_event_id"},
        {**EVENT, "event": 3},
        {**EVENT, "timestamp": "now"},
        {**EVENT, "timestamp": -1},
        {**EVENT, "sg_event_id": "x" * 201},
        None,
        "text",
    ]
    assert read([*others, EVENT]) == read([EVENT])


def test_arguments_of_their_own_name_are_found_too() -> None:
    nested = {key: value for key, value in EVENT.items() if key != "mentoring_message"}
    assert read([{**nested, "unique_args": {"mentoring_message": "m-1"}}]) == read([EVENT])


def test_a_bounce_that_was_a_block_is_told_apart() -> None:
    found = read([{**EVENT, "event": "bounce", "type": kind} for kind in ("bounce", "blocked")])
    assert [event.event for event in found] == ["bounce", "blocked"]


VALUES = st.none() | st.integers() | st.text(max_size=5)


@given(
    content=st.recursive(
        VALUES,
        lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
        max_leaves=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_signed_is_read_or_refused(content: Any) -> None:
    try:
        assert read(content) == []
    except WebhookError:
        assert not isinstance(content, list)


def test_the_key_may_be_written_as_pem() -> None:
    shown = MEMORY.public_key
    pem = f"-----BEGIN PUBLIC KEY-----\n{shown[:64]}\n{shown[64:]}\n-----END PUBLIC KEY-----\n"
    assert read_public_key(pem) == read_public_key(shown)


RSA = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ=="


@pytest.mark.parametrize("key", ["", "key", base64.b64encode(b"key").decode(), RSA])
def test_what_is_no_key_is_named(key: str) -> None:
    with pytest.raises(WebhookKeyError, match="copy it from SendGrid's page"):
        make_webhook_app(lambda event: None, key)


# --- the application ------------------------------------------------------------------------------------------------


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve the application as `mentoring serve --webhook` does; the address at which it takes events."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        end = monotonic() + 20
        while not server.started:
            assert monotonic() < end
            sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{WEBHOOK_PATH}"
        server.should_exit = True
        thread.join(10)


def post(address: str, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request(method, f"/{path}", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_events_come_once_twice_or_late() -> None:
    got: list[ProviderEvent] = []
    with SendGridStandIn() as sendgrid, serve(make_webhook_app(got.append, sendgrid.public_key)) as address:
        backend = connect(sendgrid.url)
        sendgrid.script([None, Fault.DUPLICATE_EVENT, Fault.LATE_EVENT, Fault.SUPPRESSED, Fault.RESET_BEFORE])
        outcomes = [backend.send(change(message_id=f"m-{number}")).outcome for number in range(5)]
        assert outcomes == ["accepted", "unknown", "unknown", "accepted", "unknown"]
        assert sendgrid.post_events(address) == [204] * 4
        assert [(event.message_id, event.event) for event in got] == [
            ("m-0", "processed"),
            ("m-0", "delivered"),
            *[("m-1", "processed"), ("m-1", "delivered")] * 2,
            ("m-3", "dropped"),
        ]
        assert len({event.event_id for event in got}) == 5, "a repeated event has the same id"
        got.clear()
        sendgrid.release_late_events()
        assert sendgrid.post_events(address) == [204]
        assert [(event.message_id, event.event) for event in got] == [
            ("m-2", "processed"),
            ("m-2", "delivered"),
        ]


def test_what_is_not_believed_reaches_nobody() -> None:
    got: list[ProviderEvent] = []
    now = datetime.now(UTC)
    body = json.dumps([EVENT]).encode()
    with serve(make_webhook_app(got.append, MEMORY.public_key)) as address:
        signed = MEMORY.sign(body, now)
        assert post(address, body, {}) == 403
        assert post(address, body + b" ", signed) == 403
        assert post(address, body, MEMORY.sign(body, now - timedelta(minutes=11))) == 403
        assert post(address, b" " * (SIZE_LIMIT + 1), signed) == 413
        assert post(address, body, signed, method="GET") == 405
        assert post(f"{address}/more", body, signed) == 404
        assert got == []
        assert post(address, body, signed) == 204
        assert len(got) == 1


def test_a_body_without_an_end_is_cut_off() -> None:
    got: list[ProviderEvent] = []
    with serve(make_webhook_app(got.append, MEMORY.public_key)) as address:
        host, _, path = address.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        sent = 0
        with socket.create_connection((name, int(port)), timeout=10) as sender:
            sender.sendall(f"POST /{path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            try:
                while sent < 4 * SIZE_LIMIT:
                    sender.sendall(chunk)
                    sent += len(chunk)
            except OSError:
                pass
            else:
                assert b" 413 " in sender.recv(200)
        assert got == []


def test_when_it_cannot_be_kept_sendgrid_is_to_come_again() -> None:
    def fail(event: ProviderEvent) -> None:
        raise OSError("no room")

    body = json.dumps([EVENT]).encode()
    with serve(make_webhook_app(fail, MEMORY.public_key)) as address:
        assert post(address, body, MEMORY.sign(body, datetime.now(UTC))) == 500


def test_nothing_personal_is_kept_of_an_event(tmp_path: Path) -> None:
    memory = Memory(None, True, timedelta())
    memory.accept(write_request(MESSAGE), None)
    [batch] = memory.take_events()
    assert b"ana.ortiz" in batch
    headers = memory.sign(batch)
    found = read_events(
        batch, headers[SIGNATURE_HEADER], headers[TIMESTAMP_HEADER], memory.public_key, datetime.now(UTC)
    )
    assert len(found) == 2
    assert "ana" not in repr(found)
