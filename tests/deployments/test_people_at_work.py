"""The people of the demo act in the workbooks as real ones do: answers, edits, deletions, decisions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from deployments.people_at_work import (
    append_committee_rows,
    append_form_rows,
    delete_form_row,
    edit_committee_cell,
    edit_form_row,
)
from mentoring.form_questions import Form
from mentoring.program import Program
from tasks.local_workbooks import LocalWorkbooks, create_committee_workbook, create_forms_workbook
from tasks.sheets import SheetError

FIELDS = {
    "submitted_at": "Timestamp",
    "email": "E-mail",
    "phone": "Telephone",
    "topics": ["First", "Second", "First"],
}


@pytest.fixture
def program() -> Program:
    # The functions look at the forms only.
    return Program.model_construct(
        forms={
            "mentor": Form(tab="Mentor applications", fields=FIELDS),
            "mentee": Form(tab="Mentee applications", fields=FIELDS),
        }
    )


@pytest.fixture
def folder(tmp_path: Path, program: Program) -> Path:
    rows = [
        {"Timestamp": f"2027-01-1{day} 09:14:03", "E-mail": email, "Telephone": "007", "First": "=1+1"}
        for day, email in enumerate(["a@example.org", "b@example.org", "a@example.org"])
    ]
    create_forms_workbook(tmp_path / "forms.xlsx", program, {"mentor": rows})
    return tmp_path


def read(folder: Path, tab: str = "Mentor applications") -> list[tuple[str, ...]]:
    return [row.cells for row in LocalWorkbooks(folder, ZoneInfo("UTC")).read_forms([tab])[tab].rows]


def test_a_new_forms_workbook_has_a_tab_per_form_and_a_column_per_question(folder: Path) -> None:
    tabs = LocalWorkbooks(folder, ZoneInfo("UTC")).read_forms(["Mentor applications", "Mentee applications"])
    assert {tab.headings for tab in tabs.values()} == {
        ("Timestamp", "E-mail", "Telephone", "First", "Second")
    }
    assert tabs["Mentee applications"].rows == ()
    assert tabs["Mentor applications"].rows[0].cells == (
        "2027-01-10 09:14:03",
        "a@example.org",
        "007",
        "=1+1",
        "",
    )
    cells = openpyxl.load_workbook(folder / "forms.xlsx")["Mentor applications"][2]
    assert cells[0].value == datetime(2027, 1, 10, 9, 14, 3)
    assert [cell.data_type for cell in cells[:4]] == ["d", "s", "s", "s"]


def test_responses_are_appended_edited_and_deleted(folder: Path, program: Program) -> None:
    path = folder / "forms.xlsx"
    append_form_rows(
        path, program, "mentor", [{"Timestamp": "2027-02-01 08:00:00", "E-mail": "c@example.org"}]
    )
    edit_form_row(
        path, "Mentor applications", [("E-mail", "a@example.org")], {"Telephone": "+1 808 555 0100"}
    )
    delete_form_row(path, "Mentor applications", lambda answers: answers["E-mail"].startswith("b@"))
    assert [(cells[0][:10], *cells[1:3]) for cells in read(folder)] == [
        ("2027-01-10", "a@example.org", "007"),
        ("2027-01-12", "a@example.org", "+1 808 555 0100"),
        ("2027-02-01", "c@example.org", ""),
    ]


def test_what_is_not_there_is_told(folder: Path, program: Program) -> None:
    path = folder / "forms.xlsx"
    with pytest.raises(LookupError, match="no such response"):
        edit_form_row(path, "Mentor applications", [("E-mail", "z@example.org")], {})
    with pytest.raises(LookupError, match="no tab Requests"):
        delete_form_row(path, "Requests", [])
    with pytest.raises(ValueError, match="no question Colour"):
        append_form_rows(path, program, "mentor", [{"Colour": "red"}])
    with pytest.raises(SheetError, match=r"forms\.xlsx is there already"):
        create_forms_workbook(path, program)
    assert len(read(folder)) == 3


def test_the_committee_decides_and_adds_rules(tmp_path: Path) -> None:
    path = tmp_path / "committee.xlsx"
    create_committee_workbook(path)
    append_committee_rows(path, "Rules", [{"Rule": "Never pair", "Mentor": "Ada", "Mentee": "Bo"}])
    append_committee_rows(path, "Matches", [{"Reference": "M-1"}])
    edit_committee_cell(path, "Rules", ("Never pair", "Ada", "Bo"), "Note", "=they are cousins")
    edit_committee_cell(path, "Matches", "M-1", "Decision", "Approve")
    with pytest.raises(LookupError, match="no row with this key"):
        edit_committee_cell(path, "Matches", "M-2", "Decision", "Approve")
    tabs = LocalWorkbooks(tmp_path, ZoneInfo("UTC")).read_committee(["Rules", "Matches"])
    assert tabs["Rules"].read_rows()[0]["Note"] == "=they are cousins"
    assert tabs["Matches"].read_rows()[0]["Decision"] == "Approve"
    cell = openpyxl.load_workbook(path)["Rules"]["C2"]
    assert cell.fill.start_color.rgb == "00FFF7E3"
