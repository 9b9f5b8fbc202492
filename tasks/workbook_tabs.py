"""Tabs of a workbook: their rows as text, and where a row or the last one is.

Belongs here: which cell of a tab is meant, for readers and writers alike. Does not belong here: what is
written (`tasks.workbook_updates`), what a cell keeps (`tasks.workbook_cells`), files
(`tasks.workbook_files`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mentoring.desk import SheetRow, SheetTab
from tasks.tab_updates import join_neighbours
from tasks.workbook_cells import read_text

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

Key = tuple[str, ...]


def find_tab(workbook: Workbook, name: str) -> Any | None:
    """Return the worksheet of that name, also with other capitals or spaces around it, or None."""
    for sheet in workbook.worksheets:
        if sheet.title == name:
            return sheet
    plain = name.strip().casefold()
    return next((sheet for sheet in workbook.worksheets if sheet.title.strip().casefold() == plain), None)


def read_tab(sheet: Any, name: str) -> SheetTab:
    """Read a worksheet as text: the first row holds the headings, blank rows are left out, numbers stay.

    Of merged cells the first one has the text, as in Google Sheets. Columns count as far as any cell says
    something. `sheet` is a worksheet of a workbook opened to read only, or of one kept in memory.
    """
    lines: list[tuple[int, list[str]]] = []
    for number, cells in enumerate(_list_rows(sheet), start=1):
        while cells and not cells[-1]:
            cells.pop()
        if cells or number == 1:
            lines.append((number, cells))
    width = max((len(cells) for _, cells in lines), default=0)
    padded = [SheetRow(number, (*cells, *[""] * (width - len(cells)))) for number, cells in lines]
    return SheetTab(name, padded[0].cells if padded else (), tuple(padded[1:]))


def _list_rows(sheet: Any) -> Iterator[list[str]]:
    if not hasattr(sheet, "_cells"):
        # The size that some programs note in the file is wrong, and cells beyond it would be lost.
        sheet.reset_dimensions()
        yield from ([read_text(cell) for cell in row] for row in sheet.iter_rows())
        return
    # What is kept is written again: asking openpyxl for its rows would make cells in it.
    rows: dict[int, dict[int, str]] = defaultdict(dict)
    for (row, column), cell in sheet._cells.items():
        rows[row][column] = read_text(cell)
    for number in range(1, max(rows, default=0) + 1):
        texts = rows.get(number, {})
        yield [texts.get(column, "") for column in range(1, max(texts, default=0) + 1)]


def find_rows(sheet: Worksheet, key: Sequence[str], columns: Mapping[str, int]) -> dict[Key, list[int]]:
    """Numbers of the rows by key, from the top; rows without any key are left out."""
    places: dict[Key, list[int]] = defaultdict(list)
    for number in range(2, find_last_row(sheet) + 1):
        found = tuple(read_at(sheet, number, columns[heading]) for heading in key)
        if any(found):
            places[found].append(number)
    return places


def read_at(sheet: Worksheet, row: int, column: int) -> str:
    """The text at this place, without making a cell there."""
    cell = sheet._cells.get((row, column))
    return "" if cell is None else read_text(cell)


def find_last_row(sheet: Worksheet) -> int:
    """Number of the last row in which any cell says something; 0 for a blank sheet."""
    return max((row for (row, _), cell in sheet._cells.items() if cell.value not in (None, "")), default=0)


def stretch_ranges(sheet: Worksheet, last: int, new_last: int) -> None:
    """Let the filter, and formatted tables that end at the last row, take in the rows appended after it."""
    from openpyxl.utils import get_column_letter, range_boundaries

    for area in (sheet.auto_filter, *sheet.tables.values()):
        if not area.ref or getattr(area, "totalsRowCount", None):
            continue
        left, top, right, bottom = range_boundaries(area.ref)
        if top == 1 and (bottom == last or (area is sheet.auto_filter and bottom < new_last)):
            area.ref = f"{get_column_letter(left)}{top}:{get_column_letter(right)}{new_last}"
            if getattr(area, "autoFilter", None) is not None:
                area.autoFilter.ref = area.ref


def remove_rows(sheet: Worksheet, numbers: Sequence[int]) -> None:
    """Remove rows, given from the top, and move up what is below them."""
    for first, last in reversed(join_neighbours(numbers)):
        _remove_span(sheet, first, last)


def _remove_span(sheet: Worksheet, first: int, last: int) -> None:
    # openpyxl moves the cells, but leaves heights, merges and links where they were.
    count = last - first + 1
    for merged in list(sheet.merged_cells.ranges):
        if merged.min_row > last:
            merged.shift(row_shift=-count)
        elif merged.max_row >= first:
            sheet.unmerge_cells(merged.coord)
    sheet.delete_rows(first, count)
    for place in sorted(place for place in sheet.row_dimensions if place >= first):
        dimension = sheet.row_dimensions.pop(place)
        if place > last:
            dimension.index = place - count
            sheet.row_dimensions[place - count] = dimension
    for cell in sheet._cells.values():
        if cell.hyperlink is not None and cell.row >= first:
            cell.hyperlink.ref = cell.coordinate
