"""Times and time zones as forms and people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_forms import PROGRAM

from mentoring.times import (
    find_day_order,
    find_zone,
    is_ambiguous,
    list_time_zones,
    read_time,
    read_time_zone,
)

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-12 09:14:03", "2027-01-12 14:14:03"),
        ("2027-01-12T09:14:03Z", "2027-01-12 09:14:03"),
        ("2027-01-12 09:14:03+01:00", "2027-01-12 08:14:03"),
        ("2027-01-12", "2027-01-12 05:00:00"),
        ("1/13/2027 9:14:03", "2027-01-13 14:14:03"),
        ("13/1/2027, 9:14", "2027-01-13 14:14:00"),
        ("7/13/2027 9:14:03 PM", "2027-07-14 01:14:03"),
        ("7/13/2027 12:14:03 a.m.", "2027-07-13 04:14:03"),
        ("2/2/2027", "2027-02-02 05:00:00"),
        ("2027/01/12 9:14:03", "2027-01-12 14:14:03"),
        ("12.01.2027 09:14:03", "2027-01-12 14:14:03"),
        ("2027-03-14 02:30:00", "2027-03-14 07:30:00"),  # skipped by the clock that night
        ("2027-11-07 01:30:00", "2027-11-07 05:30:00"),  # happens twice; the first counts
    ],
)
def test_read_time(text: str, moment: str) -> None:
    assert read_time(text, NEW_YORK) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "13/13/2027 9:14:03", "2027-02-31 09:00:00", "9999-12-31 23:00:00"]
)
def test_time_that_cannot_be_read(text: str) -> None:
    assert read_time(text, NEW_YORK) is None


@settings(deadline=None)
@given(st.text(max_size=30))
def test_read_time_never_fails(text: str) -> None:
    moment = read_time(text, NEW_YORK)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Pacific  (los angeles, vancouver)", "America/Los_Angeles"),
        ("europe/berlin", "Europe/Berlin"),
        ("Mars", "Mars"),
        ("", ""),
    ],
)
def test_read_time_zone(text: str, zone: str) -> None:
    assert read_time_zone(text, PROGRAM.time_zones) == zone


# Days that people typed


@pytest.mark.parametrize(
    "text", ["1/12/2027", "1/12/2027 9:14:03", "01-12-2027 9:14", "7/12/2027 9:14:03 PM"]
)
def test_a_typed_day_that_could_be_two_days_is_not_read(text: str) -> None:
    assert read_time(text, NEW_YORK) is None
    assert is_ambiguous(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "13/1/2027", "1/13/2027", "2/2/2027", "1.12.2027", "2027-01-12", "1/12/2027 x"]
)
def test_what_can_mean_one_day_only_or_none_is_not_ambiguous(text: str) -> None:
    assert not is_ambiguous(text)


@pytest.mark.parametrize(
    ("others", "moment"),
    [
        (["1/13/2027", "2027-01-14 09:00:00", ""], "2027-01-12 05:00:00"),
        (["13/1/2027", "2/2/2027"], "2027-12-01 05:00:00"),
    ],
)
def test_the_other_times_of_a_sheet_tell_how_to_read_it(others: list[str], moment: str) -> None:
    order = find_day_order([*others, "1/12/2027"])
    assert read_time("1/12/2027", NEW_YORK, order) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "texts", [[], ["1/12/2027"], ["13/1/2027", "1/13/2027"], ["13.1.2027"], ["2027-01-13"], ["13/13/2027"]]
)
def test_times_that_tell_nothing_or_contradict_each_other(texts: list[str]) -> None:
    assert find_day_order(texts) is None


@settings(deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.sampled_from("/-"), st.booleans())
def test_a_typed_day_is_read_rightly_or_not_at_all(day: datetime, mark: str, day_first: bool) -> None:
    parts = [day.day, day.month] if day_first else [day.month, day.day]
    text = f"{parts[0]}{mark}{parts[1]}{mark}{day.year} {day:%H:%M:%S}"
    meant = read_time(day.isoformat(" ", "seconds"), NEW_YORK)
    read = read_time(text, NEW_YORK)
    assert read in (None, meant)
    assert (read is None) == (day.day <= 12 and day.day != day.month)
    assert read_time(text, NEW_YORK, "day first" if day_first else "month first") == meant


@settings(deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_iso_text_is_read_whatever_the_order_of_typed_days(day: datetime) -> None:
    text = day.isoformat(" ", "seconds")
    assert (
        read_time(text, NEW_YORK, "day first")
        == read_time(text, NEW_YORK)
        == read_time(text, NEW_YORK, "month first")
    )


@settings(deadline=None)
@given(st.sampled_from(sorted(list_time_zones().values())))
def test_zones_are_found_by_their_own_name_only(name: str) -> None:
    assert find_zone(name) == ZoneInfo(name)
    assert find_zone(f"{name} ") is None


@pytest.mark.parametrize("name", ["", "Mars", "../etc/passwd", "europe/berlin", "\x00"])
def test_a_zone_that_is_none(name: str) -> None:
    assert find_zone(name) is None
