"""What a `TabUpdate` asks of any spreadsheet: whether the tab allows it, and its rows by key.

Belongs here: what both backends read off an update before they write. Does not belong here: writing
(`tasks.workbook_updates`, `tasks.google_updates`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from mentoring.desk import Cell, Tab, TabUpdate
from tasks.sheets import SheetError
from tasks.workbook_cells import make_storable, trim

Key = tuple[str, ...]


def require_allowed(tab: Tab, update: TabUpdate) -> None:
    """Raise `ValueError` for an update that the tab's columns don't allow."""
    if update.remove_missing and tab.list_headings("people"):
        raise ValueError(f"Rows of the tab {tab.name} belong to people; they can't be removed as missing.")
    known = set(tab.list_headings())
    for cells in (*update.rows, *update.people.values()):
        if unknown := set(cells) - known:
            raise ValueError(f"The tab {tab.name} has no column {', '.join(sorted(unknown))}.")
    if not all(set(tab.key) <= set(row) for row in update.rows):
        raise ValueError(f"A row of the tab {tab.name} lacks its key {', '.join(tab.key)}.")


def read_key(tab: Tab, row: Mapping[str, Cell]) -> Key:
    """The row's key as it reads once it is in a cell."""
    return tuple(trim(make_storable(str(row[heading]))) for heading in tab.key)


def group_by_key(tab: Tab, rows: Sequence[Mapping[str, Cell]]) -> dict[Key, list[Mapping[str, Cell]]]:
    """Rows by key, in the order of their first appearance."""
    grouped: dict[Key, list[Mapping[str, Cell]]] = defaultdict(list)
    for row in rows:
        grouped[read_key(tab, row)].append(row)
    return grouped


def list_first_values(update: TabUpdate) -> dict[Key, Mapping[str, Cell]]:
    """People's first values by the key of the appended row that carries them."""
    return {tuple(trim(make_storable(part)) for part in key): of for key, of in update.people.items()}


def list_wanted_columns(tab: Tab, update: TabUpdate) -> list[str]:
    """Headings without which the update can't be written: the machine's, the key's, and people's first values'."""
    wanted = {
        *tab.list_headings("machine"),
        *tab.key,
        *(heading for values in update.people.values() for heading in values),
    }
    return [heading for heading in tab.list_headings() if heading in wanted]


def join_neighbours(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Rows that lie together as spans, first and last row; `numbers` are given from the top."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans


def place_columns(
    where: str, tab: Tab, headings: Iterable[str], first: int, may_rebuild: bool = False
) -> dict[str, int]:
    """Places of the tab's columns by heading, counted from `first`.

    `where` is like “the tab “Matches” of committee.xlsx”. Raises `SheetError` if a column is doubled, or one of the key
    is lost and the tab may not be built anew from the others.
    """
    columns: dict[str, int] = {}
    for place, heading in enumerate(headings, first):
        if heading in columns:
            raise SheetError(_describe_doubled(where, heading))
        if heading in tab.list_headings():
            columns[heading] = place
    lost = [heading for heading in tab.key if heading not in columns]
    if lost and not (columns and may_rebuild):
        raise SheetError(_describe_lost(where, lost[0]))
    return columns


def _describe_doubled(where: str, heading: str) -> str:
    return f"In {where}, two columns are named “{heading}”; rename one of them and run again."


def _describe_lost(where: str, heading: str) -> str:
    return (
        f"In {where}, the first row has no heading “{heading}”; put the heading back there, "
        "or empty the tab to have it built anew, and run again."
    )
