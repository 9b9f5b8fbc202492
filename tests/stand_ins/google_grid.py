"""Grids: rows, columns and cells of a tab, and what moves when they move.

Belongs here: where a cell lies and what is attached to it. Does not belong here: what one cell keeps
(`google_cells`), how people handle it (`google_hands`), what calls do (`google_values`, `google_changes`).

Rows, columns and indexes count from 0 and ends are exclusive, as in the API. References in formulas don't follow
what moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from .google_addresses import Area, name_column, quote_title, read_area
from .google_cells import BLANK, Cell, Scalar, compute
from .google_schema import RefusalError

CELLS_LIMIT = 10_000_000

if TYPE_CHECKING:
    from .google_books import Spreadsheet


class Grid:
    """One grid with everything that is attached to it. Cells beyond the stored rows are blank."""

    def __init__(self, spreadsheet: Spreadsheet, properties: Mapping[str, Any]) -> None:
        self.spreadsheet = spreadsheet
        grid = {"rowCount": 1000, "columnCount": 26, **properties.get("gridProperties", {})}
        self.properties: dict[str, Any] = {"sheetType": "GRID", **properties, "gridProperties": grid}
        self.rows: list[list[Cell]] = []
        self.marks: dict[str, dict[int, dict[str, Any]]] = {"ROWS": {}, "COLUMNS": {}}
        self.protected: list[dict[str, Any]] = []
        self.conditional: list[dict[str, Any]] = []
        self.merges: list[dict[str, Any]] = []
        self.filter: dict[str, Any] | None = None

    # -- what it is

    @property
    def id(self) -> int:
        return int(self.properties["sheetId"])

    @property
    def title(self) -> str:
        return str(self.properties["title"])

    @property
    def grid(self) -> dict[str, Any]:
        found: dict[str, Any] = self.properties["gridProperties"]
        return found

    @property
    def row_count(self) -> int:
        return int(self.grid["rowCount"])

    @property
    def column_count(self) -> int:
        return int(self.grid["columnCount"])

    @property
    def whole(self) -> Area:
        return Area(0, 0, self.row_count, self.column_count)

    def copy(self, spreadsheet: Spreadsheet) -> Self:
        """A tab that changes without this one. Cells don't change in place, so they are shared."""
        twin = object.__new__(type(self))
        twin.spreadsheet = spreadsheet
        twin.properties = {**self.properties, "gridProperties": dict(self.grid)}
        twin.rows = [row.copy() for row in self.rows]
        twin.marks = {
            name: {at: dict(mark) for at, mark in marks.items()} for name, marks in self.marks.items()
        }
        twin.protected = [dict(item) for item in self.protected]
        twin.conditional = [dict(item) for item in self.conditional]
        twin.merges = [dict(item) for item in self.merges]
        twin.filter = None if self.filter is None else dict(self.filter)
        return twin

    # -- cells

    def cell(self, row: int, column: int) -> Cell:
        """The cell at a place."""
        if row < len(self.rows) and column < len(self.rows[row]):
            return self.rows[row][column]
        return BLANK

    def put(self, row: int, column: int, cell: Cell) -> None:
        """Replace a cell; outside the grid is refused."""
        if row >= self.row_count or column >= self.column_count:
            raise RefusalError(self.word_limits(f"{name_column(column)}{row + 1}"))
        if cell == BLANK and self.cell(row, column) is BLANK:
            return
        while len(self.rows) <= row:
            self.rows.append([])
        cells = self.rows[row]
        if len(cells) <= column:
            cells.extend([BLANK] * (column + 1 - len(cells)))
        cells[column] = cell

    def word_limits(self, address: str) -> str:
        """Google's words for an address outside the grid."""
        return (
            f"Range ({quote_title(self.title)}!{address}) exceeds grid limits. "
            f"Max rows: {self.row_count}, max columns: {self.column_count}"
        )

    def value(self, row: int, column: int) -> Scalar:
        """The effective value at a place."""
        return compute(self.cell(row, column), self._look_up)

    def _look_up(self, address: str) -> Scalar:
        area = read_area(address, self.row_count, self.column_count)
        return "#REF!" if area is None else self.value(area.top, area.left)

    def list_values(self) -> list[list[Any]]:
        """Effective values row by row up to the last that says something, "" where nothing is, all rows as wide."""
        lines = [
            [value if (value := self.value(row, column)) is not None else "" for column in range(len(cells))]
            for row, cells in enumerate(self.rows)
        ]
        while lines and not any(value != "" for value in lines[-1]):
            lines.pop()
        width = max(
            (place + 1 for line in lines for place, value in enumerate(line) if value != ""), default=0
        )
        return [(line + [""] * width)[:width] for line in lines]

    def list_tables(self) -> list[Area]:
        """Blocks of filled cells that touch, also at a corner, as rectangles that don't touch each other."""
        blocks: list[Area] = []
        for row, cells in enumerate(self.rows):
            for column, cell in enumerate(cells):
                if cell.entered is None:
                    continue
                area = Area(row, column, row + 1, column + 1)
                while near := [block for block in blocks if _widen(block).meets(area)]:
                    blocks = [block for block in blocks if block not in near]
                    for block in near:
                        area = _join(area, block)
                blocks.append(area)
        return sorted(blocks)

    # -- rows and columns

    def count(self, dimension: str) -> int:
        return self.row_count if dimension == "ROWS" else self.column_count

    def set_count(self, dimension: str, count: int) -> None:
        """Make the grid longer or shorter at its end."""
        old = self.count(dimension)
        if count < 1:
            raise RefusalError(f"You can't delete all the {dimension.lower()} on the sheet.")
        if count < old:
            self.remove(dimension, count, old - count)
            return
        self.grid["rowCount" if dimension == "ROWS" else "columnCount"] = count
        self.spreadsheet.require_size()

    def insert(self, dimension: str, start: int, count: int, like: int | None = None) -> None:
        """Insert blank rows or columns; with `like`, with the looks and rules of that one."""
        if dimension == "ROWS":
            if start < len(self.rows):
                bare = [] if like is None else [_looks(cell) for cell in self._row(like)]
                self.rows[start:start] = [bare.copy() for _ in range(count)]
        else:
            for row in self.rows:
                if start < len(row):
                    look = BLANK if like is None or like >= len(row) else _looks(row[like])
                    row[start:start] = [look] * count
        self.grid["rowCount" if dimension == "ROWS" else "columnCount"] += count
        self.spreadsheet.require_size()
        self._shift(dimension, lambda at, end: at + count if at > start or (at == start and not end) else at)

    def remove(self, dimension: str, start: int, count: int) -> None:
        """Remove rows or columns; what lies after them moves up."""
        if count >= self.count(dimension):
            raise RefusalError(f"You can't delete all the {dimension.lower()} on the sheet.")
        if dimension == "ROWS":
            del self.rows[start : start + count]
        else:
            for row in self.rows:
                del row[start : start + count]
        self.grid["rowCount" if dimension == "ROWS" else "columnCount"] -= count
        name = "frozenRowCount" if dimension == "ROWS" else "frozenColumnCount"
        if frozen := self.grid.get(name, 0):
            self.grid[name] = frozen - max(0, min(frozen, start + count) - start)
        gone = range(start, start + count)
        self.marks[dimension] = {at: mark for at, mark in self.marks[dimension].items() if at not in gone}
        self.spreadsheet.metadata = [
            item for item in self.spreadsheet.metadata if not _lies_on(item, self.id, dimension, gone)
        ]
        self._shift(dimension, lambda at, end: at if at <= start else max(start, at - count))

    def move(self, dimension: str, start: int, count: int, target: int) -> None:
        """Move rows or columns to before the one now at `target`."""
        order = list(range(self.count(dimension)))
        moving = order[start : start + count]
        rest = [at for at in order if at not in range(start, start + count)]
        place = len([at for at in rest if at < target])
        order = rest[:place] + moving + rest[place:]
        new_place = {old: new for new, old in enumerate(order)}
        if dimension == "ROWS":
            self.rows = [self._row(old) for old in order]
        else:
            self.rows = [[self.cell(row, old) for old in order] for row in range(len(self.rows))]
        self.marks[dimension] = {new_place[at]: mark for at, mark in self.marks[dimension].items()}
        for item in self.spreadsheet.metadata:
            if location := _dimension_of(item, self.id, dimension):
                location["startIndex"] = new_place[location["startIndex"]]
                location["endIndex"] = location["startIndex"] + 1

    def sort_rows(self, area: Area, key: Callable[[list[Cell]], Any]) -> None:
        """Sort an area's rows, whole cells with them, by what `key` makes of a row's cells in the area."""
        bottom = min(area.bottom, len(self.rows))
        lines = [
            [self.cell(row, column) for column in range(area.left, area.right)]
            for row in range(area.top, bottom)
        ]
        lines.sort(key=key)
        for row, cells in enumerate(lines, start=area.top):
            for column, cell in zip(range(area.left, area.right), cells, strict=True):
                # Not by equality, which takes TRUE for 1.
                if self.cell(row, column) is not cell:
                    self.put(row, column, cell)

    def _row(self, row: int) -> list[Cell]:
        return self.rows[row] if row < len(self.rows) else []

    def _shift(self, dimension: str, move: Callable[[int, bool], int]) -> None:
        self.marks[dimension] = {move(at, False): mark for at, mark in self.marks[dimension].items()}
        start, end = (
            ("startRowIndex", "endRowIndex")
            if dimension == "ROWS"
            else ("startColumnIndex", "endColumnIndex")
        )

        def shift(held: Mapping[str, Any]) -> dict[str, Any]:
            moved = dict(held)
            if start in moved:
                moved[start] = move(moved[start], False)
            if end in moved:
                moved[end] = move(moved[end], True)
            return moved

        def alive(held: Mapping[str, Any]) -> bool:
            return end not in held or held.get(start, 0) < held[end]

        for item in self.protected:
            item["range"] = shift(item.get("range", {}))
        self.protected = [item for item in self.protected if alive(item["range"])]
        for rule in self.conditional:
            rule["ranges"] = [moved for held in rule["ranges"] if alive(moved := shift(held))]
        self.conditional = [rule for rule in self.conditional if rule["ranges"]]
        self.merges = [moved for held in self.merges if alive(moved := shift(held))]
        if self.filter:
            self.filter["range"] = shift(self.filter["range"])
        for named in self.spreadsheet.named_ranges:
            if named["range"].get("sheetId", 0) == self.id:
                named["range"] = shift(named["range"])
        for item in self.spreadsheet.metadata:
            if location := _dimension_of(item, self.id, dimension):
                location["startIndex"] = move(location["startIndex"], False)
                location["endIndex"] = location["startIndex"] + 1


