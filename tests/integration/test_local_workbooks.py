"""The two workbooks on disk: values and people's work survive, crashes and other writers too."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.worksheet.table import Table

from deployments.people_at_work import append_committee_rows, edit_committee_cell
from deployments.program_folders import make_program_folder
from mentoring.desk import TABS, Cell, TabUpdate
from tasks import workbook_files
from tasks.local_workbooks import LocalWorkbooks, create_committee_workbook
from tasks.sheets import SheetError
from tasks.workbook_cells import make_storable, read_text, trim, write_cell
from tasks.workbook_rows import count_lines, free_rows

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("America/New_York")

NASTY = (
    "007",
    "02139",
    "1e5",
    "1,5",
    "TRUE",
    "2027-03",
    "#REF!",
    "=1+1",
    '=HYPERLINK("http://example.org","click")',
    "+1 808 555 0100",
    "-Interested",
    "@here",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1",
    "'=1",
    "a\r\nb\rc\nd",
    "bell\x07 and \x00",
    "_x0041_ and _x000D_",
    "Зоряна <b>&amp;</b> 佐藤 😀",
    "ends in spaces  ",
    "lone \ud800 half",
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fresh") / "committee.xlsx"
    create_committee_workbook(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, fresh: Path) -> Path:
    shutil.copy(fresh, tmp_path / "committee.xlsx")
    return tmp_path


@pytest.fixture
def workbooks(folder: Path) -> LocalWorkbooks:
    return LocalWorkbooks(folder, ZONE)


def make_matches(*references: str, status: str = "proposed") -> TabUpdate:
    rows = [
        {"Reference": ref, "Mentor": f"Mentor of {ref}", "Points": 80, "Status": status} for ref in references
    ]
    return TabUpdate("Matches", rows)


def read(workbooks: LocalWorkbooks, tab: str) -> list[dict[str, str]]:
    return workbooks.read_committee([tab])[tab].read_rows()


def act(folder: Path, what: Callable[[Any], None], name: str = "committee.xlsx") -> None:
    """Do with the workbook what a person does in a spreadsheet program, and save it."""
    workbook = openpyxl.load_workbook(folder / name, rich_text=True)
    # As Excel and LibreOffice do: only heights that somebody set are saved as such.
    free_rows(workbook, (folder / name).read_bytes())
    what(workbook)
    workbook.save(folder / name)


def write_forms(folder: Path, *lines: list[Any], formats: dict[str, str] | None = None) -> LocalWorkbooks:
    workbook = openpyxl.Workbook()
    workbook.active.title = "Answers"
    for number, line in enumerate(lines, start=1):
        for column, value in enumerate(line, start=1):
            workbook.active.cell(number, column).value = value
    for place, number_format in (formats or {}).items():
        workbook.active[place].number_format = number_format
    workbook.save(folder / "forms.xlsx")
    return LocalWorkbooks(folder, ZONE)


def test_cells_are_read_as_the_text_that_people_see(tmp_path: Path) -> None:
    typed = [
        7,
        3.0,
        0.1 + 0.2,
        18085550100,
        1e21,
        "007",
        " +1 808\u00a0",
        True,
        False,
        "=SUM(A1:A2)",
        "#REF!",
        2139,
    ]
    days = [
        datetime(2027, 1, 12, 9, 14, 3),
        date(2027, 3, 1),
        datetime(2027, 3, 1),
        datetime(2027, 3, 1, 8),
        time(9, 5),
    ]
    workbooks = write_forms(
        tmp_path,
        [f"Q{number}" for number in range(len(typed) + len(days))],
        typed + days,
        formats={"L2": "00000", "N2": "mmm yy", "O2": "yyyy-mm-dd hh:mm", "P2": "yyyy-mm-dd"},
    )
    (row,) = workbooks.read_forms(["Answers"])["Answers"].rows
    assert row.cells == (
        *("7", "3", "0.3", "18085550100", "1000000000000000000000", "007", "+1 808", "TRUE", "FALSE"),
        *("=SUM(A1:A2)", "#REF!", "02139"),
        *("2027-01-12 09:14:03", "2027-03-01", "2027-03-01 00:00:00", "2027-03-01 08:00:00", "09:05:00"),
    )


def test_blank_rows_are_left_out_and_row_numbers_and_headings_stay(tmp_path: Path) -> None:
    workbooks = write_forms(
        tmp_path,
        ["Name ", None, "Name", ""],
        ["Ada", None, "B", None],
        [None, "  "],
        [],
        ["Bo", None, None, "x"],
    )
    tab = workbooks.read_forms(["Answers", "Nowhere"])
    assert list(tab) == ["Answers"]
    assert tab["Answers"].headings == ("Name", "", "Name", "")
    assert [(row.number, row.cells) for row in tab["Answers"].rows] == [
        (2, ("Ada", "", "B", "")),
        (5, ("Bo", "", "", "x")),
    ]


def test_a_blank_tab_and_merged_cells_can_be_read(tmp_path: Path) -> None:
    workbooks = write_forms(tmp_path, ["Name", "Note"], ["Ada", "both"], ["Bo", None])

    def merge(workbook: Any) -> None:
        workbook["Answers"].merge_cells("B2:B3")
        workbook.create_sheet("Blank")

    act(tmp_path, merge, "forms.xlsx")
    tabs = workbooks.read_forms([" answers", "Blank"])
    assert [row.cells for row in tabs[" answers"].rows] == [("Ada", "both"), ("Bo", "")]
    assert (tabs["Blank"].headings, tabs["Blank"].rows) == ((), ())


def test_nasty_values_come_back_as_the_text_they_were(workbooks: LocalWorkbooks, folder: Path) -> None:
    rows: list[dict[str, Cell]] = [
        {"Reference": f"A-{number}", "Name": text, "What to fix": text} for number, text in enumerate(NASTY)
    ]
    workbooks.write_committee([TabUpdate("Applications", rows)])
    found = read(workbooks, "Applications")
    expected = [trim(text.replace("\r\n", "\n").replace("\r", "\n")) for text in NASTY]
    expected[19], expected[23] = "bell and", "lone  half"
    assert [row["Name"] for row in found] == expected
    sheet = openpyxl.load_workbook(folder / "committee.xlsx")["Applications"]
    cells = {NASTY[number]: sheet.cell(number + 2, 3) for number in range(len(NASTY))}
    assert {cell.data_type for cell in cells.values()} == {"s"}
    marked = {text for text, cell in cells.items() if cell.quotePrefix}
    assert marked == {text for text in NASTY if text.strip()[:1] in "=+-@＝"}

    before = (folder / "committee.xlsx").read_bytes()
    workbooks.write_committee([TabUpdate("Applications", rows)])
    assert (folder / "committee.xlsx").read_bytes() == before


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(), st.integers(-(2**53), 2**53)), min_size=1, max_size=6))
@example(["x" * 40_000, "=" * 32_767])
@example(["", " ", "_x005F_", "_x005f_x0041_", "__x0041_", "\ufeff=1", "\u200b"])
def test_a_value_written_is_there_and_is_not_written_again(values: list[Cell]) -> None:
    workbook = openpyxl.Workbook()
    for number, value in enumerate(values, start=1):
        write_cell(workbook.active.cell(number, 1), value)
    file = BytesIO()
    workbook.save(file)
    again = openpyxl.load_workbook(file).active
    for number, value in enumerate(values, start=1):
        cell = again.cell(number, 1)
        assert read_text(cell) == trim(make_storable(str(value)))
        assert cell.data_type in "sn"
        assert not write_cell(cell, value)


def test_an_unchanged_write_leaves_the_file_alone(workbooks: LocalWorkbooks, folder: Path) -> None:
    path = folder / "committee.xlsx"
    updates = [
        make_matches("M-1", "M-2"),
        TabUpdate("Evaluation", [{"Figure": "Answers", "Group": "all", "Value": "=x", "Answers": 3}], True),
        TabUpdate("Topics", [{"Month": "2027-03", "Problem": ""}], people={("2027-03",): {"Topic": "Hello"}}),
    ]
    workbooks.write_committee(updates)
    before = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
    workbooks.write_committee(updates)
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
    workbooks.write_committee([make_matches("M-1", "M-2", status="approved")])
    assert path.read_bytes() != before[0]


def test_people_sort_insert_delete_and_move_columns_meanwhile(
    workbooks: LocalWorkbooks, folder: Path
) -> None:
    workbooks.write_committee([make_matches("M-1", "M-2", "M-3", "M-4")])
    edit_committee_cell(folder / "committee.xlsx", "Matches", "M-3", "Decision", "Approve")

    def rearrange(workbook: Any) -> None:
        sheet = workbook["Matches"]
        lines = [[cell.value for cell in line] for line in sheet.iter_rows()]
        headings, body = (
            lines[0],
            sorted((line for line in lines[1:] if line[0] != "M-2"), key=str, reverse=True),
        )
        body.insert(1, [None] * len(headings))
        order = sorted(range(len(headings)), key=lambda place: headings[place])
        sheet.delete_rows(1, 10)
        for number, line in enumerate([headings, *body], start=1):
            for column, place in enumerate(order, start=2):
                sheet.cell(number, column).value = line[place]
            sheet.cell(number, 1).value = "Ours" if number == 1 else f"mine {line[0]}"

    act(folder, rearrange)
    workbooks.write_committee([make_matches("M-1", "M-2", "M-3", "M-4", status="active")])
    rows = read(workbooks, "Matches")
    assert [(row["Reference"], row["Status"], row["Decision"], row["Ours"]) for row in rows] == [
        ("M-4", "active", "", "mine M-4"),
        ("", "", "", "mine None"),
        ("M-3", "active", "Approve", "mine M-3"),
        ("M-1", "active", "", "mine M-1"),
        ("M-2", "active", "", ""),
    ]
    assert workbooks.read_committee(["Matches"])["Matches"].headings == (
        "Ours",
        *sorted(TABS["Matches"].list_headings()),
    )


def test_what_people_made_survives_a_write(workbooks: LocalWorkbooks, folder: Path) -> None:
    workbooks.write_committee([make_matches("M-1", "M-2"), make_matches("M-3")])

    def decorate(workbook: Any) -> None:
        sheet = workbook["Matches"]
        sheet["J2"].value = "Approve"
        sheet["J2"].fill = PatternFill("solid", start_color="FF00FF00")
        sheet["B2"].fill = PatternFill("solid", start_color="FFFF0000")
        sheet["L3"].value = CellRichText("ask ", TextBlock(InlineFont(b=True), "Ada"), " first")
        sheet["L3"].comment = Comment("Rang her on Monday.", "Bo")
        sheet["M1"].value, sheet["M3"].value = "Ours", "=1+1"
        sheet.column_dimensions["E"].width = 33.5
        del sheet.row_dimensions[2]
        sheet.row_dimensions[2].height = 80
        workbook.create_sheet("Our list")["A1"].value = "tea"

    act(folder, decorate)
    workbooks.write_committee([make_matches("M-1", "M-2", "M-3", "M-4", status="x" * 200)])
    workbook = openpyxl.load_workbook(folder / "committee.xlsx", rich_text=True)
    sheet = workbook["Matches"]
    assert (sheet["J2"].value, sheet["J2"].fill.start_color.rgb) == ("Approve", "FF00FF00")
    assert sheet["B2"].fill.start_color.rgb == "FFFF0000"
    assert isinstance(sheet["L3"].value, CellRichText)
    assert str(sheet["L3"].value) == "ask Ada first"
    assert sheet["L3"].comment.text == "Rang her on Monday."
    assert sheet["J1"].comment.text == TABS["Matches"].columns[9].note
    assert (sheet["M1"].value, sheet["M3"].value, sheet["M3"].data_type) == ("Ours", "=1+1", "f")
    assert sheet.column_dimensions["E"].width == 33.5
    assert workbook["Our list"]["A1"].value == "tea"
    (dropdown,) = sheet.data_validations.dataValidation
    assert dropdown.formula1 == '"Approve,Reject,Hold"'
    assert "J5" in dropdown.sqref
    assert sheet.auto_filter.ref == "A1:L5"
    assert sheet.freeze_panes == "A2"
    with ZipFile(folder / "committee.xlsx") as parts:
        xml = parts.read("xl/worksheets/sheet5.xml").decode()
    # The height that somebody set stays; the others fit their text and grow when people write more.
    assert '<row r="2" ht="80" customHeight="1">' in xml
    assert '<row r="3" ht="137">' in xml


def test_a_formatted_table_takes_in_appended_rows(workbooks: LocalWorkbooks, folder: Path) -> None:
    workbooks.write_committee([make_matches("M-1")])

    def format_as_table(workbook: Any) -> None:
        workbook["Matches"].auto_filter.ref = None
        workbook["Matches"].add_table(Table(displayName="OurMatches", ref="A1:L2"))

    act(folder, format_as_table)
    workbooks.write_committee([make_matches("M-1", "M-2", "M-3")])
    table = openpyxl.load_workbook(folder / "committee.xlsx")["Matches"].tables["OurMatches"]
    assert (table.ref, table.autoFilter.ref) == ("A1:L4", "A1:L4")


def test_people_s_columns_are_written_only_as_first_values(workbooks: LocalWorkbooks, folder: Path) -> None:
    def write(topic: str) -> None:
        row: dict[str, Cell] = {"Month": "2027-03", "Problem": topic}
        workbooks.write_committee([TabUpdate("Topics", [row], people={("2027-03",): {"Topic": topic}})])

    write("Hello")
    assert [(row["Month"], row["Topic"], row["Problem"]) for row in read(workbooks, "Topics")] == [
        ("2027-03", "Hello", "Hello")
    ]
    edit_committee_cell(folder / "committee.xlsx", "Topics", "2027-03", "Topic", "Ours")
    write("Changed")
    assert [(row["Month"], row["Topic"], row["Problem"]) for row in read(workbooks, "Topics")] == [
        ("2027-03", "Ours", "Changed")
    ]


def test_a_decision_in_an_update_is_never_written(workbooks: LocalWorkbooks, folder: Path) -> None:
    workbooks.write_committee([make_matches("M-1")])
    edit_committee_cell(folder / "committee.xlsx", "Matches", "M-1", "Decision", "Approve")
    rows: list[dict[str, Cell]] = [{"Reference": name, "Decision": "Reject"} for name in ("M-1", "M-2")]
    workbooks.write_committee([TabUpdate("Matches", rows)])
    assert [row["Decision"] for row in read(workbooks, "Matches")] == ["Approve", ""]


def test_a_row_of_people_that_went_away_does_not_come_back(workbooks: LocalWorkbooks, folder: Path) -> None:
    rule = {"Rule": "Never pair", "Mentor": "a@example.org", "Mentee": "b@example.org"}
    other = {**rule, "Mentee": "c@example.org"}
    append_committee_rows(folder / "committee.xlsx", "Rules", [rule, rule])
    workbooks.write_committee(
        [
            TabUpdate(
                "Rules",
                [{**rule, "Problem": ""}, {**rule, "Problem": "Twice."}, {**other, "Problem": "Gone."}],
            )
        ]
    )
    assert [(row["Mentee"], row["Problem"]) for row in read(workbooks, "Rules")] == [
        ("b@example.org", ""),
        ("b@example.org", "Twice."),
    ]


def test_copied_rows_are_both_kept_up_to_date(workbooks: LocalWorkbooks, folder: Path) -> None:
    workbooks.write_committee([make_matches("M-1")])
    append_committee_rows(folder / "committee.xlsx", "Matches", [{"Reference": "M-1", "Note": "copy"}])
    workbooks.write_committee([make_matches("M-1", status="active")])
    assert [(row["Status"], row["Note"]) for row in read(workbooks, "Matches")] == [
        ("active", ""),
        ("active", "copy"),
    ]


def test_rows_that_are_missing_are_removed_with_what_stands_beside_them(
    workbooks: LocalWorkbooks, folder: Path
) -> None:
    def write(*names: str) -> None:
        rows: list[dict[str, Cell]] = [{"Reference": name, "Name": f"Name of {name}"} for name in names]
        workbooks.write_committee([TabUpdate("Unmatched", rows, remove_missing=True)])

    def annotate(workbook: Any) -> None:
        sheet = workbook["Unmatched"]
        sheet["F1"].value = "Ours"
        for number in range(2, 6):
            sheet.cell(number, 6).value = f"about {sheet.cell(number, 1).value}"
        sheet["F5"].hyperlink = "https://example.org/d"
        del sheet.row_dimensions[5]
        sheet.row_dimensions[5].height = 50
        sheet["F7"].value = "Our own line"
        sheet.merge_cells("B2:B3")
        sheet.merge_cells("F7:G7")

    write("A", "B", "C", "D")
    act(folder, annotate)
    write("A", "D", "E")
    rows = read(workbooks, "Unmatched")
    assert [(row["Reference"], row["Name"], row["Ours"]) for row in rows] == [
        ("A", "Name of A", "about A"),
        ("D", "Name of D", "about D"),
        ("", "", "Our own line"),
        ("E", "Name of E", ""),
    ]
    sheet = openpyxl.load_workbook(folder / "committee.xlsx")["Unmatched"]
    assert sheet["F3"].hyperlink.target == "https://example.org/d"
    assert sheet["F3"].hyperlink.ref == "F3"
    assert sheet.row_dimensions[3].height == 50
    assert [merged.coord for merged in sheet.merged_cells.ranges] == ["F5:G5"]


def test_machine_columns_that_somebody_removed_come_back(workbooks: LocalWorkbooks, folder: Path) -> None:
    workbooks.write_committee([make_matches("M-1")])
    act(folder, lambda workbook: workbook["Matches"].delete_cols(8))
    workbooks.write_committee([make_matches("M-1", status="active")])
    assert [row["Status"] for row in read(workbooks, "Matches")] == ["active"]
    headings = workbooks.read_committee(["Matches"])["Matches"].headings
    assert headings[-1] == "Status"
    assert sorted(headings) == sorted(TABS["Matches"].list_headings())


def test_a_column_added_beside_a_group_of_columns_keeps_the_file_valid(
    workbooks: LocalWorkbooks, folder: Path
) -> None:
    def group(workbook: Any) -> None:
        sheet = workbook["Unmatched"]
        sheet.delete_cols(5)
        last = sheet.column_dimensions["E"]
        last.min, last.max, last.width = 5, 1024, 9.5

    act(folder, group)
    workbooks.write_committee(
        [TabUpdate("Unmatched", [{"Reference": "A", "Smallest change": "One more mentor."}])]
    )
    with ZipFile(folder / "committee.xlsx") as parts:
        xml = parts.read("xl/worksheets/sheet6.xml").decode()
    spans = [
        (int(part.split('min="')[1].split('"')[0]), int(part.split('max="')[1].split('"')[0]))
        for part in xml.split("<cols>")[1].split("</cols>")[0].split("<col ")[1:]
    ]
    assert spans == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 1024)]


def test_an_empty_tab_is_built_anew(workbooks: LocalWorkbooks, folder: Path) -> None:
    def empty(workbook: Any) -> None:
        workbook.remove(workbook["Matches"])
        workbook.create_sheet("Matches")

    act(folder, empty)
    workbooks.write_committee([make_matches("M-1")])
    tab = workbooks.read_committee(["Matches"])["Matches"]
    assert tab.headings == tuple(TABS["Matches"].list_headings())
    assert len(tab.rows) == 1


def test_a_number_stays_a_number_in_a_cell_that_somebody_formatted_as_a_day(
    workbooks: LocalWorkbooks, folder: Path
) -> None:
    workbooks.write_committee([make_matches("M-1")])

    def show_days(workbook: Any) -> None:
        workbook["Matches"]["D2"].number_format = "yyyy-mm-dd"

    act(folder, show_days)
    workbooks.write_committee([make_matches("M-1")])
    assert read(workbooks, "Matches")[0]["Points"] == "80"


def spoil(what: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: act(folder, what)


def _rename_heading(workbook: Any) -> None:
    workbook["Matches"]["A1"].value = "Ref"


def _put_title_above(workbook: Any) -> None:
    workbook["Matches"].insert_rows(1)
    workbook["Matches"]["A1"].value = "Our matches"


def _double_heading(workbook: Any) -> None:
    workbook["Matches"]["N1"].value = "Decision"


def _write_bytes(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "committee.xlsx").write_bytes(content) and None


def _shorten(folder: Path) -> None:
    content = (folder / "committee.xlsx").read_bytes()
    (folder / "committee.xlsx").write_bytes(content[: len(content) // 2])


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda folder: (folder / "committee.xlsx").unlink(),
            "committee.xlsx is not in the program folder; "
            "put it back there, or make a new one with `mentoring init`.",
        ),
        (
            _write_bytes(b"Name,Mail\n"),
            "committee.xlsx is not an Excel workbook; save it as .xlsx and run again.",
        ),
        (_write_bytes(b""), "committee.xlsx is not an Excel workbook; save it as .xlsx and run again."),
        (
            _shorten,
            "committee.xlsx is damaged or not an Excel workbook; restore an earlier copy and run again.",
        ),
        (
            _write_bytes(OLE + "EncryptedPackage".encode("utf-16-le")),
            "committee.xlsx has a password; save it without one and run again.",
        ),
        (
            _write_bytes(OLE),
            "committee.xlsx is in an old format; save it as an Excel workbook (.xlsx) and run again.",
        ),
    ],
)
def test_a_file_that_can_not_be_used_is_told_in_one_sentence(
    workbooks: LocalWorkbooks, folder: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(folder)
    with pytest.raises(SheetError) as reading:
        workbooks.read_committee(["Matches"])
    with pytest.raises(SheetError) as writing:
        workbooks.write_committee([make_matches("M-1")])
    assert str(reading.value) == str(writing.value) == sentence


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda workbook: workbook.remove(workbook["Matches"]),
            "committee.xlsx has no tab “Matches”; add an empty tab with this name and run again.",
        ),
        (
            _double_heading,
            "In the tab “Matches” of committee.xlsx, two columns are named “Decision”; "
            "rename one of them and run again.",
        ),
        (
            _rename_heading,
            "In the tab “Matches” of committee.xlsx, the first row has no heading “Reference”; "
            "put the heading back there, "
            "or empty the tab to have it built anew, and run again.",
        ),
        (
            _put_title_above,
            "In the tab “Matches” of committee.xlsx, the first row has no heading “Reference”; "
            "put the heading back there, "
            "or empty the tab to have it built anew, and run again.",
        ),
    ],
)
def test_a_tab_that_can_not_be_written_stops_the_whole_write(
    workbooks: LocalWorkbooks, folder: Path, spoil: Callable[[Any], None], sentence: str
) -> None:
    workbooks.write_committee([make_matches("M-1")])
    act(folder, spoil)
    before = (folder / "committee.xlsx").read_bytes()
    with pytest.raises(SheetError) as refusal:
        workbooks.write_committee([TabUpdate("Unmatched", [{"Reference": "A"}]), make_matches("M-2")])
    assert str(refusal.value) == sentence
    assert (folder / "committee.xlsx").read_bytes() == before


def test_an_update_against_the_plan_of_the_tab_is_refused(workbooks: LocalWorkbooks) -> None:
    for wrong in (
        TabUpdate("Matches", [{"Reference": "M-1", "Colour": "red"}]),
        TabUpdate("Matches", [{"Status": "active"}]),
        TabUpdate("Matches", [], remove_missing=True),
    ):
        with pytest.raises(ValueError, match="Matches"):
            workbooks.write_committee([wrong])


@pytest.mark.parametrize("lock", ["~$committee.xlsx", ".~lock.committee.xlsx#"])
def test_an_open_workbook_is_read_but_not_written(workbooks: LocalWorkbooks, folder: Path, lock: str) -> None:
    workbooks.write_committee([make_matches("M-1")])
    (folder / lock).write_text("Ada")
    before = (folder / "committee.xlsx").read_bytes()
    assert len(read(workbooks, "Matches")) == 1
    workbooks.write_committee([make_matches("M-1")])
    with pytest.raises(SheetError) as refusal:
        workbooks.write_committee([make_matches("M-2")])
    assert str(refusal.value) == "committee.xlsx is open in another program; close it and run again."
    assert (folder / "committee.xlsx").read_bytes() == before
    (folder / lock).unlink()
    workbooks.write_committee([make_matches("M-2")])
    assert len(read(workbooks, "Matches")) == 2


def test_what_a_person_saves_in_the_middle_of_a_write_stays(
    workbooks: LocalWorkbooks, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbooks.write_committee([make_matches("M-1")])
    times = []

    def save_meanwhile(path: Path) -> None:
        if not times:
            act(folder, lambda workbook: workbook["Matches"].__setitem__("J2", "Approve"))
        times.append(path)

    monkeypatch.setattr(workbook_files, "_refuse_if_open", save_meanwhile)
    workbooks.write_committee([make_matches("M-1", status="active")])
    assert len(times) == 2
    assert [(row["Decision"], row["Status"]) for row in read(workbooks, "Matches")] == [("Approve", "active")]


def test_a_file_that_never_rests_is_given_up_with_a_sentence(
    workbooks: LocalWorkbooks, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_files, "_refuse_if_open", lambda path: os.utime(path))
    with pytest.raises(SheetError) as refusal:
        workbooks.write_committee([make_matches("M-1")])
    assert (
        str(refusal.value)
        == "committee.xlsx was saved by somebody each time it was to be written; run again in a moment."
    )
    assert read(workbooks, "Matches") == []
    assert sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock")) == [
        "committee.xlsx"
    ]


WRITE = """
import os, signal, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from mentoring.desk import TabUpdate
from tasks.local_workbooks import LocalWorkbooks

