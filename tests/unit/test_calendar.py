"""Days, months and daytime, across clock changes and around midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from cohorts import at
from hypothesis import example, given
from hypothesis import strategies as st

from mentoring.calendar import (
    add_months,
    end_of_day,
    format_period,
    list_topic_days,
    local_day,
    name_day,
    name_month,
    next_daytime,
    start_of_day,
)
from mentoring.program import SendingHours

#: Clocks change at two, at midnight, by half an hour, or never; the last three are far from Greenwich.
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "America/Havana",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Honolulu",
    "Pacific/Kiritimati",
    "America/St_Johns",
)
DAYTIME = SendingHours(start=time(8), end=time(18))
moments = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2026, 1, 1), date(2029, 1, 1))


@st.composite
def hours(draw: st.DrawFn) -> SendingHours:
    """Sending hours of at least two hours: shorter ones may not exist when clocks go forward."""
    start = draw(st.integers(0, 21 * 60))
    end = draw(st.integers(start + 120, 24 * 60 - 1))
    return SendingHours(start=time(*divmod(start, 60)), end=time(*divmod(end, 60)))


@given(moments, zones, hours())
# Clocks in New York go back on 7 November 2027: half past one comes twice, and the first is over.
@example(at("2027-11-07 01:10").replace(fold=0) + timedelta(hours=1), ZoneInfo("America/New_York"),
         SendingHours(start=time(1, 30), end=time(4)))  # fmt: skip
# They go forward on 14 March 2027: there is no half past two.
@example(at("2027-03-14 01:10"), ZoneInfo("America/New_York"), SendingHours(start=time(2, 30), end=time(5)))
def test_next_daytime_is_inside_the_hours_and_never_earlier(
    moment: datetime, zone: ZoneInfo, daytime: SendingHours
) -> None:
    found = next_daytime(moment, zone, daytime)
    assert found >= moment
    assert daytime.start <= found.astimezone(zone).time() < daytime.end
    assert found.tzinfo is UTC
    assert found - moment <= timedelta(hours=26), "the next daytime, not one later"


@given(moments, zones)
def test_next_daytime_leaves_daytime_alone(moment: datetime, zone: ZoneInfo) -> None:
    first = next_daytime(moment, zone, DAYTIME)
    assert next_daytime(first, zone, DAYTIME) == first


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("2027-03-01 07:59", "2027-03-01 08:00"),
        ("2027-03-01 08:00", "2027-03-01 08:00"),
        ("2027-03-01 17:59", "2027-03-01 17:59"),
        ("2027-03-01 18:00", "2027-03-02 08:00"),
        ("2027-03-13 23:00", "2027-03-14 08:00"),  # clocks go forward in between
        ("2027-12-31 20:00", "2028-01-01 08:00"),
    ],
)
def test_next_daytime_at_the_edges(asked: str, expected: str) -> None:
    assert next_daytime(at(asked), ZoneInfo("America/New_York"), DAYTIME) == at(expected)


def test_daytime_is_the_recipients() -> None:
    assert next_daytime(at("2027-03-01 09:00"), ZoneInfo("Pacific/Honolulu"), DAYTIME) == at(
        "2027-03-01 08:00", "Pacific/Honolulu"
    )


@given(days, zones)
def test_a_day_begins_where_the_one_before_ends(day: date, zone: ZoneInfo) -> None:
    beginning = start_of_day(day, zone)
    assert local_day(beginning, zone) == day
    assert local_day(beginning - timedelta(microseconds=1), zone) == day - timedelta(days=1)
    assert end_of_day(day, zone) == start_of_day(day + timedelta(days=1), zone)
    assert timedelta(hours=23) <= end_of_day(day, zone) - beginning <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2027, 3, 31), 1, date(2027, 4, 30)),
        (date(2027, 12, 10), 24, date(2029, 12, 10)),
        (date(2027, 5, 17), 0, date(2027, 5, 17)),
    ],
)
def test_add_months(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@given(days, st.integers(0, 120))
def test_add_months_keeps_the_day_or_takes_the_months_last(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@given(days, st.integers(1, 700), st.integers(1, 28))
def test_topic_days_are_each_months_day_within_the_year(starts: date, length: int, topics_day: int) -> None:
    ends = starts + timedelta(days=length)
    every = [starts + timedelta(days=number) for number in range(length + 1)]
    assert list_topic_days(starts, ends, topics_day) == [day for day in every if day.day == topics_day]


def test_topic_days_include_the_first_and_the_last_day() -> None:
    assert list_topic_days(date(2027, 3, 1), date(2027, 5, 1), 1) == [
        date(2027, 3, 1),
        date(2027, 4, 1),
        date(2027, 5, 1),
    ]
    assert list_topic_days(date(2027, 3, 2), date(2027, 3, 31), 1) == []


def test_words_for_dates() -> None:
    assert name_day(date(2028, 2, 29)) == "29 February 2028"
    assert name_month(date(2027, 12, 1)) == "December 2027"
    assert format_period(date(2027, 3, 31)) == "2027-03"
