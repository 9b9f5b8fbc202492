"""Spreadsheets: their tabs, names and developer metadata, and what an address means in them.

Belongs here: finding tabs and areas. Does not belong here: cells (`google_grid`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from .google_addresses import Area, is_range, name_area, quote_title, read_area
from .google_grid import CELLS_LIMIT
from .google_hands import Tab
from .google_schema import RefusalError


@dataclass
class Spreadsheet:
    """One spreadsheet: its tabs from left to right, and who may "write" or "read" it, by address."""

    id: str
    title: str
    locale: str = "en_US"
    time_zone: str = "America/New_York"
    sharing: dict[str, str] = field(default_factory=dict)
    tabs: list[Tab] = field(default_factory=list)
    named_ranges: list[dict[str, Any]] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    next_id: int = 1

    def copy(self) -> Spreadsheet:
        """A spreadsheet that changes without this one."""
        twin = Spreadsheet(
            self.id, self.title, self.locale, self.time_zone, dict(self.sharing), next_id=self.next_id
        )
        twin.tabs = [tab.copy(twin) for tab in self.tabs]
        twin.named_ranges = deepcopy(self.named_ranges)
        twin.metadata = deepcopy(self.metadata)
        return twin

    def take_id(self) -> int:
        """A number that nothing in this spreadsheet has."""
        self.next_id += 1
        return self.next_id - 1

    def tab(self, title: str) -> Tab:
        """The tab of that title. Raises `KeyError`."""
        for tab in self.tabs:
            if tab.title == title:
                return tab
        raise KeyError(title)

    def has(self, title: str) -> bool:
        """Whether there is a tab of that title."""
        return any(tab.title == title for tab in self.tabs)

    def find(self, sheet_id: int) -> Tab:
        """The tab of that id. Raises `RefusalError`."""
        for tab in self.tabs:
            if tab.id == sheet_id:
                return tab
        raise RefusalError(f"No grid with id: {sheet_id}")

    def add_tab(self, title: str, rows: int = 1000, columns: int = 26, **more: Any) -> Tab:
        """Add a blank tab at the end."""
        self.require_title(title)
        grid = {**more.pop("gridProperties", {}), "rowCount": rows, "columnCount": columns}
        used = {tab.id for tab in self.tabs}
        sheet_id = more.pop("sheetId", None)
        if sheet_id is None:
            sheet_id = (
                0
                if not self.tabs
                else next(n for n in iter(lambda: 1000 + self.take_id() * 7, -1) if n not in used)
            )
        if sheet_id in used:
            raise RefusalError(f"A sheet with the ID {sheet_id} already exists. Please enter another ID.")
        place = more.pop("index", len(self.tabs))
        tab = Tab(self, {**more, "sheetId": sheet_id, "title": title, "gridProperties": grid})
        self.tabs.insert(place, tab)
        self.require_size()
        return tab

    def remove_tab(self, tab: Tab) -> None:
        """Remove a tab with everything on it; the last visible one can't go."""
        if not [other for other in self.tabs if other is not tab and not other.properties.get("hidden")]:
            raise RefusalError("You can't remove all the visible sheets in a document.")
        self.tabs.remove(tab)
        self.named_ranges = [item for item in self.named_ranges if item["range"].get("sheetId", 0) != tab.id]
        self.metadata = [item for item in self.metadata if find_sheet_id(item["location"]) != tab.id]

    def require_title(self, title: str, but: Tab | None = None) -> None:
        """Raises `RefusalError` if another tab has this title, in whatever capitals."""
        if not title:
            raise RefusalError("Sheet names can't be blank.")
        if any(tab.title.casefold() == title.casefold() for tab in self.tabs if tab is not but):
            raise RefusalError(f'A sheet with the name "{title}" already exists. Please enter another name.')

    def require_size(self) -> None:
        """Raises `RefusalError` if there are more cells than Google allows."""
        if sum(tab.row_count * tab.column_count for tab in self.tabs) > CELLS_LIMIT:
            raise RefusalError(
                "This action would increase the number of cells in the workbook above the limit of "
                f"{CELLS_LIMIT} cells."
            )

    def parse(self, text: str, *, outside: bool = False) -> tuple[Tab, Area, bool]:
        """The tab and area of an A1 address or a name, and whether the address names one cell. Raises `RefusalError`.

        An area that starts outside the grid is refused unless `outside` is true; one that ends there is cut.
        """
        tab, rest = self._split(text)
        if rest is None:
            return tab, tab.whole, False
        # Google looks for the colon in the whole address, also in the tab's name.
        single = ":" not in text
        return tab, self.parse_area(tab, rest, outside=outside, text=text), single

    def _split(self, text: str) -> tuple[Tab, str | None]:
        if quoted := re.fullmatch(r"'((?:[^']|'')*)'(?:!(.+))?", text):
            title, rest = quoted[1].replace("''", "'"), quoted[2]
        elif "!" in text:
            title, rest = text.split("!", 1)
        elif is_range(text) and self.tabs:
            return self.tabs[0], text
        else:
            for named in self.named_ranges:
                if named["name"] == text:
                    tab = self.find(named["range"].get("sheetId", 0))
                    return tab, name_area(resolve(tab, named["range"]))
            title, rest = text, None
        if not self.has(title) or (rest is not None and not is_range(rest)):
            raise RefusalError(f"Unable to parse range: {text}")
        return self.tab(title), rest

    def parse_area(self, tab: Tab, rest: str, *, outside: bool = False, text: str = "") -> Area:
        """The area of an A1 address without a tab. Raises `RefusalError`."""
        area = read_area(rest, tab.row_count, tab.column_count)
        if area is None:
            raise RefusalError(f"Unable to parse range: {text or rest}")
        if outside:
            return area
        if area.top >= tab.row_count or area.left >= tab.column_count:
            raise RefusalError(tab.word_limits(rest))
        return Area(area.top, area.left, min(area.bottom, tab.row_count), min(area.right, tab.column_count))


