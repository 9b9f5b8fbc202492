"""What people do in the two workbooks, for the demo and the tests: fill in forms, edit answers, decide.

Belongs here: acting as applicants and as the committee. Does not belong here: anything that the software
does. Every function raises `SheetError` when the workbook can't be used, `LookupError` when the row is not
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mentoring.desk import TABS, Cell, SheetTab
from tasks.local_workbooks import COMMITTEE, FORMS, LocalWorkbooks
from tasks.workbook_cells import read_text, write_cell
from tasks.workbook_files import change_workbook
from tasks.workbook_looks import style_new_cell
from tasks.workbook_responses import Answer, append_responses, write_answer
from tasks.workbook_tabs import find_last_row, find_rows, find_tab, remove_rows, stretch_ranges

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from mentoring.program import Program

#: Which row is meant: a test on the answers by question, or pairs of question and answer that must all agree.
Match = Callable[[Mapping[str, str]], bool] | Iterable[tuple[str, str]]


class Hands(Protocol):
    """What people do with the two spreadsheets, whatever keeps them."""

    def append_form_rows(self, form: str, rows: Sequence[Mapping[str, Answer]]) -> None:
        """Send responses of a form, named as in `program.yaml`: answers by question."""

    def edit_form_row(self, tab: str, match: Match, changes: Mapping[str, Answer]) -> None:
        """Edit the latest response that matches: new answers by question."""

    def delete_form_row(self, tab: str, match: Match) -> None:
        """Delete the latest response that matches."""

    def edit_committee_rows(self, tab: str, rows: Mapping[tuple[str, ...], Mapping[str, Cell]]) -> None:
        """Write cells on the committee's desk: values by heading, by the row's key."""

    def append_committee_rows(self, tab: str, rows: Sequence[Mapping[str, Cell]]) -> None:
        """Add rows at the end of a tab of the committee's desk: values by heading."""

    def read_committee(self, tab: str) -> SheetTab:
        """Look at a tab of the committee's desk."""


@dataclass(frozen=True)
class WorkbookHands:
    """People at the two workbooks of the program folder `folder`."""

    folder: Path
    program: Program

    def append_form_rows(self, form: str, rows: Sequence[Mapping[str, Answer]]) -> None:
        """Send responses of a form."""
        append_form_rows(self.folder / FORMS, self.program, form, rows)

    def edit_form_row(self, tab: str, match: Match, changes: Mapping[str, Answer]) -> None:
        """Edit the latest response that matches."""
        edit_form_row(self.folder / FORMS, tab, match, changes)

    def delete_form_row(self, tab: str, match: Match) -> None:
        """Delete the latest response that matches."""
        delete_form_row(self.folder / FORMS, tab, match)

    def edit_committee_rows(self, tab: str, rows: Mapping[tuple[str, ...], Mapping[str, Cell]]) -> None:
        """Write cells on the committee's desk."""
        edit_committee_rows(self.folder / COMMITTEE, tab, rows)

    def append_committee_rows(self, tab: str, rows: Sequence[Mapping[str, Cell]]) -> None:
        """Add rows at the end of a tab of the committee's desk."""
        append_committee_rows(self.folder / COMMITTEE, tab, rows)

    def read_committee(self, tab: str) -> SheetTab:
        """Look at a tab of the committee's desk."""
        return LocalWorkbooks(self.folder, self.program.zone).read_committee([tab])[tab]


def append_form_rows(path: Path, program: Program, form: str, rows: Sequence[Mapping[str, Answer]]) -> None:
    """Send responses of a form, named as in `program.yaml` ("mentor", "check_in" …): answers by question."""
    tab = next(found.tab for name, found in program.forms.items() if name == form)

    def change(workbook: Workbook) -> bool:
        append_responses(_require_tab(workbook, tab), rows)
        return bool(rows)

    change_workbook(path, change)


def edit_form_row(path: Path, tab: str, match: Match, changes: Mapping[str, Answer]) -> None:
    """Edit the latest response that matches: new answers by question."""
    from tasks.workbook_rows import fit_row, list_widths

    meant = _read_match(match)

    def change(workbook: Workbook) -> bool:
        sheet = _require_tab(workbook, tab)
        number, columns = _find_response(sheet, meant)
        written = [
            write_answer(sheet.cell(number, columns[question]), new) for question, new in changes.items()
        ]
        fit_row(sheet, number, list_widths(sheet))
        return any(written)

    change_workbook(path, change)


def delete_form_row(path: Path, tab: str, match: Match) -> None:
    """Delete the latest response that matches, so that the rows below move up."""
    meant = _read_match(match)

    def change(workbook: Workbook) -> bool:
        sheet = _require_tab(workbook, tab)
        remove_rows(sheet, [_find_response(sheet, meant)[0]])
        return True

    change_workbook(path, change)


def edit_committee_cell(path: Path, tab: str, key: str | tuple[str, ...], heading: str, value: Cell) -> None:
    """Write one cell of the committee workbook in the row with this key."""
    edit_committee_rows(path, tab, {(key,) if isinstance(key, str) else key: {heading: value}})


def edit_committee_rows(path: Path, tab: str, rows: Mapping[tuple[str, ...], Mapping[str, Cell]]) -> None:
    """Write cells of the committee workbook in one sitting: values by heading, by the row's key."""

    def change(workbook: Workbook) -> bool:
        sheet = _require_tab(workbook, tab)
        columns = _list_columns(sheet)
        found = find_rows(sheet, TABS[tab].key, columns)
        written = []
        for key, values in rows.items():
            if not found.get(key):
                raise LookupError(f"The tab {tab} has no row with this key.")
            for heading, value in values.items():
                written.append(write_cell(sheet.cell(found[key][0], columns[heading]), value))
        return any(written)

    change_workbook(path, change)


def append_committee_rows(path: Path, tab: str, rows: Sequence[Mapping[str, Cell]]) -> None:
    """Add rows at the end of a tab of the committee workbook, like rules or topics: values by heading."""
    from tasks.workbook_rows import fit_row, list_widths

    def change(workbook: Workbook) -> bool:
        sheet = _require_tab(workbook, tab)
        columns = _list_columns(sheet)
        last = find_last_row(sheet)
        widths = list_widths(sheet)
        for number, row in enumerate(rows, start=last + 1):
            for heading, value in row.items():
                cell = sheet.cell(number, columns[heading])
                style_new_cell(cell, people=True)
                write_cell(cell, value)
            fit_row(sheet, number, widths)
        stretch_ranges(sheet, last, last + len(rows))
        return bool(rows)

    change_workbook(path, change)


def _require_tab(workbook: Workbook, name: str) -> Any:
    sheet = find_tab(workbook, name)
    if sheet is None:
        raise LookupError(f"There is no tab {name}.")
    return sheet


def _list_columns(sheet: Worksheet) -> dict[str, int]:
    headings = (read_text(cell) for cell in sheet[1])
    return {heading: number for number, heading in enumerate(headings, start=1) if heading}


def _read_match(match: Match) -> Callable[[Mapping[str, str]], bool]:
    if callable(match):
        return match
    pairs = list(match)
    return lambda answers: all(answers.get(question) == answer for question, answer in pairs)


def _find_response(
    sheet: Worksheet, meant: Callable[[Mapping[str, str]], bool]
) -> tuple[int, dict[str, int]]:
    columns = _list_columns(sheet)
    for number in range(find_last_row(sheet), 1, -1):
        answers = {question: read_text(sheet.cell(number, column)) for question, column in columns.items()}
        if any(answers.values()) and meant(answers):
            return number, columns
    raise LookupError(f"The tab {sheet.title} has no such response.")
