"""Requests of `spreadsheets.batchUpdate` about cells: values, notes, formats, dropdowns, merges.

Belongs here: what they change and what of it Google refuses. Does not belong here: requests about tabs, rows and
columns (`google_changes`), about protection, filters and conditional formats (`google_rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .google_addresses import Area, name_area
from .google_books import Spreadsheet, resolve
from .google_cells import CELL_LIMIT, Cell, Formula, enter_typed, show
from .google_grid import to_grid_range
from .google_hands import Tab
from .google_masks import merge_by_mask, read_mask
from .google_protection import require_open
from .google_schema import RefusalError

Request = Mapping[str, Any]
Reply = dict[str, Any] | None


def _take_cell(cell: Cell, wanted: Request, mask: Mapping[str, Any]) -> Cell:
    """The cell with the masked parts of a `CellData`."""
    whole = "*" in mask
    if whole or "userEnteredValue" in mask:
        cell = cell._replace(entered=_read_extended(wanted.get("userEnteredValue", {})))
    if whole or "note" in mask:
        cell = cell._replace(note=wanted.get("note", ""))
    if whole or "dataValidation" in mask:
        inner = {} if whole else mask["dataValidation"]
        rule = merge_by_mask(inner or {"*": {}}, cell.rule, wanted.get("dataValidation"))
        cell = cell._replace(rule=rule or None)
    if whole or "userEnteredFormat" in mask:
        inner = {} if whole else mask["userEnteredFormat"]
        looks = merge_by_mask(inner or {"*": {}}, cell.format, wanted.get("userEnteredFormat"))
        cell = cell._replace(format=looks or None)
    return cell


def _read_extended(value: Request) -> Any:
    if len(value) > 1 or "errorValue" in value:
        raise RefusalError("A cell's value must have exactly one kind, and errors can't be written.")
    if "formulaValue" in value:
        if not value["formulaValue"].startswith("="):
            raise RefusalError("A formula must start with '='.")
        return Formula(value["formulaValue"])
    found = next(iter(value.values()), None)
    if isinstance(found, str) and len(found) > CELL_LIMIT:
        raise RefusalError(
            f"Your input contains more than the maximum of {CELL_LIMIT} characters in a single cell."
        )
    return None if found == "" else found


_CELL_FIELDS = {"userEnteredValue", "userEnteredFormat", "note", "dataValidation", "*"}


def _read_cell_mask(request: Request) -> dict[str, Any]:
    mask = read_mask(request, "CellData")
    if unknown := set(mask) - _CELL_FIELDS:
        raise RefusalError(f"The stand-in does not write {', '.join(sorted(unknown))}.", 501, "UNIMPLEMENTED")
    return mask


def repeat_cell(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`repeatCell`: one cell's masked fields for every cell of a range."""
    mask = _read_cell_mask(request)
    tab = book.find(request["range"].get("sheetId", 0))
    area = resolve(tab, request["range"])
    require_open(tab, area, who)
    # Most cells of a range are the same blank one.
    made: dict[int, tuple[Cell, Cell]] = {}
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            old = tab.cell(row, column)
            if id(old) not in made:
                made[id(old)] = old, _take_cell(old, request.get("cell", {}), mask)
            tab.put(row, column, made[id(old)][1])
    return None