def find_sheet_id(location: Mapping[str, Any]) -> int | None:
    """The tab that a place of developer metadata is on."""
    if "dimensionRange" in location:
        return int(location["dimensionRange"].get("sheetId", 0))
    return int(location["sheetId"]) if "sheetId" in location else None


def resolve(tab: Tab, held: Mapping[str, Any]) -> Area:
    """A `GridRange` or part of one as an area within the grid. Raises `RefusalError`."""
    area = Area(
        held.get("startRowIndex", 0),
        held.get("startColumnIndex", 0),
        held.get("endRowIndex", tab.row_count),
        held.get("endColumnIndex", tab.column_count),
    )
    if min(area) < 0 or area.top > area.bottom or area.left > area.right:
        raise RefusalError(f"The range is not valid: {dict(held)}")
    if area.top >= tab.row_count or area.left >= tab.column_count:
        raise RefusalError(
            f"Range exceeds grid limits. Max rows: {tab.row_count}, max columns: {tab.column_count}"
        )
    return Area(area.top, area.left, min(area.bottom, tab.row_count), min(area.right, tab.column_count))


def name_range(tab: Tab, area: Area) -> str:
    """The area in A1 notation with its tab."""
    return f"{quote_title(tab.title)}!{name_area(area)}"


def read_span(book: Spreadsheet, held: Mapping[str, Any]) -> tuple[Tab, str, int, int]:
    """The tab, dimension, start and end of a `DimensionRange`. Raises `RefusalError`."""
    tab = book.find(held.get("sheetId", 0))
    dimension = held["dimension"]
    start, end = held.get("startIndex", 0), held.get("endIndex", tab.count(dimension))
    if not 0 <= start < end:
        raise RefusalError(f"endIndex ({end}) must be greater than startIndex ({start})")
    return tab, dimension, start, end
