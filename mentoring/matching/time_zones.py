"""Time zones as offsets, and how long two working days overlap.

Belongs here: reading a zone and comparing two. Does not belong here: sending hours or the calendar of a
cohort.
"""

import datetime as dt
import re
import zoneinfo

WORKING_DAY = 480
"""Minutes of a working day, nine to five."""

# offsets depend on the season; a fixed winter and summer day keep the rules free of the clock
_SEASONS = (dt.datetime(2026, 1, 15, 12), dt.datetime(2026, 7, 15, 12))
_FIXED = re.compile(r"(?:UTC|GMT)?\s*([+\-\u2212])(\d{1,2})(?::?(\d{2}))?")

Offsets = tuple[int, int]
"""Minutes ahead of UTC in January and in July."""


def read_offsets(text: str) -> Offsets | None:
    """Read an IANA zone (Europe/Berlin) or a fixed offset (UTC-05:00, GMT+1, UTC); None if it is neither."""
    text = text.strip()
    if text.upper() in {"UTC", "GMT", "Z"}:
        return (0, 0)
    fixed = _FIXED.fullmatch(text.upper())
    if fixed:
        minutes = int(fixed[2]) * 60 + int(fixed[3] or 0)
        signed = minutes if fixed[1] == "+" else -minutes
        return (signed, signed) if minutes <= 14 * 60 else None
    try:
        zone = zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    winter, summer = (int((zone.utcoffset(day) or dt.timedelta()).total_seconds()) // 60 for day in _SEASONS)
    return (winter, summer)


def find_overlap(first: Offsets, second: Offsets) -> int:
    """Minutes that two nine-to-five days share, in the worse of the two seasons (0 to 480)."""
    apart = [abs(a - b) % 1440 for a, b in zip(first, second, strict=True)]
    return max(0, WORKING_DAY - max(min(gap, 1440 - gap) for gap in apart))
