"""Events that a year without trouble does not tell, emitted to Prefect by the steps themselves."""

from __future__ import annotations

from typing import Any

import pytest
from prefect import flow
from told_events import record_events

from tasks import notices, steps
from tasks.delivery_marks import DeliveryCounts
from tasks.runs import Run


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return record_events(monkeypatch)


def count(told: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Name and count of every event, each of the cohort's."""
    assert {event["resource"]["prefect.resource.id"] for event in told} <= {"mentoring.cohort.2027"}
    return [(event["event"], event["payload"]["count"]) for event in told]


def test_what_became_of_messages(
    run: Run, monkeypatch: pytest.MonkeyPatch, told: list[dict[str, Any]]
) -> None:
    counts = DeliveryCounts(dict.fromkeys(notices.MESSAGE_EVENTS, 2) | {"failed": 0, "returned": 1})
    monkeypatch.setattr("tasks.outbox.deliver_due_messages", lambda run, watch: counts)

    @flow(name="delivery-with-trouble")
    def deliver() -> None:
        assert steps.deliver_due_messages(run) is counts

    deliver()
    names = ("sent", "in-doubt", "suppressed", "expired")
    assert count(told) == [(f"mentoring.messages.{name}", 2) for name in names]


@pytest.mark.parametrize(("people", "events"), [(3, [("mentoring.personal-data.removed", 3)]), (0, [])])
def test_personal_data_that_is_gone(
    run: Run, told: list[dict[str, Any]], people: int, events: list[tuple[str, int]]
) -> None:
    @flow(name="purge-of-a-cohort")
    def purge() -> None:
        steps.anonymise_cohort(run, people)

    purge()
    assert count(told) == events
