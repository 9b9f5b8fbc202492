"""What of people's answers may stay, when a cohort's data has to go, and what ends with somebody who is erased."""

from __future__ import annotations

from datetime import date

import pytest
from cohorts import World, at, load_program, make_cohort, mentee, mentor, pair, queue, with_messages

from mentoring.calendar import find_purge_day
from mentoring.changes import CancelMessage, EndMatch, Plan, RejectMatch, SettleApplication
from mentoring.erasure import is_purge_due, keep_statistics, plan_departure


def test_scales_and_choices_stay_and_every_text_goes() -> None:
    questions = load_program().evaluation
    answers = {question.id: "x" for question in questions}
    answers |= {"comment": "My name is …", "quote_consent": "Yes", "token": "abc", "email": "a@example.org"}
    assert set(keep_statistics(answers, questions)) == {
        "satisfaction",
        "fit",
        "goals_met",
        "contact_frequency",
        "would_recommend",
        "useful_topics",
        "participate_again",
    }


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({}, date(2029, 12, 10)),
        ({"ends": "2027-12-31", "retention_months": 2}, date(2028, 2, 29)),
        ({"retention_months": 1}, date(2028, 1, 10)),
    ],
)
def test_the_purge_day_is_the_retention_after_the_last_day_of_all(
    changes: dict[str, object], day: date
) -> None:
    assert find_purge_day(make_cohort(**changes).settings) == day


def test_data_goes_on_the_purge_day_and_not_before() -> None:
    cohort = make_cohort()
    assert not is_purge_due(cohort, at("2029-12-09 23:59"))
    assert is_purge_due(cohort, at("2029-12-10 00:00"))
    assert is_purge_due(cohort, at("2031-01-01")), "an interrupted purge is finished"


def test_whatever_an_erased_person_takes_part_in_ends() -> None:
    people = [mentor(1, capacity="3"), mentee(1), mentee(2), mentee(3), mentor(2), mentee(4)]
    matches = [pair(1, 1), pair(1, 2, "approved", seat=2), pair(1, 3, "proposed", seat=3), pair(2, 4)]
    cohort = make_cohort(people, matches)
    cohort = with_messages(
        cohort,
        queue(cohort, "heads_up", "2027-match-001", "2027-04", "2027-mentee-001", "pending"),
        queue(cohort, "heads_up", "2027-match-001", "2027-03", "2027-mentee-001", "sent"),
    )
    world = World(cohort)
    plan, partners = plan_departure(cohort, "person-mentor-1")
    assert partners == ["2027-mentee-001"]
    assert plan.messages == ()
    assert plan.changes == (
        EndMatch("2027-match-001", "withdrawn"),
        CancelMessage(cohort.messages[0].message_id, "The match ended before it went out."),
        RejectMatch("2027-match-002", "approved", "applicant_withdrew", None),
        RejectMatch("2027-match-003", "proposed", "applicant_withdrew", None),
        SettleApplication(
            "2027-mentor-001", "accepted", "withdrawn", "[]", "Personal data was erased on request."
        ),
    )
    world.apply(plan, at("2027-04-05"))
    assert [match.match_id for match in world.cohort.list_matches("active")] == ["2027-match-004"]
    assert plan_departure(world.cohort, "person-mentor-1") == (Plan(), [])
