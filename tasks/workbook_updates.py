"""What the software writes on a tab of the committee workbook: machine cells by key, whatever people moved.

Belongs here: one `TabUpdate` applied to one worksheet. Does not belong here: what a cell keeps
(`tasks.workbook_cells`), how a tab looks (`tasks.workbook_looks`), files (`tasks.workbook_files`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mentoring.desk import Cell, Tab, TabUpdate
from tasks.tab_updates import (
    group_by_key,
    list_first_values,
    list_wanted_columns,
    place_columns,
    read_key,
    require_allowed,
)
from tasks.workbook_cells import read_text, write_cell
from tasks.workbook_looks import build_column, build_tab, style_new_cell
from tasks.workbook_tabs import find_last_row, find_rows, read_at, remove_rows, stretch_ranges

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet


def update_tab(sheet: Worksheet, tab: Tab, update: TabUpdate, file_name: str) -> bool:
    """Write the machine cells of one tab and return whether anything changed.

    Raises `SheetError` when the headings don't tell which column is which, `ValueError` for an update that
    the tab's columns don't allow.
    """
    require_allowed(tab, update)
    blank = find_last_row(sheet) == 0
    if blank:
        build_tab(sheet, tab)
    desk = _Desk(sheet, tab, _find_columns(sheet, tab, update, f"the tab “{tab.name}” of {file_name}"))
    changed = _add_missing_columns(desk, update) or blank
    if update.remove_missing:
        changed |= _remove_missing_rows(desk, update)
    places = find_rows(sheet, tab.key, desk.columns)
    new_rows: list[Mapping[str, Cell]] = []
    for key, rows in group_by_key(tab, update.rows).items():
        numbers = places.get(key, [])
        # Rows that people copied carry the same key: each gets its own values if there are such, or the last.
        for place, number in enumerate(numbers):
            changed |= _update_row(desk, number, rows[min(place, len(rows) - 1)])
        new_rows.extend(rows[len(numbers) :])
    return _append_rows(desk, update, new_rows) or changed


@dataclass(frozen=True)
class _Desk:
    """One tab being written: the worksheet, its plan, and the number of each column by heading."""

    sheet: Worksheet
    tab: Tab
    columns: dict[str, int]

    @cached_property
    def machine(self) -> frozenset[str]:
        return frozenset(self.tab.list_headings("machine"))

    @cached_property
    def widths(self) -> dict[int, float]:
        from tasks.workbook_rows import list_widths

        return list_widths(self.sheet)


def _find_columns(sheet: Worksheet, tab: Tab, update: TabUpdate, where: str) -> dict[str, int]:
    may_rebuild = update.remove_missing or find_last_row(sheet) == 1
    return place_columns(where, tab, map(read_text, sheet[1]), 1, may_rebuild)


def _add_missing_columns(desk: _Desk, update: TabUpdate) -> bool:
    """Add after the last column what is missing: machine columns, and people's that get a first value."""
    wanted = list_wanted_columns(desk.tab, update)
    missing = [
        column
        for column in desk.tab.columns
        if column.heading in wanted and column.heading not in desk.columns
    ]
    used = (number for (_, number), cell in desk.sheet._cells.items() if cell.value not in (None, ""))
    for number, column in enumerate(missing, start=max(used, default=0) + 1):
        build_column(desk.sheet, number, column)
        desk.columns[column.heading] = number
    return bool(missing)


def _remove_missing_rows(desk: _Desk, update: TabUpdate) -> bool:
    wanted = {read_key(desk.tab, row) for row in update.rows}
    missing = []
    for number in range(2, find_last_row(desk.sheet) + 1):
        # A line in which people wrote something of their own, beside our columns, is theirs.
        ours = any(read_at(desk.sheet, number, column) for column in desk.columns.values())
        key = tuple(read_at(desk.sheet, number, desk.columns[heading]) for heading in desk.tab.key)
        if ours and key not in wanted:
            missing.append(number)
    remove_rows(desk.sheet, missing)
    return bool(missing)


def _update_row(desk: _Desk, number: int, row: Mapping[str, Cell]) -> bool:
    return _write_cells(desk, number, {heading: row[heading] for heading in row if heading in desk.machine})


def _append_rows(desk: _Desk, update: TabUpdate, rows: Sequence[Mapping[str, Cell]]) -> bool:
    first_values = list_first_values(update)
    number = last = find_last_row(desk.sheet)
    for row in rows:
        people = first_values.get(read_key(desk.tab, row), {})
        if not people and desk.machine.isdisjoint(desk.tab.key):
            # The row was people's own, and they removed it or changed its key meanwhile.
            continue
        number += 1
        for heading, column in desk.columns.items():
            style_new_cell(desk.sheet.cell(number, column), people=heading not in desk.machine)
        ours = {
            heading: row[heading] for heading in row if heading in desk.machine or heading in desk.tab.key
        }
        _write_cells(desk, number, {**ours, **people})
    if number > last:
        stretch_ranges(desk.sheet, last, number)
    return number > last


def _write_cells(desk: _Desk, number: int, values: Mapping[str, Cell]) -> bool:
    from tasks.workbook_rows import fit_row

    changed = False
    for heading, value in values.items():
        place = (number, desk.columns[heading])
        if value == "" and place not in desk.sheet._cells:
            continue
        if value != "":
            _unmerge(desk.sheet, *place)
        changed |= write_cell(desk.sheet.cell(*place), value)
    if changed:
        fit_row(desk.sheet, number, desk.widths)
    return changed


def _unmerge(sheet: Worksheet, row: int, column: int) -> None:
    """Undo a merge that leaves this cell no value of its own."""
    from openpyxl.cell import MergedCell

    if isinstance(sheet._cells.get((row, column)), MergedCell):
        for merged in list(sheet.merged_cells.ranges):
            if (row, column) in merged.cells:
                sheet.unmerge_cells(merged.coord)
