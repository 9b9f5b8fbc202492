"""Setting up the committee's Google spreadsheet, and looking whether both spreadsheets can be used.

A spreadsheet that is empty gets every tab; one that is in use gets what is missing, and nothing that people wrote,
coloured or chose is touched. Belongs here: what is missing. Does not belong here: how it looks (`tasks.google_looks`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from mentoring.desk import TABS, Column, Tab, TabUpdate
from mentoring.desk_looks import READ_ME, choose_tab_colour
from tasks.google_client import FIRST_PAUSE, TRIES, SheetsClient, open_client
from tasks.google_errors import PostponedError, RefusedError, SpreadsheetName, UnclearError
from tasks.google_looks import (
    PROTECTION,
    add_tab,
    build_read_me,
    count_read_me_rows,
    dress_column,
    is_read_me,
    lay_out_tab,
    note_heading,
    offer_choices,
    protect_column,
)
from tasks.google_requests import Request, fit_grid, name_range
from tasks.google_tabs import OUTLINE, GoogleTab, Spreadsheet, read_spreadsheet
from tasks.google_updates import add_columns, find_columns
from tasks.settings import Settings
from tasks.sheets import SheetError

#: Of a cell's looks just enough to tell whether anybody has ever given it any.
_LOOKS = "userEnteredFormat(backgroundColorStyle,verticalAlignment,textFormat(bold),numberFormat(type))"
_CELLS = f"effectiveValue,note,dataValidation(condition(type)),{_LOOKS}"
_SHEETS = (
    "properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount,frozenRowCount)),"
    f"protectedRanges(description,range),data(rowData(values({_CELLS})))"
)
_FIELDS = f"properties(timeZone),sheets({_SHEETS})"


@dataclass
class _Setup:
    """What is to be made: requests, and the same in words for whoever set it off."""

    requests: list[Request] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def set_up_committee(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Make what is missing in the committee's spreadsheet and say what that was, one sentence each.

    Raises `SheetError` when the spreadsheet can't be used or a tab of ours holds something else.
    """
    client = open_client(settings, "committee")
    made: list[str] = []
    for attempt in range(TRIES):
        answer = client.read(_FIELDS)
        setup = plan_setup(answer)
        if not setup.requests:
            return made
        try:
            client.write(setup.requests, attempt)
        except PostponedError:
            continue
        except UnclearError:
            sleep(FIRST_PAUSE * 2**attempt)
        except RefusedError as refusal:
            raise client.place.describe(refusal) from None
        made += [words for words in setup.words if words not in made]
    raise SheetError(
        "The committee's spreadsheet keeps changing; wait until nobody works in it, and run again."
    )


def plan_setup(answer: Mapping[str, Any]) -> _Setup:
    """What the spreadsheet lacks, from Google's answer."""
    book = read_spreadsheet(answer)
    sheets = {sheet["properties"].get("sheetId", 0): sheet for sheet in answer.get("sheets", ())}
    setup, ids = _Setup(), _choose_ids(set(sheets))
    missing = [tab for tab in TABS.values() if book.find_tab(tab.name) is None]
    places = {tab.name: next(ids) for tab in missing}
    for index, tab in enumerate(missing, len(sheets)):
        colour = choose_tab_colour(tab)
        setup.requests.append(add_tab(places[tab.name], tab.name, len(tab.columns), index, colour))
        setup.requests += lay_out_tab(places[tab.name], tab)
    if missing:
        setup.words.append(f"Made {_name_tabs([tab.name for tab in missing])}.")
    for tab in TABS.values():
        sheet = book.find_tab(tab.name)
        if sheet is not None:
            places[tab.name] = sheet.sheet_id
            _complete_tab(setup, sheet, tab, sheets[sheet.sheet_id])
    _add_read_me(setup, book, [(tab, places[tab.name]) for tab in TABS.values()], next(ids))
    return setup


def _choose_ids(taken: set[int]) -> Iterator[int]:
    while True:
        # Google's own ids are random as well.
        chosen = random.randrange(1, 2**31)  # noqa: S311
        if chosen not in taken:
            taken.add(chosen)
            yield chosen


