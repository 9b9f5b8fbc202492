"""Cells, rows and grids as requests to Google: what a change of values looks like on the wire.

Belongs here: requests that know nothing of the committee's desk. Does not belong here: how the desk looks
(`tasks.google_looks`), what is written on it (`tasks.google_updates`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mentoring.desk import Cell
from tasks.google_tabs import GoogleTab
from tasks.tab_updates import join_neighbours

Request = dict[str, Any]
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


def write_cells(sheet_id: int, writes: Writes) -> list[Request]:
    """Requests that set these cells, neighbours together: blocks of rows with the same columns."""
    blocks: list[tuple[int, int, list[list[Cell | float]]]] = []
    open_blocks: dict[tuple[int, int, int], list[list[Cell | float]]] = {}
    for row, column, values in _list_runs(writes):
        block = open_blocks.pop((row, column, len(values)), None)
        if block is None:
            block = []
            blocks.append((row, column, block))
        block.append(values)
        open_blocks[row + 1, column, len(values)] = block
    return [
        {
            "updateCells": {
                "start": {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column},
                "rows": [{"values": [write_value(value) for value in line]} for line in lines],
                "fields": "userEnteredValue",
            }
        }
        for row, column, lines in blocks
    ]


def _list_runs(writes: Writes) -> Iterator[tuple[int, int, list[Cell | float]]]:
    """Cells side by side: row, first column, values."""
    run: tuple[int, int, list[Cell | float]] | None = None
    for (row, column), value in sorted(writes.items(), key=lambda item: item[0]):
        if run is not None and run[0] == row and run[1] + len(run[2]) == column:
            run[2].append(value)
            continue
        if run is not None:
            yield run
        run = (row, column, [value])
    if run is not None:
        yield run


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
