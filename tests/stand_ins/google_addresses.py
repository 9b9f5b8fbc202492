"""Addresses in A1 notation and the areas that they name.

Belongs here: text to numbers and back. Does not belong here: which tabs there are (`google_books`).
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Area(NamedTuple):
    """A rectangle of a tab, counted from 0, ends exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    def meets(self, other: Area) -> bool:
        """Whether the two share a cell."""
        return (
            self.top < other.bottom
            and other.top < self.bottom
            and self.left < other.right
            and other.left < self.right
        )


def name_column(index: int) -> str:
    """The letters of a column."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def read_column(letters: str) -> int:
    """The index of a column."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


_CORNER = r"\$?([A-Za-z]{1,3})?\$?([1-9]\d*)?"
_RANGE = re.compile(rf"{_CORNER}(?::{_CORNER})?")


def quote_title(title: str) -> str:
    """The title as it stands in an address."""
    if re.fullmatch(r"[A-Za-z_]\w*", title) and not re.fullmatch(r"[A-Za-z]{1,3}[1-9]\d*", title):
        return title
    return "'" + title.replace("'", "''") + "'"


def is_range(text: str) -> bool:
    """Whether the text is an address without a tab."""
    found = _RANGE.fullmatch(text)
    return bool(text) and bool(found) and (":" in text or bool(found and found[1] and found[2]))


def read_area(text: str, row_count: int, column_count: int) -> Area | None:
    """The area of an address without a tab, open ends up to the grid's size; None if it is no address."""
    found = _RANGE.fullmatch(text)
    if not found or not is_range(text):
        return None
    columns = sorted(read_column(letters) for letters in (found[1], found[3]) if letters)
    rows = sorted(int(number) - 1 for number in (found[2], found[4]) if number)
    single = ":" not in text
    bottom = rows[-1] + 1 if single or len(rows) == 2 else row_count
    right = columns[-1] + 1 if single or len(columns) == 2 else column_count
    return Area(rows[0] if rows else 0, columns[0] if columns else 0, bottom, right)


def name_area(area: Area) -> str:
    """The area in A1 notation."""
    first = f"{name_column(area.left)}{area.top + 1}"
    last = f"{name_column(area.right - 1)}{area.bottom}"
    return first if first == last else f"{first}:{last}"
