"""The method `spreadsheets.batchUpdate`: its requests, one function each.

Belongs here: what a request changes and answers, and what of it Google refuses. Does not belong here: that all
requests of a call happen or none does (`stand_ins.google_sheets` works on a copy). A request that the API has and
the stand-in hasn't is answered 501 and held against the caller, so that no test passes by it unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import google_contents, google_rules
from .google_addresses import Area
from .google_books import Spreadsheet, read_span, resolve
from .google_grid import to_grid_range
from .google_hands import Tab
from .google_masks import merge_by_mask, read_mask
from .google_metadata import create_metadata, delete_metadata, update_metadata
from .google_overview import ROW_HEIGHT, describe, describe_properties
from .google_protection import require_open
from .google_schema import RefusalError
from .google_sorting import sort_area

Request = Mapping[str, Any]
Reply = dict[str, Any] | None


def batch_update(book: Spreadsheet, call: Mapping[str, Any], who: str) -> dict[str, Any]:
    """`spreadsheets.batchUpdate`. Raises `RefusalError` at the first request that can't be done."""
    requests = call.get("requests", [])
    if not requests:
        raise RefusalError("Must specify at least one request.")
    replies = [_apply(book, number, request, who) for number, request in enumerate(requests)]
    answer: dict[str, Any] = {"spreadsheetId": book.id, "replies": replies}
    if call.get("includeSpreadsheetInResponse"):
        grid = bool(call.get("responseIncludeGridData"))
        answer["updatedSpreadsheet"] = describe(book, who, call.get("responseRanges", ()), grid=grid)
    return answer


def _apply(book: Spreadsheet, number: int, request: Request, who: str) -> dict[str, Any]:
    if len(request) != 1:
        raise RefusalError(
            f"Invalid value at 'requests[{number}]' (oneof), oneof field 'kind' must be set exactly once."
        )
    ((name, wanted),) = request.items()
    if name not in REQUESTS:
        raise RefusalError(f"The stand-in does not know the request {name}.", 501, "UNIMPLEMENTED")
    try:
        reply = REQUESTS[name](book, wanted, who)
    except RefusalError as refused:
        if refused.status != 400:
            raise
        raise RefusalError(f"Invalid requests[{number}].{name}: {refused.message}") from None
    return {} if reply is None else {name: reply}


# -- tabs


def _add_sheet(book: Spreadsheet, request: Request, who: str) -> Reply:
    properties = dict(request.get("properties", {}))
    title = properties.pop("title", None) or _make_title(book)
    grid = properties.get("gridProperties", {})
    tab = book.add_tab(title, grid.get("rowCount", 1000), grid.get("columnCount", 26), **properties)
    return {"properties": describe_properties(tab, book.tabs.index(tab))}


def _make_title(book: Spreadsheet) -> str:
    number = len(book.tabs) + 1
    while book.has(f"Sheet{number}"):
        number += 1
    return f"Sheet{number}"


def _delete_sheet(book: Spreadsheet, request: Request, who: str) -> Reply:
    book.remove_tab(book.find(request.get("sheetId", 0)))
    return None


def _update_sheet_properties(book: Spreadsheet, request: Request, who: str) -> Reply:
    mask = read_mask(request, "SheetProperties")
    wanted = request.get("properties", {})
    tab = book.find(wanted.get("sheetId", 0))
    if "*" in mask or "title" in mask:
        tab.rename(wanted.get("title", ""))
    index = wanted.get("index") if "*" in mask or "index" in mask else None
    merged = merge_by_mask(
        {name: inner for name, inner in mask.items() if name != "index"}, tab.properties, wanted
    )
    grid = merged.get("gridProperties", {})
    merged = {**merged, "sheetId": tab.id, "title": tab.title, "sheetType": tab.properties["sheetType"]}
    merged.pop("index", None)
    rows, columns = grid.get("rowCount", tab.row_count), grid.get("columnCount", tab.column_count)
    old = (tab.row_count, tab.column_count)
    merged["gridProperties"] = {**grid, "rowCount": old[0], "columnCount": old[1]}
    tab.properties = merged
    _require_movable(tab, rows, columns)
    tab.set_count("ROWS", rows)
    tab.set_count("COLUMNS", columns)
    if index is not None:
        place = index if index <= book.tabs.index(tab) else index - 1
        book.tabs.remove(tab)
        book.tabs.insert(min(place, len(book.tabs)), tab)
    return None


def _require_movable(tab: Tab, rows: int, columns: int) -> None:
    if tab.grid.get("frozenRowCount", 0) >= rows:
        raise RefusalError("You can't freeze all visible rows on the sheet.")
    if tab.grid.get("frozenColumnCount", 0) >= columns:
        raise RefusalError("You can't freeze all visible columns on the sheet.")


def _update_spreadsheet_properties(book: Spreadsheet, request: Request, who: str) -> Reply:
    mask = read_mask(request, "SpreadsheetProperties")
    wanted = request.get("properties", {})
    for field, name in (("title", "title"), ("locale", "locale"), ("timeZone", "time_zone")):
        if field in mask or ("*" in mask and field in wanted):
            setattr(book, name, wanted[field])
    return None


# -- rows and columns


def _append_dimension(book: Spreadsheet, request: Request, who: str) -> Reply:
    tab = book.find(request.get("sheetId", 0))
    if request.get("length", 0) < 1:
        raise RefusalError("length must be > 0")
    tab.set_count(request["dimension"], tab.count(request["dimension"]) + request["length"])
    return None


