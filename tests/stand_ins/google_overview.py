"""The method `spreadsheets.get`: what a spreadsheet is made of, with or without its cells.

Belongs here: the API's picture of a spreadsheet, its tabs and cells. Does not belong here: plain values
(`stand_ins.google_values`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .google_addresses import Area
from .google_books import Spreadsheet
from .google_cells import BLANK, Cell, Formula, Scalar, compute, show
from .google_hands import Tab
from .google_masks import Mask, apply_mask, check_mask, parse_mask
from .google_protection import may_edit

ROW_HEIGHT, COLUMN_WIDTH = 21, 100
_ERRORS = {"#NAME?": "NAME", "#DIV/0!": "DIVIDE_BY_ZERO", "#REF!": "REF", "#ERROR!": "ERROR", "#N/A": "N_A"}
_DEFAULT_FORMAT = {
    "backgroundColor": {"red": 1, "green": 1, "blue": 1},
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": {"red": 1, "green": 1, "blue": 1}},
}


def get(book: Spreadsheet, call: Mapping[str, Any], who: str) -> dict[str, Any]:
    """`spreadsheets.get`; a field mask decides about grid data, else `includeGridData` does."""
    if not call.get("fields"):
        return describe(book, who, call.get("ranges", ()), grid=bool(call.get("includeGridData")))
    mask = parse_mask(call["fields"])
    check_mask(mask, "Spreadsheet")
    for name in ("sheets", "data"):
        if "*" in mask or not mask:
            return describe(book, who, call.get("ranges", ()), grid=True)
        if name not in mask:
            return describe(book, who, call.get("ranges", ()), grid=False)
        mask = mask[name]
    fields = mask.get("rowData", {}).get("values", {})
    return describe(book, who, call.get("ranges", ()), grid=True, fields={} if "*" in fields else fields)


def describe(
    book: Spreadsheet,
    who: str,
    ranges: Sequence[str] = (),
    *,
    grid: bool = False,
    fields: Mask | None = None,
) -> dict[str, Any]:
    """The spreadsheet; of its tabs only those that `ranges` name, if any, and of their cells only those.

    `fields` is the mask of cells, applied here: they are too many to make what nobody asked for.
    """
    wanted: dict[int, list[Area]] = {}
    for text in ranges:
        tab, area, _ = book.parse(text)
        wanted.setdefault(tab.id, []).append(area)
    sheets = [
        _describe_tab(tab, index, who, wanted.get(tab.id, [tab.whole]) if grid else [], fields or {})
        for index, tab in enumerate(book.tabs)
        if not wanted or tab.id in wanted
    ]
    described: dict[str, Any] = {
        "spreadsheetId": book.id,
        "properties": {
            "title": book.title,
            "locale": book.locale,
            "autoRecalc": "ON_CHANGE",
            "timeZone": book.time_zone,
            "defaultFormat": _DEFAULT_FORMAT,
        },
        "sheets": sheets,
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{book.id}/edit",
    }
    if book.named_ranges:
        described["namedRanges"] = book.named_ranges
    lying = [item for item in book.metadata if item["location"].get("spreadsheet")]
    return {**described, "developerMetadata": lying} if lying else described


def describe_properties(tab: Tab, index: int) -> dict[str, Any]:
    """The properties of a tab at this place."""
    properties = dict(tab.properties)
    ordered = {name: properties.pop(name) for name in ("sheetId", "title")}
    return {**ordered, "index": index, **properties}


def _describe_tab(tab: Tab, index: int, who: str, areas: Sequence[Area], fields: Mask) -> dict[str, Any]:
    described: dict[str, Any] = {"properties": describe_properties(tab, index)}
    if areas:
        described["data"] = [_describe_grid(tab, area, fields) for area in areas]
    if tab.merges:
        described["merges"] = tab.merges
    if tab.conditional:
        described["conditionalFormats"] = tab.conditional
    if tab.protected:
        described["protectedRanges"] = [describe_protection(item, who) for item in tab.protected]
    if tab.filter:
        described["basicFilter"] = tab.filter
    lying = [item for item in tab.spreadsheet.metadata if item["location"].get("sheetId") == tab.id]
    return {**described, "developerMetadata": lying} if lying else described


def describe_protection(item: Mapping[str, Any], who: str) -> dict[str, Any]:
    """A protected range as this caller sees it: who else may edit, only if the caller may."""
    allowed = may_edit(dict(item), who)
    described = {name: value for name, value in item.items() if name != "editors" or allowed}
    return {**described, "requestingUserCanEdit": True} if allowed else described


def _describe_grid(tab: Tab, area: Area, fields: Mask) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if area.top:
        described["startRow"] = area.top
    if area.left:
        described["startColumn"] = area.left
    rows = [_trim(row[area.left : area.right]) for row in tab.rows[area.top : area.bottom]]
    while rows and not rows[-1]:
        rows.pop()
    describer = _Describer(tab, fields)
    if rows:
        described["rowData"] = [
            {"values": [describer.describe(cell) for cell in row]} if row else {} for row in rows
        ]
    described["rowMetadata"] = _describe_marks(tab, "ROWS", ROW_HEIGHT, area.top, area.bottom)
    described["columnMetadata"] = _describe_marks(tab, "COLUMNS", COLUMN_WIDTH, area.left, area.right)
    return described


def _trim(row: list[Cell]) -> list[Cell]:
    last = len(row)
    while last and row[last - 1] == BLANK:
        last -= 1
    return row[:last]


def _describe_marks(tab: Tab, dimension: str, size: int, start: int, end: int) -> list[dict[str, Any]]:
    marks = [{"pixelSize": size, **tab.marks[dimension].get(at, {})} for at in range(start, end)]
    for item in tab.spreadsheet.metadata:
        held = item["location"].get("dimensionRange", {})
        if (
            held.get("dimension") == dimension
            and held.get("sheetId", 0) == tab.id
            and start <= held["startIndex"] < end
        ):
            marks[held["startIndex"] - start].setdefault("developerMetadata", []).append(item)
    return marks


class _Describer:
    """Cells of a tab as `CellData`, with the fields of a mask or all of them."""

    def __init__(self, tab: Tab, fields: Mask) -> None:
        self.tab, self.fields, self.locale = tab, fields, tab.spreadsheet.locale
        self.looks: dict[tuple[str, int], Any] = {}

    def describe(self, cell: Cell) -> dict[str, Any]:
        """One cell."""
        described: dict[str, Any] = {}
        fields = self.fields
        if cell.entered is not None:
            self._describe_value(cell, described)
        if cell.format and (not fields or "userEnteredFormat" in fields):
            described["userEnteredFormat"] = self._look("userEnteredFormat", cell)
        if (cell.format or cell.entered is not None) and (not fields or "effectiveFormat" in fields):
            described["effectiveFormat"] = self._look("effectiveFormat", cell)
        if cell.note and (not fields or "note" in fields):
            described["note"] = cell.note
        if cell.rule and (not fields or "dataValidation" in fields):
            described["dataValidation"] = cell.rule
        return described

    def _describe_value(self, cell: Cell, described: dict[str, Any]) -> None:
        fields, entered = self.fields, cell.entered
        if entered.__class__ is str:
            value: Scalar = str(entered)
            extended: dict[str, Any] = {"stringValue": entered}
        else:
            value = compute(cell, self.tab._look_up)
            extended = _extend(value, computed=isinstance(entered, Formula))
        if not fields or "userEnteredValue" in fields:
            described["userEnteredValue"] = (
                {"formulaValue": entered.text} if isinstance(entered, Formula) else extended
            )
        if not fields or "effectiveValue" in fields:
            described["effectiveValue"] = extended
        if not fields or "formattedValue" in fields:
            described["formattedValue"] = show(value, cell.format, self.locale)
        if isinstance(entered, Formula) and (not fields or "hyperlink" in fields):
            link = re.match(r'=\s*HYPERLINK\(\s*"([^"]*)"', entered.text, re.IGNORECASE)
            if link:
                described["hyperlink"] = link[1]

    def _look(self, name: str, cell: Cell) -> Any:
        # Most cells share their format, so one dictionary for each will do.
        known = (name, id(cell.format))
        if known not in self.looks:
            look = dict(cell.format or {})
            whole = {**_DEFAULT_FORMAT, **look} if name == "effectiveFormat" else look
            self.looks[known] = apply_mask(self.fields.get(name, {}), whole)
        return self.looks[known]


def _extend(value: Scalar, *, computed: bool = False) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int | float):
        return {"numberValue": value}
    if computed and value in _ERRORS:
        return {"errorValue": {"type": _ERRORS[str(value)], "message": "The formula has an error."}}
    return {"stringValue": value or ""}
