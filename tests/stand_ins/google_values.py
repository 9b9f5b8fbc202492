"""The methods `spreadsheets.values.*`: reading, writing, appending and clearing values.

Belongs here: what each of them does to a spreadsheet and answers. Does not belong here: the other methods
(`stand_ins.google_changes`, `stand_ins.google_overview`), and who may call (`stand_ins.google_sheets`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .google_addresses import Area, name_area, name_column
from .google_books import Spreadsheet, name_range
from .google_cells import CELL_LIMIT, Cell, Formula, Scalar, compute, enter_raw, enter_typed, show
from .google_hands import Tab
from .google_metadata import find_places
from .google_protection import require_open
from .google_schema import RefusalError

Call = Mapping[str, Any]
Answer = dict[str, Any]


def get(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.get`."""
    tab, area, _ = book.parse(call["range"])
    return _read(tab, area, call)


def batch_get(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.batchGet`."""
    places = [book.parse(text) for text in call.get("ranges", [])]
    return {"spreadsheetId": book.id, "valueRanges": [_read(tab, area, call) for tab, area, _ in places]}


def batch_get_by_data_filter(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.batchGetByDataFilter`: a match for each place that a filter finds."""
    matches = [
        {"valueRange": _read(tab, area, call), "dataFilters": [wanted]}
        for wanted in call.get("dataFilters", [])
        for tab, area in find_places(book, wanted)
    ]
    return {"spreadsheetId": book.id, **({"valueRanges": matches} if matches else {})}


def update(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.update`."""
    option = _require_option(call)
    if call.get("body", {}).get("range", call["range"]) != call["range"]:
        raise RefusalError(
            f"Request range[{call['range']}] does not match value's range[{call['body']['range']}]"
        )
    return _write(book, call["range"], call["body"], option, call, who)


def batch_update(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.batchUpdate`: all or nothing."""
    option = _require_option(call)
    total = _Total(book)
    for number, data in enumerate(call.get("data", [])):
        try:
            total.add(_write(book, data.get("range", ""), data, option, call, who))
        except RefusalError as refused:
            raise RefusalError(f"Invalid data[{number}]: {refused.message}") from None
    return total.answer


def batch_update_by_data_filter(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.batchUpdateByDataFilter`: the same values to every place that a filter finds."""
    option = _require_option(call)
    total = _Total(book)
    for data in call.get("data", []):
        for tab, area in find_places(book, data["dataFilter"]):
            answer = _fill(tab, area, data, option, call, who, single=False)
            del answer["spreadsheetId"]
            total.add({**answer, "dataFilter": data["dataFilter"]})
    return total.answer


def append(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.append`: below the last table that the range meets, or at the range's start."""
    option = _require_option(call)
    tab, area, _ = book.parse(call["range"])
    tables = [table for table in tab.list_tables() if table.meets(area)]
    lines = _read_lines(call.get("body", {}))
    top, left = (tables[-1].bottom, tables[-1].left) if tables else (area.top, area.left)
    width = max((len(line) for line in lines), default=0)
    if call.get("insertDataOption") == "INSERT_ROWS" and lines and top < tab.row_count:
        tab.insert("ROWS", top, len(lines), like=top - 1 if tables else None)
    if lines:
        tab.set_count("ROWS", max(tab.row_count, top + len(lines)))
        tab.set_count("COLUMNS", max(tab.column_count, left + width))
    target = Area(top, left, top + max(1, len(lines)), left + max(1, width))
    answer = {
        "spreadsheetId": book.id,
        "updates": _fill(tab, target, call.get("body", {}), option, call, who, single=True),
    }
    if tables:
        answer["tableRange"] = name_range(tab, tables[-1])
    return answer


def clear(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.clear`: values go, notes, rules and formats stay."""
    return {"spreadsheetId": book.id, "clearedRange": _clear(*book.parse(call["range"])[:2], who)}


def batch_clear(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.batchClear`."""
    places = [book.parse(text)[:2] for text in call.get("ranges", [])]
    return {"spreadsheetId": book.id, "clearedRanges": [_clear(tab, area, who) for tab, area in places]}


def batch_clear_by_data_filter(book: Spreadsheet, call: Call, who: str) -> Answer:
    """`values.batchClearByDataFilter`."""
    places = [place for wanted in call.get("dataFilters", []) for place in find_places(book, wanted)]
    return {"spreadsheetId": book.id, "clearedRanges": [_clear(tab, area, who) for tab, area in places]}


METHODS: dict[str, Callable[[Spreadsheet, Call, str], Answer]] = {
    "values.get": get,
    "values.batchGet": batch_get,
    "values.batchGetByDataFilter": batch_get_by_data_filter,
    "values.update": update,
    "values.batchUpdate": batch_update,
    "values.batchUpdateByDataFilter": batch_update_by_data_filter,
    "values.append": append,
    "values.clear": clear,
    "values.batchClear": batch_clear,
    "values.batchClearByDataFilter": batch_clear_by_data_filter,
}


def _require_option(call: Call) -> str:
    # An update and an append have it in the query, the batches in the body.
    option = call.get("valueInputOption", "INPUT_VALUE_OPTION_UNSPECIFIED")
    if option == "INPUT_VALUE_OPTION_UNSPECIFIED":
        raise RefusalError("'valueInputOption' is required but not specified")
    return str(option)


def _read(tab: Tab, area: Area, call: Call, *, written: bool = False) -> Answer:
    """A `ValueRange`: trailing blank rows and cells are left out, and `values` if nothing is left."""
    render = call.get("responseValueRenderOption" if written else "valueRenderOption", "FORMATTED_VALUE")
    times = call.get("responseDateTimeRenderOption" if written else "dateTimeRenderOption", "SERIAL_NUMBER")
    major = call.get("majorDimension", "ROWS")
    locale = tab.spreadsheet.locale
    lines: list[list[Any]] = []
    for row in tab.rows[area.top : area.bottom]:
        lines.append([_render(tab, cell, render, times, locale) for cell in row[area.left : area.right]])
    if major == "COLUMNS":
        width = max((len(line) for line in lines), default=0)
        padded = [line + [""] * (width - len(line)) for line in lines]
        lines = [list(column) for column in zip(*padded, strict=True)]
    for line in lines:
        while line and line[-1] == "":
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    answer = {"range": name_range(tab, area), "majorDimension": "COLUMNS" if major == "COLUMNS" else "ROWS"}
    return {**answer, "values": lines} if lines else answer


def _render(tab: Tab, cell: Cell, render: str, times: str, locale: str) -> Any:
    entered = cell.entered
    if entered is None:
        return ""
    if isinstance(entered, str):
        return entered
    if isinstance(entered, Formula):
        if render == "FORMULA":
            return entered.text
        entered = compute(cell, tab._look_up)
        if entered is None:
            return ""
    if render == "FORMATTED_VALUE":
        return show(entered, cell.format, locale)
    kind = (cell.format or {}).get("numberFormat", {}).get("type")
    if (
        times == "FORMATTED_STRING"
        and kind in ("DATE", "TIME", "DATE_TIME")
        and not isinstance(entered, bool)
    ):
        return show(entered, cell.format, locale)
    return entered


def _read_lines(data: Mapping[str, Any]) -> list[list[Any]]:
    lines: list[list[Any]] = data.get("values", [])
    if data.get("majorDimension") != "COLUMNS":
        return lines
    height = max((len(line) for line in lines), default=0)
    return [[line[row] if row < len(line) else None for line in lines] for row in range(height)]


def _write(
    book: Spreadsheet, text: str, data: Mapping[str, Any], option: str, call: Call, who: str
) -> Answer:
    tab, area, single = book.parse(text, outside=True)
    if area.bottom > tab.row_count or area.right > tab.column_count:
        raise RefusalError(tab.word_limits(name_area(area)))
    return _fill(tab, area, data, option, call, who, single=single)


def _fill(
    tab: Tab, area: Area, data: Mapping[str, Any], option: str, call: Call, who: str, *, single: bool
) -> Answer:
    """Write lines into an area from its first cell; one cell alone stands for everything after it."""
    lines = _read_lines(data)
    height, width = len(lines), max((len(line) for line in lines), default=0)
    if not single:
        _require_inside(tab, area, height, width)
    target = Area(area.top, area.left, area.top + max(1, height), area.left + max(1, width))
    if target.bottom > tab.row_count or target.right > tab.column_count:
        raise RefusalError(tab.word_limits(name_area(target)))
    require_open(tab, target, who)
    written = _put_lines(tab, target, lines, option)
    answer: Answer = {"spreadsheetId": tab.spreadsheet.id, "updatedRange": name_range(tab, target)}
    if written:
        answer |= {
            "updatedRows": len({row for row, _ in written}),
            "updatedColumns": len({column for _, column in written}),
            "updatedCells": len(written),
        }
    if call.get("includeValuesInResponse"):
        answer["updatedData"] = _read(tab, target, call, written=True)
    return answer


def _require_inside(tab: Tab, area: Area, height: int, width: int) -> None:
    where = name_range(tab, area)
    if height > area.bottom - area.top:
        raise RefusalError(
            f"Requested writing within range [{where}], but tried writing to row [{area.bottom + 1}]"
        )
    if width > area.right - area.left:
        column = name_column(area.right)
        raise RefusalError(
            f"Requested writing within range [{where}], but tried writing to column [{column}]"
        )


def _put_lines(
    tab: Tab, target: Area, lines: Sequence[Sequence[Scalar]], option: str
) -> list[tuple[int, int]]:
    written = []
    for row, line in enumerate(lines, start=target.top):
        for column, value in enumerate(line, start=target.left):
            if value is None:
                continue
            if isinstance(value, str) and len(value) > CELL_LIMIT:
                raise RefusalError(
                    f"Your input contains more than the maximum of {CELL_LIMIT} characters in a single cell."
                )
            old = tab.cell(row, column)
            new = (
                enter_raw(old, value) if option == "RAW" else enter_typed(old, value, tab.spreadsheet.locale)
            )
            tab.put(row, column, new)
            written.append((row, column))
    return written


class _Total:
    """The answer of a batch: rows and columns count once, however many of its ranges meet them."""

    def __init__(self, book: Spreadsheet) -> None:
        self.book = book
        self.answer: Answer = {"spreadsheetId": book.id}
        self.met: dict[str, set[tuple[int, int]]] = {"Rows": set(), "Columns": set(), "Sheets": set()}
        self.cells = 0

    def add(self, answer: Answer) -> None:
        """Take in what was written to one range."""
        tab, area, _ = self.book.parse(answer["updatedRange"])
        if answer.get("updatedCells"):
            self.met["Rows"].update((tab.id, row) for row in range(area.top, area.bottom))
            self.met["Columns"].update((tab.id, column) for column in range(area.left, area.right))
            self.met["Sheets"].add((tab.id, 0))
            self.cells += answer["updatedCells"]
            self.answer |= {f"totalUpdated{name}": len(met) for name, met in self.met.items()}
            self.answer["totalUpdatedCells"] = self.cells
        self.answer.setdefault("responses", []).append(answer)


def _clear(tab: Tab, area: Area, who: str) -> str:
    require_open(tab, area, who)
    for row in range(area.top, min(area.bottom, len(tab.rows))):
        for column in range(area.left, min(area.right, len(tab.rows[row]))):
            if tab.rows[row][column].entered is not None:
                tab.rows[row][column] = tab.rows[row][column]._replace(entered=None)
    return name_range(tab, area)
