"""The two spreadsheets as Excel workbooks in the program folder: `forms.xlsx` and `committee.xlsx`.

Belongs here: the local backend of `tasks.sheets.Sheets`, and making the two workbooks. Does not belong here:
cells, tabs and files themselves (`tasks.workbook_cells`, `tasks.workbook_tabs`, `tasks.workbook_files`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mentoring.desk import TABS, SheetTab, Tab, TabUpdate
from tasks.sheets import SheetError
from tasks.workbook_files import Kept, change_workbook, create_workbook, read_workbook, take_snapshot
from tasks.workbook_looks import build_form_tab, build_read_me, build_tab, fit_notes
from tasks.workbook_responses import Answer, append_responses, list_questions
from tasks.workbook_tabs import find_tab, read_tab
from tasks.workbook_updates import update_tab

if TYPE_CHECKING:
    from openpyxl import Workbook

    from mentoring.program import Program

FORMS = "forms.xlsx"
COMMITTEE = "committee.xlsx"

#: Tabs by name, None if there is no such tab.
_read: Kept[dict[str, SheetTab | None]] = Kept()


@dataclass(frozen=True)
class LocalWorkbooks:
    """The local backend: `forms.xlsx` and `committee.xlsx` in `folder`.

    Dates and times in workbooks carry no time zone: they are read as they stand, and mean the committee's
    `zone`.
    """

    folder: Path
    zone: ZoneInfo

    def list_form_tabs(self) -> list[str]:
        """Names of all tabs of `forms.xlsx`, in order. Raises `SheetError`."""
        return read_workbook(take_snapshot(self.folder / FORMS), _list_titles)

    def read_forms(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Read tabs of `forms.xlsx`, by name; a tab that is missing is left out. Raises `SheetError`."""
        return _read_tabs(self.folder / FORMS, tabs)

    def read_committee(self, tabs: Sequence[str]) -> dict[str, SheetTab]:
        """Read tabs of `committee.xlsx`, by name; a tab that is missing is left out. Raises `SheetError`."""
        return _read_tabs(self.folder / COMMITTEE, tabs)

    def write_committee(self, updates: Sequence[TabUpdate]) -> None:
        """Write machine cells of `committee.xlsx` in one step, all updates or none.

        Rows are found by key at this moment. If every cell is as it should be, the file is left alone. A
        blank tab is laid out. Raises `SheetError` when the file can't be written, a tab is missing, or its
        headings don't tell which column is which.
        """

        def change(workbook: Workbook) -> bool:
            changed = False
            for update in updates:
                sheet = find_tab(workbook, update.tab)
                if sheet is None:
                    raise SheetError(
                        f"{COMMITTEE} has no tab “{update.tab}”; "
                        "add an empty tab with this name and run again."
                    )
                changed |= update_tab(sheet, TABS[update.tab], update, COMMITTEE)
            if changed:
                for sheet in workbook.worksheets:
                    fit_notes(sheet._cells.values())
            return changed

        change_workbook(self.folder / COMMITTEE, change)


def _list_titles(workbook: Workbook) -> list[str]:
    return [sheet.title for sheet in workbook.worksheets]


def _read_tabs(path: Path, names: Sequence[str]) -> dict[str, SheetTab]:
    snapshot = take_snapshot(path)
    tabs = _read.take(snapshot) or {}
    new = [name for name in names if name not in tabs]

    def read(workbook: Workbook) -> dict[str, SheetTab | None]:
        found = ((name, find_tab(workbook, name)) for name in new)
        return {name: None if sheet is None else read_tab(sheet, name) for name, sheet in found}

    if new:
        tabs |= read_workbook(snapshot, read)
    _read.keep(path, snapshot.content, tabs)
    return {name: tab for name in names if (tab := tabs[name]) is not None}


def create_committee_workbook(path: Path, tabs: Mapping[str, Tab] = TABS) -> None:
    """Make a committee workbook with every tab laid out and a first tab that explains it.

    Raises `SheetError` if the file is there already.
    """
    workbook = _start_workbook()
    for tab in tabs.values():
        build_tab(workbook.create_sheet(tab.name), tab)
    build_read_me(workbook, tabs.values())
    create_workbook(path, workbook)


def create_forms_workbook(
    path: Path, program: Program, rows: Mapping[str, Sequence[Mapping[str, Answer]]] | None = None
) -> None:
    """Make a forms workbook as the forms would: a tab per form, a column per question in the mapping's order.

    `rows` holds responses by form ("mentor", "mentee", "request", "check_in", "evaluation"), each with
    answers by question. Raises `SheetError` if the file is there already, `ValueError` for an answer to no
    question.
    """
    workbook = _start_workbook()
    for name, form in program.forms.items():
        sheet = workbook.create_sheet(form.tab)
        build_form_tab(sheet, list_questions(form))
        append_responses(sheet, (rows or {}).get(name, ()))
    create_workbook(path, workbook)


def _start_workbook() -> Workbook:
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    workbook.properties.creator = "mentoring"
    return workbook
