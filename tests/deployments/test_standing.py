"""What `mentoring status` says waits for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from cohorts import at, make_cohort, mentee, mentor, pair, queue, with_messages

from deployments.standing import Standing, count_states, write_words
from mentoring.cohort import CheckIn
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


def test_status_counts_who_never_got_in_touch_and_says_what_is_not_known() -> None:
    people = [*(mentor(number) for number in (1, 2, 3)), *(mentee(number) for number in (1, 2, 3))]
    cohort = make_cohort(people, [pair(number, number, "ended", number=number) for number in (1, 2, 3)])
    said = [
        CheckIn(
            f"k{number}",
            f"2027-match-00{number}",
            f"2027-mentee-00{number}",
            at("2027-03-12"),
            signal,
            None,
            "",
        )
        for number, signal in ((1, "connected"), (2, "partner_missing"))
    ]
    counts = count_states(replace(cohort, check_ins=said))
    assert counts["pairs that are over"] == {
        "told of contact": 1,
        "never in touch, says the mentee": 1,
        "not known": 1,
    }
    standing = Standing("2027", "2027-12-12T15:00:00+00:00", counts, [], [], [], None)
    line = "pairs that are over  1 told of contact, 1 never in touch, says the mentee, 1 not known"
    assert line in write_words([standing])
