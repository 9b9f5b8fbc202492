"""Times and time zones as forms and people write them.

Belongs here: from text to a moment or a zone, without guessing. Does not belong here: what is due when
(`mentoring.calendar`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from mentoring.cell_text import fold_text
from mentoring.choices import match_option

#: Whether 1/12/2027 is the first of December or the twelfth of January.
DayOrder = Literal["day first", "month first"]

_DAY = re.compile(r"(?P<first>\d{1,2})(?P<mark>[./-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<mark>[./])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})", re.ASCII
)
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?", re.ASCII
)


def read_time(text: str, zone: ZoneInfo, order: DayOrder | None = None) -> datetime | None:
    """The moment in UTC that a form wrote, in `zone` unless the text has an offset; None if it can't be read.

    Reads ISO 8601 (“2027-01-12 09:14:03”), which is how both spreadsheets hand out their dates, and dates that
    somebody typed as text: “1/13/2027 9:14:03”, “13.01.2027 09:14”. A typed day that could be two days
    (“1/12/2027”; with dots the day always comes first) is read only if `order` says which part is the day.
    """
    moment = _parse_time(fold_text(text), order)
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:  # a year at the very edge of the calendar
        return None


def find_day_order(texts: Iterable[str]) -> DayOrder | None:
    """Which part of typed days is the day, if those that can mean one day only agree; else None."""
    found = {order for text in texts if (order := _tell_order(fold_text(text)))}
    return found.pop() if len(found) == 1 else None


def is_ambiguous(text: str) -> bool:
    """Whether a typed day could be two days, like 1/12/2027."""
    text = fold_text(text)
    month_first, day_first = (_parse_time(text, order) for order in ("month first", "day first"))
    return month_first is not None and day_first is not None and month_first != day_first


def _tell_order(text: str) -> DayOrder | None:
    found = _DAY.match(text)
    # A day with dots says nothing about days with slashes.
    if not found or found["mark"] == "." or _parse_time(text, None) is None:
        return None
    first, second = int(found["first"]), int(found["second"])
    return None if first == second else "day first" if first > 12 else "month first"


def _parse_time(text: str, order: DayOrder | None) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    found = _DAY.match(text) or _YEAR_FIRST.match(text)
    if found is None:
        return None
    clock = _read_clock(text[found.end() :].removeprefix(",").strip())
    day = _read_day(found, order)
    if clock is None or day is None:
        return None
    with suppress(ValueError):
        return datetime(*day, *clock)
    return None


def _read_day(found: re.Match[str], order: DayOrder | None) -> tuple[int, int, int] | None:
    """Year, month and day; None if the text could be two days and `order` does not tell which."""
    parts = found.groupdict()
    year = int(parts["year"])
    if "month" in parts:
        return year, int(parts["month"]), int(parts["day"])
    first, second = int(parts["first"]), int(parts["second"])
    if parts["mark"] == "." or first > 12:
        return year, second, first
    if second > 12 or first == second:
        return year, first, second
    if order is None:
        return None
    return (year, second, first) if order == "day first" else (year, first, second)


def _read_clock(text: str) -> tuple[int, int, int] | None:
    """Hour, minute and second; midnight if there is no clock, None if it can't be read."""
    if not text:
        return 0, 0, 0
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, half = int(found["hour"]), (found["half"] or "").casefold()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    return hour, int(found["minute"]), int(found["second"] or 0)


@cache
def list_time_zones() -> Mapping[str, str]:
    """Every IANA time zone by its name in small letters."""
    return {name.casefold(): name for name in sorted(available_timezones())}


@cache
def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of an IANA name; None if there is none. Kept for good, since reading its file takes long."""
    return ZoneInfo(name) if list_time_zones().get(name.casefold()) == name else None


def read_time_zone(text: str, names: Mapping[str, str]) -> str:
    """The IANA name of a time zone; `names` are the form's names for some. Other text stays as it is."""
    name = match_option(text, list(names))
    return names.get(name) or list_time_zones().get(text.casefold(), text)
