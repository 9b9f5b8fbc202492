"""What the software changes on a tab of the committee's Google spreadsheet: machine cells by key, as requests.

Belongs here: from one tab as just read and one `TabUpdate` to requests that leave it as it should be; none if it is.
The same rules as for workbooks (`tasks.workbook_updates`). Does not belong here: what people did while we wrote
(`tasks.google_mending`), how a tab looks (`tasks.google_looks`), calls (`tasks.google_client`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mentoring.desk import Cell, Column, Tab, TabUpdate
from tasks.google_looks import dress_rows, lay_out_column, lay_out_tab
from tasks.google_requests import (
    Request,
    Writes,
    delete_rows,
    fit_grid,
    mark_column,
    unmerge_cells,
    write_value,
)
from tasks.google_tabs import GoogleTab
from tasks.tab_updates import (
    Key,
    group_by_key,
    list_first_values,
    list_wanted_columns,
    place_columns,
    read_key,
    require_allowed,
)
from tasks.workbook_cells import make_storable

#: Blank rows that stay under the last one when a grid has to grow.
SPARE_ROWS = 50


@dataclass
class TabPlan:
    """What is to be done on one tab: its shape as requests, cells, and both as values for whoever checks it.

    `writes` are cells of rows that were there, by row and column counted from 0; `appended` are new rows, by column.
    Nothing changes any more once `cells` or `shape` have been asked for.
    """

    sheet: GoogleTab
    tab: Tab
    update: TabUpdate
    columns: dict[str, int] = field(default_factory=dict)
    layout: list[Request] = field(default_factory=list)
    writes: dict[tuple[int, int], Cell] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)
    appended: list[dict[int, Cell]] = field(default_factory=list)

    @cached_property
    def machine(self) -> frozenset[str]:
        """Headings that the software writes."""
        return frozenset(self.tab.list_headings("machine"))

    @cached_property
    def first_values(self) -> dict[Key, Mapping[str, Cell]]:
        """People's first values by the key of the new row that carries them."""
        return list_first_values(self.update)

    def read_key_at(self, row: int) -> Key:
        """The key of a row, blank where nothing is."""
        return tuple(self.sheet.read(row, self.columns[heading]) for heading in self.tab.key)

    @cached_property
    def cells(self) -> Writes:
        """What is written into columns that are there."""
        return {place: value for place, value in self.writes.items() if place[1] < self.sheet.last_column}

    @cached_property
    def shape(self) -> list[Request]:
        """All but cells of rows that were there, in an order in which no request moves what a later one is about."""
        return [
            *self.layout,
            *complete_marks(self.sheet, self.cells),
            *unmerge_cells(self.sheet, self.writes),
            *self._remove_rows(),
            *self._append_rows(),
        ]

    def _remove_rows(self) -> list[Request]:
        if not self.removed:
            return []
        sheet_id, left = self.sheet.sheet_id, self.sheet.row_count - len(self.removed)
        # Google refuses to delete every row below the frozen ones.
        spare = fit_grid(sheet_id, left, 0, max(1, self.sheet.frozen_rows) + 1, 0)
        return [*spare, *delete_rows(sheet_id, self.removed)]

    def _append_rows(self) -> list[Request]:
        """New rows after the last that says anything at that moment, so that no line that people add is touched."""
        if not self.appended:
            return []
        sheet_id = self.sheet.sheet_id
        count = max(self.sheet.row_count - len(self.removed), max(1, self.sheet.frozen_rows) + 1)
        needed = max(1, self.sheet.last_row) - len(self.removed) + len(self.appended)
        requests: list[Request] = []
        if needed > count:
            requests += fit_grid(sheet_id, count, 0, needed + SPARE_ROWS, 0)
            for column in self.tab.columns:
                if column.heading in self.columns:
                    requests += dress_rows(sheet_id, self.columns[column.heading], column, count)
        width = 1 + max(column for row in self.appended for column in row)
        rows = [
            {"values": [write_value(row.get(place, "")) for place in range(width)]} for row in self.appended
        ]
        return [*requests, {"appendCells": {"sheetId": sheet_id, "rows": rows, "fields": "userEnteredValue"}}]


def plan_tab(sheet: GoogleTab, tab: Tab, update: TabUpdate) -> TabPlan:
    """Plan what the update changes on the tab; a plan without requests means that nothing is left to do.

    Raises `SheetError` when the headings don't tell which column is which, `ValueError` for an update that the tab's
    columns don't allow.
    """
    require_allowed(tab, update)
    plan = TabPlan(sheet, tab, update)
    if sheet.last_row == 0:
        _build_blank_tab(plan)
    else:
        plan.columns.update(find_columns(sheet, tab, update))
        _add_missing_columns(plan)
    if update.remove_missing:
        _plan_removals(plan)
    _plan_rows(plan)
    return plan


