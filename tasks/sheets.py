"""The two spreadsheets as the flows see them, whatever keeps them.

Belongs here: what every backend offers, and which one a program uses. Does not belong here: openpyxl
(`tasks.local_workbooks`), and the meaning of a cell (`mentoring`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mentoring.desk import SheetTab, TabUpdate
from mentoring.errors import PlainError
from tasks.settings import Settings
from tasks.stage import find_stage


class SheetError(PlainError):
    """A spreadsheet can't be read or written; the text is one sentence with the mend, without personal data."""


class Sheets(Protocol):
    """What a backend offers. Every method raises `SheetError` when the spreadsheet can't be used."""

    def list_form_tabs(self) -> list[str]:
        """Names of all tabs of the forms spreadsheet, in order."""

    def read_forms(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Read tabs of the forms spreadsheet in one go, by name; a tab that is missing is not in the result."""

    def read_committee(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Read tabs of the committee spreadsheet in one go, by name; a tab that is missing is not in the result."""

    def write_committee(self, updates: Sequence[TabUpdate]) -> None:
        """Write machine cells, rows found by key at this moment; what people wrote stays, wherever they moved it."""


def open_sheets(settings: Settings) -> Sheets:
    """The backend that the settings name; on a stage, the stage's."""
    if stage := find_stage():
        return stage.sheets
    if settings.sheets == "google":
        from tasks.google_sheets import GoogleSheets

        return GoogleSheets(settings)
    from tasks.local_workbooks import LocalWorkbooks

    return LocalWorkbooks(settings.folder, settings.program.zone)
