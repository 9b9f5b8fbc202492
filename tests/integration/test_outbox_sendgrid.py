"""The outbox over real HTTP: a SendGrid stand-in that refuses one of sixty, keeps silent, and reports by itself."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from scripted_provider import with_delivery
from small_cohort import SmallCohort

from deployments.operator_server import ServingError
from deployments.webhook import serve_webhook
from tasks.mail_webhook import WEBHOOK_PATH
from tasks.outbox import deliver_due_messages
from tasks.runs import Run
from tests.stand_ins.sendgrid import KEY, Fault, SendGridStandIn

NOTHING = {"unknown": 0, "expired": 0, "failed": 0}


@pytest.fixture
def sendgrid() -> Iterator[SendGridStandIn]:
    with SendGridStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def cohort(run: Run, sendgrid: SendGridStandIn) -> SmallCohort:
    """A program that sends through the stand-in, with as many senders as usual."""
    settings = replace(
        run.settings,
        mail="sendgrid",
        sendgrid_url=sendgrid.url,
        sendgrid_api_key=SecretStr(KEY),
        sendgrid_webhook_key=sendgrid.public_key,
    )
    return SmallCohort(replace(run, settings=settings))


def test_one_of_sixty_is_refused_and_the_others_go(cohort: SmallCohort, sendgrid: SendGridStandIn) -> None:
    ids = cohort.queue(60)
    sendgrid.script([*[None] * 28, Fault.BAD_REQUEST])
    counts = deliver_due_messages(cohort.run)
    assert counts == {**NOTHING, "sent": 59, "failed": 1}
    [refused] = [key for key, state in cohort.states().items() if state == "failed"]
    [reference] = cohort.name_messages(refused)
    assert counts.waiting == (
        f"Messages that did not get through and wait for a decision on the Messages tab: 1 ({reference}).",
    )
    taken = Counter(message.message_id for message in sendgrid.accepted)
    assert taken == Counter(set(ids) - {refused})
    asked = sendgrid.calls["POST /v3/mail/send"]
    again = deliver_due_messages(cohort.run)
    assert (again, again.waiting) == (NOTHING, ())
    assert sendgrid.calls["POST /v3/mail/send"] == asked == 60


def test_whom_sendgrid_would_drop_is_held_back(cohort: SmallCohort, sendgrid: SendGridStandIn) -> None:
    ids = cohort.queue(3)
    sendgrid.suppress("person2@example.org")
    counts = deliver_due_messages(cohort.run)
    assert counts == {**NOTHING, "sent": 2, "suppressed": 1}
    assert cohort.states()[ids[1]] == "suppressed"
    assert {message.message_id for message in sendgrid.accepted} == {ids[0], ids[2]}


def test_a_doubt_is_resolved_from_the_logs(cohort: SmallCohort, sendgrid: SendGridStandIn) -> None:
    [message_id] = cohort.queue()
    sendgrid.script([Fault.UNAVAILABLE_AFTER])
    assert deliver_due_messages(cohort.run)["unknown"] == 1
    later = cohort.at(cohort.run.now + timedelta(hours=1))
    assert deliver_due_messages(later.run)["found out: sent"] == 1
    assert cohort.states() == {message_id: "sent"}
    assert len(sendgrid.accepted) == 1


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_doubt_is_resolved_by_what_sendgrid_reports(cohort: SmallCohort, sendgrid: SendGridStandIn) -> None:
    """Signed, over HTTP, and brought twice."""
    cohort.run = with_delivery(cohort.run, senders=1)
    cohort.queue(2)
    sendgrid.script([Fault.UNAVAILABLE_AFTER, Fault.DUPLICATE_EVENT])
    deliver_due_messages(cohort.run)
    assert set(cohort.states().values()) == {"unknown"}
    port, told = find_port(), []
    address = f"http://127.0.0.1:{port}{WEBHOOK_PATH}"
    with serve_webhook(cohort.run.settings, "127.0.0.1", port, told.append):
        assert set(sendgrid.post_events(address)) == {204}
    assert told == [f"SendGrid's events are taken in at {address}"]
    assert set(cohort.states().values()) == {"sent"}
    events = cohort.rows("provider_events")
    assert events
    assert len({row["event_id"] for row in events}) == len(events)
    assert deliver_due_messages(cohort.run) == NOTHING
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_stranger_changes_nothing(cohort: SmallCohort, sendgrid: SendGridStandIn) -> None:
    cohort.queue()
    sendgrid.script([Fault.UNAVAILABLE_AFTER])
    deliver_due_messages(cohort.run)
    with SendGridStandIn() as stranger:
        settings = replace(cohort.run.settings, sendgrid_webhook_key=stranger.public_key)
        port = find_port()
        with serve_webhook(settings, "127.0.0.1", port, lambda line: None):
            assert set(sendgrid.post_events(f"http://127.0.0.1:{port}{WEBHOOK_PATH}")) == {403}
    assert set(cohort.states().values()) == {"unknown"}
    assert cohort.rows("provider_events") == []


def test_the_webhook_needs_its_key(run: Run) -> None:
    with serve_webhook(run.settings, "127.0.0.1", None, pytest.fail):
        pass
    webhook = serve_webhook(run.settings, "127.0.0.1", find_port(), pytest.fail)
    with (
        pytest.raises(
            ServingError, match=r"set MENTORING_SENDGRID_WEBHOOK_KEY, or serve without --webhook\."
        ),
        webhook,
    ):
        pass
