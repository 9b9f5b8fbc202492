"""How the committee's desk looks, whatever keeps it: whose a column is by its colour, and the tab that explains it.

Belongs here: colours and words that both kinds of spreadsheet share. Does not belong here: how a program stores them
(`tasks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mentoring.desk import Column, Tab

READ_ME = "Read me"
READ_ME_TITLE = "The committee's desk"


class Colours(NamedTuple):
    """Colours of one owner's columns, as RRGGBB; `body` is None where cells stay white."""

    heading: str
    body: str | None
    line: str
    tab: str


PEOPLE = Colours(heading="F7D488", body="FFF7E3", line="EBD9AE", tab="F0B429")
MACHINE = Colours(heading="D6DEE8", body=None, line="D9DEE5", tab="8696A8")
INK = "22303C"
LINK = "1F5A96"

SENTENCES = (
    "This workbook is the committee's desk: you write in some of its columns, and the software writes in the "
    "others.",
    "Columns in warm yellow are yours; what you write there stays as it is, and the software reads it on its "
    "next run.",
    "Columns with a grey-blue heading belong to the software, which writes them anew on each run, so a "
    "change that you make there does not last.",
    "Sort, filter, color and move as you like, and add columns, notes and tabs of your own; please leave "
    "the names of the tabs, the headings in the first row and the references as they are, because the software "
    "finds everything by them.",
)


def choose_colours(column: Column) -> Colours:
    """The colours of the column's owner."""
    return PEOPLE if column.owner == "people" else MACHINE


def choose_tab_colour(tab: Tab) -> str:
    """Warm for a tab on which people write, cool for one that is there to read."""
    return (PEOPLE if tab.list_headings("people") else MACHINE).tab


def describe_choices(column: Column) -> str:
    """What a program says to somebody who types something else into a column with choices."""
    return f"Please choose one of: {', '.join(column.choices)}. Or leave the cell empty."


def list_tab_guide(tabs: Iterable[Tab]) -> list[tuple[str, str, Colours]]:
    """For the explaining tab: each tab's name, what people write there, and the colours of that line."""
    guide = []
    for tab in tabs:
        yours = tab.list_headings("people")
        words = ", ".join(yours) if yours else "Nothing; it is there to read."
        guide.append((tab.name, words, PEOPLE if yours else MACHINE))
    return guide
