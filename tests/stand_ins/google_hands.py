"""Tabs as people work on them: what hands at a spreadsheet do between two calls.

Belongs here: A1 addresses, letters of columns and row numbers as people see them, whatever is protected. Does not
belong here: what moves when rows move (`google_grid`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from .google_addresses import Area, read_column
from .google_cells import Formula, Scalar, enter_typed, keep
from .google_grid import Grid, to_grid_range
from .google_sorting import sort_area

Enterable = Scalar | Formula | date | datetime | time


class Tab(Grid):
    """One tab of a spreadsheet."""

    def type(self, address: str, text: Enterable) -> None:
        """Type into one cell, as at a keyboard."""
        self.paste(address, [[text]])

    def paste(self, address: str, rows: Sequence[Sequence[Enterable]]) -> None:
        """Paste texts, each read as if typed, over what is there; the grid grows if it must."""
        area = self.spreadsheet.parse_area(self, address, outside=True)
        for row, line in enumerate(rows, start=area.top):
            for column, value in enumerate(line, start=area.left):
                self.set_count("ROWS", max(self.row_count, row + 1))
                self.set_count("COLUMNS", max(self.column_count, column + 1))
                old = self.cell(row, column)
                if isinstance(value, Formula | date | datetime | time):
                    new = keep(value, self.spreadsheet.locale, old.format)
                    self.put(row, column, old._replace(entered=new.entered, format=new.format))
                else:
                    self.put(row, column, enter_typed(old, value, self.spreadsheet.locale))

    def add_row(self, values: Sequence[Enterable]) -> int:
        """Write a row below the last one that says something, as a form does; its number."""
        number = len(self.list_values()) + 1
        self.paste(f"A{number}", [values])
        return number

    def clear(self, address: str) -> None:
        """Delete what cells say."""
        area = self.spreadsheet.parse_area(self, address)
        for row in range(area.top, min(area.bottom, len(self.rows))):
            for column in range(area.left, min(area.right, len(self.rows[row]))):
                self.put(row, column, self.cell(row, column)._replace(entered=None))

    def insert_rows(self, number: int, count: int = 1) -> None:
        """Insert rows above the row of that number."""
        self.insert("ROWS", number - 1, count, like=max(0, number - 2))

    def delete_rows(self, number: int, count: int = 1) -> None:
        """Delete rows from that number on."""
        self.remove("ROWS", number - 1, count)

    def insert_columns(self, letters: str, count: int = 1) -> None:
        """Insert columns to the left of this one."""
        self.insert("COLUMNS", read_column(letters), count)

    def delete_columns(self, letters: str, count: int = 1) -> None:
        """Delete columns from this one on."""
        self.remove("COLUMNS", read_column(letters), count)

    def move_rows(self, number: int, to: int, count: int = 1) -> None:
        """Drag rows to above the row of the number `to`."""
        self.move("ROWS", number - 1, count, to - 1)

    def sort(self, letters: str, *, descending: bool = False, headings: int = 1) -> None:
        """Sort all rows below the headings by one column, blank ones last."""
        area = Area(headings, 0, self.row_count, self.column_count)
        sort_area(self, area, [(read_column(letters), descending)])

    def set_filter(self, address: str, hidden: Mapping[str, Sequence[str]] | None = None) -> None:
        """Put a filter over a range; `hidden` lists by column's letters the values whose rows are hidden."""
        area = self.spreadsheet.parse_area(self, address)
        self.filter = {"range": to_grid_range(self, area)}
        if hidden:
            self.filter["filterSpecs"] = [
                {"columnIndex": read_column(letters), "filterCriteria": {"hiddenValues": list(values)}}
                for letters, values in hidden.items()
            ]
            for row in range(area.top + 1, min(area.bottom, len(self.rows))):
                hide = any(
                    str(self.value(row, read_column(column))) in values for column, values in hidden.items()
                )
                self.marks["ROWS"].setdefault(row, {})["hiddenByFilter"] = hide

    def rename(self, title: str) -> None:
        """Give the tab another name."""
        self.spreadsheet.require_title(title, but=self)
        self.properties["title"] = title