folder, prefix, count, crash = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
if crash == "crash":
    os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
workbooks = LocalWorkbooks(folder, ZoneInfo("UTC"))
for number in range(count):
    workbooks.write_committee([TabUpdate("Unmatched", [{"Reference": f"{prefix}-{number}", "Name": "A"}])])
"""


def start_writer(folder: Path, prefix: str, count: int, crash: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITE, str(folder), prefix, str(count), crash], cwd=ROOT)


def test_a_crash_before_the_file_is_replaced_leaves_the_old_one(
    workbooks: LocalWorkbooks, folder: Path
) -> None:
    before = (folder / "committee.xlsx").read_bytes()
    assert start_writer(folder, "A", 1, "crash").wait(60) == -signal.SIGKILL
    assert (folder / "committee.xlsx").read_bytes() == before
    workbooks.write_committee([TabUpdate("Unmatched", [{"Reference": "B-0"}])])
    assert [row["Reference"] for row in read(workbooks, "Unmatched")] == ["B-0"]
    assert not (folder / ".committee.xlsx.new").exists()


@pytest.mark.threat("races without loss or double", 1)
def test_two_processes_that_write_at_once_lose_nothing(workbooks: LocalWorkbooks, folder: Path) -> None:
    writers = [start_writer(folder, prefix, 8) for prefix in "AB"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    found = sorted(row["Reference"] for row in read(workbooks, "Unmatched"))
    assert found == sorted(f"{prefix}-{number}" for prefix in "AB" for number in range(8))


def test_a_write_keeps_the_permissions_and_follows_a_link(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.mktemp("shared") / "desk.xlsx"
    shutil.move(folder / "committee.xlsx", shared)
    (folder / "committee.xlsx").symlink_to(shared)
    shared.chmod(0o640)
    LocalWorkbooks(folder, ZONE).write_committee([make_matches("M-1")])
    assert (folder / "committee.xlsx").is_symlink()
    assert shared.stat().st_mode & 0o777 == 0o640
    assert len(read(LocalWorkbooks(folder, ZONE), "Matches")) == 1


def test_new_workbooks_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        make_program_folder(tmp_path / "program")
        LocalWorkbooks(tmp_path / "program", ZONE).write_committee([make_matches("M-1")])
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "program").glob("*.xlsx")}
    assert modes == {"committee.xlsx": 0o600, "forms.xlsx": 0o600}


def test_a_new_committee_workbook_tells_who_writes_what(fresh: Path) -> None:
    workbook = openpyxl.load_workbook(fresh)
    assert workbook.sheetnames == ["Read me", *TABS]
    fills = set()
    for tab in TABS.values():
        sheet = workbook[tab.name]
        assert [cell.value for cell in sheet[1]] == tab.list_headings()
        for cell, column in zip(sheet[1], tab.columns, strict=True):
            fills.add((column.owner, cell.fill.start_color.rgb))
            assert cell.font.bold
            assert (cell.comment.text if cell.comment else "") == column.note
            assert sheet.column_dimensions[cell.column_letter].width == column.width + 2
            assert sheet.column_dimensions[cell.column_letter].alignment.wrap_text
        choices = [dropdown.formula1 for dropdown in sheet.data_validations.dataValidation]
        assert choices == [f'"{",".join(column.choices)}"' for column in tab.columns if column.choices]
        assert sheet.freeze_panes == "A2"
    assert len(fills) == 2
    sentences = [cell.value for cell in workbook["Read me"]["B"][1:6]]
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_workbook_that_is_there_is_not_made_anew(folder: Path) -> None:
    with pytest.raises(SheetError, match=r"committee\.xlsx is there already"):
        create_committee_workbook(folder / "committee.xlsx")


def test_lines_of_a_cell_are_counted_by_its_width() -> None:
    assert count_lines("", 10) == 1
    assert count_lines("a\n\nb", 10) == 3
    assert count_lines("x" * 18, 10) == 2
    assert count_lines("美" * 9, 10) == 2


def read_parts(path: Path) -> dict[str, bytes]:
    """All but the time of the change, and a zero that openpyxl writes the first time only."""
    with ZipFile(path) as parts:
        return {
            name: parts.read(name).replace(b' outlineLevelCol="0"', b"")
            for name in parts.namelist()
            if name != "docProps/core.xml"
        }


def write_three_times(folder: Path, between: Callable[[], None]) -> tuple[list[Any], dict[str, bytes]]:
    workbooks, seen = LocalWorkbooks(folder, ZONE), []
    for status, values in (("proposed", NASTY[:12]), ("on hold", NASTY[12:]), ("introduced", NASTY)):
        rows = [
            {"Reference": f"2027-match-{number:03}", "Mentor": value, "Points": number, "Status": status}
            for number, value in enumerate(values, start=1)
        ]
        workbooks.write_committee([TabUpdate("Matches", rows)])
        between()
        # Looked at from memory or from the file; neither may change what is written next.
        seen.append(read(workbooks, "Matches"))
    return seen, read_parts(folder / "committee.xlsx")


def test_a_workbook_kept_in_memory_gives_the_file_that_a_parsed_one_gives(
    folder: Path, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    load = openpyxl.load_workbook
    monkeypatch.setattr(
        openpyxl, "load_workbook", lambda *args, **kwargs: parsed.append("") or load(*args, **kwargs)
    )
    kept = write_three_times(folder, lambda: None)
    assert len(parsed) == 1
    (tmp_path / "other").mkdir()
    shutil.copy(fresh, tmp_path / "other" / "committee.xlsx")
    again = write_three_times(
        tmp_path / "other", lambda: monkeypatch.setattr(workbook_files, "_saved", workbook_files.Kept())
    )
    assert len(parsed) == 7
    assert kept == again


def test_what_somebody_saved_since_is_parsed_anew(workbooks: LocalWorkbooks, folder: Path) -> None:
    workbooks.write_committee([make_matches("2027-match-001")])
    assert len(read(workbooks, "Matches")) == 1
    edit_elsewhere = openpyxl.load_workbook(folder / "committee.xlsx")
    edit_elsewhere["Matches"].cell(2, 1).value = "2027-match-777"
    edit_elsewhere.save(folder / "committee.xlsx")
    assert [row["Reference"] for row in read(workbooks, "Matches")] == ["2027-match-777"]
    workbooks.write_committee([make_matches("2027-match-001")])
    assert [row["Reference"] for row in read(workbooks, "Matches")] == ["2027-match-777", "2027-match-001"]


def test_a_picture_on_the_desk_survives_one_write_after_the_other(
    workbooks: LocalWorkbooks, folder: Path
) -> None:
    from openpyxl.drawing.image import Image
    from PIL import Image as Pixels

    logo = BytesIO()
    Pixels.new("RGB", (8, 8), "navy").save(logo, "png")
    desk = openpyxl.load_workbook(folder / "committee.xlsx")
    desk["Matches"].add_image(Image(logo), "Z1")
    desk.save(folder / "committee.xlsx")
    for reference in ("2027-match-001", "2027-match-002", "2027-match-003"):
        workbooks.write_committee([make_matches(reference)])
    assert len(openpyxl.load_workbook(folder / "committee.xlsx")["Matches"]._images) == 1
