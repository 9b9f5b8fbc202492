"""Reads the two tables of people into checked values in a canonical order.

Belongs here: columns, cell formats, and the one-sentence refusals. Does not belong here: scores, rules
between two people, files.
"""

import datetime as dt
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mentoring.matching.result import MatchingError
from mentoring.matching.time_zones import Offsets, read_offsets

BOTH_SIDES = (
    "person_id",
    "institution",
    "library_type",
    "years_experience",
    "focus_areas",
    "channels",
    "time_zone",
    "languages",
    "never_pair",
    "must_pair",
    "earlier_partners",
)
MENTOR_COLUMNS = (*BOTH_SIDES, "capacity", "topics_offered", "experience_text")
MENTEE_COLUMNS = (*BOTH_SIDES, "desired_library_type", "topics_wanted", "goals_text", "waiting_since")
MOST_YEARS = 80

Labels = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class People:
    """One side in canonical order (by id), one entry per person in every field.

    Labels are comparison keys (case and spacing folded); `spelling` gives back how people wrote them.
    """

    role: str
    ids: tuple[str, ...]
    rows: np.ndarray  # row of the input table for each person
    institution: tuple[str, ...]
    library_type: Labels
    years: tuple[int | None, ...]  # whole years
    focus_areas: Labels
    channels: Labels
    languages: Labels
    offsets: tuple[Offsets | None, ...]
    capacity: np.ndarray  # mentees: 1
    topics: Labels  # offered, or wanted in order of rank
    text: tuple[str, ...]  # experience, or goals
    desired_library_type: Labels
    waiting_since: tuple[str, ...]  # ISO date or ""
    never_pair: Labels
    must_pair: Labels
    earlier_partners: Labels
    spelling: dict[str, str]

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.ids)


def read_people(table: pd.DataFrame, role: str) -> People:
    """Check a table of mentors or mentees and put it into canonical order.

    Raises MatchingError, in one sentence, for an unknown, doubled or missing column, a missing or doubled
    person_id, and any cell that cannot be read. A number column that is there must be filled in every row;
    blank text means "not said".
    """
    _check_columns(table, role)
    cells = {str(name): table[name].tolist() for name in table.columns}
    ids = [_read_id(value, role, row) for row, value in enumerate(cells.get("person_id", []))]
    _check_unique(ids, role)
    order = sorted(range(len(ids)), key=ids.__getitem__)
    spelling: dict[str, str] = {}

    def column(name: str) -> list[tuple[str, str, Any]]:
        values = cells.get(name)
        return (
            []
            if values is None
            else [(f"{role.capitalize()} {ids[row]}", name, values[row]) for row in order]
        )

    def labels(name: str) -> Labels:
        return tuple(_read_labels(value, spelling) for _, _, value in column(name)) or ((),) * len(ids)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(_read_text(value) for _, _, value in column(name)) or ("",) * len(ids)

    def id_lists(name: str) -> Labels:
        return tuple(tuple(dict.fromkeys(_split(value))) for _, _, value in column(name)) or ((),) * len(ids)

    mentor = role == "mentor"
    return People(
        role=role,
        ids=tuple(ids[row] for row in order),
        rows=np.asarray(order, dtype=np.int64),
        institution=tuple(fold(text) for text in texts("institution")),
        library_type=labels("library_type"),
        years=tuple(_read_years(*cell) for cell in column("years_experience")) or (None,) * len(ids),
        focus_areas=labels("focus_areas"),
        channels=labels("channels"),
        languages=labels("languages"),
        offsets=tuple(_read_offsets(*cell) for cell in column("time_zone")) or (None,) * len(ids),
        capacity=np.asarray(
            [_read_capacity(*cell) for cell in column("capacity")] or [1] * len(ids), dtype=np.int64
        ),
        topics=labels("topics_offered" if mentor else "topics_wanted"),
        text=texts("experience_text" if mentor else "goals_text"),
        desired_library_type=labels("desired_library_type"),
        waiting_since=tuple(_read_date(*cell) for cell in column("waiting_since")) or ("",) * len(ids),
        never_pair=id_lists("never_pair"),
        must_pair=id_lists("must_pair"),
        earlier_partners=id_lists("earlier_partners"),
        spelling=spelling,
    )


