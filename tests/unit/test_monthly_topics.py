"""Monthly topics: each active pair gets each due topic once, never early, late ones marked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from cohorts import (
    YEAR,
    World,
    at,
    in_daytime,
    list_days,
    load_program,
    make_cohort,
    mentee,
    mentor,
    pair,
    topic_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.calendar import end_of_day, list_topic_days, start_of_day
from mentoring.changes import Plan
from mentoring.cohort import Cohort, Draft
from mentoring.monthly_topics import WORTH, list_due_days, plan_monthly_topics
from mentoring.program import SendingHours

ZONES = {"2027-mentor-001": "Pacific/Honolulu", "2027-mentee-001": "Europe/Berlin"}


def make_pairs(**changes: object) -> Cohort:
    """One pair from Honolulu and Berlin since 1 March, one from New York since 20 May."""
    people = [
        mentor(1, time_zone="Pacific/Honolulu"),
        mentee(1, time_zone="Europe/Berlin"),
        mentor(2),
        mentee(2),
    ]
    return make_cohort(people, [pair(1, 1), pair(2, 2, introduced_at=at("2027-05-20"))], **changes)


def send(world: World, now: datetime, *periods: str) -> Plan:
    plan = world.apply(plan_monthly_topics(world.cohort, topic_rows(*(periods or YEAR)), now), now)
    again = plan_monthly_topics(world.cohort, topic_rows(*(periods or YEAR)), now)
    assert again.messages == (), "running twice queues nothing"
    return plan


def test_on_the_topics_day_the_mentor_gets_the_topic_and_the_mentee_a_heads_up() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]))
    plan = send(world, at("2027-04-01"))
    assert plan.counts == {"topics to mentors": 1, "heads-ups to mentees": 1}
    to_mentor, to_mentee = plan.messages
    topic = {"title": "Topic of 2027-04", "prompts": ["One?", "Two?"], "links": ["https://www.example.org/a"]}
    assert to_mentor.key == ("monthly_topic", "2027-match-001", "2027-04", "person-mentor-1")
    assert to_mentor.context == {
        "month": "April 2027",
        "topic": topic,
        "mentee": {"name": "Ben Mentee1", "email": "mentee1@example.org"},
        "is_late": False,
    }
    assert to_mentee.key == ("heads_up", "2027-match-001", "2027-04", "person-mentee-1")
    assert to_mentee.context == {
        "month": "April 2027",
        "topic": topic,
        "mentor": {"name": "Ben Mentor1", "email": "mentor1@example.org"},
    }
    assert to_mentor.not_before == at("2027-04-01 09:00")
    assert to_mentor.expires_at == at("2027-04-22 00:00")


@pytest.mark.parametrize(
    ("now", "count"), [("2027-03-31 23:59", 0), ("2027-04-01 00:00", 2), ("2027-04-30", 2), ("2027-05-01", 4)]
)
def test_the_day_begins_at_midnight_in_the_committees_time_zone(now: str, count: int) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    assert len(plan_monthly_topics(cohort, topic_rows(*YEAR), at(now)).messages) == count


def test_nobody_gets_it_before_it_is_that_day_where_they_live() -> None:
    world = World(make_pairs())
    plan = send(world, at("2027-04-01 00:30"))
    due = {draft.recipient_id: draft.not_before for draft in plan.messages}
    assert due == {
        "person-mentor-1": at("2027-04-01 08:00", "Pacific/Honolulu"),
        "person-mentee-1": at("2027-04-01 08:00", "Europe/Berlin"),
    }


def test_an_evening_of_the_day_before_is_too_early() -> None:
    program = load_program()
    late_hours = SendingHours(start=time(8), end=time(22))
    cohort = make_pairs(program=program.model_copy(update={"sending_hours": late_hours}))
    plan = plan_monthly_topics(cohort, topic_rows(*YEAR), at("2027-04-01 00:30"))
    # In Honolulu it is half past six in the evening of 31 March.
    assert plan.messages[0].not_before == at("2027-04-01 08:00", "Pacific/Honolulu")


@pytest.mark.parametrize(
    ("now", "is_late"), [("2027-08-01 23:59", False), ("2027-08-02 00:00", True), ("2027-08-03", True)]
)
def test_a_missed_first_of_the_month_is_caught_up_once_and_marked_late(now: str, is_late: bool) -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, introduced_at=at("2027-07-05"))]))
    plan = send(world, at(now))
    assert [draft.context.get("is_late") for draft in plan.messages] == [is_late, None]
    assert send(world, at("2027-08-15")).messages == ()


def test_a_topic_that_is_too_late_is_queued_as_expired_so_that_the_committee_sees_it() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]))
    now = at("2027-04-25")
    plan = send(world, now)
    assert [draft.period for draft in plan.messages] == ["2027-04", "2027-04"]
    assert world.deliver(now) == []
    assert {message.state for message in world.cohort.messages} == {"expired"}


@pytest.mark.parametrize("hour", range(24))
def test_on_the_last_night_the_two_sides_are_queued_together(hour: int) -> None:
    """At the edge of its worth it still goes out by day, or is expired, and never at night."""
    world = World(make_pairs())
    now = at(f"2027-04-21 {hour:02d}:00") + timedelta(hours=12)
    plan = send(world, now)
    assert [draft.kind for draft in plan.messages] == ["monthly_topic", "heads_up"]
    for number in range(1, 48):
        for draft in world.deliver(now + timedelta(hours=number)):
            zone = "Pacific/Honolulu" if draft.kind == "monthly_topic" else "Europe/Berlin"
            assert in_daytime(world.cohort, draft, zone)
            assert draft.not_before >= now
    assert {message.state for message in world.cohort.messages} <= {"sent", "expired"}


def test_a_month_without_a_topic_waits_for_the_committee() -> None:
    world = World(make_pairs())
    plan = send(world, at("2027-06-02"), "2027-05")
    assert [draft.period for draft in plan.messages] == ["2027-05", "2027-05"]
    assert plan.waiting == (
        "The topic of June 2027 is missing on the Topics tab; pairs that wait for it: 2.",
    )
    late = send(world, at("2027-06-04"), "2027-05", "2027-06")
    assert len(late.messages) == 4
    assert late.waiting == ()


@pytest.mark.parametrize(
    ("introduced", "expected"),
    [
        ("2027-04-30 23:59", ["2027-05", "2027-06"]),
        # From the topics' day on the introduction names the month's topic.
        ("2027-05-01 00:00", ["2027-06"]),
        ("2027-05-17", ["2027-06"]),
        ("2027-06-01", []),
    ],
)
def test_a_pair_introduced_during_the_year_begins_with_the_next_topic(
    introduced: str, expected: list[str]
) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, introduced_at=at(introduced))])
    plan = plan_monthly_topics(cohort, topic_rows(*YEAR), at("2027-06-02"))
    assert [draft.period for draft in plan.messages if draft.kind == "monthly_topic"] == expected


def test_a_mentor_with_two_mentees_gets_the_topic_for_each() -> None:
    cohort = make_cohort([mentor(1, capacity="2"), mentee(1), mentee(2)], [pair(1, 1), pair(1, 2, seat=2)])
    plan = plan_monthly_topics(cohort, topic_rows(*YEAR), at("2027-04-01"))
    to_mentor = [draft for draft in plan.messages if draft.kind == "monthly_topic"]
    assert [draft.context["mentee"]["name"] for draft in to_mentor] == ["Ben Mentee1", "Cleo Mentee2"]
    assert {draft.recipient_id for draft in to_mentor} == {"person-mentor-1"}


def test_somebody_in_both_roles_gets_both_letters() -> None:
    people = [
        mentor(1, person_id="p", email="a@example.org"),
        mentee(1),
        mentor(2),
        mentee(2, person_id="p", email="a@example.org"),
    ]
    world = World(make_cohort(people, [pair(1, 1), pair(2, 2)]))
    plan = send(world, at("2027-04-01"))
    assert [draft.kind for draft in plan.messages if draft.recipient_id == "p"] == [
        "monthly_topic",
        "heads_up",
    ]


@pytest.mark.parametrize("state", ["proposed", "approved", "rejected", "ended"])
def test_only_active_pairs_get_topics(state: str) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, state)])
    assert plan_monthly_topics(cohort, topic_rows(*YEAR), at("2027-04-01")).messages == ()


def test_the_pair_of_an_erased_person_gets_nothing_more() -> None:
    gone = replace(mentor(1), email="", name="", answers={})
    cohort = make_cohort([gone, mentee(1)], [pair(1, 1)])
    assert plan_monthly_topics(cohort, topic_rows(*YEAR), at("2027-04-01")).messages == ()


def test_a_faulty_edit_does_not_cost_the_pair_its_topic() -> None:
    edited = mentor(1, "needs_attention", time_zone="Mars")
    plan = plan_monthly_topics(
        make_cohort([edited, mentee(1)], [pair(1, 1)]), topic_rows(*YEAR), at("2027-04-01")
    )
    assert len(plan.messages) == 2


def test_after_the_year_there_are_no_topics() -> None:
    cohort = make_pairs()
    assert list_due_days(cohort, at("2028-03-01"))[-1] == date(2027, 11, 1)
    world = World(cohort)
    send(world, at("2027-11-01"))
    assert send(world, at("2028-01-01")).messages == ()


def test_a_topics_day_that_is_moved_sends_no_month_twice() -> None:
    world = World(make_pairs())
    send(world, at("2027-06-01"))
    world.cohort = replace(make_pairs(topics_day=15), messages=world.cohort.messages)
    # March now has a topics' day after the introduction, but nothing goes out for it any more.
    assert {draft.period for draft in send(world, at("2027-06-20")).messages} == {"2027-03"}
    assert {draft.period for draft in world.deliver(at("2027-06-20"))} == {"2027-06"}
    assert {draft.period for draft in send(world, at("2027-07-15")).messages} == {"2027-07"}


def test_a_topic_on_29_february() -> None:
    dates = {
        "starts": "2028-02-01",
        "ends": "2028-06-30",
        "evaluation_opens": "2028-06-01",
        "evaluation_due": "2028-06-20",
    }
    cohort = make_cohort(
        [mentor(1), mentee(1)], [pair(1, 1, introduced_at=at("2028-02-01"))], topics_day=28, **dates
    )
    plan = plan_monthly_topics(cohort, topic_rows("2028-02", "2028-03"), at("2028-02-29"))
    assert [(draft.period, draft.context.get("is_late")) for draft in plan.messages] == [
        ("2028-02", True),
        ("2028-02", None),
    ]


DAYS = list_days("2027-03-01", "2027-12-10")


@given(
    st.sets(st.tuples(st.sampled_from(DAYS), st.integers(0, 23)), max_size=40),
    st.integers(1, 28),
    st.sampled_from(["2027-03-01 12:00", "2027-03-31 23:59", "2027-05-20 00:01"]),
)
@settings(max_examples=60, deadline=None)
def test_each_due_topic_goes_out_once_whatever_days_the_flow_runs(
    runs: set[tuple[date, int]], topics_day: int, introduced: str
) -> None:
    """Never before its day, never twice, marked when late, never at night; too late means expired, not lost."""
    people = [mentor(1, time_zone="Pacific/Honolulu"), mentee(1, time_zone="Europe/Berlin")]
    cohort = make_cohort(people, [pair(1, 1, introduced_at=at(introduced))], topics_day=topics_day)
    world = World(cohort)
    moments = sorted(at(f"{day} {hour:02d}:00") for day, hour in runs)
    queued: dict[tuple[str, str], datetime] = {}
    sent: list[tuple[Draft, datetime]] = []
    for now in moments:
        for draft in send(world, now).messages:
            assert (draft.kind, draft.period) not in queued, "never twice"
            queued[draft.kind, draft.period] = now
            if draft.kind == "monthly_topic":
                day = day_of(draft, topics_day)
                assert draft.context["is_late"] is (now >= end_of_day(day, cohort.program.zone))
        sent += [(draft, now) for draft in world.deliver(now)]
    expected = [
        f"{day:%Y-%m}"
        for day in list_topic_days(cohort.settings.starts, cohort.settings.ends, topics_day)
        if moments
        and start_of_day(day, cohort.program.zone) <= moments[-1]
        and at(introduced) < start_of_day(day, cohort.program.zone)
    ]
    for kind in ("monthly_topic", "heads_up"):
        assert sorted(period for what, period in queued if what == kind) == expected, "each once, none lost"
    assert all(count == 1 for count in Counter(draft.key for draft, _ in sent).values())
    for draft, now in sent:
        zone = ZONES["2027-mentor-001" if draft.kind == "monthly_topic" else "2027-mentee-001"]
        local = draft.not_before.astimezone(
            cohort.zone_of("2027-mentor-001" if draft.kind == "monthly_topic" else "2027-mentee-001")
        )
        assert local.date() >= day_of(draft, topics_day), "never before its day"
        assert in_daytime(cohort, draft, zone)
        assert now < start_of_day(day_of(draft, topics_day), cohort.program.zone) + WORTH + timedelta(days=1)


def day_of(draft: Draft, topics_day: int) -> date:
    return date.fromisoformat(f"{draft.period}-{topics_day:02d}")
