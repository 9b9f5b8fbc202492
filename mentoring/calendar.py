"""When things are due: days in the committee's time zone, months, daytime of a recipient, words for dates.

Every function takes the moment it works for; none reads a clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from mentoring.program import CohortSettings, SendingHours

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


# A few days are asked about for thousands of people.
@lru_cache(maxsize=1000)
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in `zone`, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


@lru_cache(maxsize=1000)
def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment after a day in `zone`, in UTC."""
    return start_of_day(day + timedelta(days=1), zone)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The day that it is in `zone`."""
    return moment.astimezone(zone).date()


@lru_cache(maxsize=1000)
def next_daytime(moment: datetime, zone: ZoneInfo, hours: SendingHours) -> datetime:
    """`moment` if it falls into the sending hours of `zone`, else their next beginning, in UTC."""
    local = moment.astimezone(zone)
    if hours.start <= local.time() < hours.end:
        return moment.astimezone(UTC)
    day = local.date() + timedelta(days=int(local.time() >= hours.end))
    opening = datetime.combine(day, hours.start, zone)
    # On the night when clocks go back, the hour strikes twice, and the first may be over.
    both = (opening.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return next(beginning for beginning in both if beginning >= moment)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for day_of_month in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, day_of_month)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


def list_topic_days(starts: date, ends: date, topics_day: int) -> list[date]:
    """The days on which a topic is due: `topics_day` of every month, from `starts` to `ends` inclusive."""
    first = starts.replace(day=topics_day)
    days = (
        add_months(first, months)
        for months in range((ends.year - starts.year) * 12 + ends.month - starts.month + 1)
    )
    return [day for day in days if starts <= day <= ends]


def find_purge_day(settings: CohortSettings) -> date:
    """The day from which a cohort's personal data is removed."""
    return add_months(max(settings.ends, settings.evaluation_due), settings.retention_months)


def list_calendar(settings: CohortSettings) -> list[tuple[date, str]]:
    """The days of a cohort, each with what happens on it, in their order."""
    topic_days = list_topic_days(settings.starts, settings.ends, settings.topics_day)
    return sorted(
        [
            (settings.applications_open, "applications open"),
            (settings.applications_close, "last day to apply"),
            (settings.starts, "introductions, with the month's topic"),
            *((day, "monthly topic") for day in topic_days if day > settings.starts),
            (settings.evaluation_opens, "evaluation opens"),
            (settings.ends, "last day of the year"),
            (settings.evaluation_due, "evaluation is due"),
            (find_purge_day(settings), "personal data is removed"),
        ]
    )


def format_period(day: date) -> str:
    """The month of a day as a period, like 2027-03."""
    return f"{day.year:04d}-{day.month:02d}"


def name_month(day: date) -> str:
    """March 2027."""
    return f"{MONTHS[day.month - 1]} {day.year}"


def name_day(day: date) -> str:
    """1 March 2027."""
    return f"{day.day} {name_month(day)}"
