"""Calendar entries: the right morning in everybody's time zone, replaceable, and about nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from cohorts import at, load_program, make_cohort, mentee, mentor, pair
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Component

from mentoring.calendar import end_of_day
from mentoring.calendar_entries import (
    describe_deadline,
    describe_first_meeting,
    find_shared_time,
    write_entry,
)
from mentoring.cohort import Cohort, Draft
from mentoring.program import SendingHours

MATCH = "2027-match-001"
ZONES = ("Pacific/Honolulu", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati")
HOURS = SendingHours(start=time(8), end=time(18))


def make_pair(mentor_zone: str = "America/New_York", mentee_zone: str = "America/New_York") -> Cohort:
    people = [mentor(1, time_zone=mentor_zone), mentee(1, time_zone=mentee_zone)]
    return make_cohort(people, [pair(1, 1)])


def invite(number: int = 0, to: str = "person-mentee-1") -> Draft:
    kind = "evaluation_reminder" if number else "evaluation_invitation"
    context = {"link": "https://forms.example.org/evaluation?reference={token}", "due_on": "", "partner": {}}
    facts = context | ({"number": number} if number else {})
    return Draft(kind, MATCH, str(number or 1), to, facts, at("2027-11-15"), at("2027-12-15"))


def introduce(to: str, on: str = "2027-03-01") -> Draft:
    kind = "introduction_mentor" if "mentor" in to else "introduction_mentee"
    return Draft(kind, MATCH, "first", to, {"introduced_on": on}, at("2027-03-01"), at("2027-03-31"))


def read(content: bytes) -> tuple[Component, Component]:
    """The calendar and its only event."""
    calendar = Calendar.from_ical(content)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def test_the_deadline_is_an_entry_that_any_calendar_reads() -> None:
    cohort, draft = make_pair(mentee_zone="Europe/Berlin"), invite()
    entry = describe_deadline(cohort, draft)
    content = write_entry(entry, cohort.program)
    calendar, event = read(content)
    due = cohort.settings.evaluation_due
    assert (calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "2.0")
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert event.start == datetime.combine(due, time(9), ZoneInfo("Europe/Berlin"))
    assert event.end - event.start == timedelta(minutes=15)
    assert event["SUMMARY"] == f"Last day for your evaluation: {cohort.program.name}"
    assert event["ORGANIZER"] == f"mailto:{cohort.program.committee_address}"
    assert event["URL"] == f"https://forms.example.org/evaluation?reference={cohort.make_message_id(draft)}"
    assert (event["SEQUENCE"], event["TRANSP"]) == (0, "TRANSPARENT")
    assert content == write_entry(entry, cohort.program), "the same input gives the same bytes"
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))


def test_it_names_nobody_and_invites_nobody() -> None:
    cohort = make_pair()
    content = write_entry(describe_deadline(cohort, invite()), cohort.program).decode()
    assert "ATTENDEE" not in content
    for application in cohort.applications.values():
        assert application.name not in content
        assert application.email not in content


def test_a_reminder_moves_the_entry_of_the_invitation() -> None:
    cohort = make_pair()
    entries = [describe_deadline(cohort, invite(number)) for number in (0, 1, 2)]
    assert len({entry.uid for entry in entries}) == 1
    assert [entry.sequence for entry in entries] == [0, 1, 2]
    again = describe_deadline(cohort, replace(invite(), reissue=1))
    assert again.uid == entries[0].uid
    assert describe_deadline(cohort, invite(to="person-mentor-1")).uid != entries[0].uid


def test_whoever_sees_the_calendar_learns_no_key_of_the_forms_from_the_entrys_own_id() -> None:
    cohort = make_pair()
    assert describe_deadline(cohort, invite()).uid != cohort.make_message_id(invite())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("committee", ZONES)
def test_the_morning_is_before_the_deadline_wherever_somebody_lives(zone: str, committee: str) -> None:
    program = load_program().model_copy(update={"time_zone": committee})
    cohort = replace(make_pair(mentee_zone=zone), program=program)
    entry = describe_deadline(cohort, invite())
    deadline = end_of_day(cohort.settings.evaluation_due, program.zone)
    assert entry.ends.astimezone(UTC) <= deadline
    assert entry.starts.time() == time(9)
    assert deadline - entry.starts.astimezone(UTC) < timedelta(hours=48)


def test_text_of_the_program_cannot_break_out_of_its_line() -> None:
    program = load_program().model_copy(
        update={"name": "A;B,C\\n\nBEGIN:VEVENT\r\nATTENDEE:mailto:x@example.org"}
    )
    cohort = replace(make_pair(), program=program)
    content = write_entry(describe_deadline(cohort, invite()), program)
    calendar, event = read(content)
    assert len(calendar.walk("VEVENT")) == 1
    assert "ATTENDEE" not in event


def test_a_first_talk_is_suggested_for_the_same_moment_to_both() -> None:
    cohort = make_pair("America/New_York", "Europe/Berlin")
    one, other = (
        describe_first_meeting(cohort, introduce(to)) for to in ("person-mentor-1", "person-mentee-1")
    )
    assert one is not None
    assert other is not None
    # Monday a week later; 10:00 in New York is 16:00 in Berlin, three hours from midday for both.
    assert one.starts == other.starts == datetime(2027, 3, 8, 10, 0, tzinfo=ZoneInfo("America/New_York"))
    assert [str(entry.starts.tzinfo) for entry in (one, other)] == ["America/New_York", "Europe/Berlin"]
    assert one.uid != other.uid
    _, event = read(write_entry(one, cohort.program))
    assert (event["STATUS"], event["TRANSP"]) == ("TENTATIVE", "TRANSPARENT")
    assert "URL" not in event


def test_a_pair_whose_days_never_meet_gets_no_suggestion() -> None:
    cohort = make_pair("Pacific/Honolulu", "Europe/Berlin")
    cohort = replace(cohort, program=cohort.program.model_copy(update={"sending_hours": HOURS}))
    assert describe_first_meeting(cohort, introduce("person-mentor-1")) is None


@given(
    st.dates(date(2027, 1, 1), date(2028, 12, 31)), st.lists(st.sampled_from(ZONES), min_size=1, max_size=3)
)
@settings(max_examples=60, deadline=None)
def test_a_common_time_lies_in_everybodys_working_day(today: date, names: list[str]) -> None:
    zones = [ZoneInfo(name) for name in names]
    lasts = timedelta(minutes=45)
    found = find_shared_time(today, zones, HOURS, lasts)
    if len(set(names)) == 1:
        assert found is not None
    if found is None:
        return
    for zone in zones:
        first, last = found.astimezone(zone), (found + lasts).astimezone(zone)
        assert first.weekday() < 5
        assert HOURS.start <= first.time() < last.time() <= HOURS.end
        assert timedelta(days=5) < first.date() - today < timedelta(days=16)