def update_cells(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`updateCells`: from a start as far as the rows reach, or all of a range."""
    mask = _read_cell_mask(request)
    lines = [row.get("values", []) for row in request.get("rows", [])]
    if ("range" in request) == ("start" in request):
        raise RefusalError("Exactly one of start and range must be set.")
    if "start" in request:
        start = request["start"]
        tab = book.find(start.get("sheetId", 0))
        top, left = start.get("rowIndex", 0), start.get("columnIndex", 0)
        area = Area(top, left, top + len(lines), left + max((len(line) for line in lines), default=0))
        if area.bottom > tab.row_count or area.right > tab.column_count:
            raise RefusalError(tab.word_limits(name_area(area)))
    else:
        tab = book.find(request["range"].get("sheetId", 0))
        area = resolve(tab, request["range"])
    require_open(tab, area, who)
    for row in range(area.top, area.bottom):
        line = lines[row - area.top] if row - area.top < len(lines) else []
        last = area.right if "range" in request else area.left + len(line)
        for column in range(area.left, last):
            wanted = line[column - area.left] if column - area.left < len(line) else {}
            tab.put(row, column, _take_cell(tab.cell(row, column), wanted, mask))
    return None


def append_cells(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`appendCells`: after the last row that says something, in a grid that grows if it must."""
    mask = _read_cell_mask(request)
    tab = book.find(request.get("sheetId", 0))
    top = len(tab.list_values())
    lines = [row.get("values", []) for row in request.get("rows", [])]
    if lines:
        require_open(tab, Area(top, 0, top + len(lines), max(map(len, lines))), who)
    tab.set_count("ROWS", max(tab.row_count, top + len(lines)))
    tab.set_count("COLUMNS", max([tab.column_count, *map(len, lines)]))
    for row, line in enumerate(lines, start=top):
        for column, wanted in enumerate(line):
            tab.put(row, column, _take_cell(tab.cell(row, column), wanted, mask))
    return None


def find_replace(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`findReplace` of whole cells in a range, as they are shown; the new text counts as typed."""
    if "range" not in request or not request.get("matchEntireCell") or request.get("searchByRegex"):
        raise RefusalError("The stand-in finds whole cells in a range only.", 501, "UNIMPLEMENTED")
    if not request.get("find"):
        raise RefusalError("The text to find must not be empty.")
    tab = book.find(request["range"].get("sheetId", 0))
    area = resolve(tab, request["range"])
    require_open(tab, area, who)
    fold = str if request.get("matchCase") else str.casefold
    rows: list[int] = []
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            cell = tab.cell(row, column)
            if isinstance(cell.entered, Formula) or cell.entered is None:
                continue
            if fold(show(cell.entered, cell.format, book.locale)) == fold(request["find"]):
                tab.put(row, column, enter_typed(cell, request.get("replacement", ""), book.locale))
                rows.append(row)
    if not rows:
        return {}
    counts = {"valuesChanged": len(rows), "occurrencesChanged": len(rows)}
    return {**counts, "rowsChanged": len(set(rows)), "sheetsChanged": 1}


_LIST_RULES = {"ONE_OF_LIST", "ONE_OF_RANGE"}


def set_data_validation(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`setDataValidation`; without a rule, away with it."""
    tab = book.find(request["range"].get("sheetId", 0))
    area = resolve(tab, request["range"])
    require_open(tab, area, who)
    rule = request.get("rule")
    if rule is not None:
        condition = rule.get("condition", {})
        if not condition.get("type"):
            raise RefusalError("A data validation rule needs a condition.")
        if condition["type"] in _LIST_RULES and not condition.get("values"):
            raise RefusalError(f"Incorrect number of values for condition {condition['type']}.")
    made: dict[int, tuple[Cell, Cell]] = {}
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            old = tab.cell(row, column)
            if id(old) not in made:
                made[id(old)] = old, old._replace(rule=rule)
            tab.put(row, column, made[id(old)][1])
    return None


def merge_cells(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`mergeCells`: of each merged area the first cell keeps what it says."""
    tab = book.find(request["range"].get("sheetId", 0))
    area = resolve(tab, request["range"])
    require_open(tab, area, who)
    if any(resolve(tab, held).meets(area) for held in tab.merges):
        raise RefusalError("You can't merge cells that are merged already.")
    kind = request.get("mergeType", "MERGE_ALL")
    height = 1 if kind == "MERGE_ROWS" else area.bottom - area.top
    width = 1 if kind == "MERGE_COLUMNS" else area.right - area.left
    for top in range(area.top, area.bottom, height):
        for left in range(area.left, area.right, width):
            _merge(tab, Area(top, left, top + height, left + width))
    return None


def _merge(tab: Tab, area: Area) -> None:
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            if (row, column) != area[:2]:
                tab.put(row, column, tab.cell(row, column)._replace(entered=None))
    tab.merges.append(to_grid_range(tab, area))


def unmerge_cells(book: Spreadsheet, request: Request, who: str) -> Reply:
    """`unmergeCells`: every merge that meets the range."""
    tab = book.find(request["range"].get("sheetId", 0))
    area = resolve(tab, request["range"])
    tab.merges = [held for held in tab.merges if not resolve(tab, held).meets(area)]
    return None
