"""Calendar entries that travel with messages (iCalendar, RFC 5545 and 5546).

Belongs here: what an entry says, when it is, and its bytes. Does not belong here: which message carries one
(`tasks.attachments`). An entry names no attendee and no partner, since calendars are often shared. icalendar is
imported when the first entry is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mentoring.calendar import end_of_day
from mentoring.cohort import Cohort, Draft
from mentoring.program import Program, SendingHours

if TYPE_CHECKING:
    from icalendar import Timezone

#: On the last day, when the day's mail is read.
_DEADLINE_AT = time(9)
_DEADLINE_LASTS = timedelta(minutes=15)
_MEETING_LASTS = timedelta(minutes=45)
_MIDDAY = 13 * 60
#: Days after the introduction in which the two find time to write to each other first, and then a week to choose from.
_FIRST_DAYS = range(7, 14)
_SATURDAY = 5


@dataclass(frozen=True)
class CalendarEntry:
    """One entry. `uid` and `sequence` let a later one replace it, `stamp` says when it was written.

    `starts` and `ends` carry the time zone in which the entry is shown; a `tentative` one is a suggestion and
    blocks no time, as none does.
    """

    uid: str
    sequence: int
    stamp: datetime
    starts: datetime
    ends: datetime
    summary: str
    description: str
    link: str = ""
    tentative: bool = False


def write_entry(entry: CalendarEntry, program: Program) -> bytes:
    """The entry as a published calendar with its time zone; the same input gives the same bytes."""
    from icalendar import Calendar, Event, vCalAddress, vText

    organizer = vCalAddress(f"mailto:{program.committee_address}")
    organizer.params["CN"] = vText(program.name)
    event = Event()
    for name, value in (
        ("UID", entry.uid),
        ("SEQUENCE", entry.sequence),
        ("DTSTAMP", entry.stamp.astimezone(UTC)),
        ("DTSTART", entry.starts),
        ("DTEND", entry.ends),
        ("SUMMARY", entry.summary),
        ("DESCRIPTION", entry.description),
        ("ORGANIZER", organizer),
        ("STATUS", "TENTATIVE" if entry.tentative else "CONFIRMED"),
        ("TRANSP", "TRANSPARENT"),
    ):
        event.add(name, value)
    if entry.link:
        event.add("URL", entry.link)
    calendar = Calendar()
    for name, value in (
        ("PRODID", "-//Mentoring//Mentoring program//EN"),
        ("VERSION", "2.0"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
    ):
        calendar.add(name, value)
    # UTC needs no description.
    if entry.starts.tzname() != "UTC":
        calendar.add_component(_describe_zone(str(entry.starts.tzinfo), entry.starts.year))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


@cache
def _describe_zone(name: str, year: int) -> Timezone:
    """The zone's clock changes of a year and the next one; to find them takes longer than all the rest of an entry."""
    from icalendar import Timezone

    return Timezone.from_tzid(name, first_date=date(year, 1, 1), last_date=date(year + 1, 12, 31))


def describe_deadline(cohort: Cohort, draft: Draft) -> CalendarEntry:
    """The last day of the evaluation that an invitation or a reminder asks for, in its recipient's time zone.

    A reminder's entry replaces the invitation's: both have the invitation's UID, and the reminder's number is
    the sequence.
    """
    invitation = replace(draft, kind="evaluation_invitation", period="1", reissue=0)
    program, zone = cohort.program, _find_zone(cohort, draft)
    starts = _find_last_morning(cohort, zone)
    token = cohort.make_message_id(draft)
    return CalendarEntry(
        uid=_make_uid(cohort.make_message_id(invitation)),
        sequence=int(draft.context.get("number", 0)),
        stamp=draft.not_before,
        starts=starts,
        ends=starts + _DEADLINE_LASTS,
        summary=f"Last day for your evaluation: {program.name}",
        description=f"Please fill in the evaluation of your mentoring year today at the latest. Questions? Write to "
        f"{program.committee_address}.",
        link=str(draft.context["link"]).replace("{token}", token),
    )


def describe_first_meeting(cohort: Cohort, draft: Draft) -> CalendarEntry | None:
    """A first talk that an introduction may suggest, in its recipient's time zone; the same moment for both.

    None if the daytime of the two never meets.
    """
    match = cohort.matches[draft.subject_id]
    zones = [cohort.zone_of(key) for key in match.pair]
    today = date.fromisoformat(draft.context["introduced_on"])
    starts = find_shared_time(today, zones, cohort.program.sending_hours, _MEETING_LASTS)
    if starts is None:
        return None
    mine = starts.astimezone(_find_zone(cohort, draft))
    return CalendarEntry(
        uid=_make_uid(cohort.make_message_id(draft)),
        sequence=0,
        stamp=draft.not_before,
        starts=mine,
        ends=mine + _MEETING_LASTS,
        summary=f"Suggestion for a first talk: {cohort.program.name}",
        description="A time in the daytime of you both. Nothing is arranged yet: agree on it with the other side, "
        "or move it.",
        tentative=True,
    )


def find_shared_time(
    today: date, zones: list[ZoneInfo], hours: SendingHours, lasts: timedelta
) -> datetime | None:
    """The time nearest to everybody's midday on the first working day that has one, a week from `today` on, in UTC.

    It lies within `hours` of every zone, on full and half hours. None if there is none within a week.
    """
    for days in _FIRST_DAYS:
        found = [
            (max(_distance_from_midday(start, zone) for zone in zones), start)
            for start in _list_half_hours(today + timedelta(days=days))
            if all(_is_daytime(start, start + lasts, zone, hours) for zone in zones)
        ]
        if found:
            return min(found)[1]
    return None


def _list_half_hours(day: date) -> Iterator[datetime]:
    midnight = datetime.combine(day, time(), UTC)
    return (midnight + timedelta(minutes=30 * number) for number in range(48))


def _distance_from_midday(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return abs(local.hour * 60 + local.minute - _MIDDAY)


def _is_daytime(starts: datetime, ends: datetime, zone: ZoneInfo, hours: SendingHours) -> bool:
    first, last = starts.astimezone(zone), ends.astimezone(zone)
    is_one_day = first.date() == last.date() and first.weekday() < _SATURDAY
    return is_one_day and hours.start <= first.time() and last.time() <= hours.end


def _find_last_morning(cohort: Cohort, zone: ZoneInfo) -> datetime:
    """The last morning in `zone` before the deadline, which is the end of the committee's day."""
    deadline = end_of_day(cohort.settings.evaluation_due, cohort.program.zone)
    morning = datetime.combine(cohort.settings.evaluation_due, _DEADLINE_AT, zone)
    is_over = morning.astimezone(UTC) + _DEADLINE_LASTS > deadline
    return morning - timedelta(days=1) if is_over else morning


def _find_zone(cohort: Cohort, draft: Draft) -> ZoneInfo:
    """The recipient's time zone, by the application with which they are in the match."""
    pair = cohort.matches[draft.subject_id].pair
    own = next((key for key in pair if cohort.applications[key].person_id == draft.recipient_id), None)
    return cohort.zone_of(own) if own else cohort.program.zone


def _make_uid(message_id: str) -> str:
    # A message's id is also the key of its prefilled links: not for a calendar that others may read.
    return hashlib.sha256(f"calendar entry {message_id}".encode()).hexdigest()[:32]
