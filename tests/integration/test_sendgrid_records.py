"""What SendGrid's logs and suppression lists say, and the check-up, over real HTTP to a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.mail import Delivery, MailError
from tasks.mail_sendgrid import write_request
from tasks.sendgrid_records import _search_logs
from tests.outgoing_mail import MESSAGE, change, connect
from tests.stand_ins.sendgrid import SCOPES, Fault, SendGridStandIn

BEFORE = timedelta(hours=1)


@pytest.fixture
def sendgrid() -> Iterator[SendGridStandIn]:
    with SendGridStandIn() as stand_in:
        yield stand_in


@pytest.mark.parametrize("fault", [None, Fault.TRUNCATED, Fault.RESET_AFTER, Fault.UNAVAILABLE_AFTER])
def test_the_logs_know_what_was_taken(sendgrid: SendGridStandIn, fault: Fault | None) -> None:
    backend = connect(sendgrid.url)
    sendgrid.script([None, fault])
    for number in range(2):
        backend.send(change(message_id=f"m-{number}"))
    found = backend.look_up("m-1", datetime.now(UTC) - BEFORE)
    assert found == Delivery("accepted", provider_id=f"{sendgrid.accepted[1].provider_id}.recvd-stand-in-0")


@pytest.mark.parametrize("fault", [Fault.REDIRECT, Fault.RESET_BEFORE, Fault.UNAVAILABLE_BEFORE])
def test_what_the_logs_do_not_hold_stays_in_doubt(sendgrid: SendGridStandIn, fault: Fault) -> None:
    backend = connect(sendgrid.url)
    sendgrid.script([fault])
    assert backend.send(MESSAGE).outcome == "unknown"
    backend.send(change(message_id="m-10"))
    assert backend.look_up("m-1", datetime.now(UTC) - BEFORE) is None


def test_a_message_that_sendgrid_dropped_is_found_as_refused(sendgrid: SendGridStandIn) -> None:
    sendgrid.script([Fault.SUPPRESSED])
    assert connect(sendgrid.url).send(MESSAGE).outcome == "accepted"
    found = connect(sendgrid.url).look_up("m-1", datetime.now(UTC) - BEFORE)
    assert found is not None
    assert (found.outcome, found.problem) == (
        "refused",
        "SendGrid took it and dropped it: the address is on a suppression list.",
    )


def test_logs_that_lag_say_nothing_yet() -> None:
    with SendGridStandIn(log_delay=timedelta(minutes=5)) as sendgrid:
        backend = connect(sendgrid.url)
        backend.send(MESSAGE)
        assert backend.look_up("m-1", datetime.now(UTC) - BEFORE) is None
        sendgrid.set_time(datetime.now(UTC) + timedelta(minutes=6))
        assert backend.look_up("m-1", datetime.now(UTC) - BEFORE) is not None


def test_a_person_is_erased_from_sendgrids_own_records(sendgrid: SendGridStandIn) -> None:
    backend = connect(sendgrid.url)
    backend.send(MESSAGE)
    backend.send(change(message_id="m-2", to_address="bo@example.org"))
    backend.erase_recipients([MESSAGE.to_address.upper()])
    since = datetime.now(UTC) - BEFORE
    assert backend.look_up("m-1", since) is None
    assert backend.look_up("m-2", since) is not None


def test_each_entry_of_the_logs_is_asked_for_once(sendgrid: SendGridStandIn) -> None:
    backend = connect(sendgrid.url)
    for number in range(6):
        backend.send(change(message_id=f"m-{number}"))
    for number in range(6):
        assert backend.look_up(f"m-{number}", datetime.now(UTC) - BEFORE) is not None
    details = sum(count for name, count in sendgrid.calls.items() if name.startswith("GET /v3/logs/"))
    assert (sendgrid.calls["POST /v3/logs"], details) == (6, 6)


def test_the_accounts_other_mail_is_not_asked_for(sendgrid: SendGridStandIn) -> None:
    other = {**write_request(MESSAGE), "categories": ["newsletter"]}
    sendgrid.memory.accept(other, None)
    assert connect(sendgrid.url).look_up("m-1", datetime.now(UTC) - BEFORE) is None
    assert not any(name.startswith("GET /v3/logs/") for name in sendgrid.calls)


def test_logs_longer_than_an_answer_are_read_in_parts(sendgrid: SendGridStandIn) -> None:
    start = datetime(2027, 3, 1, tzinfo=UTC)
    for number in range(2600):
        if number % 20 == 0:
            sendgrid.set_time(start + timedelta(seconds=number))
        sendgrid.memory.accept(write_request(change(message_id=f"m-{number}")), None)
    backend = connect(sendgrid.url)
    entries = _search_logs(backend.calls, start - BEFORE)
    assert len({entry["sg_message_id"] for entry in entries}) == 2600
    found = backend.look_up("m-2599", start)
    assert found is not None
    assert found.provider_id.startswith(sendgrid.accepted[2599].provider_id)


def test_more_entries_of_one_second_than_an_answer_holds_are_no_endless_search(
    sendgrid: SendGridStandIn,
) -> None:
    for number in range(1100):
        sendgrid.memory.accept(write_request(change(message_id=f"m-{number}")), None)
    assert len(_search_logs(connect(sendgrid.url).calls, datetime.now(UTC) - BEFORE)) >= 1000
    assert sendgrid.calls["POST /v3/logs"] < 20


def test_the_suppression_lists_are_read_to_their_end(sendgrid: SendGridStandIn) -> None:
    for number in range(1203):
        sendgrid.suppress(f"Bounced{number}@example.org")
    sendgrid.suppress("spam@example.org", "spam_reports")
    sendgrid.suppress("left@example.org", "unsubscribes")
    sendgrid.suppress("typo@example.org", "invalid_emails")
    sendgrid.suppress("blocked@example.org", "blocks")
    found = connect(sendgrid.url).list_suppressed()
    assert len(found) == 1206
    assert found["bounced1202@example.org"] == "mail to the address came back"
    assert found["spam@example.org"] == "the person reported our mail as spam"
    assert found["left@example.org"] == "the person unsubscribed from all mail"
    assert found["typo@example.org"] == "the address does not exist"
    # SendGrid goes on sending to those that a server blocked once, so they are kept from nothing.
    assert "blocked@example.org" not in found
    assert sendgrid.calls["GET /v3/suppression/bounces"] == 3


@pytest.mark.parametrize(
    ("missing", "permission"),
    [
        ("mail.send", "Mail Send"),
        ("suppression.read", "Suppressions"),
        ("email_activity.read", "Email Activity"),
    ],
)
def test_the_check_up_names_the_permission_that_is_missing(missing: str, permission: str) -> None:
    sentence = f"give the key the permission “{permission}”"
    with (
        SendGridStandIn(scopes=set(SCOPES) - {missing}) as sendgrid,
        pytest.raises(MailError, match=sentence),
    ):
        connect(sendgrid.url).check()


def test_the_check_up_sends_nothing(sendgrid: SendGridStandIn) -> None:
    assert connect(sendgrid.url, group=7).check() == (
        "SendGrid takes the key and a message (sandbox, nobody gets it), logs and suppression lists can be read, "
        "the unsubscribe group 7 is there"
    )
    assert sendgrid.accepted == []


def test_the_check_up_finds_what_is_wrong(sendgrid: SendGridStandIn) -> None:
    with pytest.raises(MailError, match="no unsubscribe group 9; correct it in program"):
        connect(sendgrid.url, group=9).check()
    with pytest.raises(MailError, match="does not know the key"):
        connect(sendgrid.url, key="SG.other").check()
    with pytest.raises(MailError, match="could not be asked"):
        connect(sendgrid.address_for(Fault.REFUSED)).check()
    sentence = "verify the sender's address or its domain"
    with SendGridStandIn(senders=["other@example.com"]) as strict, pytest.raises(MailError, match=sentence):
        connect(strict.url).check()


@pytest.mark.parametrize(
    "ask",
    [
        lambda backend: backend.list_suppressed(),
        lambda backend: backend.look_up("m", datetime(2027, 3, 1, tzinfo=UTC)),
    ],
)
def test_records_that_cannot_be_read_are_an_error_not_an_empty_list(
    sendgrid: SendGridStandIn, ask: Any
) -> None:
    with pytest.raises(MailError):
        ask(connect(sendgrid.url, key="SG.other"))
    with pytest.raises(MailError):
        ask(connect(sendgrid.address_for(Fault.REFUSED)))