def _widen(area: Area) -> Area:
    return Area(area.top - 1, area.left - 1, area.bottom + 1, area.right + 1)


def _join(one: Area, other: Area) -> Area:
    return Area(
        min(one.top, other.top),
        min(one.left, other.left),
        max(one.bottom, other.bottom),
        max(one.right, other.right),
    )


def _looks(cell: Cell) -> Cell:
    return Cell(rule=cell.rule, format=cell.format) if cell.rule or cell.format else BLANK


def _dimension_of(item: Mapping[str, Any], sheet_id: int, dimension: str) -> dict[str, Any] | None:
    location: dict[str, Any] | None = item["location"].get("dimensionRange")
    if location and location.get("sheetId", 0) == sheet_id and location["dimension"] == dimension:
        return location
    return None


def _lies_on(item: Mapping[str, Any], sheet_id: int, dimension: str, places: range) -> bool:
    location = _dimension_of(item, sheet_id, dimension)
    return location is not None and location["startIndex"] in places


def to_grid_range(tab: Grid, area: Area) -> dict[str, int]:
    """The area as the API writes it."""
    return {
        "sheetId": tab.id,
        "startRowIndex": area.top,
        "endRowIndex": area.bottom,
        "startColumnIndex": area.left,
        "endColumnIndex": area.right,
    }
