"""Mail to a mail server, over real SMTP, to a stand-in that knows what it took."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from mentoring.messages import Attachment
from tasks import mail_smtp
from tasks.mail import Delivery, MailBackend, MailError, OutgoingMessage, open_mail
from tasks.mail_files import write_eml
from tasks.mail_smtp import SmtpMail, SmtpServer, open_smtp, read_server
from tasks.settings import Settings
from tests.stand_ins.certificates import serve_with, write_certificate
from tests.stand_ins.smtp import PASSWORD, SMTP_TAKEN, USER, SmtpFault, SmtpStandIn

MESSAGE = OutgoingMessage(
    message_id="m-1",
    kind="monthly_topic",
    to_address="ana.ortiz@example.org",
    to_name="Ana María Ortiz",
    from_address="noreply@example.com",
    from_name="Serials Mentoring Program",
    reply_to="mentoring@example.net",
    subject="March: metadata",
    text="Dear Ana María,\n.\n..\n.hidden dots\nFrom here on\n",
    html="<p>Dear Ana María</p>",
    date=datetime(2027, 3, 1, 13, 5, tzinfo=UTC),
)


@pytest.fixture
def server() -> Iterator[SmtpStandIn]:
    with SmtpStandIn() as stand_in:
        yield stand_in


def connect(
    stand_in: SmtpStandIn, with_login: bool = True, seconds: float = 20, is_tls: bool = False
) -> SmtpMail:
    """A backend that waits `seconds`, twice: more than a busy machine needs, or little to see it give up."""
    login = (USER, SecretStr(PASSWORD)) if with_login else ()
    server = SmtpServer("127.0.0.1", stand_in.port, is_tls, *login)
    return SmtpMail(server, "noreply@example.com", connect_seconds=seconds, answer_seconds=seconds)


def change(**fields: Any) -> OutgoingMessage:
    return replace(MESSAGE, **fields)


def test_a_message_arrives_as_it_was_written(server: SmtpStandIn) -> None:
    backend: MailBackend = connect(server)
    assert backend.send(MESSAGE) == Delivery("accepted", provider_id="<m-1@example.com>")
    [taken] = server.accepted
    assert (taken.sender, taken.recipients, taken.user) == (
        "noreply@example.com",
        ["ana.ortiz@example.org"],
        USER,
    )
    assert taken.content == write_eml(MESSAGE)
    mail = message_from_bytes(taken.content, policy=policy.default)
    assert mail["Message-ID"] == "<m-1@example.com>"
    assert mail["X-Mentoring-Message"] == "m-1"
    assert mail["List-Unsubscribe"] == "<mailto:mentoring@example.net?subject=unsubscribe>"
    assert mail["Reply-To"] == "mentoring@example.net"
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")  # type: ignore[union-attr]
    assert text == MESSAGE.text


def test_attachments_arrive_whole(server: SmtpStandIn) -> None:
    entry = Attachment(
        "due.ics", "text/calendar; method=PUBLISH; charset=utf-8", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    )
    certificate = Attachment("für Ana.pdf", "application/pdf", bytes(range(256)) * 9)
    assert connect(server).send(change(attachments=(entry, certificate))).outcome == "accepted"
    mail = message_from_bytes(server.accepted[0].content, policy=policy.default)
    first, second = mail.iter_attachments()
    assert (first.get_content_type(), first.get_param("method"), first.get_filename()) == (
        "text/calendar",
        "PUBLISH",
        "due.ics",
    )
    assert first.get_payload(decode=True) == entry.content
    assert (second.get_content_type(), second.get_filename()) == ("application/pdf", "für Ana.pdf")
    assert second.get_payload(decode=True) == certificate.content
    assert mail.get_body(("html",)).get_content().strip() == MESSAGE.html  # type: ignore[union-attr]


def test_international_domains_travel_in_ascii(server: SmtpStandIn) -> None:
    assert connect(server).send(change(to_address="ana@Bücher.example")).outcome == "accepted"
    assert server.accepted[0].recipients == ["ana@xn--bcher-kva.example"]
    assert server.accepted[0].content.isascii()


@pytest.mark.parametrize(
    "address", ["", "ana", "a@b>\r\nRCPT TO:<c@d", "jürgen@example.org", "a@example.org, b@c.org"]
)
def test_what_is_no_address_is_refused_without_a_call(server: SmtpStandIn, address: str) -> None:
    for field in ("to_address", "from_address", "reply_to"):
        assert connect(server).send(change(**{field: address})).outcome == "refused"
    assert server.sessions == 0


# --- everything that can go wrong -----------------------------------------------------------------------------------

OUTCOMES = {
    SmtpFault.BUSY_AT_START: "not_arrived",
    SmtpFault.SILENT_AT_START: "not_arrived",
    SmtpFault.GONE_AT_START: "not_arrived",
    SmtpFault.LOGIN_REFUSED: "MailError",
    SmtpFault.LOGIN_LATER: "not_arrived",
    SmtpFault.LOGIN_WANTED: "MailError",
    SmtpFault.SENDER_REFUSED: "refused",
    SmtpFault.RECIPIENT_REFUSED: "refused",
    SmtpFault.RECIPIENT_LATER: "not_arrived",
    SmtpFault.DATA_REFUSED: "refused",
    SmtpFault.GONE_AT_DATA: "not_arrived",
    SmtpFault.MESSAGE_REFUSED: "refused",
    SmtpFault.MESSAGE_LATER: "not_arrived",
    SmtpFault.RESET_BEFORE: "unknown",
    SmtpFault.SILENT_BEFORE: "unknown",
    SmtpFault.CLOSING_BEFORE: "unknown",
    SmtpFault.RESET_AFTER: "unknown",
    SmtpFault.SILENT_AFTER: "unknown",
    SmtpFault.DRIP_AFTER: "unknown",
    SmtpFault.NONSENSE_AFTER: "unknown",
    SmtpFault.CLOSING_AFTER: "unknown",
}


#: Without a limit of ours the sender would wait for ever.
ENDLESS = frozenset(
    {SmtpFault.SILENT_AT_START, SmtpFault.SILENT_BEFORE, SmtpFault.SILENT_AFTER, SmtpFault.DRIP_AFTER}
)


def try_to_send(backend: SmtpMail) -> str:
    try:
        delivery = backend.send(MESSAGE)
    except MailError as error:
        check_sentence(str(error))
        return "MailError"
    if delivery.outcome != "accepted":
        check_sentence(delivery.problem)
    return delivery.outcome


def check_sentence(text: str) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*\.", text)
    assert not any(word in text for word in ("ana", "Ana", "example.", PASSWORD, "Errno", "<"))


@pytest.mark.parametrize("fault", list(SmtpFault))
def test_every_fault_has_its_outcome_and_is_tried_once(server: SmtpStandIn, fault: SmtpFault) -> None:
    server.script([fault])
    assert try_to_send(connect(server, seconds=0.5 if fault in ENDLESS else 20)) == OUTCOMES[fault]
    assert server.sessions == 1
    end = monotonic() + 10
    while fault in SMTP_TAKEN and not server.accepted and monotonic() < end:
        sleep(0.01)
    assert len(server.accepted) == (fault in SMTP_TAKEN)
    assert connect(server).send(change(message_id="m-2")).outcome == "accepted"


def test_no_outcome_contradicts_the_truth() -> None:
    assert set(OUTCOMES) == set(SmtpFault)
    assert all(OUTCOMES[fault] in ("accepted", "unknown") for fault in SMTP_TAKEN)


def test_a_server_that_is_not_there_is_no_arrival() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for host in ("127.0.0.1", "mail.invalid"):
        backend = SmtpMail(SmtpServer(host, port, is_tls=False), "noreply@example.com", 1, 1)
        assert try_to_send(backend) == "not_arrived"


def test_an_answer_that_drips_ends_at_its_time(server: SmtpStandIn) -> None:
    server.script([SmtpFault.DRIP_AFTER])
    start = monotonic()
    assert connect(server, seconds=0.3).send(MESSAGE).outcome == "unknown"
    assert 0.4 < monotonic() - start < 10


def test_threads_share_one_backend_without_mixing_anything(server: SmtpStandIn) -> None:
    backend = connect(server)
    messages = [change(message_id=f"m-{number}", to_address=f"p{number}@example.org") for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        assert {delivery.outcome for delivery in pool.map(backend.send, messages)} == {"accepted"}
    taken = {mail.recipients[0]: mail.content for mail in server.accepted}
    assert len(server.accepted) == 24
    assert all(taken[message.to_address] == write_eml(message) for message in messages)


def test_a_sender_that_dies_before_the_dot_handed_nothing_over(server: SmtpStandIn) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sender:
        lines = [
            "EHLO x",
            "MAIL FROM:<a@example.org>",
            "RCPT TO:<b@example.org>",
            "DATA",
            "Subject: half",
            "",
        ]
        sender.sendall("\r\n".join(lines).encode())
        sender.shutdown(socket.SHUT_WR)
        while sender.recv(4096):
            continue
    assert server.accepted == []


# --- encryption and login -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "stand-in.pem")


@pytest.mark.parametrize("is_tls", [True, False])
def test_tls_from_the_start_or_by_starttls(
    certificate: Path, is_tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_smtp, "is_loopback", lambda host: False)
    with SmtpStandIn(serve_with(certificate), is_tls=is_tls, wants_login=True) as server:
        backend = connect(server, is_tls=is_tls)
        for call in (lambda: backend.send(MESSAGE), backend.check):
            with pytest.raises(
                MailError, match="certificate is not one for its name that this machine trusts"
            ):
                call()
        assert server.accepted == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        server.script([None, SmtpFault.RESET_AFTER, SmtpFault.DRIP_AFTER])
        impatient = connect(server, is_tls=is_tls, seconds=0.5)
        outcomes = [sender.send(MESSAGE).outcome for sender in (backend, backend, impatient)]
        assert outcomes == ["accepted", "unknown", "unknown"]
        assert [(mail.is_encrypted, mail.user) for mail in server.accepted] == [(True, USER)] * 3


def test_a_server_elsewhere_that_does_not_encrypt_gets_nothing(
    server: SmtpStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_smtp, "is_loopback", lambda host: False)
    with pytest.raises(MailError, match="offers no encryption"):
        connect(server).send(MESSAGE)
    assert server.accepted == []


def test_garbage_instead_of_tls_is_no_arrival(server: SmtpStandIn) -> None:
    assert try_to_send(connect(server, is_tls=True)) == "not_arrived"


def test_a_login_that_is_missing_or_not_taken_says_so(server: SmtpStandIn) -> None:
    with SmtpStandIn(wants_login=True) as strict:
        with pytest.raises(MailError, match="wants another name or password; correct MENTORING_SMTP_URL"):
            connect(strict, with_login=False).send(MESSAGE)
        with pytest.raises(MailError, match="wants another name or password"):
            connect(strict, with_login=False).check()
        assert connect(strict).send(MESSAGE).outcome == "accepted"
    assert connect(server, with_login=False).send(MESSAGE).outcome == "accepted"


# --- records, check-up, settings ------------------------------------------------------------------------------------


def test_a_mail_server_keeps_no_records(server: SmtpStandIn) -> None:
    backend = connect(server)
    backend.send(MESSAGE)
    assert backend.look_up("m-1", MESSAGE.date - timedelta(hours=1)) is None
    assert backend.list_suppressed() == {}


def test_the_check_up_sends_nothing(server: SmtpStandIn) -> None:
    words = f"the mail server 127.0.0.1:{server.port} (on this machine) takes mail from the sender's address"
    assert connect(server).check() == words
    assert server.accepted == []


def test_the_check_up_finds_what_is_wrong(server: SmtpStandIn) -> None:
    server.script([SmtpFault.SENDER_REFUSED, SmtpFault.SILENT_AT_START])
    with pytest.raises(MailError, match=r"does not take the sender's address \(553\)"):
        connect(server).check()
    with pytest.raises(MailError, match="could not be reached"):
        connect(server, seconds=0.3).check()


def test_the_settings_make_the_backend(sample_settings: Settings, server: SmtpStandIn) -> None:
    login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
    url = SecretStr(f"smtp://{login}@127.0.0.1:{server.port}")
    backend = open_mail(replace(sample_settings, mail="smtp", smtp_url=url))
    assert backend.send(MESSAGE).outcome == "accepted"
    assert server.accepted[0].user == USER
    assert PASSWORD not in repr(backend)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.org", SmtpServer("mail.example.org", 465, True)),
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 587, False)),
        ("smtp://localhost:25/", SmtpServer("localhost", 25, False)),
        (
            "smtps://a%40b:c%2Fd@mail.example.org:2465",
            SmtpServer("mail.example.org", 2465, True, "a@b", SecretStr("c/d")),
        ),
    ],
)
def test_the_address_of_a_server_is_read(url: str, server: SmtpServer) -> None:
    assert read_server(SecretStr(url)) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "https://mail.example.org",
        "smtp://",
        "smtp://a:p4ss@b:port",
        "smtp://a/p4ss",
        "smtp://[x",
    ],
)
def test_what_is_no_address_of_a_server_is_named_without_being_repeated(
    sample_settings: Settings, url: str
) -> None:
    with pytest.raises(MailError, match="MENTORING_SMTP_URL is no mail server's address") as caught:
        open_smtp(replace(sample_settings, mail="smtp", smtp_url=SecretStr(url)))
    assert "p4ss" not in str(caught.value)


def test_a_password_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(MailError, match="letters that can't be sent to a mail server") as caught:
        read_server(SecretStr("smtps://ana:p%C3%A4ss@mail.example.org"))
    assert "päss" not in str(caught.value)


def test_a_missing_address_is_named(sample_settings: Settings) -> None:
    with pytest.raises(MailError, match="MENTORING_SMTP_URL is missing"):
        open_smtp(replace(sample_settings, mail="smtp", smtp_url=None))


def test_no_thread_is_left_behind() -> None:
    with SmtpStandIn() as server:
        connect(server).send(MESSAGE)
    assert not [thread for thread in threading.enumerate() if "serve_forever" in thread.name]