def _insert_dimension(book: Spreadsheet, request: Request, who: str) -> Reply:
    tab, dimension, start, end = read_span(book, request["range"])
    if start > tab.count(dimension):
        raise RefusalError(f"range.startIndex[{start}] is after last row/column of the sheet")
    before = bool(request.get("inheritFromBefore"))
    if before and not start:
        raise RefusalError("inheritFromBefore cannot be true if inserting at the first row or column")
    tab.insert(dimension, start, end - start, like=start - 1 if before else start)
    return None


def _delete_dimension(book: Spreadsheet, request: Request, who: str) -> Reply:
    tab, dimension, start, end = read_span(book, request["range"])
    if start >= tab.count(dimension):
        raise RefusalError(
            f"Cannot delete a {dimension[:-1].lower()} that doesn't exist. "
            f"Tried to delete index {start} but there are only {tab.count(dimension)}."
        )
    end = min(end, tab.count(dimension))
    require_open(tab, _strip(tab, dimension, start, end), who)
    tab.remove(dimension, start, end - start)
    return None


def _strip(tab: Tab, dimension: str, start: int, end: int) -> Area:
    return (
        Area(start, 0, end, tab.column_count) if dimension == "ROWS" else Area(0, start, tab.row_count, end)
    )


def _move_dimension(book: Spreadsheet, request: Request, who: str) -> Reply:
    tab, dimension, start, end = read_span(book, request["source"])
    tab.move(dimension, start, end - start, request["destinationIndex"])
    return None


def _update_dimension_properties(book: Spreadsheet, request: Request, who: str) -> Reply:
    mask = read_mask(request, "DimensionProperties")
    tab, dimension, start, end = read_span(book, request["range"])
    if end > tab.count(dimension):
        raise RefusalError(
            f"Range exceeds grid limits. Max rows: {tab.row_count}, max columns: {tab.column_count}"
        )
    for at in range(start, end):
        marks = merge_by_mask(mask, tab.marks[dimension].get(at), request.get("properties"))
        if marks:
            tab.marks[dimension][at] = marks
        else:
            tab.marks[dimension].pop(at, None)
    return None


def _auto_resize(book: Spreadsheet, request: Request, who: str) -> Reply:
    # How wide a text is only a browser knows; about seven pixels for a letter will do.
    tab, dimension, start, end = read_span(book, request["dimensions"])
    for at in range(start, min(end, tab.count(dimension))):
        if dimension == "ROWS":
            tab.marks["ROWS"].setdefault(at, {})["pixelSize"] = ROW_HEIGHT
        else:
            texts = [str(tab.value(row, at) or "") for row in range(len(tab.rows))]
            tab.marks["COLUMNS"].setdefault(at, {})["pixelSize"] = 14 + 7 * max(map(len, texts), default=2)
    return None


def _sort_range(book: Spreadsheet, request: Request, who: str) -> Reply:
    tab = book.find(request["range"].get("sheetId", 0))
    area = resolve(tab, request["range"])
    require_open(tab, area, who)
    columns = [
        (spec.get("dimensionIndex", 0), spec.get("sortOrder") == "DESCENDING")
        for spec in request["sortSpecs"]
    ]
    if any(not area.left <= column < area.right for column, _ in columns):
        raise RefusalError("SortSpec.dimensionIndex must be within the range.")
    sort_area(tab, area, columns)
    return None


# -- names


def _add_named_range(book: Spreadsheet, request: Request, who: str) -> Reply:
    named = dict(request.get("namedRange", {}))
    if any(other["name"] == named.get("name") for other in book.named_ranges):
        raise RefusalError(f'A named range with the name "{named.get("name")}" already exists.')
    tab = book.find(named["range"].get("sheetId", 0))
    named["range"] = to_grid_range(tab, resolve(tab, named["range"]))
    named.setdefault("namedRangeId", f"range{book.take_id()}")
    book.named_ranges.append(named)
    return {"namedRange": named}


def _delete_named_range(book: Spreadsheet, request: Request, who: str) -> Reply:
    left = [item for item in book.named_ranges if item["namedRangeId"] != request.get("namedRangeId")]
    if len(left) == len(book.named_ranges):
        raise RefusalError(f"No named range with ID: {request.get('namedRangeId')}")
    book.named_ranges = left
    return None


REQUESTS: dict[str, Callable[[Spreadsheet, Request, str], Reply]] = {
    "addSheet": _add_sheet,
    "deleteSheet": _delete_sheet,
    "updateSheetProperties": _update_sheet_properties,
    "updateSpreadsheetProperties": _update_spreadsheet_properties,
    "appendDimension": _append_dimension,
    "insertDimension": _insert_dimension,
    "deleteDimension": _delete_dimension,
    "moveDimension": _move_dimension,
    "updateDimensionProperties": _update_dimension_properties,
    "autoResizeDimensions": _auto_resize,
    "sortRange": _sort_range,
    "repeatCell": google_contents.repeat_cell,
    "updateCells": google_contents.update_cells,
    "appendCells": google_contents.append_cells,
    "findReplace": google_contents.find_replace,
    "setDataValidation": google_contents.set_data_validation,
    "mergeCells": google_contents.merge_cells,
    "unmergeCells": google_contents.unmerge_cells,
    "addProtectedRange": google_rules.add_protected_range,
    "updateProtectedRange": google_rules.update_protected_range,
    "deleteProtectedRange": google_rules.delete_protected_range,
    "addConditionalFormatRule": google_rules.add_conditional_format,
    "deleteConditionalFormatRule": google_rules.delete_conditional_format,
    "setBasicFilter": google_rules.set_basic_filter,
    "clearBasicFilter": google_rules.clear_basic_filter,
    "addNamedRange": _add_named_range,
    "deleteNamedRange": _delete_named_range,
    "createDeveloperMetadata": create_metadata,
    "updateDeveloperMetadata": update_metadata,
    "deleteDeveloperMetadata": delete_metadata,
}
