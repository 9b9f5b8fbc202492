"""What `mentoring status` says waits for a person."""

from __future__ import annotations

from datetime import date

import pytest
from cohorts import make_cohort, mentee, mentor, pair, queue, with_messages

from mentoring.handover import list_waiting


@pytest.mark.parametrize(
    ("state", "sentences"),
    [
        (
            "suppressed",
            [
                "Messages that wait for a decision on the Messages tab: 1.",
                "Messages held back, because the mail provider does not deliver to the address: 1.",
            ],
        ),
        ("unknown", ["Messages that wait for a decision on the Messages tab: 1."]),
        ("sent", []),
    ],
)
def test_status_tells_of_whoever_is_not_mailed(state: str, sentences: list[str]) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    message = queue(cohort, "monthly_topic", "2027-match-001", "2027-04", "2027-mentor-001", state)
    assert [what for _, what in list_waiting(with_messages(cohort, message), date(2027, 4, 5))] == sentences
