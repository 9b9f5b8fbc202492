"""Mail through SendGrid's own library, over real HTTP, to a stand-in that knows what it took."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mentoring.message_markdown import clean_line
from mentoring.messages import KINDS, Attachment
from tasks.mail import Delivery, MailBackend, MailError, OutgoingMessage, open_mail
from tasks.mail_sendgrid import SendGridMail, open_sendgrid, read_pause, write_request
from tasks.sendgrid_calls import Answer, NotConnectedError, SendGridCalls
from tasks.settings import Settings
from tests.outgoing_mail import MESSAGE, change, connect
from tests.stand_ins.certificates import serve_with, write_certificate
from tests.stand_ins.sendgrid import (
    KEY,
    TAKEN,
    UNREACHABLE,
    Fault,
    SendGridStandIn,
)
from tests.stand_ins.sendgrid_rules import judge_mail

SEND = "POST /v3/mail/send"


@pytest.fixture
def sendgrid() -> Iterator[SendGridStandIn]:
    with SendGridStandIn() as stand_in:
        yield stand_in


# --- one message ----------------------------------------------------------------------------------------------------


def test_a_message_is_accepted_with_sendgrids_number(sendgrid: SendGridStandIn) -> None:
    backend: MailBackend = connect(sendgrid.url)
    delivery = backend.send(MESSAGE)
    [taken] = sendgrid.accepted
    assert delivery == Delivery("accepted", provider_id=taken.provider_id)
    assert (taken.message_id, taken.to, taken.subject) == ("m-1", "ana.ortiz@example.org", MESSAGE.subject)


def test_the_request_is_exactly_this(sendgrid: SendGridStandIn) -> None:
    connect(sendgrid.url).send(MESSAGE)
    assert sendgrid.accepted[0].body == {
        "personalizations": [
            {
                "to": [{"email": "ana.ortiz@example.org", "name": "Ana María Ortiz"}],
                "custom_args": {"mentoring_message": "m-1"},
            }
        ],
        "from": {"email": "noreply@example.com", "name": "Serials Mentoring Program"},
        "reply_to": {"email": "mentoring@example.net"},
        "subject": "Meet your mentee, 田中 花子",
        "content": [
            {"type": "text/plain", "value": "Dear Ana María,\n"},
            {"type": "text/html", "value": "<p>Dear Ana María</p>"},
        ],
        "headers": {
            "List-Unsubscribe": "<mailto:mentoring@example.net?subject=unsubscribe>",
            "Auto-Submitted": "auto-generated",
            "X-Mentoring-Message": "m-1",
        },
        "categories": ["mentoring", "introduction_mentor"],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
    }


def test_only_reminders_carry_the_unsubscribe_group(sendgrid: SendGridStandIn) -> None:
    backend = connect(sendgrid.url, group=7)
    assert backend.send(change(kind="evaluation_reminder")).outcome == "accepted"
    assert backend.send(change(message_id="m-2")).outcome == "accepted"
    assert [message.body.get("asm") for message in sendgrid.accepted] == [{"group_id": 7}, None]
    # SendGrid writes the header itself for a group; a second one would be against the rules of mail.
    assert ["List-Unsubscribe" in message.body["headers"] for message in sendgrid.accepted] == [False, True]
    assert connect(sendgrid.url, group=8).send(change(kind="evaluation_reminder")) == Delivery(
        "refused", problem="SendGrid refused it (400), because of “asm.group_id”."
    )


def test_attachments_arrive_whole(sendgrid: SendGridStandIn) -> None:
    entry = Attachment(
        "due; soon.ics", "text/calendar; method=PUBLISH; charset=utf-8", b"BEGIN:VCALENDAR\r\n"
    )
    certificate = Attachment("certificate.pdf", "application/pdf", bytes(range(256)))
    assert connect(sendgrid.url).send(change(attachments=(entry, certificate))).outcome == "accepted"
    first, second = sendgrid.accepted[0].body["attachments"]
    assert first == {
        "content": "QkVHSU46VkNBTEVOREFSDQo=",
        "type": "text/calendar",
        "filename": "due  soon.ics",
        "disposition": "attachment",
    }
    assert (second["type"], second["filename"]) == ("application/pdf", "certificate.pdf")


def test_no_line_break_reaches_a_name_or_subject(sendgrid: SendGridStandIn) -> None:
    hostile = "Ana\r\nBcc: all@example.org\x00"
    assert (
        connect(sendgrid.url).send(change(to_name=hostile, from_name=hostile, subject=hostile)).outcome
        == "accepted"
    )
    body = sendgrid.accepted[0].body
    shown = [body["personalizations"][0]["to"][0]["name"], body["from"]["name"], body["subject"]]
    assert shown == ["Ana Bcc: all@example.org"] * 3


def test_a_person_without_a_name_is_an_address_alone() -> None:
    assert write_request(change(to_name=" "))["personalizations"][0]["to"] == [
        {"email": "ana.ortiz@example.org"}
    ]


@pytest.mark.parametrize(
    "address",
    ["", "ana", "a@example.org, b@example.org", "a@b\r\nBcc: c@d", "jürgen@example.org", "a@-ü.example"],
)
@pytest.mark.parametrize("field", ["to_address", "from_address", "reply_to"])
def test_what_is_no_address_is_refused_without_a_call(
    sendgrid: SendGridStandIn, field: str, address: str
) -> None:
    delivery = connect(sendgrid.url).send(change(**{field: address}))
    assert delivery.outcome == "refused"
    assert "ddress" in delivery.problem
    assert not address or address not in delivery.problem
    assert sendgrid.calls == {}


def test_an_international_domain_travels_in_ascii(sendgrid: SendGridStandIn) -> None:
    assert connect(sendgrid.url).send(change(to_address="ana@Bücher.example")).outcome == "accepted"
    assert sendgrid.accepted[0].to == "ana@xn--bcher-kva.example"


WORDS = st.text(min_size=1, max_size=60).filter(clean_line)


@given(
    name=WORDS,
    subject=WORDS,
    text=WORDS,
    file=WORDS,
    media_type=st.sampled_from(["text/calendar; method=PUBLISH", "application/pdf"]),
    content=st.binary(min_size=1, max_size=100),
    kind=st.sampled_from(sorted(KINDS)),
)
@settings(max_examples=100, deadline=None)
def test_whatever_people_wrote_sendgrid_can_take_it(
    name: str, subject: str, text: str, file: str, media_type: str, content: bytes, kind: str
) -> None:
    attachments = (Attachment(file, media_type, content),)
    message = change(
        to_name=name,
        from_name=name,
        subject=subject,
        text=text,
        html=text,
        kind=kind,
        attachments=attachments,
    )
    body = write_request(message, 7)
    judge_mail(body, frozenset({7}))
    [part] = body["personalizations"]
    assert [person["email"] for person in part["to"]] == [MESSAGE.to_address]
    # What SendGrid keeps for long.
    assert (part["custom_args"], body["categories"]) == ({"mentoring_message": "m-1"}, ["mentoring", kind])


# --- everything that can go wrong -----------------------------------------------------------------------------------

OUTCOMES = {
    Fault.REFUSED: "not_arrived",
    Fault.DNS: "not_arrived",
    Fault.TLS: "not_arrived",
    Fault.TIMEOUT_BEFORE: "unknown",
    Fault.RESET_BEFORE: "unknown",
    Fault.REDIRECT: "unknown",
    Fault.BAD_REQUEST: "refused",
    Fault.UNAUTHORIZED: "MailError",
    Fault.FORBIDDEN: "MailError",
    Fault.TOO_LARGE: "refused",
    Fault.TOO_MANY: "not_arrived",
    Fault.TOO_MANY_BARE: "not_arrived",
    Fault.UNAVAILABLE_BEFORE: "unknown",
    Fault.TIMEOUT_AFTER: "unknown",
    Fault.RESET_AFTER: "unknown",
    Fault.TRUNCATED: "unknown",
    Fault.SLOW_DRIP: "unknown",
    Fault.SERVER_ERROR: "unknown",
    Fault.BAD_GATEWAY: "unknown",
    Fault.UNAVAILABLE_AFTER: "unknown",
    Fault.WITHOUT_ID: "unknown",
    Fault.DUPLICATE_EVENT: "unknown",
    Fault.LATE_EVENT: "unknown",
    Fault.SUPPRESSED: "accepted",
}


#: Without a limit of ours the sender would wait for ever.
ENDLESS = frozenset({Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.SLOW_DRIP})


def try_to_send(backend: SendGridMail, message: OutgoingMessage = MESSAGE) -> str:
    try:
        delivery = backend.send(message)
    except MailError as error:
        check_sentence(str(error))
        return "MailError"
    if delivery.outcome == "accepted":
        assert delivery.provider_id
        assert not delivery.problem
    else:
        check_sentence(delivery.problem)
    return delivery.outcome


def check_sentence(text: str) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*\.", text)
    assert not any(word in text for word in ("ana", "Ana", "example.", KEY, "_ssl", "Errno", "<"))


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_has_its_outcome_and_is_tried_once(sendgrid: SendGridStandIn, fault: Fault) -> None:
    is_reached = fault not in UNREACHABLE
    if is_reached:
        sendgrid.script([fault])
    backend = connect(
        sendgrid.url if is_reached else sendgrid.address_for(fault), seconds=0.5 if fault in ENDLESS else 20
    )
    assert try_to_send(backend) == OUTCOMES[fault]
    sendgrid.wait_until_quiet()
    assert sendgrid.calls == ({SEND: 1} if is_reached else {}), "tried again, or followed elsewhere"
    assert len(sendgrid.accepted) == (fault in TAKEN)
    # Whatever happened, the next message is not touched by it.
    assert connect(sendgrid.url).send(change(message_id="m-2")).outcome == "accepted"


def test_no_outcome_contradicts_the_truth() -> None:
    assert len(OUTCOMES) == len(Fault) >= 22
    for fault, outcome in OUTCOMES.items():
        if fault in TAKEN:
            assert outcome in ("accepted", "unknown")
        else:
            assert outcome != "accepted"


def test_an_answer_that_drips_ends_at_its_time(sendgrid: SendGridStandIn) -> None:
    sendgrid.script([Fault.SLOW_DRIP])
    start = datetime.now(UTC)
    assert connect(sendgrid.url, seconds=0.6).send(MESSAGE).outcome == "unknown"
    assert timedelta(seconds=0.5) < datetime.now(UTC) - start < timedelta(seconds=10)


def test_a_connection_that_does_not_come_about_in_time_is_no_arrival() -> None:
    # Nobody accepts, and the queue is full: the machine leaves further connections unanswered.
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        calls = SendGridCalls(f"http://127.0.0.1:{listener.getsockname()[1]}", SecretStr(KEY), 0.3, 5)
        delivery = SendGridMail(calls, "noreply@example.com", "mentoring@example.net").send(MESSAGE)
    assert delivery == Delivery("not_arrived", problem="SendGrid could not be reached (TimeoutError).")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault.UNAUTHORIZED, "MENTORING_SENDGRID_API_KEY; make a new one there"),
        (Fault.FORBIDDEN, "give the key the permission “Mail Send”, and verify the sender's address"),
    ],
)
def test_a_key_that_is_not_accepted_says_what_to_mend(
    sendgrid: SendGridStandIn, fault: Fault, sentence: str
) -> None:
    sendgrid.script([fault])
    with pytest.raises(MailError, match=re.escape(sentence)):
        connect(sendgrid.url).send(MESSAGE)


@pytest.mark.parametrize("status", [404, 405, 407])
def test_another_server_than_sendgrid_refuses_nobodys_message(status: int) -> None:
    from tasks.mail_sendgrid import read_answer

    with pytest.raises(MailError, match="correct MENTORING_SENDGRID_URL"):
        read_answer(Answer(status, {}, b""))


def test_used_up_credits_are_told_from_a_wrong_key() -> None:
    answer = Answer(401, {}, b'{"errors":[{"field":null,"message":"Maximum credits exceeded"}]}')
    assert "used up its messages" in (answer.describe_key_trouble("Mail Send") or "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"errors":[]}',
        b'{"errors":[{"field":"Ana <ana@example.org>"}]}',
        b"<html>",
        b'{"errors":"x"}',
    ],
)
def test_a_refusal_that_names_no_field_is_told_without_one(body: bytes) -> None:
    from tasks.mail_sendgrid import read_answer

    assert read_answer(Answer(400, {}, body)) == Delivery("refused", problem="SendGrid refused it (400).")


@pytest.mark.parametrize("status", [200, 201, 204, 302, 307, 408, 425, 500, 502, 503, 504, 599])
def test_only_202_is_an_acceptance(status: int) -> None:
    from tasks.mail_sendgrid import read_answer

    assert read_answer(Answer(status, {"x-message-id": "abc"}, b"")).outcome == "unknown"


NOW = "Mon, 01 Mar 2027 13:00:00 GMT"
EPOCH = int(datetime(2027, 3, 1, 13, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30),
        ({"retry-after": "30", "x-ratelimit-reset": str(EPOCH + 90)}, 30),
        ({"retry-after": "Mon, 01 Mar 2027 13:02:00 GMT"}, 120),
        ({"x-ratelimit-reset": str(EPOCH + 90)}, 90),
        ({"x-ratelimit-reset": str(EPOCH - 90)}, 0),
        ({"retry-after": "999999999"}, 86400),
        ({"retry-after": "soon", "x-ratelimit-reset": "later"}, None),
        ({"retry-after": "-5"}, None),
        ({"x-ratelimit-reset": "٣"}, None),
    ],
)
def test_the_pause_that_sendgrid_asks_for(headers: dict[str, str], seconds: int | None) -> None:
    pause = read_pause(Answer(429, {"date": NOW, **headers}, b""))
    assert pause == (None if seconds is None else timedelta(seconds=seconds))


def test_a_429_brings_its_pause(sendgrid: SendGridStandIn) -> None:
    sendgrid.script([Fault.TOO_MANY, Fault.TOO_MANY_BARE])
    backend = connect(sendgrid.url)
    pause = backend.send(MESSAGE).retry_after
    assert pause is not None
    assert timedelta(seconds=85) <= pause <= timedelta(seconds=95)
    assert backend.send(MESSAGE).retry_after is None


# --- secrets, threads, TLS ------------------------------------------------------------------------------------------


def test_neither_key_nor_message_is_logged_or_shown(
    sendgrid: SendGridStandIn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("python_http_client", "python_http_client.client"):
        caplog.set_level(logging.DEBUG, logger=name)
    sendgrid.script([None, Fault.BAD_REQUEST, Fault.SERVER_ERROR, Fault.RESET_AFTER])
    backend = connect(sendgrid.url)
    for _ in range(4):
        backend.send(MESSAGE)
    printed = "".join(capfd.readouterr())
    assert caplog.text + printed == ""
    assert not re.search(
        rf"{KEY}|ana\.ortiz", repr(backend) + repr(MESSAGE) + repr(Answer(400, {}, b"ana.ortiz"))
    )


def test_threads_share_one_backend_without_mixing_anything(sendgrid: SendGridStandIn) -> None:
    backend = connect(sendgrid.url)
    messages = [
        change(message_id=f"m-{number}", to_address=f"p{number}@example.org", text=f"text {number} " * 200)
        for number in range(40)
    ]
    with ThreadPoolExecutor(8) as pool:
        deliveries = list(pool.map(backend.send, messages))
    taken = {message.message_id: message for message in sendgrid.accepted}
    assert len(sendgrid.accepted) == len(taken) == 40
    for message, delivery in zip(messages, deliveries, strict=True):
        found = taken[message.message_id]
        assert (found.provider_id, found.to) == (delivery.provider_id, message.to_address)
        assert found.body["content"][0]["value"] == message.text


def test_no_client_is_used_twice() -> None:
    calls = SendGridCalls("http://127.0.0.1:1", SecretStr(KEY), 0.2, 0.2)
    seen: list[Any] = []

    def ask(account: Any) -> Any:
        seen.append(account.client)
        return account.client.user.profile.get(request_headers={"X-Sticks": str(len(seen))})

    for _ in range(2):
        with pytest.raises(NotConnectedError):
            calls.ask(ask)
    first, second = seen
    assert first is not second
    assert (first.request_headers["X-Sticks"], second.request_headers["X-Sticks"]) == ("1", "2")
    assert first.request_headers is not second.request_headers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "stand-in.pem")


def test_over_tls_the_certificate_is_checked_before_anything_is_sent(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SendGridStandIn(tls=serve_with(certificate)) as sendgrid:
        untrusting = connect(sendgrid.url)
        assert untrusting.send(MESSAGE) == Delivery(
            "not_arrived", problem="SendGrid could not be reached (its certificate is not trusted)."
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        sendgrid.script([None, Fault.RESET_AFTER, Fault.TIMEOUT_BEFORE, Fault.SLOW_DRIP])
        trusting, impatient = connect(sendgrid.url), connect(sendgrid.url, seconds=0.5)
        outcomes = [
            backend.send(change(message_id=f"m-{number}")).outcome
            for number, backend in enumerate([trusting, trusting, impatient, impatient])
        ]
        assert outcomes == ["accepted", "unknown", "unknown", "unknown"]
        sendgrid.wait_until_quiet()
        assert [message.message_id for message in sendgrid.accepted] == ["m-0", "m-1", "m-3"]


def test_a_proxy_for_the_outside_is_not_asked_for_this_machine(
    sendgrid: SendGridStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert connect(sendgrid.url).send(MESSAGE).outcome == "accepted"


# --- settings -------------------------------------------------------------------------------------------------------


def with_sendgrid(settings: Settings, **fields: Any) -> Settings:
    return replace(settings, **{"mail": "sendgrid", "sendgrid_api_key": SecretStr(KEY), **fields})


def test_the_settings_make_the_backend(sample_settings: Settings, sendgrid: SendGridStandIn) -> None:
    backend = open_mail(with_sendgrid(sample_settings, sendgrid_url=sendgrid.url))
    assert backend.send(MESSAGE).outcome == "accepted"
    assert backend.check().startswith("SendGrid takes the key")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sendgrid_api_key": None}, "MENTORING_SENDGRID_API_KEY is missing"),
        ({"sendgrid_api_key": SecretStr("SG.a\nSG.b")}, "copy it once more"),
        ({"sendgrid_url": "api.sendgrid.com"}, "is no web address"),
        ({"sendgrid_url": "http://api.example.org"}, "must begin with https://"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(
    sample_settings: Settings, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(MailError, match=words) as caught:
        open_sendgrid(with_sendgrid(sample_settings, **fields))
    assert "SG." not in str(caught.value)
