"""The stand-in for SendGrid: refuses what SendGrid refuses, and knows what it took, in a process of its own as well."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.mail import MailError
from tasks.mail_sendgrid import write_request
from tests.outgoing_mail import MESSAGE, change, connect
from tests.stand_ins.sendgrid import KEY, Accepted, Fault, RemoteStandIn, SendGridStandIn

ROOT = Path(__file__).parents[2]
SEND = "POST /v3/mail/send"


@pytest.fixture
def sendgrid() -> Iterator[SendGridStandIn]:
    with SendGridStandIn() as stand_in:
        yield stand_in


def post(url: str, body: Any, path: str = "/v3/mail/send", **headers: str) -> int:
    place = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    place.request(
        "POST",
        path,
        content,
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers},
    )
    status = place.getresponse().status
    place.close()
    return status


def edit(path: str, value: Any) -> dict[str, Any]:
    """The usual request with `value` at `path`, or without what is there if it is None."""
    body: Any = json.loads(json.dumps(write_request(MESSAGE)))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = body
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return dict(body)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("unknown", 1),
        ("content", None),
        ("content", []),
        ("content.0.value", ""),
        ("content", [{"type": "text/html", "value": "a"}, {"type": "text/plain", "value": "b"}]),
        ("content.0.type", "text/plain; charset=utf-8"),
        ("subject", None),
        ("subject", ""),
        ("from", None),
        ("from", "noreply@example.com"),
        ("personalizations", []),
        ("personalizations.0.to", []),
        ("personalizations.0.to.0.email", "ana"),
        ("personalizations.0.to.0.unknown", "x"),
        ("personalizations.0.cc", [{"email": "Ana.Ortiz@example.org"}]),
        ("personalizations.0.to", [{"email": f"p{number}@example.org"} for number in range(1001)]),
        ("personalizations.0.bcc", [{"email": f"p{number}@example.org"} for number in range(1000)]),
        ("personalizations.0.custom_args", {}),
        ("personalizations.0.custom_args", {"mentoring_message": 1}),
        ("personalizations.0.custom_args", {"mentoring_message": "x" * 10_000}),
        ("custom_args", {"mentoring_message": "m-1"}),
        ("headers", {"Reply-To": "a@example.org"}),
        ("headers", {"Auto Submitted": "yes"}),
        ("headers", {"X-Number": 1}),
        ("categories", [f"c{number}" for number in range(11)]),
        ("categories", ["a", "a"]),
        ("categories", ["ä"]),
        ("attachments", [{"content": "not base64!", "filename": "a.pdf"}]),
        ("attachments", [{"content": "YQ==", "filename": "a.ics", "type": "text/calendar; method=PUBLISH"}]),
        ("attachments", [{"content": "YQ=="}]),
        ("asm", {"group_id": 8}),
        ("tracking_settings.open_tracking.enable", "no"),
        ("mail_settings", {"sandbox_mode": {"enable": 1}}),
    ],
)
def test_the_stand_in_refuses_what_sendgrid_refuses(sendgrid: SendGridStandIn, path: str, value: Any) -> None:
    assert post(sendgrid.url, edit(path, value)) == 400
    assert sendgrid.accepted == []


def test_the_stand_in_checks_what_surrounds_a_request(sendgrid: SendGridStandIn) -> None:
    body = write_request(MESSAGE)
    assert post(sendgrid.url, body, Authorization="Bearer SG.other") == 401
    assert post(sendgrid.url, body, **{"Content-Type": "text/plain"}) == 415
    assert post(sendgrid.url, b"{") == 400
    assert post(sendgrid.url, b" " * (30 * 1024 * 1024 + 1)) == 413
    assert post(sendgrid.url, body, path="/v3/mail/sent") == 404
    assert post(sendgrid.url, {"query": "to_email LIKE 'a'"}, path="/v3/logs") == 400
    assert post(sendgrid.url, {"query": "", "limit": 1001}, path="/v3/logs") == 400
    assert sendgrid.accepted == []
    assert post(sendgrid.url, body) == 202


def test_half_a_request_was_never_made(sendgrid: SendGridStandIn) -> None:
    content = json.dumps(write_request(MESSAGE)).encode()
    head = f"POST /v3/mail/send HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", int(sendgrid.url.rpartition(":")[2]))) as sender:
        sender.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:-1])
    sendgrid.wait_until_quiet()
    assert (sendgrid.accepted, sendgrid.calls) == ([], {})


def test_it_can_be_gone_and_come_back(sendgrid: SendGridStandIn) -> None:
    backend = connect(sendgrid.url)
    outcomes = [backend.send(MESSAGE).outcome]
    with sendgrid.unreachable():
        outcomes.append(backend.send(change(message_id="m-2")).outcome)
    outcomes.append(backend.send(change(message_id="m-3")).outcome)
    assert outcomes == ["accepted", "not_arrived", "accepted"]
    assert [message.message_id for message in sendgrid.accepted] == ["m-1", "m-3"]


def test_a_fault_of_the_connection_cannot_be_scripted(sendgrid: SendGridStandIn) -> None:
    with pytest.raises(ValueError, match="address_for"):
        sendgrid.script(["refused"])


def test_the_stand_in_serves_from_a_process_of_its_own(tmp_path: Path) -> None:
    record = tmp_path / "accepted.jsonl"
    command = [sys.executable, "-m", "tests.stand_ins.sendgrid", "--record", str(record), "--latency", "0.01"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stand_in = RemoteStandIn(process.stdout.readline().strip())
        stand_in.set_time(datetime(2027, 3, 1, 13, 5, tzinfo=UTC))
        stand_in.script([None, Fault.RESET_AFTER, "unauthorized"])
        stand_in.suppress("gone@example.org")
        backend = connect(stand_in.url)
        outcomes = [backend.send(change(message_id=f"m-{number}")).outcome for number in range(2)]
        assert outcomes == ["accepted", "unknown"]
        with pytest.raises(MailError):
            backend.send(change(message_id="m-2"))
        assert backend.list_suppressed() == {"gone@example.org": "mail to the address came back"}
        stand_in.set_latency(0)
        stand_in.wait_until_quiet()
        taken = stand_in.accepted
        assert stand_in.calls[SEND] == 3
        assert backend.look_up("m-1", datetime(2027, 3, 1, 13, tzinfo=UTC)) is not None
        process.stdin.close()
        assert process.wait(10) == 0
    assert all(isinstance(message, Accepted) for message in taken)
    assert [(message.message_id, message.at) for message in taken] == [
        ("m-0", "2027-03-01T13:05:00+00:00"),
        ("m-1", "2027-03-01T13:05:00+00:00"),
    ]
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["message_id"] for line in lines] == ["m-0", "m-1"]
    assert lines[0]["provider_id"] == taken[0].provider_id
