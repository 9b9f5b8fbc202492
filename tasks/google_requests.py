"""Cells, rows and grids as requests to Google: what a change of values looks like on the wire.

Belongs here: requests that know nothing of the committee's desk. Does not belong here: how the desk looks
(`tasks.google_looks`), what is written on it (`tasks.google_updates`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mentoring.desk import Cell
from tasks.google_tabs import MARK, GoogleTab
from tasks.tab_updates import join_neighbours

Request = dict[str, Any]
#: A `DataFilterValueRange`.
MarkedValues = dict[str, Any]
#: Cells by row and column, counted from 0; "" is a blank one.
Writes = Mapping[tuple[int, int], Cell | float]


def write_value(value: Cell | float) -> dict[str, Any]:
    """A value as Google keeps it: text stays text, whatever it begins with, and nothing is blank."""
    if value == "":
        return {}
    kind = "stringValue" if isinstance(value, str) else "numberValue"
    return {"userEnteredValue": {kind: value}}


def name_range(
    sheet_id: int, rows: tuple[int, int | None], columns: tuple[int, int | None]
) -> dict[str, int]:
    """A range of cells; an end of None is the grid's own end, wherever that is then."""
    bounds = {
        "startRowIndex": rows[0],
        "endRowIndex": rows[1],
        "startColumnIndex": columns[0],
        "endColumnIndex": columns[1],
    }
    return {"sheetId": sheet_id, **{name: bound for name, bound in bounds.items() if bound is not None}}


def fit_grid(sheet_id: int, row_count: int, column_count: int, rows: int, columns: int) -> list[Request]:
    """Make the grid of a tab at least so large."""
    lacking = (("ROWS", rows - row_count), ("COLUMNS", columns - column_count))
    return [
        {"appendDimension": {"sheetId": sheet_id, "dimension": dimension, "length": length}}
        for dimension, length in lacking
        if length > 0
    ]


def mark_column(sheet_id: int, place: int) -> Request:
    """Attach a mark to a column, which goes with it wherever people drag it."""
    span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": place, "endIndex": place + 1}
    # Any program with access sees it: another service account has to find the same marks.
    mark = {"metadataKey": MARK, "visibility": "DOCUMENT", "location": {"dimensionRange": span}}
    return {"createDeveloperMetadata": {"developerMetadata": mark}}


def write_marked(writes: Writes, marks: Mapping[int, Collection[int]]) -> list[MarkedValues]:
    """The cells as values of marked columns. Raises `KeyError` for a column without a mark."""
    columns: dict[int, dict[int, Cell | float]] = defaultdict(dict)
    for (row, place), value in writes.items():
        columns[place][row] = value
    return [
        {
            "dataFilter": {"developerMetadataLookup": {"metadataId": min(marks[place])}},
            "majorDimension": "COLUMNS",
            # What is null stays as it is.
            "values": [[cells.get(row) for row in range(max(cells) + 1)]],
        }
        for place, cells in sorted(columns.items())
    ]


def clear_words(sheet_id: int, row: int, words: Iterable[str]) -> list[Request]:
    """Empty the cells of a row that say just these words; whatever else is there by then stays."""
    area = name_range(sheet_id, (row, row + 1), (0, None))
    look = {"range": area, "matchCase": True, "matchEntireCell": True, "replacement": ""}
    return [{"findReplace": {**look, "find": text}} for text in sorted(set(words))]


def unmerge_cells(sheet: GoogleTab, writes: Writes) -> list[Request]:
    """Undo merges that leave a cell that we fill no value of its own."""
    filled = [place for place, value in writes.items() if value != ""]
    requests: list[Request] = []
    for area in sheet.merges:
        rows = range(area.get("startRowIndex", 0), area.get("endRowIndex", sheet.row_count))
        columns = range(area.get("startColumnIndex", 0), area.get("endColumnIndex", sheet.column_count))
        corner = (rows.start, columns.start)
        if any(place != corner and place[0] in rows and place[1] in columns for place in filled):
            span = name_range(sheet.sheet_id, (rows.start, rows.stop), (columns.start, columns.stop))
            requests.append({"unmergeCells": {"range": span}})
    return requests


def delete_rows(sheet_id: int, numbers: Sequence[int]) -> list[Request]:
    """Delete rows, given from the top; those below move up."""
    return [
        {
            "deleteDimension": {
                "range": {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": first, "endIndex": last + 1}
            }
        }
        for first, last in reversed(join_neighbours(numbers))
    ]
