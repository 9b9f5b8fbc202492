"""Tabs of a Google spreadsheet as they stand at one moment: every cell as the text that people see.

Values and formats come in one answer, because a date is a number that only its format tells from other numbers.
Belongs here: reading that answer. Does not belong here: what is written (`tasks.google_updates`), calls
(`tasks.google_client`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mentoring.desk import SheetRow, SheetTab
from tasks.workbook_cells import read_text, trim

Raw = str | int | float | bool | None

#: What every reading asks for.
_CELLS = "effectiveValue,effectiveFormat(numberFormat)"
_PROPERTIES = "sheetId,title,sheetType,gridProperties(rowCount,columnCount,frozenRowCount)"
FIELDS = f"properties(timeZone),sheets(properties({_PROPERTIES}),merges,data(rowData(values({_CELLS}))))"
#: Our marks on columns. A place like F7 is another cell once somebody has moved a column; developer metadata belongs to
#: the column itself and goes where it goes, and a write may name a column by it.
MARK = "mentoring-column"
#: What a reading asks for before anything is written.
MARKED_FIELDS = FIELDS.replace("data(", "data(columnMetadata(developerMetadata(metadataId,metadataKey)),")
#: Names, sizes and time zone only.
OUTLINE = f"properties(timeZone),sheets(properties({_PROPERTIES}))"

_EPOCH = datetime(1899, 12, 30)
_USUAL_FORMATS = {"DATE": "yyyy-mm-dd", "DATE_TIME": "yyyy-mm-dd hh:mm:ss", "TIME": "hh:mm:ss"}
_ERRORS = {"DIVIDE_BY_ZERO": "#DIV/0!", "NAME": "#NAME?", "N_A": "#N/A", "LOADING": "Loading..."}


class _Typed(NamedTuple):
    """A value with its format, as `read_text` takes the cells of a workbook."""

    value: Any
    number_format: str


@dataclass(frozen=True)
class GoogleTab:
    """One tab: its cells by row and column, both counted from 0, as text and as Google keeps them.

    Rows are as long as Google gave them; `row_count` and `column_count` are the size of the grid. `marks` are ours, by
    the column's place; a column may have several.
    """

    sheet_id: int
    title: str
    row_count: int
    column_count: int
    frozen_rows: int
    texts: Sequence[Sequence[str]]
    raws: Sequence[Sequence[Raw]]
    merges: Sequence[Mapping[str, int]]
    marks: Mapping[int, Set[int]]

    @property
    def last_row(self) -> int:
        """How many rows there are down to the last in which any cell says something."""
        return next((place + 1 for place in reversed(range(len(self.texts))) if any(self.texts[place])), 0)

    @property
    def last_column(self) -> int:
        """How many columns there are up to the last in which any cell says something."""
        widths = (
            len(row) - next((n for n, text in enumerate(reversed(row)) if text), len(row))
            for row in self.texts
        )
        return max(widths, default=0)

    def read(self, row: int, column: int) -> str:
        """The text at a place, blank beyond what is there."""
        cells = self.texts[row] if row < len(self.texts) else ()
        return cells[column] if column < len(cells) else ""

    def read_raw(self, row: int, column: int) -> Raw:
        """The value at a place as Google keeps it."""
        cells = self.raws[row] if row < len(self.raws) else ()
        return cells[column] if column < len(cells) else None

    def as_tab(self, name: str) -> SheetTab:
        """The tab as the rules know it: the first row holds the headings, blank rows are left out, numbers stay."""
        lines: list[tuple[int, Sequence[str]]] = [
            (number, row) for number, row in enumerate(self.texts, start=1) if number == 1 or any(row)
        ]
        width = self.last_column
        rows = [SheetRow(number, (*row[:width], *[""] * (width - len(row)))) for number, row in lines]
        return SheetTab(name, rows[0].cells if rows else (), tuple(rows[1:]))


@dataclass(frozen=True)
class Spreadsheet:
    """A spreadsheet at one moment: its tabs that hold cells, in order, and the name of its time zone."""

    tabs: Sequence[GoogleTab]
    time_zone: str

    def find_tab(self, name: str) -> GoogleTab | None:
        """The tab of that name, also with other capitals or spaces around it."""
        for tab in self.tabs:
            if tab.title == name:
                return tab
        plain = name.strip().casefold()
        return next((tab for tab in self.tabs if tab.title.strip().casefold() == plain), None)

    def find_tabs(self, names: Iterable[str]) -> dict[str, SheetTab]:
        """The tabs of these names as the rules know them; one that is missing is left out."""
        found = ((name, self.find_tab(name)) for name in names)
        return {name: tab.as_tab(name) for name, tab in found if tab is not None}


def read_spreadsheet(answer: Mapping[str, Any], zone: ZoneInfo | None = None) -> Spreadsheet:
    """Read Google's answer to a question for `FIELDS`.

    With `zone`, moments are told in that zone instead of the spreadsheet's own: forms stamp responses in the latter.
    """
    time_zone = answer.get("properties", {}).get("timeZone", "")
    shift = _find_shift(time_zone, zone)
    sheets = (sheet for sheet in answer.get("sheets", ()) if "gridProperties" in sheet.get("properties", {}))
    return Spreadsheet([_read_tab(sheet, shift) for sheet in sheets], time_zone)


def _find_shift(time_zone: str, zone: ZoneInfo | None) -> tuple[ZoneInfo, ZoneInfo] | None:
    if zone is None or time_zone in ("", zone.key):
        return None
    try:
        return ZoneInfo(time_zone), zone
    except (KeyError, ValueError, OSError):
        # Zones that Google invented, like GMT-05:00, are told apart by the doctor.
        return None


def _read_tab(sheet: Mapping[str, Any], shift: tuple[ZoneInfo, ZoneInfo] | None) -> GoogleTab:
    properties = sheet["properties"]
    grid = properties["gridProperties"]
    texts: list[list[str]] = []
    raws: list[list[Raw]] = []
    for part in sheet.get("data", ()):
        for row in part.get("rowData", ()):
            row_texts, row_raws = _read_row(row.get("values", ()), shift)
            texts.append(row_texts)
            raws.append(row_raws)
    return GoogleTab(
        sheet_id=properties.get("sheetId", 0),
        title=properties.get("title", ""),
        row_count=grid.get("rowCount", 0),
        column_count=grid.get("columnCount", 0),
        frozen_rows=grid.get("frozenRowCount", 0),
        texts=texts,
        raws=raws,
        merges=sheet.get("merges", ()),
        marks=_read_marks(sheet),
    )


def _read_marks(sheet: Mapping[str, Any]) -> dict[int, Set[int]]:
    columns = (column for part in sheet.get("data", ()) for column in part.get("columnMetadata", ()))
    found = (
        {item["metadataId"] for item in column.get("developerMetadata", ()) if item["metadataKey"] == MARK}
        for column in columns
    )
    return {place: marks for place, marks in enumerate(found) if marks}


def _read_row(
    cells: Sequence[Mapping[str, Any]], shift: tuple[ZoneInfo, ZoneInfo] | None
) -> tuple[list[str], list[Raw]]:
    texts: list[str] = []
    raws: list[Raw] = []
    for cell in cells:
        value = cell.get("effectiveValue") or _NOTHING
        raw: Any = value.get("stringValue")
        # Almost every cell is blank or text; a call for each of two hundred thousand is felt.
        text = "" if raw is None else trim(raw)
        if value and (raw is None or "\r" in text):
            text, raw = _read_value(value, cell, shift)
        texts.append(text)
        raws.append(raw)
    return texts, raws


_NOTHING: Mapping[str, Any] = {}


def _read_value(
    value: Mapping[str, Any], cell: Mapping[str, Any], shift: tuple[ZoneInfo, ZoneInfo] | None
) -> tuple[str, Raw]:
    if "stringValue" in value:
        text: str = value["stringValue"]
        return trim(text.replace("\r\n", "\n").replace("\r", "\n")), text
    if "numberValue" in value:
        number = value["numberValue"]
        return _read_number(number, cell.get("effectiveFormat", {}).get("numberFormat", {}), shift), number
    if "boolValue" in value:
        return ("TRUE" if value["boolValue"] else "FALSE"), value["boolValue"]
    kind = value.get("errorValue", {}).get("type", "ERROR")
    return _ERRORS.get(kind, f"#{kind.removesuffix('_VALUE')}!"), None


def _read_number(
    number: int | float, number_format: Mapping[str, str], shift: tuple[ZoneInfo, ZoneInfo] | None
) -> str:
    kind, pattern = number_format.get("type", ""), number_format.get("pattern", "")
    if kind not in _USUAL_FORMATS:
        return read_text(_Typed(number, pattern))
    pattern = pattern or _USUAL_FORMATS[kind]
    try:
        if kind == "TIME":
            span = timedelta(days=number)
            is_clock = 0 <= number < 1 and "[" not in pattern
            return read_text(_Typed((_EPOCH + span).time() if is_clock else span, pattern))
        moment = _EPOCH + timedelta(days=number)
    except OverflowError:
        return read_text(_Typed(number, ""))
    if shift and kind == "DATE_TIME":
        # Rounded first: a fraction of a day is never quite a whole second.
        moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0, tzinfo=shift[0])
        moment = moment.astimezone(shift[1]).replace(tzinfo=None)
    return read_text(_Typed(moment, pattern))