def fold(text: str) -> str:
    """Return the comparison key of a label: case and spacing do not matter."""
    return " ".join(text.casefold().split())


def join_words(words: Iterable[str]) -> str:
    """Join as in a sentence: a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _check_columns(table: pd.DataFrame, role: str) -> None:
    known = MENTOR_COLUMNS if role == "mentor" else MENTEE_COLUMNS
    names = [str(name) for name in table.columns]
    unknown = sorted(set(names) - set(known))
    if unknown:
        listed = join_words(f"“{name}”" for name in unknown)
        raise MatchingError(
            f"The table of {role}s has an unknown column {listed}; remove it or use one of: "
            f"{', '.join(known)}."
        )
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise MatchingError(f"The table of {role}s has the column “{doubled[0]}” twice; keep one of them.")
    if "person_id" not in names and (names or len(table)):
        raise MatchingError(
            f"The table of {role}s has no column “person_id”; add one with an id for each person."
        )


def _check_unique(ids: list[str], role: str) -> None:
    seen: set[str] = set()
    for person_id in ids:
        if person_id in seen:
            raise MatchingError(
                f"The id {person_id} stands twice among the {role}s; keep one row for each person."
            )
        seen.add(person_id)


def _is_blank(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return (
        value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
    )


def _read_text(value: Any) -> str:
    # braces are kept for ids in our sentences
    return "" if _is_blank(value) else str(value).strip().replace("{", "(").replace("}", ")")


def _read_id(value: Any, role: str, row: int) -> str:
    if _is_blank(value):
        raise MatchingError(f"Row {row + 1} of the {role}s has no person_id; give every person an id.")
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    if re.search(r"[;{}\s]", text):
        raise MatchingError(
            f"Row {row + 1} of the {role}s has an id with a space, a semicolon or a brace; write it without."
        )
    return text


def _split(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(part).strip() for part in value if not _is_blank(part)]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (
        []
        if _is_blank(value)
        else [part for part in (part.strip() for part in str(value).split(";")) if part]
    )


def _read_labels(value: Any, spelling: dict[str, str]) -> tuple[str, ...]:
    keys = []
    for part in _split(value):
        text = " ".join(_read_text(part).split())
        keys.append(fold(text))
        spelling.setdefault(keys[-1], text)
    return tuple(dict.fromkeys(keys))


def _read_number(who: str, name: str, value: Any) -> float:
    if _is_blank(value) or (isinstance(value, str) and value.strip().casefold() == "nan"):
        raise MatchingError(f"{who} has no {name}; fill it in, or leave the whole column out.")
    try:
        number = float(str(value).strip())
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise MatchingError(f"{who} has a {name} that is not a number; write it in digits, such as 3.")
    return number


def _read_years(who: str, name: str, value: Any) -> int:
    years = _read_number(who, name, value)
    if not 0 <= years <= MOST_YEARS:
        raise MatchingError(f"{who} has {years:g} as {name}; write years from 0 to {MOST_YEARS}.")
    return int(years)


def _read_capacity(who: str, name: str, value: Any) -> int:
    capacity = _read_number(who, name, value)
    if capacity < 0 or not capacity.is_integer():
        raise MatchingError(
            f"{who} has the capacity {capacity:g}; write a whole number of mentees, 0 or more."
        )
    return min(int(capacity), 2**31)


def _read_offsets(who: str, name: str, value: Any) -> Offsets | None:
    if _is_blank(value):
        return None
    offsets = read_offsets(str(value))
    if offsets is None:
        raise MatchingError(
            f"{who} has a {name} that is not known; write it like America/New_York or UTC-05:00."
        )
    return offsets


def _read_date(who: str, name: str, value: Any) -> str:
    if _is_blank(value):
        return ""
    if isinstance(value, dt.date):  # datetimes and pandas timestamps too
        return value.strftime("%Y-%m-%d")
    try:
        return dt.date.fromisoformat(re.split(r"[T ]", str(value).strip(), maxsplit=1)[0]).isoformat()
    except ValueError:
        raise MatchingError(f"{who} has a {name} that is not a date; write it like 2026-09-01.") from None