def _name_tabs(names: Sequence[str]) -> str:
    return f"the tab{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _complete_tab(setup: _Setup, sheet: GoogleTab, tab: Tab, told: Mapping[str, Any]) -> None:
    if sheet.last_row == 0:
        setup.requests += fit_grid(sheet.sheet_id, sheet.row_count, sheet.column_count, 2, len(tab.columns))
        setup.requests += lay_out_tab(sheet.sheet_id, tab)
        setup.words.append(f"Laid out the tab {tab.name}.")
        return
    columns = find_columns(sheet, tab, TabUpdate(tab.name, ()))
    if not columns:
        raise SheetError(
            f"The tab “{sheet.title}” of the committee's spreadsheet holds something else; rename it, and run again."
        )
    added = [column for column in tab.columns if column.heading not in columns]
    setup.requests += add_columns(sheet, added)
    cells = [row.get("values", ()) for part in told.get("data", ()) for row in part.get("rowData", ())]
    protected = [
        _read_span(item) for item in told.get("protectedRanges", ()) if item.get("description") == PROTECTION
    ]
    mended = [
        request
        for column in tab.columns
        if column.heading in columns
        for request in _complete_column(sheet.sheet_id, columns[column.heading], column, cells, protected)
    ]
    if sheet.frozen_rows == 0 and sheet.row_count > 1:
        properties = {"sheetId": sheet.sheet_id, "gridProperties": {"frozenRowCount": 1}}
        mended.append(
            {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}
        )
    setup.requests += mended
    if added:
        setup.words.append(f"Added to the tab {tab.name}: {', '.join(column.heading for column in added)}.")
    if mended:
        setup.words.append(
            f"Completed the tab {tab.name}: colors, notes, dropdowns or protection that were missing."
        )


def _read_span(protection: Mapping[str, Any]) -> range:
    span = protection.get("range", {})
    return range(span.get("startColumnIndex", 0), span.get("endColumnIndex", 2**31))


def _complete_column(
    sheet_id: int,
    place: int,
    column: Column,
    cells: Sequence[Sequence[Mapping[str, Any]]],
    protected: Sequence[range],
) -> Iterator[Request]:
    shown = [row[place] for row in cells if place < len(row)]
    if not any(cell.get("userEnteredFormat") for cell in shown):
        yield from dress_column(sheet_id, place, column)
    if column.note and not (shown and shown[0].get("note")):
        yield note_heading(sheet_id, place, column)
    if column.choices and not any("dataValidation" in cell for cell in shown[1:]):
        yield offer_choices(name_range(sheet_id, (1, None), (place, place + 1)), column)
    if column.owner == "machine" and not any(place in span for span in protected):
        yield protect_column(sheet_id, place)


def _add_read_me(setup: _Setup, book: Spreadsheet, tabs: Sequence[tuple[Tab, int]], new_id: int) -> None:
    if any(is_read_me(sheet.title) for sheet in book.tabs):
        return
    rows = count_read_me_rows([tab for tab, _ in tabs])
    blank = book.tabs[0] if len(book.tabs) == 1 and book.tabs[0].last_row == 0 else None
    if blank is not None and blank.sheet_id not in [sheet_id for _, sheet_id in tabs]:
        # The blank tab with which every spreadsheet begins.
        new_id = blank.sheet_id
        properties = {"sheetId": new_id, "title": READ_ME, "index": 0}
        setup.requests.append({"updateSheetProperties": {"properties": properties, "fields": "title,index"}})
        setup.requests += fit_grid(new_id, blank.row_count, blank.column_count, rows, 3)
    else:
        setup.requests.append(add_tab(new_id, READ_ME, 3, 0))
    setup.requests += build_read_me(new_id, tabs)
    setup.words.append(f"Made the tab {READ_ME}.")


@dataclass(frozen=True)
class Access:
    """What a look at one spreadsheet found: who looked, and the spreadsheet's time zone."""

    address: str
    time_zone: str

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone, or None for one of those that Google invented."""
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            return None


def check_access(settings: Settings, name: SpreadsheetName) -> Access:
    """Look whether the spreadsheet can be read, and the committee's be written. Raises `SheetError`.

    Writing is tried by setting the spreadsheet's time zone to what it is.
    """
    client: SheetsClient = open_client(settings, name)
    time_zone = read_spreadsheet(client.read(OUTLINE)).time_zone
    if name == "committee":
        same = {"properties": {"timeZone": time_zone}, "fields": "timeZone"}
        client.write_same({"updateSpreadsheetProperties": same})
    return Access(client.place.address, time_zone)
