"""Sorting rows as Google does.

Belongs here: the order of values. Does not belong here: who sorts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .google_addresses import Area
from .google_cells import Cell, compute
from .google_grid import Grid


def sort_area(tab: Grid, area: Area, columns: Sequence[tuple[int, bool]]) -> None:
    """Sort rows by columns in turn (index, whether it falls): numbers, texts, booleans; blank cells last."""
    for column, falls in reversed(columns):
        values = _Values(tab, column - area.left, falls)
        tab.sort_rows(area, values.rank)


class _Values:
    """How rows of an area compare by one of its columns."""

    def __init__(self, tab: Grid, place: int, falls: bool) -> None:
        self.tab, self.place, self.falls = tab, place, falls

    def rank(self, cells: Sequence[Cell]) -> tuple[Any, ...]:
        """What to sort by; sorting keeps equals in order."""
        value = compute(cells[self.place], self.tab._look_up)
        if value is None:
            return (1,)
        kind = 2 if isinstance(value, bool) else 1 if isinstance(value, str) else 0
        if not self.falls:
            return (0, kind, value.casefold() if isinstance(value, str) else value)
        return (0, -kind, _Falling(value.casefold()) if isinstance(value, str) else -value)


class _Falling(str):
    """A text that sorts the other way round."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