def _build_blank_tab(plan: TabPlan) -> None:
    sheet, tab = plan.sheet, plan.tab
    plan.columns.update((heading, place) for place, heading in enumerate(tab.list_headings()))
    # Two rows at least: a frozen one needs another below it.
    plan.layout += fit_grid(sheet.sheet_id, sheet.row_count, sheet.column_count, 2, len(tab.columns))
    plan.layout += lay_out_tab(sheet.sheet_id, tab)


def find_columns(sheet: GoogleTab, tab: Tab, update: TabUpdate) -> dict[str, int]:
    """Places of the tab's columns by heading. Raises `SheetError` if one is doubled or one of the key is lost."""
    where = f"the tab “{tab.name}” of the committee's spreadsheet"
    headings = sheet.texts[0] if sheet.texts else ()
    return place_columns(where, tab, headings, 0, update.remove_missing or sheet.last_row == 1)


def _add_missing_columns(plan: TabPlan) -> None:
    sheet = plan.sheet
    missing = [
        heading for heading in list_wanted_columns(plan.tab, plan.update) if heading not in plan.columns
    ]
    columns = [column for column in plan.tab.columns if column.heading in missing]
    plan.layout += add_columns(sheet, columns)
    plan.columns.update((column.heading, sheet.last_column + n) for n, column in enumerate(columns))


def add_columns(sheet: GoogleTab, columns: Sequence[Column]) -> list[Request]:
    """Insert columns after the last that says anything: new ones, so that no heading is written over another."""
    if not columns:
        return []
    start, end = sheet.last_column, sheet.last_column + len(columns)
    span = {"sheetId": sheet.sheet_id, "dimension": "COLUMNS", "startIndex": start, "endIndex": end}
    # Google inserts before a column: there has to be one.
    requests = fit_grid(sheet.sheet_id, 0, sheet.column_count, 0, start + 1)
    requests.append({"insertDimension": {"range": span, "inheritFromBefore": False}})
    for place, column in enumerate(columns, start):
        requests += lay_out_column(sheet.sheet_id, place, column)
    return requests


def complete_marks(sheet: GoogleTab, cells: Writes) -> list[Request]:
    """Mark every column if one of these cells' has no mark; it may be anywhere by then."""
    if all(column in sheet.marks for _, column in cells):
        return []
    # People may push columns beyond the last before the marks are made.
    last = min(sheet.column_count, sheet.last_column + 2)
    return [mark_column(sheet.sheet_id, place) for place in range(last)]


def _plan_removals(plan: TabPlan) -> None:
    sheet, wanted = plan.sheet, {read_key(plan.tab, row) for row in plan.update.rows}
    ours = set(plan.columns.values())
    # Somebody may sort before the rows are gone; where people keep notes beside ours, rows are only cleared.
    has_guests = any(
        text for row in sheet.texts for place, text in enumerate(row) if text and place not in ours
    )
    for row in range(1, sheet.last_row):
        filled = [place for place in ours if sheet.read(row, place)]
        if filled and plan.read_key_at(row) not in wanted:
            if has_guests:
                plan.writes.update({(row, place): "" for place in filled})
            else:
                plan.removed.append(row)


def _plan_rows(plan: TabPlan) -> None:
    places: dict[Key, list[int]] = defaultdict(list)
    for number in range(1, plan.sheet.last_row):
        if any(key := plan.read_key_at(number)):
            places[key].append(number)
    for key, rows in group_by_key(plan.tab, plan.update.rows).items():
        numbers = places.get(key, [])
        # Rows that people copied carry the same key: each gets its own values if there are such, or the last.
        for place, found in enumerate(numbers):
            _plan_update(plan, found, rows[min(place, len(rows) - 1)])
        for new_row in rows[len(numbers) :]:
            _plan_append(plan, key, new_row)


def _plan_update(plan: TabPlan, number: int, row: Mapping[str, Cell]) -> None:
    for heading, value in row.items():
        # A key that is there already reads as it should, and is what rows are found by while people sort.
        if heading in plan.machine and heading not in plan.tab.key:
            place = (number, plan.columns[heading])
            if not _is_there(plan.sheet, place, value):
                plan.writes[place] = make_storable(value) if isinstance(value, str) else value


def _is_there(sheet: GoogleTab, place: tuple[int, int], value: Cell) -> bool:
    raw = sheet.read_raw(*place)
    if isinstance(value, int):
        return isinstance(raw, (int, float)) and not isinstance(raw, bool) and raw == value
    text = make_storable(value)
    # Google trims nothing, but may keep a text without its control characters.
    return sheet.read(*place) == "" if not text else isinstance(raw, str) and raw == text


def _plan_append(plan: TabPlan, key: Key, row: Mapping[str, Cell]) -> None:
    people = plan.first_values.get(key, {})
    if not people and plan.machine.isdisjoint(plan.tab.key):
        # The row was people's own, and they removed it or changed its key meanwhile.
        return
    ours = {
        heading: value for heading, value in row.items() if heading in plan.machine or heading in plan.tab.key
    }
    cells = {plan.columns[heading]: value for heading, value in {**ours, **people}.items()}
    plan.appended.append(
        {place: make_storable(value) if isinstance(value, str) else value for place, value in cells.items()}
    )
